"""An offer that is open: its place, its secret, and the requests that it serves now."""

from __future__ import annotations

import contextlib
import hmac
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.loopback.offer import Offered, Shelf

#: The tag of every offer.
TAG = "pull"


class Offer:
    """What one transfer offers, until its context ends. Thread-safe."""

    def __init__(self, offered: Offered, shelf: Shelf, cancellation: Cancellation) -> None:
        self.offered = offered
        self.shelf = shelf
        self._cancellation = cancellation
        self._key = offered.repository.encode()
        self._reached = threading.Event()
        self._requests = 0
        self._changed = threading.Condition()

    @property
    def reached(self) -> bool:
        """True once a request that knows the secret has arrived: the engine can reach this machine's loopback."""
        return self._reached.is_set()

    def is_at(self, repository: bytes) -> bool:
        """True if *repository* is the path of this offer. The time does not depend on where the two differ."""
        return hmac.compare_digest(self._key, repository)

    @contextlib.contextmanager
    def serving(self) -> Iterator[Cancellation]:
        """Serve a request inside the context, under the cancellation that it yields. Raises Cancelled if closed."""
        self._reached.set()
        with self._changed:
            self._requests += 1
        try:
            with self._cancellation.below() as part:
                yield part
        finally:
            with self._changed:
                self._requests -= 1
                self._changed.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait until no request reads from the shelf any more, at most *seconds*. Returns True if none does."""
        with self._changed:
            return self._changed.wait_for(lambda: self._requests == 0, seconds)
