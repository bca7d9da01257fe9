"""Held content stays, content that nothing needs is removed, and damaged content is replaced."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import (
    DiskFull,
    InvalidLayout,
    InvalidManifest,
    LibraryBusy,
    LibraryDamaged,
    LibraryError,
    NotInLibrary,
)
from longshore.library import collecting
from longshore.library.blobs import Contents
from longshore.library.folder import LayoutFolder
from longshore.library.leases import held
from longshore.library.library import Library
from longshore.library.model import Freed
from longshore.oci import layout
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import LARGEST_MANIFEST, Manifest, parse_manifest
from longshore.oci.reference import Reference
from longshore.shared_files import DidNotLast, FileTooLarge, LockBusy, NotAFile, locked
from transfertools.layouts import NAME, Made, blobs_of, image, index, noise, put, put_index

ONE = image(noise(5000, "one"))
TWO = image(noise(4000, "two"), noise(100, "top"))
OTHER = NAME.with_tag("2")
LAYER, CONFIG, MANIFEST = ONE.manifest.layers[0].digest, ONE.manifest.config.digest, ONE.manifest.digest
WEEK = 7 * 24 * 3600.0


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def blob(library: Library, digest: str) -> Path:
    return library.path / "blobs" / "sha256" / digest[7:]


def read_all(library: Library) -> None:
    with library.read(ONE.manifest.layers[0]) as chunks:
        for _ in chunks:
            pass


# -- removing and holding


def test_manifests_go_before_what_they_name(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    both = index(("linux/amd64", ONE), ("linux/arm64", TWO))
    put_index(library, both, ONE, TWO)
    gone: list[str] = []
    unlink = Path.unlink

    def noted(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "sha256":
            gone.append(f"sha256:{path.name}")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", noted)
    assert library.remove(NAME).blobs == len(gone) == 1 + len(ONE.digests | TWO.digests)
    assert gone[0] == both.digest
    for made in (ONE, TWO):
        at = gone.index(made.manifest.digest)
        assert all(gone.index(part) > at for part in made.blobs)


@pytest.mark.parametrize(("largest", "fits"), [(0, True), (-1, False)])
def test_a_document_may_be_as_large_as_its_limit(library: Library, largest: int, fits: bool) -> None:
    put(library, ONE)
    contents = Contents(LayoutFolder(library.path))
    raw = ONE.manifest.raw
    with contextlib.nullcontext() if fits else pytest.raises(InvalidManifest, match="too large"):
        assert contents._small(ONE.manifest.digest, len(raw) + largest, take_out=False) == raw


def test_a_configuration_is_read_once(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    put(library, ONE)
    contents = Contents(LayoutFolder(library.path))
    first = contents.config(ONE.manifest)
    monkeypatch.setattr(contents, "_small", None)
    assert contents.config(ONE.manifest) is first


def test_a_layer_is_not_read_through_to_know_what_a_lease_holds(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    lease = library.lease()
    library.hold(lease, LAYER)
    read: list[str] = []
    manifest = Contents.manifest

    def noted(self: Contents, digest: str, **named: Any) -> Any:
        read.append(digest)
        return manifest(self, digest, **named)

    monkeypatch.setattr(Contents, "manifest", noted)
    library.remove(OTHER)
    assert LAYER not in read
    library.remove(NAME)
    assert blobs_of(library) == {LAYER}
    lease.close()
    assert blobs_of(library) == set()


@pytest.mark.parametrize(
    "written",
    [
        lambda raw: raw,
        lambda raw: b" " * 70_000 + raw,
        lambda raw: b"\n\t\r " + raw,
        lambda raw: raw.decode().encode("utf-8-sig"),
    ],
    ids=["as it is", "after much space", "after any space", "byte order mark"],
)
def test_a_manifest_is_known_however_it_is_written(
    library: Library, written: Callable[[bytes], bytes]
) -> None:
    """Otherwise, the content of a held image would be removed."""
    manifest = parse_manifest(written(ONE.manifest.raw), None)
    assert isinstance(manifest, Manifest)
    put(library, Made(manifest, ONE.blobs))
    with contextlib.closing(library.lease()) as lease:
        library.hold_entry(lease, NAME)
        library.remove(NAME)
        assert blobs_of(library) == {manifest.digest, *ONE.blobs}
    assert blobs_of(library) == set()


@pytest.mark.parametrize("size", [LARGEST_MANIFEST, LARGEST_MANIFEST + 1])
def test_a_held_blob_that_looks_like_a_document_is_kept(library: Library, size: int) -> None:
    raw = b"{" + b" " * (size - 1)
    lease = library.lease()
    digest = library.take_in([raw], lease, Cancellation()).digest
    os.utime(blob(library, digest), (0, 0))
    put(library, ONE)
    library.remove(NAME)
    assert blobs_of(library) == {digest}
    lease.close()
    library.tidy()
    assert blobs_of(library) == set()


def test_the_largest_manifest_is_one_still(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "LARGEST_MANIFEST", len(ONE.manifest.raw))
    put(library, ONE)
    assert library._collector._from_the_top([LAYER, MANIFEST])[0] == MANIFEST
    with contextlib.closing(library.lease()) as lease:
        library.hold_entry(lease, NAME)
        library.remove(NAME)
        assert blobs_of(library) == ONE.digests
    assert blobs_of(library) == set()


@pytest.mark.parametrize(("age", "kept"), [(WEEK - 60, True), (WEEK + 60, False)])
def test_how_long_a_blob_without_a_name_is_kept(library: Library, age: float, kept: bool) -> None:
    put(library, ONE)
    lease = library.lease()
    digest = library.take_in([b"left"], lease, Cancellation()).digest
    lease.close()
    there = blob(library, digest).stat().st_mtime - age
    os.utime(blob(library, digest), (there, there))
    library.tidy()
    assert (digest in blobs_of(library)) == kept
    assert ONE.digests <= blobs_of(library)


def test_a_removal_is_tried_again_when_the_last_lease_ends(library: Library) -> None:
    put(library, ONE)
    first, second = library.lease(), library.lease()
    library.hold(first, MANIFEST)
    library.hold(second, LAYER)
    freed = library.remove(NAME)
    assert (freed.bytes, freed.blobs) == (0, 0)
    first.close()
    assert blobs_of(library) == {LAYER}
    second.close()
    assert blobs_of(library) == set()


def test_an_image_that_was_removed_between_look_up_and_lease_is_not_in_the_library(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    other = Library(library.path)
    hold = Library.hold

    def late(self: Library, lease: Any, digest: str) -> None:
        monkeypatch.setattr(Library, "hold", hold)
        other.remove(NAME)
        hold(self, lease, digest)

    monkeypatch.setattr(Library, "hold", late)
    lease = library.lease()
    with pytest.raises(NotInLibrary):
        library.hold_entry(lease, NAME)
    lease.close()


def test_a_name_that_moved_between_look_up_and_lease_is_held_where_it_is_now(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    other = Library(library.path)
    hold = Library.hold

    def late(self: Library, lease: Any, digest: str) -> None:
        monkeypatch.setattr(Library, "hold", hold)
        put(other, TWO)
        hold(self, lease, digest)

    monkeypatch.setattr(Library, "hold", late)
    with contextlib.closing(library.lease()) as lease:
        assert library.hold_entry(lease, NAME).descriptor.digest == TWO.manifest.digest
        library.remove(NAME)
        assert TWO.digests <= blobs_of(library)


def test_a_name_that_never_rests_is_an_error(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    there: Iterator[Reference] = iter([NAME, OTHER] * 100)
    entry = Library.entry
    monkeypatch.setattr(Library, "entry", lambda self, image: entry(self, next(there)))
    with contextlib.closing(library.lease()) as lease, pytest.raises(LibraryBusy):
        library.hold_entry(lease, NAME)


def test_an_image_that_an_engine_has_is_held_whole_or_not_at_all(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    with contextlib.closing(library.lease()) as lease:
        assert library.hold_made_from(lease, CONFIG) == MANIFEST
        assert library.hold_made_from(lease, TWO.manifest.config.digest) == ""
    other = Library(library.path)
    hold = Library.hold

    def late(self: Library, lease: Any, digest: str) -> None:
        monkeypatch.setattr(Library, "hold", hold)
        other.remove(NAME)
        hold(self, lease, digest)

    monkeypatch.setattr(Library, "hold", late)
    with contextlib.closing(library.lease()) as lease:
        assert library.hold_made_from(lease, CONFIG) == ""


def test_what_another_program_left_stays_where_it_was_quicker(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another program changed the list, it is read again: only what is orphaned then may be removed."""
    put(library, ONE)
    put(library, TWO, OTHER)
    early = LayoutFolder(library.path).index()
    (other,) = [entry for entry in early.entries if entry.reference == OTHER]
    LayoutFolder(library.path).change(lambda index: index.without(other))
    change = LayoutFolder.change

    def twice(self: LayoutFolder, how: Any, cancellation: Any = None) -> None:
        def again(index: layout.LayoutIndex) -> layout.LayoutIndex:
            how(early)
            after: layout.LayoutIndex = how(index)
            return after

        change(self, again, cancellation)

    monkeypatch.setattr(LayoutFolder, "change", twice)
    library.tag(NAME, OTHER)
    assert blobs_of(library) == ONE.digests | TWO.digests


