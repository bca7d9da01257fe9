"""Removing a tag by its manifest: what is removed with it, and what stays."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import TagMoved, VerificationFailed
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.registry.removal import look, remove

from .conftest import Asked, reply


class Tags:
    """A registry of one repository that deletes by digest."""

    def __init__(self) -> None:
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.tags: dict[str, str] = {}
        self.broken: set[str] = set()
        self.known: set[str] = set()
        self.deleted: list[str] = []

    def image(self, number: int, *tags: str) -> str:
        part = {"mediaType": "x/y", "digest": f"sha256:{number:064x}", "size": 1}
        return self.put({"mediaType": OCI_MANIFEST, "config": part, "layers": []}, *tags)

    def index(self, digest: str, *tags: str) -> str:
        kind, raw = self.manifests[digest]
        child = {"mediaType": kind, "digest": digest, "size": len(raw)}
        return self.put({"mediaType": OCI_INDEX, "manifests": [child]}, *tags)

    def put(self, document: dict[str, Any], *tags: str) -> str:
        raw = json.dumps({"schemaVersion": 2, **document}).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        self.known.add(digest)
        self.manifests[digest] = (document["mediaType"], raw)
        self.tags |= dict.fromkeys(tags, digest)
        return digest

    def untag(self, tag: str) -> Any:
        return reply({}, 400)

    def __call__(self, asked: Asked) -> Any:
        name = asked.path.rpartition("/")[2]
        if "/tags/list" in asked.path:
            return reply({"tags": sorted(self.tags)})
        if name in self.broken:
            return reply({}, 400)
        if asked.method == "DELETE" and not name.startswith("sha256:"):
            return self.untag(name)
        if asked.method == "DELETE":
            if name in self.known:
                self.deleted.append(name)
            return reply({}, 202) if self.manifests.pop(name, None) else None
        digest = self.tags.get(name, name)
        if digest not in self.manifests:
            return None if asked.path != "/v2/" else reply({})
        kind, raw = self.manifests[digest]
        return reply(raw, 200, Content_Type=kind, Docker_Content_Digest=digest)


def test_what_goes_with_a_tag_and_what_stays(serve, connect) -> None:
    registry = Tags()
    one = registry.image(1, "1.0", "1", "latest")
    two = registry.image(2, "2.0")
    registry.index(one, "all")
    registry.index(two, "both")
    registry.image(3, "unreadable")
    registry.broken.add("unreadable")
    client = connect(serve(registry))
    plan = look(client, "a/b", ["1.0", "gone"], Cancellation())
    assert plan.digests == ((one, ("latest", "1", "1.0")),)
    assert (plan.repository, plan.chosen, plan.siblings) == ("a/b", ("1.0", "gone"), ("latest", "1"))
    assert (plan.broken, plan.unknown) == (("all",), 1)
    remove(client, plan)
    assert registry.deleted == [one]
    remove(client, plan)  # already gone: no error
    assert registry.deleted == [one, one]


def test_a_tag_that_was_moved_meanwhile_is_not_removed(serve, connect) -> None:
    registry = Tags()
    registry.image(1, "1.0")
    client = connect(serve(registry))
    plan = look(client, "a/b", ["1.0"], Cancellation())
    registry.image(2, "1.0")
    with pytest.raises(VerificationFailed, match="moved to another image"):
        remove(client, plan)
    assert registry.deleted == []


def test_an_image_that_got_another_tag_meanwhile_is_not_removed(serve, connect) -> None:
    registry = Tags()
    one = registry.image(1, "1.0")
    two = registry.image(2, "2.0", "stable")
    client = connect(serve(registry))
    plan = look(client, "a/b", ["1.0"], Cancellation())
    registry.tags["release-1.0"] = one  # a new tag
    with pytest.raises(TagMoved, match=r"release-1.0 needs"):
        remove(client, plan)
    registry.tags["release-1.0"] = two
    registry.tags["stable"] = one  # a tag that was moved
    with pytest.raises(TagMoved, match="stable needs"):
        remove(client, plan)
    registry.tags["stable"] = two
    index = registry.index(registry.index(one), "all")  # an index of an index
    with pytest.raises(TagMoved, match="all needs"):
        remove(client, plan)
    broken = registry.put({"mediaType": OCI_INDEX, "manifests": [{"mediaType": OCI_MANIFEST, "digest": one}]})
    registry.tags["all"] = broken  # what it needs is not known
    with pytest.raises(TagMoved, match="all needs"):
        remove(client, plan)
    assert registry.deleted == [] and index in registry.manifests
    del registry.tags["all"]
    remove(client, plan)
    assert registry.deleted == [one]


def test_an_index_of_an_index_is_broken_too(serve, connect) -> None:
    registry = Tags()
    one = registry.image(1, "1.0")
    registry.index(registry.index(one), "all")
    plan = look(connect(serve(registry)), "a/b", ["1.0"], Cancellation())
    assert (plan.broken, plan.unknown) == (("all",), 0)


def test_nothing_is_removed_where_nothing_is(serve, connect) -> None:
    registry = Tags()
    registry.image(1, "1.0")
    client = connect(serve(registry))
    plan = look(client, "a/b", ["gone"], Cancellation())
    assert (plan.digests, plan.siblings, plan.broken, plan.unknown) == ((), (), (), 0)
    remove(client, plan)
    assert registry.deleted == []


def test_an_index_that_cannot_be_read_is_unknown(serve, connect) -> None:
    registry = Tags()
    one = registry.image(1, "1.0")
    index = registry.index(one, "all")

    def script(asked: Asked) -> Any:
        return reply({}, 400) if asked.method == "GET" and index in asked.path else registry(asked)

    plan = look(connect(serve(script)), "a/b", ["1.0"], Cancellation())
    assert (plan.broken, plan.unknown, plan.digests) == ((), 1, ((one, ("1.0",)),))


def test_the_host_and_what_was_chosen_are_in_the_plan(serve, connect) -> None:
    registry = Tags()
    registry.image(1, "1.0")
    server = serve(registry)
    plan = look(connect(server), "a/b", ["1.0"], Cancellation())
    assert (plan.host, plan.repository, plan.chosen) == (server.host, "a/b", ("1.0",))
    registry.image(2, "1.0")
    with pytest.raises(VerificationFailed) as caught:
        remove(connect(server), plan)
    assert caught.value.subject == f"{server.host}/a/b:1.0"


def test_a_registry_that_keeps_the_tags_of_a_deleted_manifest(serve, connect) -> None:
    """crane's: the tag is then deleted by itself, or it is found out."""

    class Keeping(Tags):
        deletes_tags = True

        def untag(self, tag: str) -> Any:
            if not self.deletes_tags:
                return reply({}, 405)
            del self.tags[tag]
            return reply({}, 202)

        def __call__(self, asked: Asked) -> Any:
            if asked.method == "DELETE" and "sha256:" in asked.path:
                self.deleted.append(asked.path)
                return reply({}, 202)
            return super().__call__(asked)

    for deletes in (True, False):
        registry = Keeping()
        registry.image(1, "1.0")
        client = connect(serve(registry))
        plan = look(client, "a/b", ["1.0"], Cancellation())
        registry.deletes_tags = deletes
        if deletes:
            remove(client, plan)
            assert registry.tags == {}
        else:
            with pytest.raises(VerificationFailed, match="still has the tag"):
                remove(client, plan)


