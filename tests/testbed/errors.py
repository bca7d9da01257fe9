"""What can be wrong with the testbed itself, as opposed to what is tested on it."""

from __future__ import annotations

import os
from typing import NoReturn


class TestbedError(RuntimeError):
    """Some part of the testbed did not do its work; the message holds the end of its log."""

    __test__ = False


class TestbedUnavailable(TestbedError):
    """This machine cannot run the wanted part; the message says why and what would help."""

    __test__ = False


class EngineNotOurs(TestbedError):
    """The engine is one that was lent to the tests: it is neither stopped nor killed nor restarted."""


def require(problem: TestbedUnavailable) -> NoReturn:
    """Skip the running test with the reason; fail it where ``LONGSHORE_REQUIRE_ENGINE=1`` says so.

    A CI machine sets the variable, so that a missing engine never passes for a green run.
    """
    import pytest

    if os.environ.get("LONGSHORE_REQUIRE_ENGINE") == "1":
        pytest.fail(f"the testbed is required here: {problem}", pytrace=False)
    pytest.skip(str(problem))
