"""The speeds of connections: how much one should fetch at once, and which one is far slower than its peers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from statistics import median

#: Seconds for which a connection must be slow before its range is requested again.
PATIENCE = 2.0
#: A connection is slow below this share of its peers' median speed.
SHARE = 0.25
#: Only pieces of so many bytes have a speed: the time of smaller ones is mostly latency.
MEASURED = 256 << 10
#: Finished pieces that are remembered, and the seconds before a watched time for which they count.
_REMEMBERED = 16
_RECENT = 5.0


class Watch:
    """The progress of one connection; see :meth:`Pace.watch`."""

    def __init__(self, now: float) -> None:
        self.begun = now
        self.since = now
        self.count = 0  #: bytes so far
        self.counted = 0  #: bytes until *since*


class Pace:
    """Compares connections of one registry. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._finished: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    @property
    def speed(self) -> float | None:
        """The usual speed of one connection in bytes per second; None if it is not known yet."""
        return median(speed for _, speed in self._finished) if self._finished else None

    def watch(self) -> Watch:
        """A watch for a connection that begins now."""
        return Watch(self._clock())

    def finished(self, watch: Watch) -> None:
        """The connection has fetched all that it should."""
        now = self._clock()
        if watch.count >= MEASURED and now > watch.begun:
            self._finished.append((now, watch.count / (now - watch.begun)))

    def behind(self, watch: Watch) -> bool:
        """Whether the connection has been far slower, for a while, than others that have finished meanwhile."""
        now = self._clock()
        seconds = now - watch.since
        if seconds < PATIENCE:
            return False
        speed = (watch.count - watch.counted) / seconds
        peers = [each for when, each in self._finished if when > watch.since - _RECENT]
        watch.since, watch.counted = now, watch.count
        return bool(peers) and speed < median(peers) * SHARE
