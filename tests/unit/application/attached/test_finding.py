"""What is attached to an image is found in all ways of attaching, whatever a registry lists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from longshore.application.attached import finding
from longshore.application.attached.finding import Found, How, find
from longshore.application.attached.kinds import Kind
from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.errors import InvalidInput, NotInRegistry
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import Endpoint, EnginePlace, RegistryPlace
from testbed import attachments as made
from unit.registry.conftest import Asked, Scripted, reply

BOTH = (("linux", "amd64"), ("linux", "arm64"))


class Shop:
    """A registry of one repository. *lists*: referrers by digest, in pages; None: it has no such list."""

    def __init__(self) -> None:
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.lists: dict[str, list[list[made.Document]]] | None = None
        self.refuses: set[str] = set()

    def put_blob(self, repository: str, data: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return digest

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.manifests[reference] = self.manifests[digest] = (media_type, data)
        return digest

    def image(self, tag: str = "1") -> tuple[str, int]:
        """Put an image; returns its digest and the size of its manifest."""
        digest = made.put(self, "a/b", made.manifest(self, "a/b", []), tag)
        return digest, len(self.manifests[digest][1])

    def __call__(self, asked: Asked) -> Any:
        path, _, query = asked.path.partition("?")
        name = path.rpartition("/")[2]
        if path == "/v2/":
            return reply({})
        if name in self.refuses:
            return reply({"errors": [{"code": "DENIED"}]}, 403)
        if "/referrers/" in path:
            return self._referrers(name, path, int(query.removeprefix("page=") or 0))
        if "/blobs/" in path:
            return reply(self.blobs[name]) if name in self.blobs else None
        if name not in self.manifests:
            return None
        kind, raw = self.manifests[name]
        return reply(raw, Content_Type=kind)

    def _referrers(self, digest: str, path: str, page: int) -> Any:
        if self.lists is None:
            return None
        pages = self.lists.get(digest, [[]])
        index = {"schemaVersion": 2, "mediaType": made.INDEX, "manifests": pages[page]}
        more = f'<{path}?page={page + 1}>; rel="next"' if page + 1 < len(pages) else ""
        return (
            reply(index, Content_Type=made.INDEX, Link=more)
            if more
            else reply(index, Content_Type=made.INDEX)
        )


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def server(shop: Shop) -> Iterator[Scripted]:
    scripted = Scripted(shop)
    yield scripted
    scripted.close()


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Clients]:
    opened = Clients({"DOCKER_CONFIG": str(tmp_path), "PATH": ""}, RegistryConfig)
    yield opened
    opened.close()


def look(server: Scripted, clients: Clients, platform: str = "") -> Found:
    end = Endpoint(RegistryPlace(server.host), Reference.parse(f"{server.host}/a/b:1"))
    return find(end, clients, Cancellation(), Platform.parse(platform) if platform else None)


def test_cosigns_tags(shop: Shop, server: Scripted, clients: Clients) -> None:
    digest, _ = shop.image()
    signature = {"dev.cosignproject.cosign/signature": "MEUC"}
    made.put_tagged(
        shop, "a/b", digest, ".sig", [(made.SIMPLE_SIGNING, b"1", signature), (made.SIMPLE_SIGNING, b"2", {})]
    )
    made.put_tagged(
        shop,
        "a/b",
        digest,
        ".att",
        [(made.DSSE, b"3", {"predicateType": made.SLSA_1}), (made.DSSE, b"4", {})],
    )
    made.put_tagged(shop, "a/b", digest, ".sbom", [("text/spdx+json", b"55", {})])
    found = look(server, clients)
    assert [(one.kind, one.how, one.size) for one in found.attachments] == [
        (Kind.SIGNATURE, How.TAG, 1),
        (Kind.SIGNATURE, How.TAG, 1),
        (Kind.SBOM, How.TAG, 2),
        (Kind.PROVENANCE, How.TAG, 1),
        (Kind.ATTESTATION, How.TAG, 1),
    ]
    first = found.attachments[0]
    assert first.document is not None
    assert first.document.annotations == signature
    assert (first.subject, first.tag) == (digest, made.tag_beside(digest, ".sig"))
    assert found.unlisted == ""


@pytest.mark.parametrize("listed", [True, False], ids=["listed in pages", "fallback tag"])
def test_referrers(shop: Shop, server: Scripted, clients: Clients, listed: bool) -> None:
    digest, size = shop.image()
    bundle = {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
        "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
    }
    signed = made.put_referrer(shop, "a/b", digest, size, made.BUNDLE, [(made.BUNDLE, b"{ }", {})], bundle)
    odd = made.put_referrer(shop, "a/b", digest, size, "application/x-odd", [])
    gone = {
        "mediaType": made.MANIFEST,
        "digest": f"sha256:{'0' * 64}",
        "size": 7,
        "artifactType": "text/spdx",
    }
    if listed:
        shop.lists = {digest: [[signed], [], [odd, gone]]}
    else:
        made.put_fallback(shop, "a/b", digest, [signed, odd, gone])
    found = look(server, clients)
    assert [(one.kind, one.artifact_type, one.size) for one in found.attachments] == [
        (Kind.SIGNATURE, made.BUNDLE, 3),
        (Kind.SBOM, "text/spdx", 7),  # named, although it is gone
        (Kind.OTHER, "application/x-odd", odd["size"]),
    ]
    first, third, second = found.attachments
    assert first.created is not None
    assert first.created.year == 2026
    assert dict(first.annotations) == bundle
    assert (second.document, second.digest, third.document) == (None, odd["digest"], None)
    assert {one.how for one in found.attachments} == {How.REFERRER}


def test_buildkits_attestations_name_their_platform(shop: Shop, server: Scripted, clients: Clients) -> None:
    statements = {made.SPDX: made.spdx([]), made.SLSA_02: made.slsa_02()}
    digest = made.put_built(shop, "a/b", "1", BOTH, statements)
    found = look(server, clients)
    assert found.digest == digest
    assert [(str(one.platform), one.kind, one.how) for one in found.attachments] == [
        ("linux/amd64", Kind.SBOM, How.INDEX),
        ("linux/amd64", Kind.PROVENANCE, How.INDEX),
        ("linux/arm64", Kind.SBOM, How.INDEX),
        ("linux/arm64", Kind.PROVENANCE, How.INDEX),
    ]
    assert len(found.images) == 3
    one = look(server, clients, "linux/arm64")
    assert [str(each.platform) for each in one.attachments] == ["linux/arm64", "linux/arm64"]
    assert one.images == (digest, one.attachments[0].subject)


def test_what_is_attached_to_one_image_of_an_index(shop: Shop, server: Scripted, clients: Clients) -> None:
    made.put_built(shop, "a/b", "1", BOTH, {})
    image = look(server, clients, "linux/arm64").images[1]
    made.put_tagged(shop, "a/b", image, ".sbom", [("application/vnd.cyclonedx+json", b"{}", {})])
    found = look(server, clients).of(Kind.SBOM)
    assert [(str(one.platform), one.subject) for one in found] == [("linux/arm64", image)]


def test_a_place_that_refuses_says_so(shop: Shop, server: Scripted, clients: Clients) -> None:
    digest, _ = shop.image()
    made.put_tagged(shop, "a/b", digest, ".sig", [(made.SIMPLE_SIGNING, b"1", {})])
    shop.refuses = {made.tag_beside(digest, ".att")}
    found = look(server, clients)
    assert [one.kind for one in found.attachments] == [Kind.SIGNATURE]
    assert found.unlisted
    shop.refuses = {digest}
    assert look(server, clients).unlisted


def test_an_image_of_an_engine_is_looked_at_in_its_registry(
    shop: Shop, server: Scripted, clients: Clients
) -> None:
    index = made.put_built(shop, "a/b", "1", BOTH, {made.SPDX: made.spdx([])})
    image = look(server, clients, "linux/amd64").images[1]
    # Podman names both; the other registry and what is no name at all are passed over.
    digests = (
        f"other.example/a@{index}",
        "no name",
        f"{server.host}/a/b@{image}",
        f"{server.host}/a/b@{index}",
    )
    engine = EnginePlace(EngineAddress("x", "unix:///x.sock"))
    end = Endpoint(engine, Reference.parse(f"{server.host}/a/b:1"))
    known = SimpleNamespace(repo_digests=digests)
    opened = cast(
        Clients,
        SimpleNamespace(
            engine=lambda address: SimpleNamespace(image=lambda name: known), registry=clients.registry
        ),
    )
    found = find(end, opened, Cancellation())
    assert found.digest == index
    assert len(found.of(Kind.SBOM)) == 2
    known.repo_digests = ()
    with pytest.raises(InvalidInput, match="has not been in a registry"):
        find(end, opened, Cancellation())


def test_an_image_that_is_not_there(server: Scripted, clients: Clients) -> None:
    with pytest.raises(NotInRegistry):
        look(server, clients)


def test_more_than_the_limits(
    shop: Shop, server: Scripted, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MOST", 3)
    monkeypatch.setattr(finding, "MOST_READ", 1)
    digest, size = shop.image()
    rows = [
        made.put_referrer(
            shop, "a/b", digest, size, "application/sarif+json", [("application/sarif+json", data, {})]
        )
        for data in (b"1", b"2", b"3", b"4")
    ]
    shop.lists = {digest: [rows]}
    found = look(server, clients)
    assert [one.document is not None for one in found.attachments] == [True, False, False]
    assert {one.kind for one in found.attachments} == {Kind.SCAN}
    assert found.left_out == 1
