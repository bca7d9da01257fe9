"""An archive as the source of a copy: which image is meant, and the bytes of its parts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from archivetools import (
    OCI_INDEX,
    OCI_MANIFEST,
    Image,
    blob,
    descriptor,
    digest_of,
    docker_parts,
    document,
    layer,
    oci_parts,
    replaced,
    without,
    write,
)
from longshore.archives.archive import open_archive
from longshore.cancellation import Cancellation
from longshore.errors import ArchiveDamaged, ArchiveError, NotInRegistry
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import OCI_LAYER_GZIP, Index, Manifest
from longshore.oci.reference import Reference
from longshore.transfers.content.archive import ArchiveReader
from longshore.transfers.transfer import ArchivePlace, Endpoint

ONE, TWO = Image(names=("team/app:1", "team/app:old")), Image((b"two" * 500,), names=("team/app:2",))
ABSENT = "sha256:" + "0" * 64


def reader(path: Path, name: str = "", image_id: str = "") -> ArchiveReader:
    place = ArchivePlace(path, "oci")
    return ArchiveReader(Endpoint(place, Reference.parse(name) if name else None, image_id), place)


def manifest(found: ArchiveReader, name: str) -> Manifest | Index:
    return found.manifest(name, cancellation=Cancellation())


def content(found: ArchiveReader, digest: str, offset: int = 0) -> bytes:
    with found.blob(Descriptor("", digest, 1), offset, cancellation=Cancellation()) as pieces:
        return b"".join(pieces)


def test_an_image_is_read_by_its_tag_and_by_the_other_tags_of_its_repository(tmp_path: Path) -> None:
    found = reader(write(tmp_path, oci_parts(ONE, TWO)), "team/app:1")
    for tag, image in (("1", ONE), ("old", ONE), ("2", TWO)):
        assert manifest(found, tag).digest == digest_of(image.manifest)
    with pytest.raises(NotInRegistry) as caught:
        manifest(found, "3")
    assert (caught.value.subject, caught.value.registry) == ("3", "archive.tar")


def test_a_tag_of_the_only_image_without_a_name_is_that_image_and_no_other_tag_is(tmp_path: Path) -> None:
    found = reader(write(tmp_path, oci_parts(Image(names=()))), "any/name")
    assert manifest(found, "latest").digest == digest_of(Image(names=()).manifest)
    with pytest.raises(NotInRegistry):
        manifest(found, "other")


def test_manifests_are_read_by_their_digests(tmp_path: Path) -> None:
    arm = Image((b"arm" * 500,), platform=("linux", "arm64"))
    parts = oci_parts(ONE, arm, index=True)
    found = reader(write(tmp_path, parts), "team/app:1")
    top = manifest(found, "1")
    assert isinstance(top, Index)
    for image in (ONE, arm):
        assert manifest(found, digest_of(image.manifest)).raw == image.manifest
    assert manifest(found, top.digest) == top
    with pytest.raises(ArchiveDamaged, match="incomplete") as caught:
        manifest(found, ABSENT)
    assert ABSENT in caught.value.detail


def test_the_only_platform_that_is_here_stands_for_its_index(tmp_path: Path) -> None:
    arm = Image((b"arm" * 500,), platform=("linux", "arm64"))
    parts = without(oci_parts(ONE, arm, index=True), blob(arm.manifest)[0])
    found = manifest(reader(write(tmp_path, parts), "team/app:1"), "1")
    assert found.digest == digest_of(ONE.manifest)


@pytest.mark.parametrize("named", [False, True], ids=["by its id", "by a name with its digest"])
def test_an_image_without_a_tag_is_settled_and_compressed_as_one_with_a_tag(
    tmp_path: Path, named: bool
) -> None:
    """“docker save ID” writes such archives."""

    def end(path: Path, digest: str) -> ArchiveReader:
        return reader(path, f"team/app@{digest}") if named else reader(path, image_id=digest)

    arm = Image((b"arm" * 500,), platform=("linux", "arm64"))
    parts = without(oci_parts(ONE, arm, index=True), blob(arm.manifest)[0])
    path = write(tmp_path, parts)
    [listed] = open_archive(path, cancellation=Cancellation()).listing.archived
    found = manifest(end(path, listed.top.digest), listed.top.digest)
    assert found.digest == digest_of(ONE.manifest)
    # A part that is requested by itself is returned unchanged.
    assert manifest(end(path, found.digest), found.digest) == found
    path = write(tmp_path, docker_parts(Image((layer("one", 50_000),), names=())), name="docker")
    [listed] = open_archive(path, cancellation=Cancellation()).listing.archived
    packed = manifest(end(path, listed.top.digest), listed.top.digest)
    assert isinstance(packed, Manifest)
    assert [one.media_type for one in packed.layers] == [OCI_LAYER_GZIP]


def test_an_image_is_meant_by_any_of_its_ids(tmp_path: Path) -> None:
    path = write(tmp_path, docker_parts(ONE, TWO))
    config = digest_of(TWO.config)
    assert content(reader(path, image_id=config), config) == TWO.config
    found = manifest(reader(path, image_id=config), config)
    assert isinstance(found, Manifest)
    assert found.config.digest == config
    with pytest.raises(ArchiveError, match="several images") as caught:
        manifest(reader(path), "")
    for name in ("team/app:1", "team/app:old", "team/app:2"):
        assert name in caught.value.detail


def test_parts_are_given_from_any_offset(tmp_path: Path) -> None:
    found = reader(write(tmp_path, oci_parts(ONE)), "team/app:1")
    for data in (*ONE.blobs, ONE.config, ONE.manifest):
        for offset in (0, 7):
            assert content(found, digest_of(data), offset) == data[offset:]
        with found.blob(Descriptor("", digest_of(data), 1), cancellation=Cancellation()) as pieces:
            assert b"".join(pieces) == data
    with pytest.raises(ArchiveDamaged, match="incomplete") as caught:
        content(found, ABSENT)
    assert ABSENT in caught.value.detail


def test_layers_of_an_image_without_a_manifest_are_compressed(tmp_path: Path) -> None:
    image = Image((layer("one", 50_000),))
    found = reader(write(tmp_path, docker_parts(image)), "team/app:1")
    top = manifest(found, "1")
    assert isinstance(top, Manifest)
    [packed] = top.layers
    assert gzip.decompress(content(found, packed.digest)) == image.layers[0]
    assert content(found, packed.digest, 5) == content(found, packed.digest)[5:]
    assert manifest(found, top.digest) == top  # the generated one
    assert content(found, top.config.digest) == image.config


def test_what_refers_to_an_image_is_what_the_archive_lists(tmp_path: Path) -> None:
    signature = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [],
            "subject": descriptor(OCI_MANIFEST, ONE.manifest),
        }
    )
    listed = [descriptor(OCI_MANIFEST, raw) for raw in (ONE.manifest, signature)]
    index = document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})
    parts = [*replaced(oci_parts(ONE), "index.json", index), blob(b"{}"), blob(signature)]
    found = reader(write(tmp_path, parts), image_id=digest_of(ONE.manifest))
    assert manifest(found, digest_of(ONE.manifest)).raw == ONE.manifest
    [one] = found.referrers(digest_of(ONE.manifest), refused=[].append, cancellation=Cancellation())
    assert manifest(found, one.digest).raw == signature
