"""What is on disk before what: a power cut leaves no name without its content; and where the limits are, exactly."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import DigestMismatch, DiskFull, LibraryError
from longshore.library import blobs, collecting, ingest, parts, rows
from longshore.library import library as library_module
from longshore.library.blobs import Contents
from longshore.library.folder import LayoutFolder
from longshore.library.ingest import Ingest
from longshore.library.leases import Lease, held
from longshore.library.library import Library
from longshore.oci import layout
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_LAYER
from longshore.oci.reference import Reference
from transfertools.layouts import NAME, blobs_of, image, index, noise, put, put_index, whole

ONE = image(noise(5000, "one"))
TWO = image(noise(4000, "two"))
THREE = image(noise(3000, "three"))
OTHER = NAME.with_tag("2")
BLOB = noise(3000, "blob")
WANTED = Descriptor(OCI_LAYER, sha256_of(BLOB), len(BLOB))
WEEK = 7 * 24 * 3600.0


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def blob(library: Library, digest: str) -> Path:
    return library.path / "blobs" / "sha256" / digest[7:]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each flush to disk, rename and removal of blobs, in order."""
    found: list[str] = []
    fsync, sync_folder, replace, unlink = os.fsync, ingest.sync_folder, Path.replace, Path.unlink

    def synced(descriptor: int) -> None:
        kind = Path(f"/proc/self/fd/{descriptor}").readlink().suffix
        if kind:  # a file, not a folder
            found.append(f"flush {kind}")
        fsync(descriptor)

    def folder_synced(folder: Path) -> None:
        found.append(f"flush names in {folder.name}")
        sync_folder(folder)

    def replaced(self: Path, target: Path) -> Path:
        found.append(f"rename {self.suffix}")
        return replace(self, target)

    def unlinked(self: Path, missing_ok: bool = False) -> None:
        if self.parent.name == "sha256":
            found.append("remove")
        unlink(self, missing_ok)

    monkeypatch.setattr(ingest.os, "fsync", synced)
    for module in (ingest, collecting):
        monkeypatch.setattr(module, "sync_folder", folder_synced)
    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(Path, "unlink", unlinked)
    return found


# -- what is on disk


def test_a_blob_is_on_disk_before_it_has_its_name(library: Library, steps: list[str]) -> None:
    library._folder.ensure()
    with contextlib.closing(library.lease()) as lease:
        steps.clear()
        library.receive(WANTED, whole(BLOB), lease, Cancellation())  # type: ignore[arg-type]
        assert steps == ["flush .part", "rename .part", "flush names in sha256"]
        steps.clear()
        library.take_in([b"other"], lease, Cancellation())
        assert steps == ["flush .tmp", "rename .tmp", "flush names in sha256"]


def test_names_of_blobs_are_on_disk_before_an_image_is_listed(library: Library, steps: list[str]) -> None:
    """Another program may have placed a blob that is not flushed yet."""
    put(library, ONE, OTHER)
    with contextlib.closing(library.lease()) as lease:
        library.hold(lease, ONE.manifest.digest)
        steps.clear()
        library.put(ONE.manifest, lease, NAME)
    assert steps[0] == "flush names in sha256"


def test_the_list_is_on_disk_before_anything_is_removed(library: Library, steps: list[str]) -> None:
    put(library, ONE)
    steps.clear()
    library.remove(NAME)
    first = steps.index("remove")
    assert f"flush names in {library.path.name}" in steps[:first]


def test_folders_of_all_algorithms_are_flushed(library: Library, steps: list[str]) -> None:
    library._folder.ensure()
    (library.path / "blobs" / "sha512").mkdir()
    steps.clear()
    Ingest(library._folder).sync()
    assert sorted(steps) == ["flush names in sha256", "flush names in sha512"]


# -- ages


@pytest.mark.parametrize(("later", "kept"), [(0.0, True), (1.0, False)])
def test_a_blob_that_nobody_names_is_kept_to_the_second(
    library: Library, monkeypatch: pytest.MonkeyPatch, later: float, kept: bool
) -> None:
    put(library, ONE)
    with contextlib.closing(library.lease()) as lease:
        digest = library.take_in([b"left"], lease, Cancellation()).digest
    os.utime(blob(library, digest), (1000, 1000))
    monkeypatch.setattr(collecting.time, "time", lambda: 1000 + WEEK + later)
    assert library._collector.collect(()).blobs == (0 if kept else 1)
    assert (digest in blobs_of(library)) == kept


