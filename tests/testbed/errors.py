"""Errors of the testbed itself, as opposed to errors of what is tested on it."""

from __future__ import annotations

import os
from typing import NoReturn


class TestbedError(RuntimeError):
    """A part of the testbed failed; the message contains the end of its log."""

    __test__ = False


class TestbedUnavailable(TestbedError):
    """This machine cannot run the requested part; the message says why and what would help."""

    __test__ = False


class EngineNotOurs(TestbedError):
    """The engine was lent to the tests, so they may not stop, kill or restart it."""


def require(problem: TestbedUnavailable) -> NoReturn:
    """Skip the running test with the reason, or fail it if ``LONGSHORE_REQUIRE_ENGINE=1`` is set.

    A CI machine sets the variable, so that a missing engine never passes as a green run.
    """
    import pytest

    if os.environ.get("LONGSHORE_REQUIRE_ENGINE") == "1":
        pytest.fail(f"the testbed is required here: {problem}", pytrace=False)
    pytest.skip(str(problem))
