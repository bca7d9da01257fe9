"""Blobs on their way into the library: cut off, cancelled, killed, damaged, requested twice."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import DigestMismatch, DiskFull, RegistryUnreachable
from longshore.library.ingest import Ingest
from longshore.library.library import Library
from longshore.library.parts import Part
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_LAYER
from longshore.shared_files import LockBusy, locked
from transfertools import wait_until
from transfertools.layouts import blobs_of, noise, on_disk

BLOB = noise(100_000, "blob")
WANTED = Descriptor(OCI_LAYER, sha256_of(BLOB), len(BLOB))


class Line:
    """Yields a blob piece by piece; *between* is called before each."""

    def __init__(self, blob: bytes = BLOB, piece: int = 10_000) -> None:
        self.blob = blob
        self.piece = piece
        self.asked: list[int] = []
        self.sent = 0
        self.cut_after: list[int] = []
        self.error: Exception = RegistryUnreachable("The line was cut.", registry="x")
        self.between = lambda sent: None

    @contextlib.contextmanager
    def __call__(self, offset: int) -> Iterator[Iterable[bytes]]:
        self.asked.append(offset)
        yield self._pieces(offset)

    def _pieces(self, offset: int) -> Iterator[bytes]:
        budget = self.cut_after.pop(0) if self.cut_after else None
        for at in range(offset, len(self.blob), self.piece):
            if budget is not None and at - offset >= budget:
                raise self.error
            self.between(at)
            self.sent += len(self.blob[at : at + self.piece])
            yield self.blob[at : at + self.piece]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def receive(library: Library, source: OpenBlob, cancellation: Cancellation | None = None) -> bool:
    lease = library.lease()
    try:
        return library.receive(WANTED, source, lease, cancellation or Cancellation())
    finally:
        lease.close()


def parts(library: Library) -> list[Path]:
    return list((library.path / ".longshore" / "ingest").iterdir())


def test_a_blob_comes_once(library: Library) -> None:
    line = Line()
    assert receive(library, line)
    assert blobs_of(library) == {WANTED.digest}
    assert parts(library) == []
    assert not receive(library, line)
    assert line.asked == [0]


def test_a_cut_line_is_taken_up_where_it_broke(library: Library) -> None:
    line = Line()
    line.cut_after = [30_000, 0, 50_000]
    for kept in (30_000, 30_000, 80_000):
        with pytest.raises(RegistryUnreachable):
            receive(library, line)
        assert on_disk(library).partial == kept
    assert receive(library, line)
    assert line.asked == [0, 30_000, 30_000, 80_000]
    assert line.sent == len(BLOB)


def test_cancelled_and_taken_up(library: Library) -> None:
    cancellation = Cancellation()
    line = Line()
    line.between = lambda sent: cancellation.cancel() if sent == 50_000 else None
    with pytest.raises(Cancelled):
        receive(library, line, cancellation)
    assert receive(library, again := Line())
    assert again.asked == [50_000]


@pytest.mark.parametrize("blob", [noise(100_000, "other"), BLOB + b"more", BLOB[:-1]])
def test_content_that_is_another_is_not_kept(library: Library, blob: bytes) -> None:
    with pytest.raises(DigestMismatch):
        receive(library, Line(blob))
    assert blobs_of(library) == set()
    assert parts(library) == []
    assert receive(library, Line())


def test_a_part_that_was_damaged_meanwhile_is_begun_again(library: Library) -> None:
    line = Line()
    line.cut_after = [30_000]
    with pytest.raises(RegistryUnreachable):
        receive(library, line)
    (part,) = parts(library)
    part.write_bytes(b"x" + part.read_bytes()[1:])
    assert receive(library, again := Line())
    assert again.asked == [30_000, 0]


def test_two_that_want_the_same_one_fetch_it_once(library: Library) -> None:
    begun, go = threading.Event(), threading.Event()
    line = Line()

    def between(sent: int) -> None:
        begun.set()
        assert go.wait(10)

    line.between = between
    outcomes: list[bool] = []
    first = threading.Thread(target=lambda: outcomes.append(receive(library, line)))
    first.start()
    assert begun.wait(10)
    other = Line()
    second = threading.Thread(target=lambda: outcomes.append(receive(Library(library.path), other)))
    second.start()
    with pytest.raises(Cancelled):  # a waiting call can be cancelled
        cancelled = Cancellation()
        threading.Timer(0.05, cancelled.cancel).start()
        receive(library, other, cancelled)
    with pytest.raises(Cancelled):  # and paused
        paused = Cancellation()
        threading.Timer(0.05, paused.ask_to_stop).start()
        receive(library, other, paused)
    go.set()
    first.join(10)
    second.join(10)
    assert sorted(outcomes) == [False, True]
    assert other.asked == []
    assert line.sent == len(BLOB)


_KILLED = """
import sys, time
from pathlib import Path
from longshore.cancellation import Cancellation
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
import contextlib
blob = Path(sys.argv[2]).read_bytes()
@contextlib.contextmanager
def source(offset):
    def pieces():
        for at in range(offset, len(blob), 10_000):
            if at == 60_000:
                print("there", flush=True)
                time.sleep(60)
            yield blob[at:at + 10_000]
    yield pieces()
