"""Turns to send a blob to a place: parallel copies do not send the same bytes twice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Hashable, Iterator

from longshore.cancellation import Cancellation, Cancelled

#: Seconds between two checks whether a waiting caller was asked to stop.
SLICE = 0.1


class Turns:
    """Mutual exclusion per key. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[Hashable, threading.Event] = {}

    @contextlib.contextmanager
    def take(self, key: Hashable, cancellation: Cancellation) -> Iterator[bool]:
        """Hold *key* inside the block; yields whether another caller held it before.

        Raises Cancelled when asked to stop. A caller that holds a key must not take another, so that no two callers
        wait for each other.
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
        """Hold *key*, or return the event that its present holder sets when done."""
        with self._lock:
            if key in self._taken:
                return self._taken[key]
            self._taken[key] = threading.Event()
            return None