def test_a_lease_that_cannot_be_written_holds_nothing_and_spoils_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    write = os.write
    with contextlib.closing(library.lease()) as lease:
        library.hold(lease, MANIFEST)
        monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:30]))
        with pytest.raises(DiskFull):
            library.hold(lease, TWO.manifest.digest)
        monkeypatch.setattr(os, "write", write)
        assert list(held(LayoutFolder(library.path))) == [MANIFEST]
        library.hold(lease, TWO.manifest.digest)
        assert list(held(LayoutFolder(library.path))) == [MANIFEST, TWO.manifest.digest]


def test_nothing_is_removed_while_a_lease_cannot_be_read(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    opened = os.open

    def refused(path: Any, *more: Any, **named: Any) -> int:
        if str(path).endswith(".lease"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *more, **named)

    with contextlib.closing(library.lease()) as lease:
        library.hold(lease, MANIFEST)
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refused)
            with pytest.raises(PermissionError):
                list(held(LayoutFolder(library.path)))
            with contextlib.suppress(LibraryError):
                library.remove(NAME)
        assert blobs_of(library) == ONE.digests


@pytest.mark.parametrize(
    "end", [b"sha256:", MANIFEST[:30].encode(), b"sha256:../../../index.json\n", b"\xff\n"]
)
def test_a_line_of_a_lease_that_is_no_digest_holds_nothing(library: Library, end: bytes) -> None:
    """Its writer may have been killed halfway."""
    put(library, ONE)
    put(library, TWO, OTHER)
    with contextlib.closing(library.lease()) as lease:
        library.hold(lease, MANIFEST)
        (path,) = (library.path / ".longshore" / "leases").glob("*.lease")
        path.write_bytes(path.read_bytes() + end)
        assert list(held(LayoutFolder(library.path))) == [MANIFEST]
        library.remove(NAME)
        library.remove(OTHER)
        assert blobs_of(library) == ONE.digests