library = Library(Path(sys.argv[1]))
wanted = Descriptor("application/vnd.oci.image.layer.v1.tar", sys.argv[3], len(blob))
library.receive(wanted, source, library.lease(), Cancellation())
"""


@pytest.fixture
def killed(library: Library, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another Longshore that is halfway through the blob."""
    (tmp_path / "blob").write_bytes(BLOB)
    arguments = [sys.executable, "-c", _KILLED, str(library.path), str(tmp_path / "blob"), WANTED.digest]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        yield process
        process.kill()


def test_killed_and_taken_up(library: Library, killed: subprocess.Popen[str]) -> None:
    assert on_disk(library).partial == 60_000
    Ingest(library._folder).tidy(oldest=0, most_bytes=0)
    assert on_disk(library).partial == 60_000  # it is being written
    lease = library.path / ".longshore" / "leases"
    assert len(list(lease.iterdir())) == 1
    killed.kill()
    killed.wait(10)
    assert receive(library, line := Line())
    assert line.asked == [60_000]
    library.tidy()
    assert list(lease.iterdir()) == []
    assert blobs_of(library) == {WANTED.digest}


def test_another_process_holds_what_it_has_brought(library: Library, killed: subprocess.Popen[str]) -> None:
    other = Line()
    waiting = threading.Thread(target=lambda: receive(library, other))
    waiting.start()
    wait_until(lambda: waiting.is_alive(), "waiting")
    assert other.asked == []
    killed.kill()
    waiting.join(10)
    assert other.asked == [60_000]  # it resumed at once where the killed one had stopped


def test_a_blob_that_nobody_has_named_is_named_by_what_it_is(library: Library) -> None:
    lease = library.lease()
    found = library.take_in([BLOB[:1000], b"", BLOB[1000:]], lease, Cancellation())
    assert (found.digest, found.size) == (WANTED.digest, WANTED.size)
    assert library.take_in([BLOB], lease, Cancellation()) == found
    assert blobs_of(library) == {WANTED.digest}
    stop = Cancellation()

    def cut() -> Iterator[bytes]:
        yield BLOB
        stop.cancel()
        yield BLOB

    with pytest.raises(Cancelled):
        library.take_in(cut(), lease, stop)
    assert blobs_of(library) == {WANTED.digest}
    assert parts(library) == []
    lease.close()


def test_parts_are_bounded_in_age_and_size(library: Library) -> None:
    ingest = Ingest(library._folder)
    library._folder.ensure()
    folder = library.path / ".longshore" / "ingest"
    for number in range(4):
        part = folder / f"sha256-{number:064x}.part"
        part.write_bytes(bytes(1000))
        os.utime(part, (1_700_000_000 + number, 1_700_000_000 + number))
    (folder / "left.tmp").write_bytes(b"x")
    os.utime(folder / "left.tmp", (0, 0))
    ingest.tidy(oldest=1e12, most_bytes=2500)
    assert sorted(path.name[-6:] for path in folder.iterdir()) == ["2.part", "3.part", "ft.tmp"]
    library.tidy()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("seconds", "kept"), [(-60, True), (60, False)])
def test_a_part_is_kept_for_a_week(library: Library, seconds: int, kept: bool) -> None:
    line = Line()
    line.cut_after = [30_000]
    with pytest.raises(RegistryUnreachable):
        receive(library, line)
    (part,) = parts(library)
    then = part.stat().st_mtime - 7 * 24 * 3600 - seconds
    os.utime(part, (then, then))
    library.tidy()
    assert (part in parts(library)) == kept


@pytest.mark.parametrize(("more", "kept"), [(0, True), (1, False)])
def test_parts_take_up_twenty_gibibytes_at_most(library: Library, more: int, kept: bool) -> None:
    library._folder.ensure()
    folder = library.path / ".longshore" / "ingest"
    older, newer = (folder / f"sha256-{digit * 64}.part" for digit in "ab")
    for part, size in ((older, 1 + more), (newer, (20 << 30) - 1)):
        part.touch()
        os.truncate(part, size)  # sparse: takes up no space on the disk
    now = newer.stat().st_mtime
    os.utime(older, (now - 60, now - 60))
    library.tidy()
    assert newer in parts(library)
    assert (older in parts(library)) == kept


def test_who_waits_for_a_blob_rests_between_two_looks(library: Library) -> None:
    """The other one continues only during a rest: polling without rests would never end."""
    begun, go = threading.Event(), threading.Event()

    class Resting(Cancellation):
        def wait(self, seconds: float) -> bool:
            go.set()
            return super().wait(seconds)

    def between(sent: int) -> None:
        begun.set()
        assert go.wait(10)

    line, other = Line(), Line()
    line.between = between
    writer = threading.Thread(target=lambda: receive(library, line))
    writer.start()
    assert begun.wait(10)
    try:
        assert not receive(library, other, Resting())
    finally:
        go.set()
        writer.join(10)
    assert (line.asked, other.asked) == ([0], [])