@pytest.mark.parametrize(
    ("age", "part", "temporary"), [(WEEK - 1, True, True), (WEEK, False, True), (WEEK + 1, False, False)]
)
def test_unfinished_files_are_kept_to_the_second(
    library: Library, monkeypatch: pytest.MonkeyPatch, age: float, part: bool, temporary: bool
) -> None:
    library._folder.ensure()
    folder = library.path / ".longshore" / "ingest"
    for name in ("sha256-a.part", "x.tmp"):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (1000, 1000))
    monkeypatch.setattr(ingest.time, "time", lambda: 1000 + age)
    Ingest(library._folder).tidy()
    assert ((folder / "sha256-a.part").exists(), (folder / "x.tmp").exists()) == (part, temporary)


def test_the_newest_parts_are_kept_up_to_a_size(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library._folder.ensure()
    folder = library.path / ".longshore" / "ingest"
    for number, name in enumerate(("a", "b", "c")):
        (folder / f"{name}.part").write_bytes(bytes(100))
        os.utime(folder / f"{name}.part", (1000 + number, 1000 + number))
    monkeypatch.setattr(ingest.time, "time", lambda: 1010.0)
    for most, left in ((300, "abc"), (299, "bc"), (200, "bc"), (199, "c"), (0, "")):
        Ingest(library._folder).tidy(most_bytes=most)
        assert "".join(sorted(path.stem for path in folder.iterdir())) == left


# -- leases


def test_a_lease_names_each_content_once(library: Library) -> None:
    library._folder.ensure()
    digests = [f"sha256:{number:064x}" for number in range(3)]
    with contextlib.closing(Lease(library._folder)) as lease:
        lease.hold(digests[0], digests[0])
        lease.hold(digests[0], digests[1])
        lease.hold(digests[1])
        lease.hold()
        assert list(held(library._folder)) == digests[:2]


def test_a_lease_that_was_closed_holds_anew(library: Library) -> None:
    library._folder.ensure()
    closed: list[int] = []
    lease = Lease(library._folder, lambda: closed.append(1))
    lease.close()
    assert closed == [], "it held nothing"
    digest = f"sha256:{1:064x}"
    for times in (1, 2):
        lease.hold(digest)
        assert list(held(library._folder)) == [digest]
        lease.close()
        lease.close()
        assert (list(held(library._folder)), len(closed)) == ([], times)


def test_a_lease_that_cannot_be_locked_is_an_error(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library._folder.ensure()
    monkeypatch.setattr("longshore.library.leases.try_lock", lambda descriptor: False)
    lease = Lease(library._folder)
    with pytest.raises(LibraryError) as caught:
        lease.hold(f"sha256:{1:064x}")
    assert "cannot lock" in caught.value.detail
    lease.close()


def test_what_is_present_is_held(library: Library) -> None:
    with contextlib.closing(library.lease()) as lease:
        assert library.present(WANTED.digest, lease, Cancellation()) is None
        assert not library.path.exists(), "looking creates nothing"
        put(library, ONE)
        layer = ONE.manifest.layers[0]
        assert library.present(layer.digest, lease, Cancellation()) == 5000
        assert library.present(WANTED.digest, lease, Cancellation()) is None
        library.remove(NAME)
        assert blobs_of(library) == {layer.digest}
    assert blobs_of(library) == set()


# -- documents in memory


def test_the_documents_that_are_asked_for_stay_in_memory(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for made, name in ((ONE, NAME), (TWO, OTHER), (THREE, NAME.with_tag("3"))):
        put(library, made, name)
    contents = Contents(LayoutFolder(library.path))
    monkeypatch.setattr(blobs, "_REMEMBERED", 2)
    read: list[str] = []
    small = contents._small

    def noted(digest: str, *rest: Any, **more: Any) -> bytes:
        read.append(digest)
        return small(digest, *rest, **more)

    monkeypatch.setattr(contents, "_small", noted)
    one, two, three = (made.manifest.digest for made in (ONE, TWO, THREE))
    for digest in (one, two, one, three, one, three, two):
        contents.manifest(digest)
    assert read == [one, two, three, two]


def test_a_list_that_changes_all_the_time_is_read_three_times(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    blob(library, ONE.manifest.layers[0].digest).unlink()
    times: list[int] = []
    images = rows.Rows._images

    def changing(self: rows.Rows, index: layout.LayoutIndex) -> Any:
        times.append(1)
        other = Library(library.path)
        other.tag(ONE.manifest.digest, NAME.with_tag(f"t{len(times)}"))
        return images(self, index)

    monkeypatch.setattr(rows.Rows, "_images", changing)
    assert len(library.images()) == 3
    assert len(times) == 3
    times.clear()
    monkeypatch.setattr(rows.Rows, "_images", lambda self, index: times.append(1) or images(self, index))
    library.images()
    assert len(times) == 1, "it did not change"


def test_a_name_that_moves_all_the_time_is_looked_up_sixteen_times(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(library, ONE)
    put(library, TWO, OTHER)
    config = ONE.manifest.config.digest
    answers = iter([ONE.manifest.digest, ""] * 100)
    asked: list[str] = []

    def holding(self: Library, image_id: str) -> str:
        asked.append(image_id)
        return next(answers) or TWO.manifest.digest

    monkeypatch.setattr(Library, "holding", holding)
    with contextlib.closing(library.lease()) as lease:
        assert library.hold_made_from(lease, config) == ""
    assert len(asked) == 32
    assert library_module._TRIES == 16


# -- lists


def test_images_without_a_name_come_last(library: Library) -> None:
    lease = library.lease()
    for made in (ONE, TWO):
        put(library, made)
        library.put(made.manifest, lease, None, listed=True)
    lease.close()
    put(library, THREE, Reference.parse("z.example/a:1"))
    shown = [(row.reference, row.digest) for row in library.images()]
    assert shown[0][0] == NAME and shown[1][0] == Reference.parse("z.example/a:1")
    assert [reference for reference, _ in shown[2:]] == [None] * len(shown[2:])


def test_a_name_that_is_no_reference_is_no_subject(library: Library) -> None:
    put(library, ONE)
    signature = image(noise(50, "signature"), subject=ONE.manifest.descriptor)
    put(library, signature, None)
    path = library.path / "index.json"
    document = json.loads(path.read_bytes())
    document["manifests"][1]["annotations"] = {layout.REF_NAME: "sha256-x"}
    path.write_text(json.dumps(document))
    assert {row.subject for row in library.images()} == {""}


def test_an_image_is_found_by_what_an_engine_calls_it_among_others(library: Library) -> None:
    """A signature, an index and an incomplete image come before it."""
    put(library, TWO, NAME.with_tag("a"))
    blob(library, TWO.manifest.layers[0].digest).unlink()
    put_index(library, index(("linux/amd64", THREE)), THREE, name=NAME.with_tag("b"))
    put(library, ONE, NAME.with_tag("c"))
    assert library.holding(TWO.manifest.config.digest) == ""
    assert library.holding(TWO.manifest.digest) == ""
    assert library.holding(ONE.manifest.config.digest) == ONE.manifest.digest
    assert library.holding(index(("linux/amd64", THREE)).digest) == index(("linux/amd64", THREE)).digest


# -- receiving


def test_what_is_stopped_before_it_begins_asks_nobody(library: Library) -> None:
    stop = Cancellation()
    stop.ask_to_stop()
    with contextlib.closing(library.lease()) as lease, pytest.raises(Cancelled):
        library.receive(WANTED, None, lease, stop)  # type: ignore[arg-type]
    assert blobs_of(library) == set()


def test_a_full_disk_gives_back_what_it_took(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Any, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts, "write_all", full)
    with contextlib.closing(library.lease()) as lease, pytest.raises(DiskFull):
        library.receive(WANTED, whole(BLOB), lease, Cancellation())  # type: ignore[arg-type]
    assert not list((library.path / ".longshore" / "ingest").iterdir())


def test_a_broken_disk_keeps_what_came(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    write = parts.write_all
    written: list[bytes] = []

    def broken(file: Any, chunk: bytes) -> None:
        if written:
            raise OSError(5, "Input/output error")
        written.append(chunk)
        write(file, chunk)

    monkeypatch.setattr(parts, "write_all", broken)
    with contextlib.closing(library.lease()) as lease, pytest.raises(LibraryError, match="can't be written"):
        library.receive(WANTED, whole(BLOB), lease, Cancellation())  # type: ignore[arg-type]
    (part,) = (library.path / ".longshore" / "ingest").iterdir()
    assert part.stat().st_size == 1000


def test_a_wrong_blob_is_asked_for_once_if_all_of_it_just_came(library: Library) -> None:
    asked: list[int] = []

    @contextlib.contextmanager
    def wrong(offset: int) -> Iterator[Iterable[bytes]]:
        asked.append(offset)
        yield [b"x" * len(BLOB)]

    with contextlib.closing(library.lease()) as lease, pytest.raises(DigestMismatch):
        library.receive(WANTED, wrong, lease, Cancellation())
    assert asked == [0]


@pytest.mark.parametrize(("error", "writing", "words"), [
    (OSError(1, "x"), True, "permission to write to"),
    (OSError(13, "x"), False, "permission to read"),
    (OSError(5, "x"), False, "can't be read"),
    (OSError(5, "x"), True, "can't be written"),
])  # fmt: skip
def test_errors_say_what_was_tried(library: Library, error: OSError, writing: bool, words: str) -> None:
    assert words in library._folder.explain(error, writing=writing).message
