"""The clients that the rooms below share: one per engine and one per registry, made when first needed.

Everything here may be called from any worker thread and may block (imports included: the Docker SDK takes longer to
import than the window takes to appear, so it is imported in the thread that first needs it).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.credentials import Credential, CredentialStore
from longshore.registry.config import RegistryConfig
from longshore.transfers.bandwidth import Bandwidth

if TYPE_CHECKING:
    from longshore.engine.address import EngineAddress
    from longshore.engine.engine import Engine
    from longshore.library.library import Library
    from longshore.registry.client import RegistryClient


class Services:
    """Hands out engines, registry clients and credentials. Thread-safe."""

    def __init__(self, environ: Mapping[str, str], config_of: Callable[[str], RegistryConfig]) -> None:
        self._lock = threading.Lock()
        self._environ = environ
        self._config_of = config_of
        self._engines: dict[EngineAddress, Engine] = {}
        self._registries: dict[str, RegistryClient] = {}
        self._libraries: dict[Path, Library] = {}
        self.credentials = CredentialStore(environ=environ)
        self.bandwidth = Bandwidth()

    def engine(self, address: EngineAddress) -> Engine:
        """The client for the engine at *address*. Does not connect."""
        from longshore.engine.engine import Engine

        with self._lock:
            engine = self._engines.get(address)
            if engine is None:
                engine = self._engines[address] = Engine(address)
            return engine

    def registry(self, host: str) -> RegistryClient:
        """The client for the registry *host*, with what the user set for it. Does not connect."""
        from longshore.registry.client import RegistryClient

        with self._lock:
            client = self._registries.get(host)
            if client is None:
                client = RegistryClient(self._config_of(host), self.credential)
                self._registries[host] = client
            return client

    def library(self, path: Path) -> Library:
        """The library in the folder *path*. Does not look at it."""
        from longshore.library.library import Library

        with self._lock:
            library = self._libraries.get(path)
            if library is None:
                library = self._libraries[path] = Library(path)
            return library

    def credential(self, host: str) -> Credential | None:
        """The credential to use for *host*, None for anonymous. May run a helper. Raises CredentialsError."""
        return self.credentials.get(host)

    def forget_registry(self, host: str) -> None:
        """Drop the client of *host*: its settings or its credentials changed. Running calls of it end as they are."""
        with self._lock:
            client = self._registries.pop(host, None)
        if client is not None:
            client.close()

    def close(self) -> None:
        """Close every client. The last call."""
        with self._lock:
            clients: list[Any] = [*self._engines.values(), *self._registries.values()]
            self._engines.clear()
            self._registries.clear()
        for client in clients:
            client.close()
