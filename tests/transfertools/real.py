"""Real clients for transfers: for private engines and registries, without the user's credentials."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from longshore.engine.address import EngineAddress, Origin
from longshore.engine.engine import Engine
from longshore.library.library import Library
from longshore.registry.client import RegistryClient
from longshore.registry.config import parse_registry
from longshore.transfers.bandwidth import Bandwidth


class RealClients:
    """Clients for a queue; *credentials* by host. Thread-safe; ``close()`` at the end."""

    def __init__(self, credentials: dict[str, Any] | None = None) -> None:
        self._lock = threading.Lock()
        self._engines: dict[EngineAddress, Engine] = {}
        self._registries: dict[str, RegistryClient] = {}
        self._libraries: dict[Path, Library] = {}
        self.credentials = credentials or {}
        self.bandwidth = Bandwidth()

    def engine(self, address: EngineAddress) -> Engine:
        """Return the client of an engine, one per engine."""
        with self._lock:
            if address not in self._engines:
                self._engines[address] = Engine(address)
            return self._engines[address]

    def registry(self, host: str) -> RegistryClient:
        """Return the client of a registry, one per registry."""
        with self._lock:
            if host not in self._registries:
                self._registries[host] = RegistryClient(parse_registry(host), self.credential)
            return self._registries[host]

    def library(self, path: Path) -> Library:
        """Return the library in a folder, one per folder."""
        with self._lock:
            return self._libraries.setdefault(path, Library(path))

    def trust(self, host: str, ca_file: Path | None) -> None:
        """Use a client for *host* that trusts the authority of *ca_file* from now on."""
        with self._lock:
            client = self._registries.pop(host, None)
            config = replace(parse_registry(host), ca_file=ca_file)
            self._registries[host] = RegistryClient(config, self.credential)
        if client is not None:
            client.close()

    def credential(self, host: str) -> Any:
        """Return the credential given to the constructor."""
        return self.credentials.get(host)

    def close(self) -> None:
        """Close every client."""
        for client in [*self._engines.values(), *self._registries.values()]:
            client.close()


def address_of(host: str) -> EngineAddress:
    """Return the address of a testbed's engine by its ``host``."""
    return EngineAddress("testbed", host, Origin.OPTION)
