"""What pulls need whose layers Longshore fetches and hands over to an engine on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.transfers.connections import Connections
from longshore.transfers.kept import Kept

if TYPE_CHECKING:
    from longshore.engine.address import EngineAddress
    from longshore.loopback.server import Loopback

#: Schemes of engines on this machine. Those of others do not see its loopback addresses.
LOCAL = ("unix", "npipe")


class HandOver:
    """Shared by all pulls of the program. Thread-safe.

    *library*: returns the folder of the library that keeps what has arrived; any thread. *native*: the user wants every
    pull to be the engine's own; may be set at any time. *kept*: what was fetched and other rows still need.
    """

    def __init__(self, library: Callable[[], Path]) -> None:
        self._library = library
        self.connections = Connections()
        self.native = False
        self.kept = Kept()
        self._lock = threading.Lock()
        self._loopback: Loopback | None = None
        self._deaf: set[EngineAddress] = set()
        self._speeds: dict[str, float] = {}

    @property
    def library(self) -> Path:
        """The folder of the library that keeps what has arrived."""
        return self._library()

    @property
    def loopback(self) -> Loopback:
        """The registry for engines on this machine. May import."""
        from longshore.loopback.server import Loopback  # most pulls do not need it

        with self._lock:
            self._loopback = self._loopback or Loopback()
            return self._loopback

    def reaches(self, engine: EngineAddress) -> bool:
        """Whether *engine* can take images from Longshore, as far as that is known."""
        return engine.scheme in LOCAL and not self.is_deaf(engine)

    def is_deaf(self, engine: EngineAddress) -> bool:
        """Whether *engine* did not see this machine's loopback addresses: it runs in a virtual machine."""
        with self._lock:
            return engine in self._deaf

    def deafen(self, engine: EngineAddress) -> None:
        """Remember that *engine* does not see this machine's loopback addresses."""
        with self._lock:
            self._deaf.add(engine)

    def speed(self, host: str) -> float | None:
        """Bytes per second that one connection to the registry *host* brought last, None if that is not known."""
        with self._lock:
            return self._speeds.get(host)

    def learn_speed(self, host: str, speed: float) -> None:
        """Remember the *speed* of one connection to *host*, in bytes per second."""
        with self._lock:
            self._speeds[host] = speed
