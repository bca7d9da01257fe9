"""The library: what it stores, lists and returns."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import (
    InvalidLayout,
    InvalidManifest,
    LibraryDamaged,
    LibraryError,
    NotALibrary,
    NotInLibrary,
)
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.layout import LayoutIndex
from longshore.oci.manifest import OCI_INDEX, OCI_MANIFEST
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from transfertools.layouts import (
    HOST,
    NAME,
    OnDisk,
    blobs_of,
    image,
    index,
    noise,
    on_disk,
    put,
    put_blobs,
    put_index,
    whole,
)

SHARED = noise(50_000, "shared")
ONE = image(SHARED, noise(3000, 1))
TWO = image(SHARED, noise(4000, 2))
OTHER = NAME.with_tag("2")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_looking_makes_nothing(library: Library) -> None:
    assert not library.check()
    assert library.images() == []
    assert library.signature() is None
    assert library.find(NAME) is None
    library.tidy()
    assert not library.path.exists()


def test_an_image_is_a_row_with_what_is_known_of_it(library: Library) -> None:
    digest = put(library, ONE)
    (row,) = library.images()
    assert (row.reference, row.digest, digest) == (NAME, ONE.manifest.digest, ONE.manifest.digest)
    assert row.created == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert row.platforms == (Platform("linux", "amd64"),)
    assert row.size == ONE.manifest.compressed_size + len(ONE.manifest.raw)
    assert (row.missing, row.media_type, row.subject) == (0, OCI_MANIFEST, "")
    details = library.details(NAME)
    assert details.image == row
    assert details.layers == ONE.manifest.layers
    assert details.config is not None and len(details.config.diff_ids) == 2
    assert library.details(digest).references == (NAME,)


def test_details_name_the_references_of_their_own_image_only(library: Library) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    put(library, ONE, NAME.with_tag("also"))
    assert library.details(NAME).references == (NAME, NAME.with_tag("also"))
    assert library.details(OTHER).references == (OTHER,)


def test_only_files_named_by_a_digest_are_blobs(library: Library) -> None:
    put(library, ONE)
    folder = library.path / "blobs" / "sha256"
    (folder / "notes.txt").write_text("not a blob")
    (folder / ("0" * 64)).mkdir()
    (folder / ("1" * 64)).symlink_to("notes.txt")
    assert library._contents.sizes().keys() == {*ONE.blobs, ONE.manifest.digest}


def test_it_is_a_layout_by_the_specification(library: Library) -> None:
    put(library, ONE)
    assert json.loads((library.path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    document = json.loads((library.path / "index.json").read_bytes())
    assert document["schemaVersion"] == 2
    (line,) = document["manifests"]
    assert (line["mediaType"], line["size"]) == (OCI_MANIFEST, len(ONE.manifest.raw))
    assert line["platform"] == {"os": "linux", "architecture": "amd64"}
    assert blobs_of(library) == ONE.digests
    assert {path.name for path in library.path.iterdir()} == {
        ".longshore",
        "blobs",
        "index.json",
        "oci-layout",
    }
    assert library.path.stat().st_mode & 0o777 == 0o700


def test_an_index_is_a_row_of_all_its_platforms(library: Library) -> None:
    arm, host = image(noise(2000, "arm"), platform="linux/riscv64"), image(noise(1000, "host"), platform=HOST)
    whole = index(("linux/riscv64", arm), (HOST, host))
    put_index(library, whole, arm, host)
    (row,) = library.images()
    assert (row.digest, row.media_type, row.missing) == (whole.digest, OCI_INDEX, 0)
    assert [str(platform) for platform in row.platforms] == ["linux/riscv64", HOST]
    details = library.details(NAME)
    assert [(part.digest, part.whole) for part in details.platforms] == [
        (arm.manifest.digest, True),
        (host.manifest.digest, True),
    ]
    assert details.layers == host.manifest.layers  # those for this machine, though not the first
    assert blobs_of(library) == {whole.digest} | arm.digests | host.digests


def test_an_index_of_which_a_part_is_here_says_so(library: Library) -> None:
    arm, host = image(noise(2000, "arm"), platform="linux/riscv64"), image(noise(1000, "host"), platform=HOST)
    put_index(library, index(("linux/riscv64", arm), (HOST, host)), host)
    assert library.images()[0].missing == 1
    assert [part.whole for part in library.details(NAME).platforms] == [False, True]


def test_shared_content_lies_there_once_and_stays_for_who_needs_it(library: Library) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    assert blobs_of(library) == ONE.digests | TWO.digests
    freed = library.remove(NAME)
    assert blobs_of(library) == TWO.digests
    gone = ONE.digests - TWO.digests
    assert freed.blobs == len(gone) == 3
    assert freed.bytes == 3000 + len(ONE.manifest.raw) + ONE.manifest.config.size
    assert [row.reference for row in library.images()] == [OTHER]
    library.remove(OTHER)
    assert blobs_of(library) == set()
    assert library.images() == []


def test_a_name_more_and_a_name_less(library: Library) -> None:
    put(library, ONE)
    assert library.tag(NAME, OTHER) == ONE.manifest.digest
    assert [row.reference for row in library.images()] == [NAME, OTHER]
    assert library.remove(NAME).blobs == 0
    assert blobs_of(library) == ONE.digests
    library.tag(ONE.manifest.digest, NAME)
    assert library.remove(ONE.manifest.digest).blobs == len(ONE.digests)
    assert library.images() == []


def test_a_name_that_moves_frees_what_it_left(library: Library) -> None:
    put(library, ONE)
    put(library, TWO)
    assert [row.digest for row in library.images()] == [TWO.manifest.digest]
    assert blobs_of(library) == TWO.digests


def test_what_is_not_there(library: Library) -> None:
    for ask in (library.details, library.remove, library.entry):
        with pytest.raises(NotInLibrary) as caught:
            ask(NAME)
        assert caught.value.subject == str(NAME)
    put(library, ONE)
    with pytest.raises(NotInLibrary):
        library.tag(OTHER, NAME)
    with pytest.raises(NotInLibrary):
        library.remove(f"sha256:{0:064x}")
    assert len(library.images()) == 1


def test_a_signature_goes_with_the_last_name_of_its_image(library: Library) -> None:
    put(library, ONE)
    signature = image(noise(500, "signed"), subject=ONE.manifest.descriptor)
    put(library, signature, None)
    countersigned = image(noise(500, "countersigned"), subject=signature.manifest.descriptor)
    put(library, countersigned, None)
    (found,) = library.referrers(ONE.manifest.digest)
    assert (found.digest, found.artifact_type) == (
        signature.manifest.digest,
        "application/vnd.example.signature",
    )
    assert {row.subject for row in library.images()} == {
        "",
        ONE.manifest.digest,
        signature.manifest.digest,
    }
    library.tag(NAME, OTHER)
    library.remove(NAME)
    assert len(library.images()) == 3
    library.remove(OTHER)
    assert library.images() == []
    assert blobs_of(library) == set()


def test_a_signature_of_an_image_that_was_never_here_is_left_alone(library: Library) -> None:
    put(library, image(noise(500, "alone"), subject=TWO.manifest.descriptor), None)
    put(library, ONE)
    library.remove(NAME)
    assert len(library.images()) == 1


def test_its_signature_is_new_after_each_change_and_only_then(library: Library) -> None:
    put(library, ONE)
    first = library.signature()
    library.images()
    assert library.signature() == first
    library.tag(NAME, OTHER)
    second = library.signature()
    assert second != first
    other = Library(library.path)
    other.remove(OTHER)
    assert library.signature() != second
    assert [row.reference for row in library.images()] == [NAME]  # not the list read before


def test_a_list_that_did_not_change_is_understood_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = LayoutIndex.parse
    parsed: list[bytes] = []

    def counted(raw: bytes) -> LayoutIndex:
        parsed.append(raw)
        return parse(raw)

    monkeypatch.setattr(LayoutIndex, "parse", counted)
    put(library, ONE)
    library.images()
    parsed.clear()
    for _ in range(3):
        assert [row.reference for row in library.images()] == [NAME]
    assert parsed == []
    Library(library.path).tag(NAME, OTHER)
    parsed.clear()
    assert {row.reference for row in library.images()} == {NAME, OTHER}
    assert len(parsed) == 1


def test_what_an_image_in_use_needs_is_not_removed_until_it_is_let_go(library: Library) -> None:
    digest = put(library, ONE)
    lease = library.lease()
    library.hold(lease, digest)
    put(library, TWO)  # takes over the name
    assert blobs_of(library) == ONE.digests | TWO.digests
    lease.close()
    assert blobs_of(library) == TWO.digests


def test_what_another_program_holds_is_freed_later(library: Library) -> None:
    digest = put(library, ONE)
    reading = Library(library.path)
    lease = reading.lease()
    reading.hold(lease, digest)
    assert library.remove(NAME).blobs == 0
    assert library.images() == []
    lease.close()
    assert blobs_of(library) == ONE.digests
    put(library, TWO)
    library.remove(NAME)
    assert blobs_of(library) == set()


def test_what_nobody_names_may_be_taken_up_again_for_a_while(library: Library) -> None:
    lease = library.lease()
    put_blobs(library, ONE, lease)
    lease.close()
    library.tidy()
    assert blobs_of(library) == set(ONE.blobs)
    for path in (library.path / "blobs" / "sha256").iterdir():
        os.utime(path, (0, 0))
    library.tidy()
    assert blobs_of(library) == set()


def test_the_lease_of_the_dead_holds_nothing(library: Library) -> None:
    put(library, ONE)
    stale = library.path / ".longshore" / "leases" / "dead.lease"
    stale.write_text(f"{ONE.manifest.digest}\n")
    assert library.remove(NAME).blobs == len(ONE.digests)
    assert not stale.exists()


def test_a_damaged_layer_is_found_when_it_is_read_and_comes_anew(library: Library) -> None:
    put(library, ONE)
    layer = ONE.manifest.layers[0]
    path = library.path / "blobs" / "sha256" / layer.digest.removeprefix("sha256:")
    damaged = bytearray(path.read_bytes())
    damaged[1000] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(LibraryDamaged) as caught, library.read(layer) as chunks:
        for _ in chunks:
            pass
    assert caught.value.subject == str(library.path)
    assert library.images()[0].missing == 1
    put(library, ONE)
    assert library.images()[0].missing == 0
    with library.read(layer) as chunks:
        assert b"".join(chunks) == SHARED


def test_a_layer_that_lost_its_end_is_found_before_it_is_read(library: Library) -> None:
    put(library, ONE)
    layer = ONE.manifest.layers[0]
    os.truncate(library.path / "blobs" / "sha256" / layer.digest.removeprefix("sha256:"), 1234)
    with pytest.raises(LibraryDamaged), library.read(layer, 100):
        pass
    with pytest.raises(NotInLibrary), library.read(layer):
        pass


def test_a_manifest_that_lies_about_a_size_harms_no_blob(library: Library) -> None:
    put(library, ONE)
    layer = ONE.manifest.layers[0]
    with pytest.raises(InvalidManifest), library.read(replace(layer, size=layer.size + 1)):
        pass
    assert library.images()[0].missing == 0


def test_known_again_by_what_an_engine_calls_it(library: Library) -> None:
    assert library.holding(ONE.manifest.digest) == ""
    put(library, ONE)
    put(library, image(noise(500, "signed"), subject=ONE.manifest.descriptor), None)
    for image_id in (ONE.manifest.digest, ONE.manifest.config.digest):
        assert library.holding(image_id) == ONE.manifest.digest
    assert library.holding(ONE.manifest.layers[0].digest) == ""
    lease = library.lease()
    library.put(ONE.manifest, lease, None, listed=True)
    lease.close()
    assert len(library.images()) == 2  # it had a name already
    os.truncate(library.path / "blobs" / "sha256" / ONE.manifest.layers[0].digest[7:], 0)
    with pytest.raises(LibraryDamaged), library.read(ONE.manifest.layers[0]):
        pass
    assert library.holding(ONE.manifest.digest) == ""


def test_a_name_by_digest_is_removed_by_that_name_only(library: Library) -> None:
    digest = put(library, ONE)
    named = Reference.parse(f"quay.io/other/app@{digest}")
    assert library.details(named).image.reference == NAME  # the same content under another name
    with pytest.raises(NotInLibrary):
        library.remove(named)
    library.tag(NAME, named)
    library.remove(named)
    assert [row.reference for row in library.images()] == [NAME]


def test_a_damaged_manifest_leaves_a_row_that_can_be_removed(library: Library) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    path = library.path / "blobs" / "sha256" / ONE.manifest.digest.removeprefix("sha256:")
    path.write_bytes(b"{}" + path.read_bytes()[2:])
    with pytest.raises(LibraryDamaged):
        Library(library.path).details(NAME)
    again = Library(library.path)
    assert [(row.reference, row.missing) for row in again.images()] == [(NAME, 1), (OTHER, 0)]
    again.remove(NAME)
    assert [row.reference for row in again.images()] == [OTHER]
    assert TWO.digests <= blobs_of(library)


def test_nothing_is_removed_as_long_as_somebody_names_what_we_cannot_read(library: Library) -> None:
    put(library, ONE)
    strange = b'{"schemaVersion":2,"mediaType":"application/vnd.example.strange","layers":[]}'
    lease = library.lease()
    found = Descriptor("application/vnd.example.strange", sha256_of(strange), len(strange))
    library.receive(found, whole(strange), lease, Cancellation())  # type: ignore[arg-type]
    lease.close()
    document = json.loads((library.path / "index.json").read_bytes())
    document["manifests"].append(found.to_json())
    (library.path / "index.json").write_text(json.dumps(document))
    assert library.remove(NAME).blobs == 0
    assert blobs_of(library) == ONE.digests | {found.digest}
    assert [row.digest for row in library.images()] == [found.digest]
    library.remove(found.digest)
    assert found.digest not in blobs_of(library)


# -- folders


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    library = Library(tmp_path)
    for attempt in (library.check, library.images, lambda: put(library, ONE)):
        with pytest.raises(NotALibrary) as caught:
            attempt()
        assert caught.value.subject == str(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(NotALibrary):
        Library(tmp_path / "letter.txt").check()


def test_an_empty_folder_and_one_half_made_become_a_library(tmp_path: Path) -> None:
    put(Library(tmp_path), ONE)
    (tmp_path / "oci-layout").unlink()
    (tmp_path / "index.json").unlink()
    again = Library(tmp_path)
    assert not again.check()
    put(again, ONE)
    assert [row.missing for row in again.images()] == [0]


def test_a_layout_of_another_version_or_with_a_broken_index(library: Library) -> None:
    put(library, ONE)
    (library.path / "index.json").write_text("{")
    with pytest.raises(InvalidLayout) as caught:
        library.images()
    assert caught.value.subject == str(library.path / "index.json")
    (library.path / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')
    with pytest.raises(InvalidLayout):
        library.check()


def test_no_link_is_followed_out_of_the_folder(library: Library, tmp_path: Path) -> None:
    put(library, ONE)
    layer = ONE.manifest.layers[0]
    path = library.path / "blobs" / "sha256" / layer.digest.removeprefix("sha256:")
    path.rename(tmp_path / "secret")
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(LibraryError), library.read(layer):
        pass
    assert library.images()[0].missing == 1
    blobs = library.path / "blobs"
    blobs.rename(tmp_path / "elsewhere")
    blobs.symlink_to(tmp_path / "elsewhere")
    for attempt in (library.images, lambda: put(library, TWO, OTHER)):
        with pytest.raises(LibraryError) as caught:
            attempt()
        assert caught.value.subject == str(blobs)
    assert len(list((tmp_path / "elsewhere" / "sha256").iterdir())) == len(ONE.digests)


def test_a_library_that_may_only_be_read(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    put(library, ONE)
    # Root may write everything, so the test replaces the answer of os.access.
    monkeypatch.setattr(os, "access", lambda *_: False)
    own = library.path / ".longshore"
    (own / "blobs.lock").unlink()
    lease = library.lease()
    library.hold(lease, ONE.manifest.digest)
    assert not list((own / "leases").iterdir())
    assert not (own / "blobs.lock").exists()  # nothing may be written here, so no lock can be taken
    assert library.manifest(ONE.manifest.digest).raw == ONE.manifest.raw
    lease.close()


def test_names_that_others_gave(library: Library) -> None:
    put(library, ONE)
    document = json.loads((library.path / "index.json").read_bytes())
    document["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "a tag\u202e"}
    (library.path / "index.json").write_text(json.dumps(document))
    (row,) = library.images()
    assert (row.reference, row.name) == (None, "a tag")
    library.tag(row.digest, Reference.parse("app"))
    assert {str(row.reference) for row in library.images()} == {"None", "docker.io/library/app:latest"}


def test_the_size_of_an_image_is_that_of_its_files(library: Library) -> None:
    put(library, ONE)
    assert on_disk(library) == OnDisk(library.images()[0].size, len(ONE.digests), 0)


def test_a_manifest_alone_makes_the_library(library: Library) -> None:
    with contextlib.closing(library.lease()) as lease:
        assert library.put(ONE.manifest, lease, listed=True) == ONE.manifest.digest
    assert blobs_of(library) == {ONE.manifest.digest}
