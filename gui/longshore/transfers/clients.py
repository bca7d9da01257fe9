"""The clients and credentials that transfers need. The composition root implements the protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from longshore.credentials import Credential
    from longshore.engine.address import EngineAddress
    from longshore.engine.engine import Engine
    from longshore.library.library import Library
    from longshore.registry.client import RegistryClient
    from longshore.transfers.bandwidth import Bandwidth


class Clients(Protocol):
    """Provides shared, thread-safe clients; transfers never close them. Called from worker threads, may block."""

    #: The speed limit that all copies share.
    bandwidth: Bandwidth

    def engine(self, address: EngineAddress) -> Engine:
        """The client for the engine at *address*; does not connect. Raises EngineError for a bad address."""

    def registry(self, host: str) -> RegistryClient:
        """The client for the registry *host*; does not connect."""

    def library(self, path: Path) -> Library:
        """The library in the folder *path*; does not access the folder."""

    def credential(self, host: str) -> Credential | None:
        """The credential for signing in to *host*, None for anonymous access. Raises CredentialsError."""
