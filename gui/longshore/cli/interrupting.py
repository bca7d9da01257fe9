"""Ctrl+C for commands that ask registries and run no transfers."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from longshore.cancellation import Cancellation


@contextlib.contextmanager
def cancelled_by_signal() -> Iterator[Cancellation]:
    """A cancellation that the first Ctrl+C cancels; the second ends the program at once. Main thread only."""
    cancellation = Cancellation()

    def interrupted(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # In a thread, because the main thread may hold the lock of the cancellation right now.
        threading.Thread(target=cancellation.cancel, name="longshore-interrupted", daemon=True).start()

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupted)
    try:
        yield cancellation
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
