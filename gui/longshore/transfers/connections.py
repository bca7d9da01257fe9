"""The connections for fetching blobs: one limit per registry for all transfers together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator

from longshore.cancellation import Cancellation, Cancelled

#: Connections to one registry, and for one blob.
PER_HOST = 10
PER_BLOB = 6
#: Seconds with one connection after a registry has asked for slower requests.
SLOW_SECONDS = 60.0
#: Seconds for which a registry counts as one that ignores ranges.
WHOLE_SECONDS = 3600.0
_SLICE = 0.1


class Connections:
    """Slots for connections, by the registry's host. Any thread.

    *per_host*, *per_blob*: the limits; may be set at any time.
    """

    def __init__(self, per_host: int = PER_HOST, per_blob: int = PER_BLOB) -> None:
        self.per_host = per_host
        self.per_blob = per_blob
        self._changed = threading.Condition()
        self._used: defaultdict[str, int] = defaultdict(int)
        self._queues: defaultdict[str, deque[object]] = defaultdict(deque)
        self._slow_until: dict[str, float] = {}
        self._whole_until: dict[str, float] = {}

    @contextlib.contextmanager
    def slot(self, host: str, cancellation: Cancellation) -> Iterator[None]:
        """Hold one connection to *host* inside the block. Whoever has waited longest is next.

        Raises Cancelled, also if the work is asked to stop while it waits.
        """
        ticket = object()
        with cancellation.waking(self._wake), self._changed:
            queue = self._queues[host]
            queue.append(ticket)
            try:
                while queue[0] is not ticket or self._used[host] >= self.limit(host):
                    if cancellation.stopping:
                        raise Cancelled
                    self._changed.wait(_SLICE)
                self._used[host] += 1
            finally:
                queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._used[host] -= 1
                self._changed.notify_all()

    def limit(self, host: str) -> int:
        """How many connections *host* may have now."""
        return 1 if time.monotonic() < self._slow_until.get(host, 0.0) else max(self.per_host, 1)

    def slow_down(self, host: str, seconds: float = SLOW_SECONDS) -> None:
        """Open only one connection at a time to *host* for a while: it has asked for slower requests."""
        self._slow_until[host] = max(time.monotonic() + seconds, self._slow_until.get(host, 0.0))

    def ranges(self, host: str) -> bool:
        """Whether parts of blobs may be requested from *host*."""
        return time.monotonic() >= self._whole_until.get(host, 0.0)

    def no_ranges(self, host: str) -> None:
        """Request only whole blobs from *host* for a while: it has returned one for a part."""
        self._whole_until[host] = time.monotonic() + WHOLE_SECONDS

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