class SingleTags(Tags):
    """A registry that deletes tags alone. *keeps*: it only reports so. *drops*: it deletes the manifest instead.
    *closed*: it accepts no push."""

    keeps = drops = closed = False

    def untag(self, tag: str) -> Any:
        if self.keeps or tag not in self.tags:
            return reply({}, 202) if self.keeps else None
        self.deleted.append(tag)
        if self.drops:
            digest = self.tags[tag]
            del self.manifests[digest]
            self.tags = {name: one for name, one in self.tags.items() if one != digest}
        else:
            del self.tags[tag]
        return reply({}, 202)

    def __call__(self, asked: Asked) -> Any:
        if asked.method != "PUT":
            return super().__call__(asked)
        if self.closed:
            return reply({}, 405)
        name = asked.path.rpartition("/")[2]
        digest = f"sha256:{hashlib.sha256(asked.body).hexdigest()}"
        self.manifests[digest] = (asked.headers["content-type"], asked.body)
        if name != digest:
            self.tags[name] = digest
        return reply({}, 201)


def test_a_registry_that_deletes_tags_alone_keeps_the_others(serve, connect) -> None:
    registry = SingleTags()
    one = registry.image(1, "1.0", "latest")
    two = registry.image(2, "2.0", "2")
    three = registry.image(3, "3.0")
    registry.index(two, "both")
    client = connect(serve(registry))
    plan = look(client, "a/b", ["1.0", "2.0", "2", "3.0"], Cancellation())
    assert dict(plan.digests) == {one: ("1.0",), two: ("2", "2.0"), three: ("3.0",)}
    assert (plan.siblings, plan.broken, plan.unknown) == ((), (), 0)
    assert (plan.alone, plan.staying) == (frozenset({one, two}), ("latest",))
    remove(client, plan)
    assert sorted(registry.deleted) == sorted(["1.0", "2", "2.0", three])
    assert registry.tags.keys() - {"3.0"} == {"latest", "both"}
    assert {one, two} < registry.manifests.keys()


