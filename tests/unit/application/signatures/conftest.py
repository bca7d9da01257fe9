"""A registry in memory over real HTTP, with an image to sign."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.application.signatures.book import Key
from longshore.application.signatures.gate import KeyGate
from longshore.application.signatures.scopes import parse_scope
from longshore.application.signatures.verifying import Verdict
from longshore.cancellation import Cancellation
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import Endpoint, RegistryPlace
from signaturetools import Attacher, signer
from transfertools.faulty import FaultyRegistry, faulty_registries


class Signing:
    """The image a:1 in *registry*, by *digest*, its signatures, and how they are verified."""

    def __init__(self, registry: FaultyRegistry, tmp_path: Path, environ: dict[str, str]) -> None:
        self.registry = registry
        self.digest = registry.put_image("a", "1", b"layer")
        self.other = registry.put_image("a", "2", b"other layer")
        self.clients = Clients(environ, RegistryConfig)
        self.gate = KeyGate(tmp_path / "keys.json", RegistryConfig, environ)
        self.clients.gate = self.gate
        self.attach = Attacher(self.clients.registry(registry.address), "a")
        self.scope = parse_scope(registry.address)
        self.reference = Reference.parse(f"{registry.address}/a:1")

    @property
    def manifest(self) -> bytes:
        return self.registry.manifests["a", self.digest][1]

    def key(self, kind: str = "p256", number: int = 0, name: str = "release@example.com") -> Key:
        """Return a key for this registry."""
        return Key(self.scope, name, signer(kind, number).pem.decode())

    def verdict(self, *keys: Key) -> Verdict:
        """Verify with *keys*."""
        end = Endpoint(RegistryPlace(self.registry.address), self.reference)
        return self.gate.verify(end, self.clients, Cancellation(), keys=keys)


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[Signing]:
    with faulty_registries(1) as [registry]:
        made = Signing(registry, tmp_path, {"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)})
        yield made
        made.clients.close()
