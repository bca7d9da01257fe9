"""A cancellation token that any thread can cancel, and that wakes blocking calls.

A leaf: no Qt, no I/O. Every blocking call of the core takes one, registers how it can be woken (shutting down a
socket, setting an event), and raises :class:`Cancelled` when it was cancelled.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

#: Seconds between two checks for cancellation while waiting for a lock.
_SLICE = 0.1


class Cancelled(Exception):
    """The user cancelled the work. Not an error: never shown as one. Any thread."""


class Cancellation:
    """A piece of work that others can cancel. All methods may be called from any thread."""

    def __init__(self, above: Cancellation | None = None) -> None:
        self._above = above
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._stopping = threading.Event()
        self._wakers: dict[int, Callable[[], None]] = {}
        self._next = 0

    @property
    def cancelled(self) -> bool:
        """True after :meth:`cancel`."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Cancel and wake everything registered. Calling it again does nothing. Returns at once."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            wakers = list(self._wakers.values())
        for waker in wakers:
            waker()

    @property
    def stopping(self) -> bool:
        """True if the work was asked to stop, or was cancelled."""
        return (
            self._stopping.is_set()
            or self._event.is_set()
            or (self._above is not None and self._above.stopping)
        )

    def ask_to_stop(self) -> None:
        """Ask the work to end, with :class:`Cancelled`, at a point where it can be resumed later.

        Wakes nothing: work that cannot stop this way continues until :meth:`cancel`. Returns at once.
        """
        self._stopping.set()

    @contextlib.contextmanager
    def below(self) -> Iterator[Cancellation]:
        """A cancellation for a part of the work: cancelled and asked to stop with this one, or separately."""
        part = Cancellation(self)
        with self.waking(part.cancel):
            yield part

    @contextlib.contextmanager
    def waking(self, waker: Callable[[], None]) -> Iterator[None]:
        """Call *waker* from the cancelling thread if cancelled inside the context.

        *waker* must not block and must not raise. Raises :class:`Cancelled` on entry if already cancelled.
        """
        with self._lock:
            if self._event.is_set():
                raise Cancelled
            key = self._next
            self._next += 1
            self._wakers[key] = waker
        try:
            yield
        finally:
            with self._lock:
                self._wakers.pop(key, None)

    def raise_if_cancelled(self) -> None:
        """Raise :class:`Cancelled` if cancelled."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> bool:
        """Sleep up to *seconds*, less if cancelled. Returns True if cancelled."""
        return self._event.wait(seconds)


@contextlib.contextmanager
def holding(lock: threading.Lock, cancellation: Cancellation | None) -> Iterator[None]:
    """Hold *lock*. Raises :class:`Cancelled` if the work is cancelled while it waits for the lock."""
    while not lock.acquire(timeout=_SLICE):
        if cancellation is not None:
            cancellation.raise_if_cancelled()
    try:
        yield
    finally:
        lock.release()
