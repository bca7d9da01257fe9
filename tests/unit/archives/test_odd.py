"""Odd archives from public bug reports: they are read as engines read them, and the oddity is reported."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from archivetools import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Image,
    Part,
    blob,
    descriptor,
    digest_of,
    docker_list,
    docker_parts,
    document,
    entry,
    layer,
    oci_parts,
    replaced,
    without,
    write,
)
from longshore.archives.archive import open_archive
from longshore.archives.model import Listing, Oddity
from longshore.cancellation import Cancellation
from longshore.errors import ArchiveDamaged
from longshore.oci.reference import Reference

ONE, TWO = Image(names=("team/one:1",)), Image(layers=(layer("other"),), names=("team/two:2",))
BY_DIGEST = Image(names=()), Image(layers=(layer("other"),), names=())
#: The first bytes of the companion files in which macOS keeps attributes.
APPLE_DOUBLE = b"\0\5\x16\7" + bytes(160)


def opened(path: Path) -> Listing:
    return open_archive(path, cancellation=Cancellation()).listing


def shown(listing: Listing) -> list[tuple[list[str], str]]:
    """Names and configuration of each image."""
    return [
        ([one.familiar for one in each.references], each.images[0].manifest.config.digest)
        for each in listing.archived
    ]


def oddities(listing: Listing) -> list[Oddity]:
    return [remark.oddity for remark in listing.remarks]


def index_of(*listed: dict[str, object]) -> bytes:
    return document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(listed)})


def with_manifest(image: Image, layers: Sequence[bytes] | None) -> list[Part]:
    """An OCI layout whose manifest names different layers from docker's list."""
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, image.config),
            "layers": None if layers is None else [descriptor(OCI_LAYER, data) for data in layers],
        }
    )
    named = {"annotations": {"org.opencontainers.image.ref.name": image.names[0]}}
    parts = without(oci_parts(image), blob(image.manifest)[0])
    parts = replaced(parts, "index.json", index_of(descriptor(OCI_MANIFEST, manifest, **named)))
    return [*parts, blob(manifest)]


def test_docker_saved_two_by_digest_and_index_json_lists_one(tmp_path: Path) -> None:
    """moby 51389, 47232."""
    parts = replaced(
        oci_parts(*BY_DIGEST), "index.json", index_of(descriptor(OCI_MANIFEST, BY_DIGEST[1].manifest))
    )
    found = opened(write(tmp_path, [*parts, docker_list(*BY_DIGEST)]))
    assert shown(found) == [([], digest_of(image.config)) for image in reversed(BY_DIGEST)]
    assert [each.made for each in found.archived] == [False, True]
    assert oddities(found) == [Oddity.LISTS_DIFFER]


def test_two_that_both_lists_have_are_not_odd(tmp_path: Path) -> None:
    found = opened(write(tmp_path, [*oci_parts(ONE, TWO), docker_list(ONE, TWO)]))
    assert shown(found) == [(list(image.names), digest_of(image.config)) for image in (ONE, TWO)]
    assert [each.made for each in found.archived] == [False, False]
    assert found.remarks == ()


@pytest.mark.parametrize("manifests", [None, []])
def test_index_json_lists_nothing(tmp_path: Path, manifests: object) -> None:
    """moby 47210."""
    parts = replaced(oci_parts(ONE), "index.json", document({"schemaVersion": 2, "manifests": manifests}))
    found = opened(write(tmp_path, [*parts, docker_list(ONE)]))
    assert shown(found) == [(["team/one:1"], digest_of(ONE.config))]


@pytest.mark.parametrize(
    "layers", [None, [], ONE.blobs[:1], ONE.blobs[::-1], [*ONE.blobs, b"no such"]], ids=map(str, range(5))
)
def test_the_layers_of_the_layout_are_wrong(tmp_path: Path, layers: Sequence[bytes] | None) -> None:
    """moby 47150, 47065: docker's list decides; without it, the archive is damaged."""
    parts = with_manifest(ONE, layers)
    found = opened(write(tmp_path, [*parts, docker_list(ONE)]))
    assert shown(found) == [(["team/one:1"], digest_of(ONE.config))]
    [each] = found.archived
    assert [one.digest for one in each.images[0].manifest.layers] == [digest_of(data) for data in ONE.blobs]
    assert oddities(found) == [Oddity.LISTS_DIFFER]
    with pytest.raises(ArchiveDamaged):
        opened(write(tmp_path, parts, name="alone"))


@pytest.mark.parametrize("index", [b"nonsense", b"[]", b'{"schemaVersion": 1}'])
def test_an_index_that_is_none(tmp_path: Path, index: bytes) -> None:
    parts = replaced(oci_parts(ONE), "index.json", index)
    found = opened(write(tmp_path, [*parts, docker_list(ONE)]))
    assert shown(found) == [(["team/one:1"], digest_of(ONE.config))]
    assert oddities(found) == [Oddity.LISTS_DIFFER]


def test_what_both_lists_leave_out_is_still_damage(tmp_path: Path) -> None:
    parts = without([*oci_parts(ONE), docker_list(ONE)], blob(ONE.blobs[0])[0])
    with pytest.raises(ArchiveDamaged):
        opened(write(tmp_path, parts))


