"""Waits for conditions: a test continues as soon as its condition holds, and fails if it never does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

#: Seconds after which a wait fails.
PATIENCE = 20.0


def wait_until(condition: Callable[[], Any], what: str = "", timeout: float = PATIENCE) -> Any:
    """Return the result of *condition* once it is true. Fails after *timeout* seconds."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        _look_at(deadline, what or condition, timeout)
        time.sleep(0.005)
    return found


async def until(condition: Callable[[], Any], what: str = "", timeout: float = PATIENCE) -> Any:
    """:func:`wait_until` for coroutines: the loop runs meanwhile."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        _look_at(deadline, what or condition, timeout)
        await asyncio.sleep(0.005)
    return found


def _look_at(deadline: float, what: object, timeout: float) -> None:
    if time.monotonic() > deadline:
        raise AssertionError(f"not within {timeout} s: {what}")
