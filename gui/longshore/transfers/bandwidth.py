"""The speed limit for what Longshore itself moves: one limit for all of it together."""

from __future__ import annotations

import threading
import time

from longshore.cancellation import Cancellation

#: Seconds' worth of bytes that may pass at once after a pause.
BURST = 0.1
#: Seconds between two checks whether the limit changed during a wait.
SLICE = 0.1
#: Bytes of the smallest piece that waits separately.
SMALLEST = 4096


class Bandwidth:
    """A token bucket that all copies share, with pulls that Longshore fetches and pushes out of the library.

    Every copied byte counts once, whatever connections it passes (a copy between registries receives and sends at the
    same pace). Native pulls, and pushes by an engine, are not limited. Any thread.
    """

    def __init__(self, bytes_per_second: float | None = None) -> None:
        self._lock = threading.Lock()
        self._rate: float | None = None
        self._free = 0.0  # the moment at which the next byte may pass
        self._changes = 0
        self.limit = bytes_per_second

    @property
    def limit(self) -> float | None:
        """Bytes per second, None for no limit. May be set at any time; waiting copies follow immediately."""
        return self._rate

    @limit.setter
    def limit(self, bytes_per_second: float | None) -> None:
        if bytes_per_second is not None and bytes_per_second <= 0:
            raise ValueError("a limit must be positive; None for no limit")
        with self._lock:
            self._rate = bytes_per_second
            self._free = time.monotonic()
            self._changes += 1

    @property
    def piece(self) -> int | None:
        """Bytes to take at once for an even flow; None while there is no limit."""
        rate = self._rate
        return None if rate is None else max(int(rate * BURST), SMALLEST)

    def take(self, count: int, cancellation: Cancellation) -> None:
        """Wait until *count* bytes may pass. Raises Cancelled."""
        while self._rate is not None:
            with self._lock:
                rate, seen = self._rate, self._changes
                if rate is None:
                    return
                now = time.monotonic()
                begin = max(self._free, now - BURST)
                self._free = begin + count / rate
                due = self._free
            while (left := due - time.monotonic()) > 0 and seen == self._changes:
                cancellation.wait(min(left, SLICE))
                cancellation.raise_if_cancelled()
            if seen == self._changes:
                return
