"""What is shown as whole is whole, and a library folder made by a stranger does no harm."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.library import rows
from longshore.library.collecting import ORPHAN_AGE, Collector
from longshore.library.contents import Contents
from longshore.library.folder import LayoutFolder
from longshore.library.leases import held
from longshore.library.library import Library
from longshore.library.model import Freed
from longshore.oci import layout
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.errors import (
    DiskFull,
    InvalidLayout,
    LibraryBusy,
    LibraryDamaged,
    LibraryError,
    NotInLibrary,
)
from longshore.oci.manifest import LARGEST_MANIFEST, OCI_INDEX, Index, parse_manifest
from longshore.oci.reference import Reference
from longshore.shared_files import DidNotLast, FileTooLarge, LockBusy, NotAFile, locked
from transfertools.layouts import NAME, Made, blobs_of, image, index, noise, put, put_index

ONE = image(noise(5000, "one"))
TWO = image(noise(4000, "two"), noise(100, "top"))
OTHER = NAME.with_tag("2")
LAYER, CONFIG, MANIFEST = ONE.manifest.layers[0].digest, ONE.manifest.config.digest, ONE.manifest.digest


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def blob(library: Library, digest: str) -> Path:
    return library.path / "blobs" / "sha256" / digest[7:]


def read_all(library: Library) -> None:
    with library.read(ONE.manifest.layers[0]) as chunks:
        for _ in chunks:
            pass


def nested(child: Index | Made, depth: int = 1) -> list[Index]:
    """Indexes around each other, the outermost last."""
    found: list[Index] = []
    inner = child.manifest.descriptor if isinstance(child, Made) else child.descriptor
    for _ in range(depth):
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [inner.to_json()]}
        parsed = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
        assert isinstance(parsed, Index)
        found.append(parsed)
        inner = parsed.descriptor
    return found


def put_nested(library: Library, made: Made, *indexes: Index) -> None:
    put(library, made, OTHER)
    lease = library.lease()
    for each in indexes[:-1]:
        library.put(each, lease)
    library.put(indexes[-1], lease, NAME)
    lease.close()
    library.remove(OTHER)


# -- what is whole


@pytest.mark.parametrize("size", [0, 1, 2500, 4999, 5001])
@pytest.mark.parametrize("seen_before", [False, True])
def test_a_layer_of_another_size_is_missing(library: Library, size: int, seen_before: bool) -> None:
    put(library, ONE)
    if seen_before:
        assert library.images()[0].missing == 0
    os.truncate(blob(library, LAYER), size)
    (row,) = library.images()
    assert row.missing == 1
    assert row.size == len(ONE.manifest.raw) + ONE.manifest.config.size + size
    assert [part.whole for part in library.details(NAME).platforms] == [False]


@pytest.mark.parametrize("digest", [CONFIG, MANIFEST])
@pytest.mark.parametrize("seen_before", [False, True])
def test_a_document_that_lost_its_end_is_missing(library: Library, digest: str, seen_before: bool) -> None:
    put(library, ONE)
    if seen_before:
        assert library.images()[0].missing == 0
    else:
        library = Library(library.path)
    os.truncate(blob(library, digest), 0)
    assert library.images()[0].missing == 1
    assert library.images()[0].missing == 1
    put(library, ONE)
    assert library.images()[0].missing == 0


@pytest.mark.parametrize("lost", [LAYER, CONFIG, MANIFEST, "inner", "outer"])
def test_an_index_within_an_index_is_looked_through(library: Library, lost: str) -> None:
    first = index(("linux/amd64", ONE))
    (outer,) = nested(first)
    put_nested(library, ONE, first, outer)
    (row,) = library.images()
    assert (row.missing, [str(each) for each in row.platforms]) == (0, ["linux/amd64"])
    assert row.size == sum(library.blob_size(each) or 0 for each in blobs_of(library))
    (part,) = library.details(NAME).platforms
    assert (part.digest, part.whole) == (MANIFEST, True)
    blob(library, {"inner": first.digest, "outer": outer.digest}.get(lost, lost)).unlink()
    assert library.images()[0].missing == 1


@pytest.mark.parametrize(("depth", "missing"), [(rows.DEEPEST, 0), (rows.DEEPEST + 1, 1), (400, 1)])
def test_nesting_is_followed_to_a_depth(library: Library, depth: int, missing: int) -> None:
    put_nested(library, ONE, *nested(ONE, depth))
    assert library.images()[0].missing == missing
    assert library.remove(NAME).blobs == depth + len(ONE.digests)
    assert blobs_of(library) == set()


def test_indexes_that_name_each_other_twice_are_read_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven levels, each with its child twice: 128 ways down, seven documents."""
    levels: list[Index] = []
    inner = ONE.manifest.descriptor
    for _ in range(7):
        twice = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [inner.to_json()] * 2}
        parsed = parse_manifest(json.dumps(twice).encode(), OCI_INDEX)
        assert isinstance(parsed, Index)
        levels.append(parsed)
        inner = parsed.descriptor
    put_nested(library, ONE, *levels)
    asked: list[str] = []
    manifest = Contents.manifest

    def counted(self: Contents, digest: str, **named: Any) -> Any:
        asked.append(digest)
        return manifest(self, digest, **named)

    monkeypatch.setattr(Contents, "manifest", counted)
    (row,) = library.images()
    assert row.missing == 0
    assert len(asked) <= 10