def test_strange_things_among_the_leases_stop_nothing(library: Library, tmp_path: Path) -> None:
    put(library, ONE)
    leases = library.path / ".longshore" / "leases"
    (leases / "a.lease").mkdir()
    (leases / "b.lease").symlink_to(tmp_path)
    os.mkfifo(leases / "c.lease")
    library.remove(NAME)
    assert blobs_of(library) == set()


@pytest.mark.parametrize(
    ("annotation", "attached"),
    [
        ("", True),
        ("latest", False),  # a name, but without a repository
        ("quay.io/app:1", False),
        (f"quay.io/app:sha256-{MANIFEST[7:]}", True),
        (f"quay.io/app:sha256-{MANIFEST[7:]}.sig", True),
        (f"quay.io/app:sha256-{MANIFEST[7:]}.other", False),
        (f"quay.io/app:sha256-{MANIFEST[8:]}", False),
    ],
)
def test_what_belongs_to_an_image_goes_with_it(library: Library, annotation: str, attached: bool) -> None:
    put(library, ONE)
    signature = image(noise(50, "signature"), subject=ONE.manifest.descriptor)
    put(library, signature, None)
    path = library.path / "index.json"
    document = json.loads(path.read_bytes())
    if annotation:
        document["manifests"][1]["annotations"] = {layout.REF_NAME: annotation}
    path.write_text(json.dumps(document))
    assert [row.subject for row in library.images() if row.digest == signature.manifest.digest] == [
        MANIFEST if attached else ""
    ]
    library.remove(NAME)
    assert [row.digest for row in library.images()] == ([] if attached else [signature.manifest.digest])
    assert (signature.manifest.digest in blobs_of(library)) != attached


