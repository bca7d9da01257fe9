"""The clients and credentials that transfers need. The composition root implements the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.credentials import Credential
    from longshore.engine.address import EngineAddress
    from longshore.engine.engine import Engine
    from longshore.library.library import Library
    from longshore.registry.client import RegistryClient
    from longshore.transfers.bandwidth import Bandwidth
    from longshore.transfers.hand_over import HandOver
    from longshore.transfers.transfer import Endpoint


class Clients(Protocol):
    """Provides shared, thread-safe clients; transfers never close them. Called from worker threads, may block."""

    #: The speed limit that all copies share.
    bandwidth: Bandwidth
    #: Decides which images may be fetched from registries.
    gate: Gate
    #: What pulls need whose layers Longshore fetches; None: engines pull everything by themselves.
    hand_over: HandOver | None

    def engine(self, address: EngineAddress) -> Engine:
        """The client for the engine at *address*; does not connect. Raises EngineError for a bad address."""

    def registry(self, host: str) -> RegistryClient:
        """The client for the registry *host*; does not connect."""

    def library(self, path: Path) -> Library:
        """The library in the folder *path*; does not access the folder."""

    def credential(self, host: str) -> Credential | None:
        """The credential for signing in to *host*, None for anonymous access. Raises CredentialsError."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The image that may be fetched: exactly the one with this *digest*. *signer*: the name of the key, for people."""

    digest: str
    signer: str


class Gate(Protocol):
    """Knows the user's rules about images. Thread-safe."""

    def admit(
        self, end: Endpoint, clients: Clients, cancellation: Cancellation, *, required: bool = False
    ) -> Admission | None:
        """Return what may be fetched from *end*, an image in a registry; None if no rule concerns it. Blocks.

        *required*: it must be signed, whatever the rules say. Raises NotSigned if a rule refuses the image, and
        LongshoreError if that cannot be found out.
        """


class _Open:
    def admit(
        self, end: Endpoint, clients: Clients, cancellation: Cancellation, *, required: bool = False
    ) -> Admission | None:
        return None


#: Admits everything.
NO_GATE: Gate = _Open()