def test_one_image_is_read_to_a_number_of_manifests(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_index(library, index(("linux/amd64", ONE), ("linux/arm64", TWO)), ONE, TWO)
    monkeypatch.setattr(rows, "MOST_MANIFESTS", 3)
    assert library.images()[0].missing == 0
    monkeypatch.setattr(rows, "MOST_MANIFESTS", 2)
    assert library.images()[0].missing == 1


def test_a_child_of_two_platforms_is_shown_for_both(library: Library) -> None:
    put_index(library, index(("linux/amd64", ONE), ("linux/arm64", ONE)), ONE)
    (row,) = library.images()
    assert [str(each) for each in row.platforms] == ["linux/amd64", "linux/arm64"]
    assert [part.whole for part in library.details(NAME).platforms] == [True, True]


@pytest.mark.parametrize("size", [len(ONE.manifest.raw) - 1, len(ONE.manifest.raw) + 1, 0])
def test_an_index_that_has_another_size_for_its_child_is_not_whole(library: Library, size: int) -> None:
    document = json.loads(index(("linux/amd64", ONE)).raw)
    document["manifests"][0]["size"] = size
    found = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
    assert isinstance(found, Index)
    put_index(library, found, ONE)
    assert library.images()[0].missing == 1
    assert [part.whole for part in library.details(NAME).platforms] == [False]


def test_an_image_that_goes_while_the_list_is_read_is_not_shown_as_damaged(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    other = Library(library.path)
    sizes = Contents.sizes

    def removing(self: Contents) -> dict[str, int]:
        monkeypatch.setattr(Contents, "sizes", sizes)
        other.remove(NAME)
        return sizes(self)

    monkeypatch.setattr(Contents, "sizes", removing)
    assert [(row.reference, row.missing) for row in library.images()] == [(OTHER, 0)]


# -- folders made by strangers


@pytest.mark.parametrize("digest", [LAYER, CONFIG, MANIFEST])
@pytest.mark.parametrize("make", ["fifo", "link", "folder", "link to nowhere"])
def test_what_is_no_file_harms_one_image_only(
    library: Library, tmp_path: Path, digest: str, make: str
) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    library = Library(library.path)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = blob(library, digest)
    path.unlink()
    if make == "fifo":
        os.mkfifo(path)
    elif make == "folder":
        path.mkdir()
    else:
        path.symlink_to(secret if make == "link" else tmp_path / "nowhere")
    os.utime(secret, (0, 0))
    assert [(row.reference, row.missing) for row in library.images()] == [(NAME, 1), (OTHER, 0)]
    assert library.blob_size(digest) is None
    if make != "folder":
        with pytest.raises(LibraryDamaged) as caught, library.read(Descriptor("", digest, 1)):
            pass
        assert caught.value.subject == str(path)
        assert ("link" in caught.value.message) == make.startswith("link")
        # Pulled again, it is whole again.
        put(library, ONE)
        assert [row.missing for row in library.images()] == [0, 0]
    assert secret.read_text() == "secret"
    assert secret.stat().st_mtime == 0


def test_nothing_is_removed_while_a_named_manifest_is_there_and_cannot_be_read(library: Library) -> None:
    """Its parts may be all right, and nobody else names them."""
    put(library, ONE)
    put(library, TWO, OTHER)
    library = Library(library.path)
    path = blob(library, MANIFEST)
    path.rename(library.path / "aside")
    path.symlink_to(library.path / "aside")
    for each in (LAYER, CONFIG):
        os.utime(blob(library, each), (0, 0))
    assert library.remove(OTHER) == Freed()
    library.tidy()
    assert ONE.digests <= blobs_of(library)
    library.remove(NAME)
    library.tidy()
    assert LAYER not in blobs_of(library)


def test_nothing_is_removed_while_the_index_is_missing(library: Library) -> None:
    put(library, ONE)
    lease = library.lease()
    for each in blobs_of(library):
        os.utime(blob(library, each), (0, 0))
    folder = LayoutFolder(library.path)
    (library.path / "index.json").unlink()
    assert folder.listed() is None
    assert Collector(folder, Contents(folder)).collect(ONE.digests) == Freed()
    assert blobs_of(library) == ONE.digests
    lease.close()


@pytest.mark.parametrize("gone", [".longshore/ingest", ".longshore/leases", ".longshore", "blobs"])
def test_a_folder_that_is_missing_is_created_again(library: Library, gone: str) -> None:
    put(library, ONE)
    for path in sorted((library.path / gone).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (library.path / gone).rmdir()
    for again in (library, Library(library.path)):
        put(again, TWO, OTHER)
        assert again.details(OTHER).image.missing == 0
    library.tag(OTHER, NAME)
    assert [row.missing for row in library.images()] == [0, 0]


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()],
    ids=["fifo", "link", "folder"],
)
def test_a_document_that_is_no_file_is_an_error_at_once(
    library: Library, name: str, make: Callable[[Path], None]
) -> None:
    put(library, ONE)
    (library.path / name).unlink()
    make(library.path / name)
    for attempt in (library.images, lambda: library.tag(NAME, OTHER), library.tidy):
        with pytest.raises(LibraryError) as caught:
            attempt()
        assert str(library.path / name) == caught.value.subject
    assert blobs_of(library) == ONE.digests


def test_an_index_of_too_many_bytes_is_refused_before_it_is_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    before = (library.path / "index.json").read_bytes()
    grown = len(before) * 2
    monkeypatch.setattr(layout, "LARGEST_INDEX", len(before))
    assert library.images()
    with pytest.raises(LibraryError) as caught:
        library.tag(NAME, OTHER)
    assert "too many" in caught.value.message
    assert (library.path / "index.json").read_bytes() == before
    monkeypatch.setattr(layout, "LARGEST_INDEX", grown)
    library.tag(NAME, OTHER)


def test_an_index_of_too_many_bytes_is_not_read(library: Library) -> None:
    put(library, ONE)
    with (library.path / "index.json").open("ab") as file:
        file.write(b" " * layout.LARGEST_INDEX)
    with pytest.raises(InvalidLayout) as caught:
        library.images()
    assert caught.value.subject == str(library.path / "index.json")


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


@pytest.mark.parametrize(("age", "kept"), [(ORPHAN_AGE - 60, True), (ORPHAN_AGE + 60, False)])
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
    assert library.remove(NAME) == Freed()
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


def test_strange_things_among_the_leases_stop_nothing(library: Library, tmp_path: Path) -> None:
    put(library, ONE)
    leases = library.path / ".longshore" / "leases"
    (leases / "a.lease").mkdir()
    (leases / "b.lease").symlink_to(tmp_path)
    os.mkfifo(leases / "c.lease")
    library.remove(NAME)
    assert blobs_of(library) == set()


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
    monkeypatch.setattr("longshore.library.contents._PATIENCE", 0.0)
    for busy, word in ((True, "is damaged"), (False, "was removed")):
        lock = locked(library.path / ".longshore" / "blobs.lock", shared=True)
        with lock if busy else contextlib.nullcontext(), pytest.raises(LibraryDamaged, match=word):
            read_all(library)
        assert (LAYER in blobs_of(library)) == busy


def test_a_damaged_manifest_is_not_removed_by_a_collector_that_has_the_lock(library: Library) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    damage(library, MANIFEST)
    again = Library(library.path)
    assert again.remove(OTHER) == Freed()  # and did not wait for itself
    assert MANIFEST in blobs_of(library)


# -- what errors say


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (LockBusy(Path("/x")), LibraryBusy, "locked"),
        (DidNotLast(Path("/x")), LibraryBusy, "overwriting"),
        (FileTooLarge(Path("/x"), 3), InvalidLayout, "broken"),
        (NotAFile(Path("/x")), LibraryError, "not a file"),
        (OSError(28, "full"), DiskFull, "space"),
        (OSError(122, "quota"), DiskFull, "space"),
        (OSError(13, "denied"), LibraryError, "may not be written"),
        (OSError(30, "read-only"), LibraryError, "may not be written"),
        (OSError(5, "broken"), LibraryError, "cannot be written"),
    ],
)
def test_each_fault_of_a_folder_has_its_words(tmp_path: Path, error: OSError, kind: type, word: str) -> None:
    explained = LayoutFolder(tmp_path).explain(error, writing=True)
    assert type(explained) is kind
    assert word in explained.message
    assert explained.advice
    assert explained.transient == (kind is LibraryBusy)


def test_rows_are_found_by_their_own_names_only(library: Library) -> None:
    put(library, ONE)
    library.tag(NAME, OTHER)
    (first, second) = library.images()
    assert replace(first, reference=None) == replace(second, reference=None)
    assert [first.reference, second.reference] == [NAME, OTHER]
    assert sha256_of(ONE.manifest.raw) == first.digest