def test_a_name_that_the_lists_give_to_different_images(tmp_path: Path) -> None:
    swapped = Image(names=("team/two:2",)), Image(layers=(layer("other"),), names=("team/one:1",))
    found = opened(write(tmp_path, [*oci_parts(ONE, TWO), docker_list(*swapped)]))
    assert shown(found) == [
        (["team/two:2"], digest_of(ONE.config)),
        (["team/one:1"], digest_of(TWO.config)),
    ]
    assert oddities(found) == [Oddity.LISTS_DIFFER]


def test_a_name_moves_to_the_image_that_only_docker_lists(tmp_path: Path) -> None:
    one, two = Image(names=("team/app:1",)), Image(layers=(layer("other"),), names=("team/app:1",))
    parts = oci_parts(one, two)
    named = {"annotations": {"org.opencontainers.image.ref.name": "team/app:1"}}
    parts = replaced(parts, "index.json", index_of(descriptor(OCI_MANIFEST, one.manifest, **named)))
    found = opened(write(tmp_path, [*parts, docker_list(two)]))
    assert shown(found) == [([], digest_of(one.config)), (["team/app:1"], digest_of(two.config))]


def test_an_index_within_an_index_keeps_its_documents_beside_docker_s_list(tmp_path: Path) -> None:
    image = Image()
    inner = index_of(descriptor(OCI_MANIFEST, image.manifest))
    outer = index_of(descriptor(OCI_INDEX, inner))
    parts = [
        *replaced(oci_parts(image), "index.json", index_of(descriptor(OCI_INDEX, outer))),
        blob(inner),
        blob(outer),
        docker_list(image),
    ]
    [each] = opened(write(tmp_path, parts)).archived
    assert {digest_of(inner), digest_of(outer)} <= each.documents.keys()


def test_a_file_that_is_in_it_twice(tmp_path: Path) -> None:
    """From tar -r, and from writers that keep no record: the last one counts, as for tar itself."""
    parts = docker_parts(ONE)
    found = opened(write(tmp_path, [*parts, parts[0]]))
    assert shown(found) == [(["team/one:1"], digest_of(ONE.config))]
    [remark] = found.remarks
    assert (remark.oddity, remark.text) == (Oddity.TWICE, str(parts[0][0]))  # type: ignore[index]
    rows = json.loads(dict(p for p in parts if not isinstance(p, tarfile.TarInfo))["manifest.json"])
    rows[0]["RepoTags"] = ["team/later:1"]
    later = opened(write(tmp_path, [*parts, ("manifest.json", document(rows))], name="later"))
    assert shown(later) == [(["team/later:1"], digest_of(ONE.config))]
    with pytest.raises(ArchiveDamaged):
        opened(write(tmp_path, [*parts, ("manifest.json", b"nonsense")], name="nonsense"))


def test_an_index_that_names_an_absent_manifest(tmp_path: Path) -> None:
    parts = without(oci_parts(ONE, TWO), blob(TWO.manifest)[0])
    found = opened(write(tmp_path, parts))
    assert shown(found) == [(["team/one:1"], digest_of(ONE.config))]
    [remark] = found.remarks
    assert remark.oddity is Oddity.ABSENT
    assert remark.text == digest_of(TWO.manifest)[7:19]
    with pytest.raises(ArchiveDamaged, match="incomplete"):
        opened(write(tmp_path, without(parts, blob(ONE.manifest)[0]), name="none"))
    with pytest.raises(ArchiveDamaged, match="incomplete"):
        opened(write(tmp_path, without(parts, blob(ONE.blobs[0])[0]), name="layer"))


def test_files_that_macos_adds(tmp_path: Path) -> None:
    """orbstack 2059."""
    parts: list[Part] = [entry("blobs/sha256", tarfile.DIRTYPE), ("._blobs", APPLE_DOUBLE)]
    for part in oci_parts(ONE):
        assert not isinstance(part, tarfile.TarInfo)
        folder, slash, name = part[0].rpartition("/")
        parts += [(f"{folder}{slash}._{name}", APPLE_DOUBLE), part]
    parts.append(("blobs/sha256/.DS_Store", b"\0\0\0\1Bud1"))
    found = opened(write(tmp_path, parts))
    assert shown(found) == [(["team/one:1"], digest_of(ONE.config))]
    [remark] = found.remarks
    assert remark.oddity is Oddity.IGNORED
    assert remark.text.startswith("blobs/sha256/._") and remark.text.endswith(", …")


def test_what_a_crash_left_among_the_blobs(tmp_path: Path) -> None:
    found = opened(write(tmp_path, [*oci_parts(ONE), ("blobs/sha256/oci-put-blob123", b"half")]))
    assert [remark.text for remark in found.remarks] == ["blobs/sha256/oci-put-blob123"]
    # A file that is named by a digest must have that content, even if nothing refers to it.
    with pytest.raises(ArchiveDamaged, match="damaged"):
        opened(write(tmp_path, [*oci_parts(ONE), (f"blobs/sha256/{'0' * 64}", b"half")], name="wrong"))


def test_names_are_those_of_references(tmp_path: Path) -> None:
    found = opened(write(tmp_path, [*oci_parts(ONE), docker_list(ONE)]))
    assert found.archived[0].references == (Reference.parse("team/one:1"),)
