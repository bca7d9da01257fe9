"""Who brings a blob to a place just now: copies that run side by side do not send the same bytes twice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Hashable, Iterator

from longshore.cancellation import Cancellation, Cancelled

#: Seconds between two looks whether one who waits was asked to stop.
SLICE = 0.1


class Turns:
    """One at a time for each key. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[Hashable, threading.Event] = {}

    @contextlib.contextmanager
    def take(self, key: Hashable, cancellation: Cancellation) -> Iterator[bool]:
        """Hold *key* while inside; gives whether another held it before. Raises Cancelled when it is asked to stop.

        Who holds one may not take another: no two then wait for each other.
        """
        waited = False
        while (ahead := self._hold(key)) is not None:
            waited = True
            while not ahead.wait(SLICE):
                if cancellation.stopping:
                    raise Cancelled
        try:
            yield waited
        finally:
            with self._lock:
                ended = self._taken.pop(key)
            ended.set()

    def _hold(self, key: Hashable) -> threading.Event | None:
        """Hold *key*, or give what is set when the one who holds it is done."""
        with self._lock:
            if key in self._taken:
                return self._taken[key]
            self._taken[key] = threading.Event()
            return None