def test_a_blob_may_be_read_by_those_who_may_read_files(library: Library) -> None:
    """The folder itself is closed to others; the files in it have ordinary permissions."""
    before = os.umask(0o022)
    try:
        assert receive(library, Line())
        lease = library.lease()
        other = library.take_in([b"other"], lease, Cancellation())
        lease.close()
    finally:
        os.umask(before)
    for digest in (WANTED.digest, other.digest):
        assert (library.path / "blobs" / "sha256" / digest[7:]).stat().st_mode & 0o777 == 0o644
    for name in ("index.json", "oci-layout"):
        assert (library.path / name).stat().st_mode & 0o777 == 0o644


def test_what_is_being_written_is_never_tidied_away_whatever_the_clock_says(library: Library) -> None:
    ingest = Ingest(library._folder)
    folder = library.path / ".longshore" / "ingest"

    def chunks() -> Iterator[bytes]:
        yield BLOB
        (path,) = folder.iterdir()
        os.utime(path, (0, 0))
        ingest.tidy()
        assert path.exists()

    lease = library.lease()
    assert library.take_in(chunks(), lease, Cancellation()).digest == WANTED.digest
    lease.close()
    assert parts(library) == []


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("nowhere")], ids=["fifo", "link"])
def test_a_stranger_among_the_unfinished_goes_with_its_age(
    library: Library, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    library._folder.ensure()
    path = library.path / ".longshore" / "ingest" / "x.tmp"
    make(path)
    Ingest(library._folder).tidy()
    assert parts(library) == [path]
    os.utime(path, (0, 0), follow_symlinks=False)
    Ingest(library._folder).tidy()
    assert parts(library) == []


def test_a_pipe_in_the_place_of_a_blob_is_replaced(library: Library) -> None:
    library._folder.ensure()
    place = library.path / "blobs" / "sha256" / WANTED.digest[7:]
    os.mkfifo(place)
    assert receive(library, Line())
    assert place.read_bytes() == BLOB


def test_no_room_is_said_before_the_first_byte(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = Descriptor(OCI_LAYER, f"sha256:{1:064x}", 1 << 60)
    line = Line()
    with pytest.raises(DiskFull) as caught:
        library.receive(huge, line, library.lease(), Cancellation())
    assert caught.value.subject == str(library.path)
    assert line.asked == []
    assert on_disk(library).partial == 0


@pytest.mark.parametrize("free, fits", [(len(BLOB) - 30_000, True), (len(BLOB) - 30_001, False)])
def test_a_part_needs_room_only_for_what_is_missing(
    library: Library, monkeypatch: pytest.MonkeyPatch, free: int, fits: bool
) -> None:
    line = Line()
    line.cut_after = [30_000]
    with pytest.raises(RegistryUnreachable):
        receive(library, line)
    disk = types.SimpleNamespace(f_bavail=free, f_frsize=1)
    monkeypatch.setattr("longshore.library.ingest.os.fstatvfs", lambda descriptor: disk)
    with contextlib.nullcontext() if fits else pytest.raises(DiskFull):
        receive(library, line)
    assert line.asked == [0, *([30_000] if fits else [])]


@pytest.mark.parametrize(
    "locks", [lambda descriptor: False, lambda descriptor: 1 / 0], ids=["locked", "failed"]
)
def test_a_part_that_is_not_ours_is_closed(
    library: Library, monkeypatch: pytest.MonkeyPatch, locks: Callable[[int], bool]
) -> None:
    library._folder.ensure()
    opened: list[int] = []

    def remembered(descriptor: int) -> bool:
        opened.append(descriptor)
        return locks(descriptor)

    monkeypatch.setattr("longshore.library.parts.try_lock", remembered)
    with contextlib.suppress(ZeroDivisionError):
        assert Part.opened(library.path / ".longshore" / "ingest" / "x", library._folder) is None
    (descriptor,) = opened
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_a_lock_that_nobody_lets_go_is_an_error(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", shared=True), locked(tmp_path / "lock", shared=True):
        with pytest.raises(LockBusy), locked(tmp_path / "lock", patience=0.02):
            pass
        stop = Cancellation()
        stop.cancel()
        with pytest.raises(Cancelled), locked(tmp_path / "lock", cancellation=stop):
            pass
    with (
        locked(tmp_path / "lock"),
        pytest.raises(LockBusy),
        locked(tmp_path / "lock", shared=True, patience=0.02),
    ):
        pass


def test_a_full_disk_is_known_by_its_number(library: Library) -> None:
    explained = library._folder.explain(OSError(errno.ENOSPC, "No space left on device"), writing=True)
    assert isinstance(explained, DiskFull)
    assert explained.subject == str(library.path)


def test_closing_an_empty_part_leaves_the_one_that_took_its_place(library: Library) -> None:
    library._folder.ensure()
    path = library.path / ".longshore" / "ingest" / "x.part"
    part = Part.opened(path, library._folder)
    assert part is not None
    path.unlink()
    path.write_bytes(b"another writer's")
    part.close()
    assert path.read_bytes() == b"another writer's"