def test_a_digest_names_the_image_with_all_its_tags(serve, connect) -> None:
    registry = SingleTags()
    one = registry.image(1, "1.0", "latest")
    client = connect(serve(registry))
    plan = look(client, "a/b", [one], Cancellation())
    assert (set(plan.siblings), plan.alone) == ({"1.0", "latest"}, frozenset())
    remove(client, plan)
    assert registry.deleted == [one]


def test_a_registry_that_keeps_the_tag_is_found_out(serve, connect) -> None:
    registry = SingleTags()
    registry.image(1, "1.0", "latest")
    client = connect(serve(registry))
    plan = look(client, "a/b", ["1.0"], Cancellation())
    registry.keeps = True
    with pytest.raises(VerificationFailed, match="still has the tag"):
        remove(client, plan)


def test_what_a_registry_removed_in_excess_is_put_back(serve, connect) -> None:
    registry = SingleTags()
    one = registry.image(1, "1.0", "latest")
    raw = registry.manifests[one]
    client = connect(serve(registry))
    plan = look(client, "a/b", ["1.0"], Cancellation())
    assert (plan.siblings, plan.staying) == ((), ("latest",))
    registry.drops = True
    remove(client, plan)
    assert registry.tags == {"latest": one} and registry.manifests == {one: raw}
    registry.image(1, "1.0")
    plan = look(client, "a/b", ["1.0"], Cancellation())
    registry.closed = True
    with pytest.raises(VerificationFailed, match="also removed other tags") as caught:
        remove(client, plan)
    assert "latest" in caught.value.detail.splitlines()


class WithUploads(SingleTags):
    """A registry that deletes tags alone and accepts blobs."""

    def __call__(self, asked: Asked) -> Any:
        if "/blobs/" not in asked.path:
            return super().__call__(asked)
        if asked.method == "POST":
            return reply({}, 202, Location="/v2/a/b/blobs/uploads/1", Range="0-0")
        return reply({}, 201) if asked.method == "PUT" else None


@pytest.mark.parametrize("drops", [False, True], ids=["keeps the image", "deletes it too"])
def test_whether_a_registry_keeps_images_is_tried_with_one_of_ours(serve, connect, drops: bool) -> None:
    registry = WithUploads()
    registry.drops = drops
    one = registry.image(1, "1.0", "2.0", "latest")
    lost: list[str] = []

    def watched(asked: Asked) -> Any:
        answer = registry(asked)
        if one not in registry.manifests:
            lost.append(f"{asked.method} {asked.path}")
        return answer

    client = connect(serve(watched))
    plan = look(client, "a/b", ["1.0", "2.0"], Cancellation())
    assert plan.staying == ("latest",)
    remove(client, plan)
    there = {tag for tag, digest in registry.tags.items() if digest in registry.manifests}
    assert (there, registry.tags["latest"], list(registry.manifests)) == ({"latest"}, one, [one])
    # The image was never away, and it was tried once.
    assert lost == []
    assert sum(name.startswith("longshore-trial-") for name in registry.deleted) == 1
