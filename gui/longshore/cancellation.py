"""A cancellation token that can be pulled from any thread, and that wakes what blocks.

A leaf: no Qt, no I/O. Every blocking call of the core takes one, registers how it can be woken (shutting a socket
down, setting an event), and raises :class:`Cancelled` when it was.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

#: Seconds between two looks at a cancellation by who waits for a lock.
_SLICE = 0.1


class Cancelled(Exception):
    """The work was cancelled by the user. Not an error: never shown as one. Any thread."""


class Cancellation:
    """One piece of work that can be cancelled from outside. All methods may be called from any thread."""

    def __init__(self, above: Cancellation | None = None) -> None:
        self._above = above
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._stopping = threading.Event()
        self._wakers: dict[int, Callable[[], None]] = {}
        self._next = 0

    @property
    def cancelled(self) -> bool:
        """True once :meth:`cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Cancel: wake everything registered. Calling it again does nothing. Returns at once."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            wakers = list(self._wakers.values())
        for waker in wakers:
            waker()

    @property
    def stopping(self) -> bool:
        """True once the work was asked to stop, or was cancelled."""
        return (
            self._stopping.is_set()
            or self._event.is_set()
            or (self._above is not None and self._above.stopping)
        )

    def ask_to_stop(self) -> None:
        """Have the work end, by :class:`Cancelled`, where it can be gone on with later.

        Wakes nothing: what cannot stop so goes on until :meth:`cancel`. Returns at once.
        """
        self._stopping.set()

    @contextlib.contextmanager
    def below(self) -> Iterator[Cancellation]:
        """A cancellation for a part of the work: cancelled and asked to stop with this one, or alone."""
        part = Cancellation(self)
        with self.waking(part.cancel):
            yield part

    @contextlib.contextmanager
    def waking(self, waker: Callable[[], None]) -> Iterator[None]:
        """While inside, *waker* is called from the cancelling thread when cancelled.

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
        """Sleep up to *seconds*, less when cancelled. True if cancelled."""
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
