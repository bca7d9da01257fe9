"""Signals: the first Ctrl+C cancels what runs, the second ends the program at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from longshore.cancellation import Cancellation

if TYPE_CHECKING:
    from longshore.application.running import Run

#: Seconds within which another Ctrl+C counts as the same: ``timeout`` and shells signal a program and its group.
SAME = 0.5


@contextlib.contextmanager
def interrupting(cancel: Callable[[], object], end: Callable[[], object] | None = None) -> Iterator[None]:
    """Call *cancel* at the first Ctrl+C, and *end* at SIGTERM and SIGHUP, as signal handlers. Main thread only.

    A signal that was ignored at the start stays ignored.
    """
    first: list[float] = []

    def interrupted(number: int, frame: object) -> None:
        if not first:
            first.append(time.monotonic())
            cancel()
        elif time.monotonic() - first[0] > SAME:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)

    handlers: dict[int, Any] = {signal.SIGINT: interrupted}
    if end is not None:
        handlers |= {signal.SIGTERM: lambda *_: end(), signal.SIGHUP: lambda *_: end()}
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def cancelled_by_signal(*, also_ended: bool = False) -> Iterator[Cancellation]:
    """A cancellation that the first Ctrl+C cancels, for commands that ask registries and run no transfers.

    *also_ended*: SIGTERM and SIGHUP cancel it too, for work that must not be left half done.
    """
    cancellation = Cancellation()

    def cancel() -> None:
        # In a thread, because the main thread may hold the lock of the cancellation right now.
        threading.Thread(target=cancellation.cancel, name="longshore-interrupted", daemon=True).start()

    with interrupting(cancel, cancel if also_ended else None):
        yield cancellation


def signals(running: Run) -> contextlib.AbstractContextManager[None]:
    """The first Ctrl+C cancels the transfers of *running*; SIGTERM and SIGHUP leave rows that can be resumed."""
    return interrupting(running.cancel, running.stop)
