"""Referrers of an image: found in every way, in an order in which they can be stored; missing ones are reported."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, NotInRegistry
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST, Index, Manifest, parse_manifest
from longshore.transfers.ways.copying.walk import Content, walk

CONFIG = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256_of(b"{}"), "size": 2}


class Place:
    """Holds manifests by name, and what refers to a digest."""

    host, repository = "one.example", "a"

    def __init__(self) -> None:
        self.held: dict[str, Manifest | Index] = {}
        self.referring: dict[str, list[Descriptor]] = {}

    @contextlib.contextmanager
    def blob(
        self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation
    ) -> Iterator[Iterable[bytes]]:
        raise NotInRegistry("No blob.", registry=self.host, subject=wanted.digest)
        yield ()

    def manifest(self, name: str, *, cancellation: Cancellation) -> Manifest | Index:
        if name not in self.held:
            raise NotInRegistry("Not here.", registry=self.host, subject=name)
        return self.held[name]

    def referrers(
        self, digest: str, *, refused: Callable[[LongshoreError], None], cancellation: Cancellation
    ) -> list[Descriptor]:
        return self.referring.get(digest, [])

    def mountable(self, digest: str, host: str) -> str:
        return self.repository if host == self.host else ""

    def close(self) -> None:
        pass

    def put(self, document: dict[str, Any], *names: str) -> Descriptor:
        raw = json.dumps({"schemaVersion": 2} | document).encode()
        found = parse_manifest(raw, document["mediaType"])
        self.held |= dict.fromkeys((found.digest, *names), found)
        return found.descriptor

    def image(self, seed: str, *names: str) -> Descriptor:
        about = {"config": CONFIG, "layers": [], "annotations": {"seed": seed}}
        return self.put({"mediaType": OCI_MANIFEST} | about, *names)

    def index(self, *children: Descriptor) -> Descriptor:
        return self.put({"mediaType": OCI_INDEX, "manifests": [child.to_json() for child in children]})

    def walked(self) -> Content:
        return walk(self, "1", referrers=True, cancellation=Cancellation())


@pytest.fixture
def place() -> Place:
    return Place()


def names(content: Content) -> list[str]:
    return [name for name, _ in content.beside]


def test_parts_of_a_referring_index_come_before_it_and_no_part_comes_twice(place: Place) -> None:
    top, part = place.image("top", "1"), place.image("part")
    referring = place.index(part, top)
    place.referring[top.digest] = [referring]
    found = place.walked()
    assert names(found) == [part.digest, referring.digest]
    assert [one.digest for one in found.manifests] == [top.digest, part.digest, referring.digest]
    assert found.unlisted == ""


def test_what_refers_to_what_refers_is_found_as_well(place: Place) -> None:
    top, first, second = place.image("top", "1"), place.image("first"), place.image("second")
    place.referring = {top.digest: [first], first.digest: [second], second.digest: [first]}
    assert names(place.walked()) == [first.digest, second.digest]


def test_a_signature_by_its_tag_keeps_the_tag_as_its_name(place: Place) -> None:
    top = place.image("top", "1")
    tags = [top.digest.replace(":", "-") + ending for ending in (".sig", ".att", ".sbom")]
    for tag in tags:
        place.image(tag, tag)
    assert names(place.walked()) == tags


def test_only_what_the_source_lists_is_missed(place: Place) -> None:
    """Most images have no signature, so a missing signature tag is not reported."""
    top = place.image("top", "1")
    found = place.walked()
    assert (names(found), found.unlisted) == ([], "")
    gone = place.image("gone")
    del place.held[gone.digest]
    place.referring[top.digest] = [gone]
    found = place.walked()
    assert (names(found), found.unlisted) == ([], "Not here.")
