"""Lets workers wait while the window works.

A paint needs the interpreter hundreds of times, and each time it would wait for a worker that computes.
"""

from __future__ import annotations

import time

#: Seconds that workers wait after the window has begun to work: about one paint of two tables.
_HOLD = 0.03
#: Longest that a worker waits at a time, in seconds: it goes on while the user scrolls.
_MOST = 0.2

_until = 0.0


def hold() -> None:
    """Let workers wait for a moment, because the window is about to sort or to paint many rows. GUI thread."""
    global _until
    _until = time.monotonic() + _HOLD


def give_way() -> None:
    """Wait while the window works, at most 0.2 s. For worker threads that nobody waits for, between two questions."""
    end = time.monotonic() + _MOST
    while (rest := min(_until, end) - time.monotonic()) > 0:
        time.sleep(rest)