def test_blobs_behind_a_link_are_neither_counted_nor_removed(library: Library, tmp_path: Path) -> None:
    put(library, ONE)
    algorithm = library.path / "blobs" / "sha256"
    algorithm.rename(tmp_path / "elsewhere")
    algorithm.symlink_to(tmp_path / "elsewhere")
    assert not library._contents.sizes()
    assert [row.missing for row in Library(library.path).images()] == [1]
    with pytest.raises(LibraryError):
        library.tidy()
    assert len(list((tmp_path / "elsewhere").iterdir())) == len(ONE.digests)


# -- damaged blobs


def damage(library: Library, digest: str) -> None:
    path = blob(library, digest)
    path.write_bytes(b"x" + path.read_bytes()[1:])


def test_a_blob_that_was_replaced_while_the_damaged_one_was_read_stays(library: Library) -> None:
    put(library, ONE)
    os.truncate(blob(library, LAYER), 10)
    with Contents(LayoutFolder(library.path)).read(LAYER) as chunks:
        put(Library(library.path), ONE)
        with pytest.raises(LibraryDamaged):
            for _ in chunks:
                pass
    assert library.images()[0].missing == 0


def test_a_damaged_blob_stays_where_another_program_has_the_lock(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    damage(library, LAYER)
    monkeypatch.setattr("longshore.library.blobs._PATIENCE", 0.0)
    for busy, word in ((True, "is damaged"), (False, "has been removed")):
        lock = locked(library.path / ".longshore" / "blobs.lock", shared=True)
        with lock if busy else contextlib.nullcontext(), pytest.raises(LibraryDamaged, match=word):
            read_all(library)
        assert (LAYER in blobs_of(library)) == busy


def test_a_damaged_manifest_is_not_removed_by_a_collector_that_has_the_lock(library: Library) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    damage(library, MANIFEST)
    again = Library(library.path)
    assert again.remove(OTHER) == Freed()  # it did not wait for itself
    assert MANIFEST in blobs_of(library)


# -- what errors say


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (LockBusy(Path("/x")), LibraryBusy, "locked"),
        (DidNotLast(Path("/x")), LibraryBusy, "overwriting"),
        (FileTooLarge(Path("/x"), 3), InvalidLayout, "damaged"),
        (NotAFile(Path("/x")), LibraryError, "not a regular file"),
        (OSError(28, "full"), DiskFull, "disk is full"),
        (OSError(122, "quota"), DiskFull, "disk is full"),
        (OSError(13, "denied"), LibraryError, "permission to write to"),
        (OSError(30, "read-only"), LibraryError, "permission to write to"),
        (OSError(5, "broken"), LibraryError, "can't be written"),
    ],
)
def test_each_fault_of_a_folder_has_its_words(tmp_path: Path, error: OSError, kind: type, word: str) -> None:
    explained = LayoutFolder(tmp_path).explain(error, writing=True)
    assert type(explained) is kind
    assert word in explained.message
    assert explained.advice
    if kind is DiskFull:  # of the library, or of any other folder
        assert explained.advice == "Free space on that disk, or choose another folder."
    assert explained.transient == (kind is LibraryBusy)


def test_rows_are_found_by_their_own_names_only(library: Library) -> None:
    put(library, ONE)
    library.tag(NAME, OTHER)
    (first, second) = library.images()
    assert replace(first, reference=None) == replace(second, reference=None)
    assert [first.reference, second.reference] == [NAME, OTHER]
    assert sha256_of(ONE.manifest.raw) == first.digest


def test_two_programs_may_hold_images_at_the_same_time(library: Library) -> None:
    put(library, ONE)
    with contextlib.closing(library.lease()) as lease, LayoutFolder(library.path).blobs_lock(shared=True):
        library.hold(lease, MANIFEST)
        assert list(held(LayoutFolder(library.path))) == [MANIFEST]


def test_a_library_that_cannot_be_locked_cannot_be_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(LayoutFolder, "blobs_lock", fails)
    with contextlib.closing(library.lease()) as lease, pytest.raises(LibraryError) as caught:
        library.hold(lease, MANIFEST)
    assert caught.value.message == "The library can't be written."
