"""Images that a hostile or broken registry shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.inspection import Inspected, Inspection, inspect
from longshore.cancellation import Cancellation
from longshore.cli.inspect import HIDDEN, environment
from longshore.errors import DigestMismatch, InvalidInput
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import Endpoint, RegistryPlace
from unit.registry.conftest import Asked, Scripted, reply

ABSENT = f"sha256:{'0' * 64}"


class Shop:
    """A registry that serves what it is given, true or not."""

    def __init__(self) -> None:
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}

    def put(self, document: dict[str, Any], *names: str) -> str:
        raw = json.dumps({"schemaVersion": 2, **document}).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        for name in (digest, *names):
            self.manifests[name] = (document["mediaType"], raw)
        return digest

    def image(self, config: bytes, *names: str, size: int | None = None, served: bytes | None = None) -> str:
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        self.blobs[digest] = config if served is None else served
        part = {"mediaType": "x/y", "digest": digest, "size": len(config) if size is None else size}
        return self.put({"mediaType": OCI_MANIFEST, "config": part, "layers": []}, *names)

    def index(self, *children: str, names: tuple[str, ...] = ("1",), kind: str = OCI_MANIFEST) -> str:
        rows = [{"mediaType": kind, "digest": child, "size": 2} for child in children]
        return self.put({"mediaType": OCI_INDEX, "manifests": rows}, *names)

    def __call__(self, asked: Asked) -> Any:
        name = asked.path.rpartition("/")[2]
        if asked.path == "/v2/":
            return reply({})
        if "/blobs/" in asked.path:
            return reply(self.blobs[name]) if name in self.blobs else None
        if name not in self.manifests:
            return None
        kind, raw = self.manifests[name]
        return reply(raw, Content_Type=kind)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def end(shop: Shop) -> Iterator[Endpoint]:
    server = Scripted(shop)
    yield Endpoint(RegistryPlace(server.host), Reference.parse(f"{server.host}/a/b:1"))
    server.close()


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    made = Clients({"DOCKER_CONFIG": str(tmp_path), "PATH": ""}, RegistryConfig)
    yield made
    made.close()


def look(end: Endpoint, clients: Clients, platform: str = "") -> Inspected:
    return inspect(end, clients, Cancellation(), Platform.parse(platform) if platform else None)


def test_an_index_in_an_index_in_an_index_ends(shop: Shop, end: Endpoint, clients: Clients) -> None:
    inner = shop.image(b"{}")
    for _ in range(6):
        inner = shop.index(inner, names=("1",), kind=OCI_INDEX)
    with pytest.raises(InvalidInput, match="only other indexes"):
        look(end, clients)


def test_an_index_without_images_and_one_with_an_absent_image(
    shop: Shop, end: Endpoint, clients: Clients
) -> None:
    digest = shop.index()
    found = look(end, clients)
    assert (found.digest, found.platforms, found.manifest_digest) == (digest, (), "")
    there = shop.image(b'{"os": "linux", "architecture": "amd64"}')
    shop.index(there, ABSENT)
    found = look(end, clients)
    assert [(one.digest, one.size) for one in found.platforms] == [(there, 40), (ABSENT, None)]
    assert found.platform == Platform("linux", "amd64")


def test_a_configuration_is_what_its_digest_says(shop: Shop, end: Endpoint, clients: Clients) -> None:
    shop.image(b'{"author": "ann"}', "1", served=b'{"author": "eve"}')
    with pytest.raises(DigestMismatch):
        look(end, clients)
    shop.image(b"{}", "1", served=b"{}" * 100_000)
    with pytest.raises(DigestMismatch):
        look(end, clients)


def test_a_huge_configuration_is_not_read(shop: Shop, end: Endpoint, clients: Clients) -> None:
    shop.image(b"{}", "1", size=1 << 40)
    assert look(end, clients).run.command == ()
    with (
        Inspection(end, clients, Cancellation()) as inspection,
        pytest.raises(InvalidInput, match="too large"),
    ):
        inspection.config(inspection.image(inspection.top()))


def test_a_single_image_of_another_platform_is_refused(shop: Shop, end: Endpoint, clients: Clients) -> None:
    shop.image(b'{"os": "linux", "architecture": "arm64"}', "1")
    assert look(end, clients, "linux/arm64/v8").platform == Platform("linux", "arm64")
    with pytest.raises(InvalidInput, match="no such platform") as caught:
        look(end, clients, "linux/amd64")
    assert caught.value.advice == "It has linux/arm64."


@pytest.mark.parametrize(
    ("variable", "shown"),
    [
        ("POSTGRES_PASSWORD=x", HIDDEN),
        ("github_token=x", HIDDEN),
        ("AWS_SECRET_ACCESS_KEY=x", HIDDEN),
        ("PASSWORD=", ""),
        ("AUTHORS=ann", "ann"),
        ("PATH=/bin:/usr/bin", "/bin:/usr/bin"),
        ("URL=redis://:pw@host:1/0", f"redis://{HIDDEN}@host:1/0"),
        ("URL=https://host:1/a@b", "https://host:1/a@b"),
        ("NOTHING", ""),
    ],
)
def test_values_that_look_like_secrets(variable: str, shown: str) -> None:
    name, _, value = variable.partition("=")
    assert environment([variable], secrets=False) == [(name, shown)]
    assert environment([variable], secrets=True) == [(name, value)]


def test_hiding_secrets_takes_no_time() -> None:
    assert environment([f"{'a' * 200_000}={'://a' * 200_000}"], secrets=False)
