"""The line behind a `testbed.throttle.Throttle`: its rate, its delay, and whether it is stalled."""

from __future__ import annotations

import threading
import time

from testbed.faults import LineCutError

SMALLEST_PIECE = 1024
LARGEST_PIECE = 64 * 1024
PIECES_A_SECOND = 50


class Line:
    """One line, shared by all connections and both directions. Any thread may call.

    ``bytes_per_second`` (None for no limit) and ``latency`` (seconds) may be set at any time.
    All waits raise `LineCutError` once the line has ended.
    """

    def __init__(self, bytes_per_second: float | None, latency: float) -> None:
        self.bytes_per_second = bytes_per_second
        self.latency = latency
        self.ended = threading.Event()
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._free_at = 0.0

    def stall(self) -> None:
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def piece_bytes(self) -> int:
        """Bytes to pass at once, so that even a slow line moves evenly."""
        rate = self.bytes_per_second
        if rate is None:
            return LARGEST_PIECE
        return int(min(LARGEST_PIECE, max(SMALLEST_PIECE, rate / PIECES_A_SECOND)))

    def delay(self) -> None:
        """Wait for the latency of one request."""
        self._wait(self.latency)

    def spend(self, count: int) -> None:
        """Wait until ``count`` bytes may pass."""
        rate = self.bytes_per_second
        if rate is None:
            return
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + count / rate
            wait = self._free_at - time.monotonic()
        self._wait(wait)

    def flow(self) -> None:
        """Wait while the line is stalled."""
        while not self._flowing.wait(0.05):
            if self.ended.is_set():
                raise LineCutError

    def _wait(self, seconds: float) -> None:
        if seconds > 0 and self.ended.wait(seconds):
            raise LineCutError
