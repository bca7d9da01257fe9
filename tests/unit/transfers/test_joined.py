"""Several images as one index: which platforms it has, what is refused, and where its content comes from."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import InvalidInput
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    parse_manifest,
)
from longshore.oci.platform import Platform
from longshore.transfers.content.joined import JOINED, JoinedReader
from unit.transfers.test_copy_parts import Reader

ATTESTS = {"vnd.docker.reference.type": "attestation-manifest"}


class Shelf(Reader):
    """A repository with images, each of one platform."""

    def __init__(self, host: str = "one.example", repository: str = "a") -> None:
        super().__init__()
        self.host = host
        self.repository = repository
        self.closed = False

    def image(
        self, platform: str, name: str, *, kind: str = OCI_MANIFEST, config: str = OCI_CONFIG
    ) -> Descriptor:
        system, processor = platform.split("/") if platform else ("", "")
        self.data = json.dumps({"os": system, "architecture": processor}).encode()
        self.blobs = getattr(self, "blobs", {})
        digest = f"sha256:{hashlib.sha256(self.data).hexdigest()}"
        self.blobs[digest] = self.data
        part = {"mediaType": config, "digest": digest, "size": len(self.data)}
        return self.put({"schemaVersion": 2, "mediaType": kind, "config": part, "layers": []}, name)

    def blob(self, wanted: Descriptor, offset: int = 0, *, cancellation: Cancellation) -> Any:
        self.data = self.blobs[wanted.digest]
        return super().blob(wanted, offset, cancellation=cancellation)

    def close(self) -> None:
        self.closed = True


def joined(*parts: tuple[Shelf, str]) -> JoinedReader:
    return JoinedReader([(f"{shelf.repository}:{name}", shelf, name) for shelf, name in parts])


def index_of(reader: JoinedReader) -> Index:
    found = reader.manifest(JOINED, cancellation=Cancellation())
    assert isinstance(found, Index)
    parsed = parse_manifest(found.raw, found.media_type)
    assert isinstance(parsed, Index) and parsed.manifests == found.manifests and parsed.digest == found.digest
    return found


def test_images_in_the_order_in_which_they_are_named() -> None:
    one, two = Shelf(), Shelf("two.example", "b")
    arm, amd = two.image("linux/arm64", "arm"), one.image("linux/amd64", "amd")
    reader = joined((two, "arm"), (one, "amd"))
    found = index_of(reader)
    assert found.media_type == OCI_INDEX
    assert [child.digest for child in found.manifests] == [arm.digest, amd.digest]
    assert found.platforms == (Platform("linux", "arm64"), Platform("linux", "amd64"))
    assert (reader.host, reader.repository) == ("", "")
    assert reader.manifest(arm.digest, cancellation=Cancellation()).digest == arm.digest
    assert reader.mountable(arm.digest, "two.example") == "b"
    assert reader.mountable(amd.digest, "two.example") == ""
    assert index_of(joined((two, "arm"), (one, "amd"))).digest == found.digest
    reader.close()
    assert one.closed and two.closed


def test_dockers_images_make_dockers_list() -> None:
    shelf = Shelf()
    for name in ("amd64", "arm64"):
        shelf.image(f"linux/{name}", name, kind=DOCKER_MANIFEST, config=DOCKER_CONFIG)
    reader = joined((shelf, "amd64"), (shelf, "arm64"))
    assert index_of(reader).media_type == DOCKER_LIST
    assert (reader.host, reader.repository) == ("one.example", "a")


def test_an_index_brings_its_images_and_attestations_once() -> None:
    shelf = Shelf()
    amd, arm = shelf.image("linux/amd64", "x"), shelf.image("linux/arm64", "arm")
    rows = [
        {**amd.to_json(), "platform": {"os": "linux", "architecture": "amd64"}},
        {"mediaType": OCI_MANIFEST, "digest": f"sha256:{'5' * 64}", "size": 1, "annotations": ATTESTS},
    ]
    shelf.put({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": rows}, "index")
    found = index_of(joined((shelf, "index"), (shelf, "arm"), (shelf, "x")))
    assert [child.digest for child in found.manifests] == [amd.digest, arm.digest, f"sha256:{'5' * 64}"]
    assert [child.is_attestation for child in found.manifests] == [False, False, True]


def test_two_images_of_one_platform_are_refused() -> None:
    shelf = Shelf()
    shelf.image("linux/arm64", "one")
    other = Shelf(repository="b")
    other.data = b""
    other.image("linux/arm64", "two")
    # Another manifest of the same platform: the digest differs.
    part = {"mediaType": OCI_CONFIG, "digest": next(iter(other.blobs)), "size": len(other.data)}
    about = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": part,
        "layers": [],
        "annotations": {"a": "b"},
    }
    other.put(about, "two")
    with pytest.raises(InvalidInput, match="same platform, linux/arm64") as caught:
        index_of(joined((shelf, "one"), (other, "two")))
    assert caught.value.advice == "Leave out one of them: a:one and b:two."


def test_a_later_image_replaces_one_of_its_platform() -> None:
    shelf = Shelf()
    old, arm = shelf.image("linux/amd64", "old"), shelf.image("linux/arm64", "arm")
    rows = [
        {**old.to_json(), "platform": {"os": "linux", "architecture": "amd64"}},
        {**arm.to_json(), "platform": {"os": "linux", "architecture": "arm64"}},
        *(
            {
                "mediaType": OCI_MANIFEST,
                "digest": f"sha256:{number * 64}",
                "size": 1,
                "annotations": {**ATTESTS, "vnd.docker.reference.digest": image.digest},
            }
            for number, image in (("5", old), ("6", arm))
        ),
    ]
    shelf.put({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": rows}, "1")
    new = shelf.image("linux/amd64", "new", config=DOCKER_CONFIG)
    assert new.digest != old.digest
    with pytest.raises(InvalidInput, match="same platform, linux/amd64"):
        index_of(joined((shelf, "1"), (shelf, "new")))
    found = index_of(JoinedReader([("a:1", shelf, "1"), ("a:new", shelf, "new")], replacing=True))
    assert [child.digest for child in found.manifests] == [arm.digest, new.digest, f"sha256:{'6' * 64}"]


@pytest.mark.parametrize(
    ("config", "platform", "words"),
    [
        ("application/vnd.cncf.helm.config.v1+json", "linux/amd64", "not an image"),
        (OCI_CONFIG, "", "no platform"),
    ],
)
def test_what_has_no_platform_is_refused(config: str, platform: str, words: str) -> None:
    shelf = Shelf()
    shelf.image(platform, "1", config=config)
    with pytest.raises(InvalidInput, match=words) as caught:
        index_of(joined((shelf, "1")))
    assert caught.value.subject == "a:1"


def test_sizes_and_types_are_those_of_the_manifests() -> None:
    shelf = Shelf()
    amd = shelf.image("linux/amd64", "x")
    row = {**amd.to_json(), "size": 10**12, "mediaType": DOCKER_MANIFEST}
    row["platform"] = {"os": "linux", "architecture": "amd64"}
    shelf.put({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [row]}, "index")
    reader = joined((shelf, "index"))
    (child,) = index_of(reader).manifests
    assert (child.size, child.media_type) == (amd.size, OCI_MANIFEST)
    shelf.read.clear()
    assert reader.manifest(amd.digest, cancellation=Cancellation()).digest == amd.digest
    assert shelf.read == [], "it was read before"


def test_a_platform_with_control_characters_is_refused() -> None:
    shelf = Shelf()
    row = shelf.image("linux/amd64", "x").to_json()
    row["platform"] = {"os": "linux\x1b[31m", "architecture": "amd64"}
    shelf.put({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [row]}, "index")
    with pytest.raises(InvalidInput, match="does not exist"):
        index_of(joined((shelf, "index")))
