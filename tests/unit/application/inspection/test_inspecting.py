"""Images that a hostile or broken registry shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.application.inspection.content import Inspection
from longshore.application.inspection.inspecting import inspect
from longshore.application.inspection.values import Attestation, DocumentKind, Inspected
from longshore.cancellation import Cancellation
from longshore.errors import DigestMismatch, InvalidInput, InvalidManifest
from longshore.oci.image_config import HealthCheck
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
    with pytest.raises(InvalidManifest, match="only other indexes"):
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
        pytest.raises(InvalidManifest, match="too large"),
    ):
        inspection.config(inspection.image(inspection.top()))


def test_a_single_image_of_another_platform_is_refused(shop: Shop, end: Endpoint, clients: Clients) -> None:
    shop.image(b'{"os": "linux", "architecture": "arm64"}', "1")
    assert look(end, clients, "linux/arm64/v8").platform == Platform("linux", "arm64")
    with pytest.raises(InvalidInput, match="no such platform") as caught:
        look(end, clients, "linux/amd64")
    assert caught.value.advice == "It has linux/arm64."


def test_attestations_are_apart_and_say_whose_they_are(shop: Shop, end: Endpoint, clients: Clients) -> None:
    image = shop.image(b'{"os": "linux", "architecture": "amd64"}')
    blob = {"mediaType": "application/vnd.in-toto+json", "digest": f"sha256:{'1' * 64}", "size": 700}
    statement = {**blob, "annotations": {"in-toto.io/predicate-type": "https://spdx.dev/Document"}}
    attestation = shop.put(
        {
            "mediaType": OCI_MANIFEST,
            "config": {**blob, "digest": f"sha256:{'2' * 64}", "size": 100},
            "layers": [statement, {**statement, "digest": f"sha256:{'3' * 64}"}],
        }
    )
    linux = {"os": "linux", "architecture": "amd64"}
    marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image}
    rows = [
        {"mediaType": OCI_MANIFEST, "digest": image, "size": 2, "platform": linux},
        {"mediaType": OCI_MANIFEST, "digest": attestation, "size": 2, "annotations": marks},
    ]
    shop.put({"mediaType": OCI_INDEX, "manifests": rows}, "1")
    found = look(end, clients)
    (platform,) = found.platforms
    assert (platform.digest, platform.size) == (image, 40)
    spdx = ("https://spdx.dev/Document",)
    assert found.attestations == (Attestation(attestation, image, Platform("linux", "amd64"), 1500, spdx),)
    unread = inspect(end, clients, Cancellation(), sizes=False)
    assert [one.size for one in (*unread.platforms, *unread.attestations)] == [None, None]


def test_history_settings_and_documents(shop: Shop, end: Endpoint, clients: Clients) -> None:
    config = {
        "os": "linux",
        "architecture": "amd64",
        "docker_version": "28",
        "config": {
            "StopSignal": "SIGINT",
            "StopTimeout": 7,
            "Shell": ["/bin/bash", "-c"],
            "OnBuild": ["RUN x"],
            "Healthcheck": {"Test": ["CMD-SHELL", "curl /"], "Interval": 30_000_000_000, "Retries": 3},
            "Env": ["A=b"],
        },
        "history": [{"created_by": "CMD x", "empty_layer": True}],
    }
    raw = json.dumps(config).encode()
    shop.index(shop.image(raw))
    found = look(end, clients)
    assert found.run.health_check == HealthCheck(("CMD-SHELL", "curl /"), interval=30.0, retries=3)
    assert (found.run.stop_signal, found.run.stop_timeout) == ("SIGINT", 7)
    assert (found.run.shell, found.run.on_build) == (("/bin/bash", "-c"), ("RUN x",))
    settings = dict(found.settings)
    assert settings["config.Shell"] == '["/bin/bash", "-c"]' and settings["docker_version"] == "28"
    assert not any("env" in name.lower() or "history" in name for name in settings)
    assert [(step.layer, step.entry is not None) for step in found.steps] == [(None, True)]
    kinds = [DocumentKind.INDEX, DocumentKind.MANIFEST, DocumentKind.CONFIG]
    assert [one.kind for one in found.documents] == kinds
    for one in found.documents:
        assert one.digest == f"sha256:{hashlib.sha256(one.raw).hexdigest()}"


@pytest.mark.parametrize(
    ("config", "artifact"),
    [
        (
            {"mediaType": "application/vnd.cncf.helm.config.v1+json"},
            "application/vnd.cncf.helm.config.v1+json",
        ),
        ({"mediaType": "application/json"}, ""),
    ],
)
def test_a_helm_chart_is_no_image(
    shop: Shop, end: Endpoint, clients: Clients, config: dict[str, str], artifact: str
) -> None:
    part = {**config, "digest": ABSENT, "size": 2}
    shop.put({"mediaType": OCI_MANIFEST, "config": part, "layers": []}, "1")
    found = look(end, clients)
    assert found.artifact_type == artifact
    assert not found.is_image
