"""The details of a tag: of a single image, of an index, of artifacts; from the registry and from the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import (
    DigestMismatch,
    NotInRegistry,
    RegistryFailure,
    SignInFailed,
    SignInRequired,
    UnexpectedReply,
)
from longshore.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Index
from longshore.oci.platform import Platform
from longshore.registry import client as client_module
from longshore.registry.details_cache import DetailsCache
from longshore.registry.model import RegistryInfo, TagDetails

from .conftest import Asked, reply

SAM = Credential("sam", "tide")
AMD = Platform("linux", "amd64")
ARM = Platform("linux", "arm64", "v8")
CREATED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


class Images:
    """A registry of one repository, which reports digests."""

    def __init__(self) -> None:
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.refused: dict[str, int] = {}

    def put(self, document: dict[str, Any], *tags: str) -> dict[str, Any]:
        raw = json.dumps({"schemaVersion": 2, **document}).encode()
        for name in (digest_of(raw), *tags):
            self.manifests[name] = (document["mediaType"], raw)
        return {"mediaType": document["mediaType"], "digest": digest_of(raw), "size": len(raw)}

    def image(self, architecture: str, layer: int, *tags: str, config: bytes = b"") -> dict[str, Any]:
        document = {"os": "linux", "architecture": architecture, "created": "2024-01-02T03:04:05Z"}
        config = config or json.dumps(document).encode()
        self.blobs[digest_of(config)] = config
        parts = {
            "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": "x/layer", "digest": f"sha256:{layer:064x}", "size": layer}],
        }
        return self.put({"mediaType": OCI_MANIFEST, **parts}, *tags)

    def index(self, *children: dict[str, Any], tag: str = "all") -> dict[str, Any]:
        return self.put({"mediaType": OCI_INDEX, "manifests": list(children)}, tag)

    def __call__(self, asked: Asked) -> Any:
        name = asked.path.rpartition("/")[2]
        if name in self.refused:
            return reply({}, self.refused[name])
        if "/blobs/" in asked.path and name in self.blobs:
            return reply(self.blobs[name])
        if "/manifests/" in asked.path and name in self.manifests:
            kind, raw = self.manifests[name]
            return reply(raw, Content_Type=kind, Docker_Content_Digest=digest_of(raw))
        return reply({}) if asked.path == "/v2/" else None


def of(platform: Platform, child: dict[str, Any]) -> dict[str, Any]:
    words = {"os": platform.os, "architecture": platform.architecture}
    return {**child, "platform": {**words, **({"variant": platform.variant} if platform.variant else {})}}


@pytest.fixture
def images() -> Images:
    return Images()


def size_of(images: Images, child: dict[str, Any]) -> int:
    document = json.loads(images.manifests[child["digest"]][1])
    return int(document["config"]["size"]) + sum(layer["size"] for layer in document["layers"])


def test_a_single_image(serve, connect, images: Images) -> None:
    made = images.image("amd64", 1000, "1")
    found = connect(serve(images)).tag_details("a/b", "1", platform=ARM)
    config = json.loads(images.manifests[made["digest"]][1])["config"]["digest"]
    assert found == TagDetails(
        "1", made["digest"], size_of(images, made), (AMD,), CREATED, OCI_MANIFEST, config=config
    )


def test_an_index_has_the_size_of_the_wanted_platform_or_of_its_first_image(
    serve, connect, images: Images
) -> None:
    amd, arm = images.image("amd64", 1000), images.image("arm64", 3000)
    index = images.index(of(AMD, amd), of(ARM, arm))
    client = connect(serve(images))
    for wanted, child in ((AMD, amd), (ARM, arm), (Platform("linux", "s390x"), amd)):
        found = client.tag_details("a/b", "all", platform=wanted)
        assert (found.digest, found.size, found.created) == (index["digest"], size_of(images, child), CREATED)
        assert (found.platforms, found.media_type) == ((AMD, ARM), OCI_INDEX)
        assert found.images == (amd["digest"], arm["digest"])


def test_without_a_platform_this_machine_decides(
    serve, connect, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Platform, "host", classmethod(lambda cls: ARM))
    amd, arm = images.image("amd64", 1000), images.image("arm64", 3000)
    images.index(of(AMD, amd), of(ARM, arm))
    assert connect(serve(images)).tag_details("a/b", "all").size == size_of(images, arm)


@pytest.mark.parametrize("how", ["missing", "index", "artifact", "empty"])
def test_an_index_whose_image_cannot_be_read_has_no_size(serve, connect, images: Images, how: str) -> None:
    child = images.image("amd64", 1000)
    children = [of(AMD, child)]
    if how == "missing":
        del images.manifests[child["digest"]]
    elif how == "index":
        children = [images.index(tag="inner")]
    elif how == "artifact":
        children = [images.put({"mediaType": "x/y"})]
    else:
        children = []
    images.index(*children)
    found = connect(serve(images)).tag_details("a/b", "all", platform=AMD)
    assert (found.size, found.created, found.media_type) == (None, None, OCI_INDEX)
    assert found.platforms == ((AMD,) if how == "missing" else ())
    assert found.images == ((child["digest"],) if how == "missing" else ())


def test_a_damaged_image_is_an_error(serve, connect, images: Images) -> None:
    child = images.image("amd64", 1000)
    images.index(of(AMD, child))
    kind, raw = images.manifests[child["digest"]]
    images.manifests[child["digest"]] = (kind, raw + b" ")
    with pytest.raises(DigestMismatch):
        connect(serve(images)).tag_details("a/b", "all", platform=AMD)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_configuration_that_is_refused_leaves_size_and_platforms(
    serve, connect, images: Images, status: int
) -> None:
    child = images.image("amd64", 1000)
    images.index(of(AMD, child))
    images.refused[next(iter(images.blobs))] = status
    found = connect(serve(images)).tag_details("a/b", "all", platform=AMD)
    assert (found.size, found.platforms, found.created) == (size_of(images, child), (AMD,), None)


def test_a_configuration_of_another_kind_says_nothing(serve, connect, images: Images) -> None:
    made = images.image("amd64", 1000, "chart", config=b"name: chart")
    found = connect(serve(images)).tag_details("a/b", "chart")
    assert (found.size, found.platforms, found.created) == (size_of(images, made), (), None)


def test_a_registry_that_is_down_is_an_error(serve, connect, images: Images) -> None:
    images.image("amd64", 1000, "1")
    images.refused[next(iter(images.blobs))] = 507
    assert connect(serve(images)).tag_details("a/b", "1").created is None  # refused, and not down
    images.refused["1"] = 500
    with pytest.raises(RegistryFailure):
        connect(serve(images)).tag_details("a/b", "1")


@pytest.mark.parametrize(("count", "known"), [(100, True), (101, False)])
def test_the_images_of_an_index_are_known_all_or_not_at_all(
    serve, connect, images: Images, count: int, known: bool
) -> None:
    child = images.image("amd64", 1000)
    children = [
        of(Platform("linux", f"cpu{number}"), {**child, "digest": f"sha256:{number:064x}"})
        for number in range(count)
    ]
    images.index(*children)
    found = connect(serve(images)).tag_details("a/b", "all")
    assert len(found.images) == (count if known else 0)
    assert len(found.platforms) == 100


def test_an_index_of_more_than_images_names_none_of_them(serve, connect, images: Images) -> None:
    child = images.image("amd64", 1000)
    images.index(of(AMD, child), {**child, "digest": f"sha256:{1:064x}", "mediaType": "x/y"})
    found = connect(serve(images)).tag_details("a/b", "all", platform=AMD)
    assert (found.images, found.platforms) == ((), (AMD,))


def test_an_attestation_is_no_image(serve, connect, images: Images) -> None:
    child = images.image("amd64", 1000)
    unknown = of(Platform("unknown", "unknown"), {**child, "digest": f"sha256:{1:064x}"})
    images.index(unknown, of(AMD, child))
    found = connect(serve(images)).tag_details("a/b", "all", platform=Platform("linux", "s390x"))
    assert (found.images, found.platforms, found.size) == (
        (child["digest"],),
        (AMD,),
        size_of(images, child),
    )


@pytest.mark.parametrize(("length", "shown"), [(194, 1), (195, 0)])
def test_a_platform_of_two_hundred_characters_is_shown(length: int, shown: int) -> None:
    one = Platform("linux", "a" * length)
    assert len(str(one)) == length + 6
    assert len(client_module._shown((one,))) == shown


# -- the platforms of an index


def test_the_size_of_each_image_of_an_index(
    serve, connect, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    amd, arm = images.image("amd64", 1000), images.image("arm64", 3000)
    gone = {**amd, "digest": f"sha256:{1:064x}"}
    inner = images.index(tag="inner")
    images.index(of(AMD, amd), gone, inner, of(ARM, arm))
    server = serve(images)
    client = connect(server)
    index = client.manifest("a/b", "all")
    assert isinstance(index, Index)
    found = client.platform_details("a/b", index)
    assert [(one.platform, one.digest, one.size) for one in found] == [
        (AMD, amd["digest"], size_of(images, amd)),
        (ARM, arm["digest"], size_of(images, arm)),
    ]
    monkeypatch.setattr(client_module, "_MOST_PLATFORMS", 2)
    before = len(server.asked)
    assert [one.platform for one in client.platform_details("a/b", index)] == [AMD]
    assert len(server.asked) - before == 2


# -- the disk


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[DetailsCache]:
    made = DetailsCache(tmp_path / "details")
    yield made
    made.close()


def methods(server: Any) -> list[str]:
    found = [one.method for one in server.asked if one.path != "/v2/"]
    server.asked.clear()
    return found


def test_cheaply_means_one_head(serve, connect, images: Images) -> None:
    made = images.image("amd64", 1000, "1")
    server = serve(images)
    found = connect(server).tag_details("a/b", "1", cheaply=True)
    assert found == TagDetails("1", made["digest"], None, (), None, OCI_MANIFEST)
    assert methods(server) == ["HEAD"]


def test_a_tag_that_is_gone_is_told(serve, connect, images: Images, cache: DetailsCache) -> None:
    images.image("amd64", 1000, "1")
    server = serve(images)
    client = connect(server, details=cache)
    client.tag_details("a/b", "1")
    del images.manifests["1"]
    for cheaply in (True, False):
        with pytest.raises(NotInRegistry) as caught:
            client.tag_details("a/b", "1", cheaply=cheaply)
        assert (caught.value.registry, caught.value.subject.partition(":")[0]) == (server.host, "a/b")


def test_a_tag_that_was_moved_is_read_again(serve, connect, images: Images, cache: DetailsCache) -> None:
    images.image("amd64", 1000, "1")
    server = serve(images)
    client = connect(server, details=cache)
    first = client.tag_details("a/b", "1", platform=AMD)
    assert methods(server) == ["GET", "GET"]
    assert client.tag_details("a/b", "1", platform=AMD) == first
    assert methods(server) == ["HEAD"]
    images.image("amd64", 2000, "1")
    second = client.tag_details("a/b", "1", platform=AMD)
    assert second.size == (first.size or 0) + 1000
    assert methods(server) == ["HEAD", "GET", "GET"]
    # What is kept belongs to one platform.
    client.tag_details("a/b", "1", platform=ARM)
    assert methods(server) == ["HEAD", "GET", "GET"]


# -- the registry itself


def test_how_a_registry_is_reached(serve, connect) -> None:
    server = serve(lambda asked: reply({}))
    assert connect(server).check() == RegistryInfo("none", server.url, "")
    server = serve(lambda asked: reply({}, 401, WWW_Authenticate="Basic"))
    assert connect(server).check() == RegistryInfo("basic", server.url, "")

    def script(asked: Asked) -> Any:
        if asked.path == "/token":
            return reply({"token": "t"})
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{asked.server.url}/token"')

    server = serve(script)
    assert connect(server).check() == RegistryInfo("bearer", server.url, f"{server.url}/token")


@pytest.mark.parametrize("status", [401, 403])
def test_not_being_signed_in_is_no_error_of_a_check(serve, connect, status: int) -> None:
    def script(asked: Asked) -> Any:
        return reply({}, status) if asked.authorization else reply({}, 401, WWW_Authenticate="Basic")

    if status == 403:
        assert connect(serve(script), SAM).check().auth == "basic"
    else:
        with pytest.raises(SignInFailed):
            connect(serve(script), SAM).check()
        assert connect(serve(script)).check().auth == "basic"


@pytest.mark.parametrize("answer", [reply(b"<html>"), reply(b"hello", Content_Type="text/html"), None])
def test_what_is_no_registry(serve, connect, answer: Any) -> None:
    client = connect(serve(lambda asked: answer))
    with pytest.raises(UnexpectedReply):
        client.check()
    if answer is None:
        with pytest.raises(UnexpectedReply, match="there is no /v2/"):
            client.sign_in(SAM)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_sign_in_is_about_user_and_password(serve, connect, status: int) -> None:
    said = {"errors": [{"code": "DENIED"}]}

    def script(asked: Asked) -> Any:
        return reply(said, status) if asked.authorization else reply({}, 401, WWW_Authenticate="Basic")

    with pytest.raises(SignInFailed, match="refused the user name or password") as caught:
        connect(serve(script)).sign_in(SAM)
    assert caught.value.detail == f"HTTP {status}: DENIED"


def test_a_sign_in_replaces_what_the_client_knew(serve, connect) -> None:
    """The next request looks up the credential that the caller has stored."""
    server = serve(lambda a: reply({}) if a.authorization else reply({}, 401, WWW_Authenticate="Basic"))
    client = connect(server)
    current: list[Credential | None] = [None]
    client._session.auth._credentials = lambda _host: current[0]
    with pytest.raises(SignInRequired):
        client.tags("a/b")
    current[0] = client.sign_in(SAM)
    client.tags("a/b")
