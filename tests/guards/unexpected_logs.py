"""Fails a test after a warning or error of the ``longshore`` logger that it does not expect.

``@pytest.mark.expects_log(r"pattern")`` names an expected one, which must then occur. Patterns are searched in
``LEVEL logger: message``. Several markers can be combined.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Generator
from typing import Any

import pytest

_records: list[str] = []
_original = pytest.StashKey[Any]()


def pytest_configure(config: pytest.Config) -> None:
    """Listen where records are created, so that no handler or ``propagate`` set by a test can hide one."""
    make = logging.getLogRecordFactory()
    config.stash[_original] = make

    def listening(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        if record.levelno >= logging.WARNING and (record.name + ".").startswith("longshore."):
            _records.append(f"{record.levelname} {record.name}: {record.getMessage()}")
        return record

    logging.setLogRecordFactory(listening)


def pytest_unconfigure(config: pytest.Config) -> None:
    logging.setLogRecordFactory(config.stash[_original])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    logger = logging.getLogger("longshore")
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    _records.clear()
    try:
        return (yield)
    finally:
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    patterns = [str(mark.args[0]) for mark in item.iter_markers("expects_log")]
    unexpected = [text for text in _records if not any(re.search(pattern, text) for pattern in patterns)]
    if unexpected:
        pytest.fail("unexpected in the log:\n  " + "\n  ".join(unexpected), pytrace=False)
    absent = [pattern for pattern in patterns if not any(re.search(pattern, text) for text in _records)]
    if absent:
        pytest.fail("expected in the log, but not there:\n  " + "\n  ".join(absent), pytrace=False)
    return result
