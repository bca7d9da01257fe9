"""Tags that are deleted alone, at registries of every kind: the way, what is checked, and what is put back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import AccessDenied, LongshoreError, TagMoved, UnexpectedReply, VerificationFailed
from longshore.oci.manifest import DOCKER_MANIFEST, OCI_MANIFEST, parse_manifest
from longshore.registry.client import RegistryClient
from longshore.registry.substitutes import is_substitute
from longshore.registry.tag_deletion import TagDeletion, Way

from .conftest import Asked, reply

PART = {"mediaType": "x/y", "digest": "sha256:" + "1" * 64, "size": 1}


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


class Registry:
    """A registry of one repository, which a test makes odd.

    *tags_alone*: it deletes tags, and *drops* their images too. *by_digest*: it deletes manifests, and *keeps_tags* of
    theirs. *pushes*: it accepts content. *before*: called with each request, may return a response.
    """

    tags_alone = by_digest = pushes = True
    drops = keeps_tags = False

    def __init__(self) -> None:
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.tags: dict[str, str] = {}
        self.did: list[str] = []
        self.before: Callable[[Asked], Any] = lambda asked: None

    def image(self, number: int, *tags: str, kind: str = OCI_MANIFEST) -> str:
        document = {"schemaVersion": 2, "mediaType": kind, "config": {**PART, "size": number}, "layers": []}
        raw = json.dumps(document).encode()
        self.manifests[digest_of(raw)] = (kind, raw)
        self.tags |= dict.fromkeys(tags, digest_of(raw))
        return digest_of(raw)

    def __call__(self, asked: Asked) -> Any:
        if asked.path == "/v2/":
            return reply({})
        odd = self.before(asked)
        if odd is not None:
            return odd
        name = asked.path.rpartition("/")[2]
        if "/blobs/" in asked.path:
            return self.blob(asked)
        if asked.method == "PUT":
            return self.put(name, asked)
        if asked.method == "DELETE":
            return self.delete(name)
        found = self.manifests.get(self.tags.get(name, name))
        if found is None:
            return None
        return reply(found[1], Content_Type=found[0], Docker_Content_Digest=digest_of(found[1]))

    def blob(self, asked: Asked) -> Any:
        if not self.pushes:
            return reply({}, 405)
        if asked.method in ("POST", "DELETE"):
            return reply({}, 202, Location="/v2/a/b/blobs/uploads/1")
        return reply({}, 201) if asked.method == "PUT" else None

    def put(self, name: str, asked: Asked) -> Any:
        if not self.pushes:
            return reply({}, 405)
        digest = digest_of(asked.body)
        self.manifests[digest] = (asked.headers["content-type"], asked.body)
        if name != digest:
            self.tags[name] = digest
        self.did.append(f"put {name[:14]}")
        return reply({}, 201, Docker_Content_Digest=digest)

    def delete(self, name: str) -> Any:
        if not name.startswith("sha256:"):
            if not self.tags_alone:
                return reply({}, 400)
            if name not in self.tags:
                return None
            self.did.append(f"delete {name[:14]}")
            digest = self.tags.pop(name)
            if self.drops:
                self.forget(digest)
            return reply({}, 202)
        if not self.by_digest:
            return reply({}, 405)
        if name not in self.manifests:
            return None
        self.did.append("delete manifest")
        self.forget(name)
        return reply({}, 202)

    def forget(self, digest: str) -> None:
        del self.manifests[digest]
        if not self.keeps_tags:
            self.tags = {tag: one for tag, one in self.tags.items() if one != digest}


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def client(serve, connect, registry: Registry) -> RegistryClient:
    made: RegistryClient = connect(serve(registry))
    return made


def vendor(registry: Registry, **more: Any) -> Any:
    """The API of a vendor that deletes tags of *registry*."""

    def delete_tag(repository: str, tag: str, digest: str, *, cancellation: Cancellation) -> None:
        registry.did.append(f"vendor {tag}")
        registry.tags.pop(tag)

    return SimpleNamespace(**{"deletes_tags": lambda *, cancellation: True, "delete_tag": delete_tag, **more})


def refuse(*, cancellation: Cancellation) -> bool:
    raise AccessDenied("No.", registry="r")


# -- the way


@pytest.mark.parametrize(
    ("tags_alone", "lister", "by_digest", "pushes", "way"),
    [
        (True, "deletes", True, True, Way.TAG),
        (False, "deletes", True, True, Way.VENDOR),
        (False, "refuses", True, True, Way.SUBSTITUTE),
        (False, None, True, True, Way.SUBSTITUTE),
        (False, None, False, True, Way.IMAGE),
        (False, None, True, False, Way.IMAGE),
    ],
)
def test_the_best_way_that_a_registry_has(
    registry: Registry,
    client: RegistryClient,
    tags_alone: bool,
    lister: str | None,
    by_digest: bool,
    pushes: bool,
    way: Way,
) -> None:
    registry.tags_alone, registry.by_digest, registry.pushes = tags_alone, by_digest, pushes
    given = {None: None, "deletes": vendor(registry), "refuses": vendor(registry, deletes_tags=refuse)}[
        lister
    ]
    deletion = TagDeletion(client, "a/b", lister=given)
    assert deletion.way() is way
    registry.before = lambda asked: pytest.fail("asked twice")
    assert deletion.way() is way
    assert registry.did == [], "finding out changes nothing"


def test_a_registry_that_deletes_images_with_their_tags_gets_a_substitute(
    registry: Registry, client: RegistryClient
) -> None:
    registry.drops = True
    deletion = TagDeletion(client, "a/b")
    assert deletion.way() is Way.TAG
    deletion.try_out()
    assert deletion.way() is Way.SUBSTITUTE
    assert [did.partition(":")[0] for did in registry.did] == [
        "put longshore-tria",
        "delete longshore-tria",
        "put sha256",
        "delete manifest",
    ]
    assert (registry.tags, registry.manifests) == ({}, {})
    registry.did.clear()
    deletion.try_out()
    assert registry.did == [], "tried once"


def test_a_registry_that_keeps_images_is_left_as_it_was(registry: Registry, client: RegistryClient) -> None:
    one = registry.image(1, "1.0")
    deletion = TagDeletion(client, "a/b")
    deletion.try_out()
    assert deletion.way() is Way.TAG
    assert (registry.tags, list(registry.manifests)) == ({"1.0": one}, [one])


def test_a_registry_that_accepts_no_push_is_believed(registry: Registry, client: RegistryClient) -> None:
    registry.pushes = False
    deletion = TagDeletion(client, "a/b")
    deletion.try_out()
    assert deletion.way() is Way.TAG


def test_a_registry_that_only_says_that_it_deletes_tags(registry: Registry, client: RegistryClient) -> None:
    """The trial is still there afterwards."""
    registry.before = lambda asked: (
        reply({}, 202) if asked.method == "DELETE" and "longshore-trial" in asked.path else None
    )
    deletion = TagDeletion(client, "a/b")
    deletion.try_out()
    assert deletion.way() is Way.SUBSTITUTE
    assert (registry.tags, registry.manifests) == ({}, {})


def test_a_registry_that_deletes_nothing_says_so(registry: Registry, client: RegistryClient) -> None:
    registry.tags_alone = registry.by_digest = False
    with pytest.raises(AccessDenied):
        TagDeletion(client, "a/b").try_out()


# -- tags alone


@pytest.mark.parametrize("way", [Way.TAG, Way.VENDOR, Way.SUBSTITUTE])
@pytest.mark.parametrize("kind", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_a_tag_goes_and_its_image_stays(
    registry: Registry, client: RegistryClient, way: Way, kind: str
) -> None:
    one = registry.image(1, "1.0", "1", "latest", kind=kind)
    registry.tags_alone = way is Way.TAG
    pushed: list[bytes] = []

    def watched(asked: Asked) -> None:
        if asked.method == "PUT" and "/manifests/1" in asked.path:
            pushed.append(asked.body)

    registry.before = watched
    deletion = TagDeletion(client, "a/b", lister=vendor(registry) if way is Way.VENDOR else None)
    assert list(deletion.delete_tags(one, ["1.0", "gone", "1"], ["latest"])) == ["1.0", "gone", "1"]
    assert (registry.tags, list(registry.manifests)) == ({"latest": one}, [one])
    assert deletion.way() is way
    assert len(pushed) == (2 if way is Way.SUBSTITUTE else 0)
    for raw, tag in zip(pushed, ("1.0", "1"), strict=False):
        made = parse_manifest(raw, kind)
        assert is_substitute(made, tag) and not is_substitute(made, "latest")
    assert not is_substitute(client.manifest("a/b", "latest"), "latest")


def test_a_tag_that_points_elsewhere_is_left_alone(registry: Registry, client: RegistryClient) -> None:
    one = registry.image(1, "1.0", "latest")
    two = registry.image(2, "1")
    for tags_alone in (True, False):
        registry.tags_alone = tags_alone
        with pytest.raises(TagMoved, match="1 was moved to another image") as caught:
            list(TagDeletion(client, "a/b").delete_tags(one, ["1"], ["latest"]))
        assert caught.value.subject == f"{client.registry.host}/a/b:1"
        assert registry.tags["1"] == two


def test_a_tag_that_is_pushed_again_meanwhile_is_noticed(registry: Registry, client: RegistryClient) -> None:
    one = registry.image(1, "1.0", "latest")

    def pushed_again(asked: Asked) -> Any:
        if asked.method == "DELETE" and asked.path.endswith("/1.0"):
            registry.image(2, "1.0")
            return reply({}, 202)
        return None

    deletion = TagDeletion(client, "a/b")
    deletion.try_out()
    registry.before = pushed_again
    with pytest.raises(TagMoved, match="pushed again"):
        list(deletion.delete_tags(one, ["1.0"], ["latest"]))


@pytest.mark.parametrize("way", [Way.TAG, Way.VENDOR])
def test_a_tag_that_is_still_there_is_an_error(registry: Registry, client: RegistryClient, way: Way) -> None:
    one = registry.image(1, "1.0", "latest")
    registry.tags_alone = way is Way.TAG
    lister = vendor(registry, delete_tag=lambda *_, **__: None)
    deletion = TagDeletion(client, "a/b", lister=lister if way is Way.VENDOR else None)
    deletion.try_out()
    registry.before = lambda asked: reply({}, 202) if asked.method == "DELETE" else None
    with pytest.raises(VerificationFailed, match="still has the tag"):
        list(deletion.delete_tags(one, ["1.0"], ["latest"]))
    assert registry.tags["1.0"] == one


def test_a_substitute_that_cannot_be_deleted_is_undone(registry: Registry, client: RegistryClient) -> None:
    one = registry.image(1, "1.0", "latest")
    registry.tags_alone = False
    deletion = TagDeletion(client, "a/b")
    deletion.try_out()
    refusal = reply({"errors": [{"code": "DENIED"}]}, 403)
    registry.before = lambda asked: refusal if asked.method == "DELETE" else None
    with pytest.raises(LongshoreError) as caught:
        list(deletion.delete_tags(one, ["1.0"], ["latest"]))
    assert "DENIED" in caught.value.detail
    assert registry.tags == {"1.0": one, "latest": one}
    # If not even that is possible, it is said where the image is.
    puts: list[str] = []

    def refused_after_one(asked: Asked) -> Any:
        if asked.method == "PUT" and "/manifests/" in asked.path:
            puts.append(asked.path)
            return None if len(puts) == 1 else refusal
        return refusal if asked.method == "DELETE" else None

    registry.before = refused_after_one
    with pytest.raises(VerificationFailed, match="neither deleted nor put back") as lost:
        list(deletion.delete_tags(one, ["1.0"], ["latest"]))
    assert one in lost.value.advice


def test_a_registry_that_keeps_the_tags_of_a_deleted_manifest(
    registry: Registry, client: RegistryClient
) -> None:
    one = registry.image(1, "1.0", "latest")
    registry.keeps_tags = True
    deletion = TagDeletion(client, "a/b")
    assert list(deletion.delete_tags(one, ["1.0"], ["latest"])) == ["1.0"]
    assert registry.tags["latest"] == one and one in registry.manifests


def test_what_goes_with_a_tag_is_put_back(registry: Registry, client: RegistryClient) -> None:
    """A registry that keeps images of ours, and deletes others."""
    one = registry.image(1, "1.0", "latest", "other")
    two = registry.image(2, "moved")
    deletion = TagDeletion(client, "a/b")
    deletion.try_out()
    registry.drops = True
    registry.did.clear()
    assert list(deletion.delete_tags(one, ["1.0"], ["latest", "other", "moved"])) == ["1.0"]
    assert registry.tags == {"latest": one, "other": one, "moved": two}
    assert one in registry.manifests and registry.did[0] == "delete 1.0"


def test_a_cancellation_waits_for_the_end_of_a_deletion(registry: Registry, client: RegistryClient) -> None:
    one = registry.image(1, "1.0", "1.1", "latest")
    registry.tags_alone = False
    cancellation = Cancellation()
    deletion = TagDeletion(client, "a/b", cancellation=cancellation)
    deletion.try_out()

    def cancelling(asked: Asked) -> None:
        if asked.method == "PUT" and asked.path.endswith("/manifests/1.0"):
            cancellation.cancel()

    registry.before = cancelling
    gone: list[str] = []
    with pytest.raises(Cancelled):
        for tag in deletion.delete_tags(one, ["1.0", "1.1"], ["latest"]):
            gone.append(tag)
    assert gone == ["1.0"]
    assert registry.tags == {"1.1": one, "latest": one} and list(registry.manifests) == [one]


# -- images


def test_an_image_goes_with_all_its_tags(registry: Registry, client: RegistryClient) -> None:
    one = registry.image(1, "1.0", "latest")
    deletion = TagDeletion(client, "a/b")
    deletion.delete_image(one, ["1.0", "latest", one])
    assert (registry.tags, registry.manifests, registry.did) == ({}, {}, ["delete manifest"])
    deletion.delete_image(one, ["1.0", "latest"])  # gone already


def test_an_image_with_a_tag_that_moved_is_left_alone(registry: Registry, client: RegistryClient) -> None:
    one = registry.image(1, "1.0", "latest")
    registry.image(2, "1.0")
    with pytest.raises(TagMoved):
        TagDeletion(client, "a/b").delete_image(one, ["latest", "1.0"])
    assert registry.did == []


def test_where_only_the_vendor_deletes_it_deletes_each_tag(
    registry: Registry, client: RegistryClient
) -> None:
    """Docker Hub."""
    one = registry.image(1, "1.0", "latest")
    registry.by_digest = registry.tags_alone = False
    TagDeletion(client, "a/b", lister=vendor(registry)).delete_image(one, ["1.0", "latest", one])
    assert registry.did == ["vendor 1.0", "vendor latest"]
    registry.image(1, "1.0")
    for lister in (None, vendor(registry, deletes_tags=refuse)):
        with pytest.raises(AccessDenied):
            TagDeletion(client, "a/b", lister=lister).delete_image(one, ["1.0"])


def test_another_refusal_is_no_reason_to_ask_the_vendor(registry: Registry, client: RegistryClient) -> None:
    one = registry.image(1, "1.0")
    registry.before = lambda asked: reply({}, 409) if asked.method == "DELETE" else None
    with pytest.raises(UnexpectedReply):
        TagDeletion(client, "a/b", lister=vendor(registry)).delete_image(one, ["1.0"])
    assert registry.did == []
