"""Limits the duration of work."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from longshore.cancellation import Cancellation


@contextlib.contextmanager
def within(cancellation: Cancellation, seconds: float) -> Iterator[Cancellation]:
    """A cancellation that is also cancelled after *seconds*. Raises Cancelled on entry if *cancellation* was cancelled.

    Work that it ends raises Cancelled: check ``cancellation.cancelled`` to see which of the two it was.
    """
    inner = Cancellation()
    timer = threading.Timer(seconds, inner.cancel)
    timer.name = "transfers-deadline"
    timer.daemon = True
    with cancellation.waking(inner.cancel):
        timer.start()
        try:
            yield inner
        finally:
            timer.cancel()
            timer.join()
