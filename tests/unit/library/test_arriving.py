"""Blobs that several threads fill at once: killed, torn, damaged, waited for, read while they arrive."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import DigestMismatch, DiskFull, LibraryError, LongshoreError, RegistryUnreachable
from longshore.library.arriving import MOST_READ, RECORDED, Arriving
from longshore.library.ingest import Ingest
from longshore.library.leases import Lease
from longshore.library.library import Library
from longshore.library.ranges import Ranges
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_LAYER
from transfertools import wait_until
from transfertools.layouts import blobs_of, noise

MB = 1 << 20
BLOB = noise(3 * MB + 17, "arriving")
SIZE = len(BLOB)
WANTED = Descriptor(OCI_LAYER, sha256_of(BLOB), SIZE)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def lease(library: Library) -> Iterator[Lease]:
    with contextlib.closing(library.lease()) as lease:
        yield lease


@pytest.fixture
def arrive(library: Library, lease: Lease) -> Iterator[Callable[..., Arriving]]:
    """Opens a blob as a new program would; all are closed at the end."""
    opened: list[Arriving] = []

    def arrive(wanted: Descriptor = WANTED, cancellation: Cancellation | None = None) -> Arriving:
        opened.append(Library(library.path).arrive(wanted, lease, cancellation or Cancellation()))
        return opened[-1]

    yield arrive
    for one in opened:
        one.close()


def put(blob: Arriving, *spans: tuple[int, int], content: bytes = BLOB) -> None:
    for begin, end in spans:
        for at in range(begin, end, 40_000):
            blob.write(at, content[at : min(at + 40_000, end)])


def source(content: bytes = BLOB, *, most: int | None = None, asked: list[int] | None = None) -> OpenBlob:
    """A stream that is cut after *most* bytes."""

    @contextlib.contextmanager
    def opened(offset: int) -> Iterator[Iterator[bytes]]:
        if asked is not None:
            asked.append(offset)
        yield pieces(offset)

    def pieces(offset: int) -> Iterator[bytes]:
        end = len(content) if most is None else offset + most
        for at in range(offset, end, 10_000):
            yield content[at : min(at + 10_000, end)]
        if most is not None:
            raise RegistryUnreachable("The line was cut.", registry="x")

    return opened


def files(library: Library) -> dict[str, Path]:
    return {path.suffix: path for path in (library.path / ".longshore" / "ingest").iterdir()}


def stored(library: Library) -> bytes:
    with library.read(WANTED) as chunks:
        return b"".join(chunks)


# -- ranges


def test_ranges_are_joined() -> None:
    ranges = Ranges([(10, 20), (40, 50), (30, 40), (20, 21), (5, 5)])
    assert list(ranges) == [(10, 21), (30, 50)]
    assert ranges.total == 31
    assert ranges.gaps(0, 60) == [(0, 10), (21, 30), (50, 60)]
    assert ranges.gaps(12, 21) == []
    assert ranges.gaps(20, 31) == [(21, 30)]
    assert ranges.gaps(21, 30) == [(21, 30)]
    assert [ranges.end_from(at) for at in (9, 10, 20, 21, 49, 50)] == [9, 21, 21, 21, 50, 50]
    ranges.add(0, 60)
    assert (list(ranges), ranges.total) == ([(0, 60)], 60)


def test_ranges_are_sets_of_bytes() -> None:
    choose = random.Random(7)
    for _ in range(200):
        ranges, bytes_ = Ranges(), set[int]()
        for _ in range(choose.randrange(12)):
            begin, end = sorted((choose.randrange(40), choose.randrange(40)))
            ranges.add(begin, end)
            bytes_.update(range(begin, end))
        begin, end = sorted((choose.randrange(45), choose.randrange(45)))
        assert {at for one in ranges for at in range(*one)} == bytes_
        assert ranges.total == len(bytes_)
        assert {at for one in ranges.gaps(begin, end) for at in range(*one)} == set(
            range(begin, end)
        ) - bytes_
        assert set(range(begin, ranges.end_from(begin))) <= bytes_
        assert ranges.end_from(begin) not in bytes_


# -- filled


def test_a_blob_arrives_in_any_order(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    assert (blob.size, blob.digest, blob.whole, blob.arrived) == (SIZE, WANTED.digest, False, 0)
    assert blob.missing() == [(0, SIZE)]
    put(blob, (2 * MB, SIZE), (0, 1000))
    assert blob.missing() == [(1000, 2 * MB)]
    assert 0 < blob.arrived - library.unfinished(WANTED.digest) < 2 * RECORDED  # the rest of each run
    put(blob, (500, 2 * MB + 500))  # some of it again
    assert blob.missing() == []
    blob.settle(Cancellation())
    assert (blob.whole, blob.arrived, blob.missing()) == (True, SIZE, [])
    assert (stored(library), files(library)) == (BLOB, {})
    assert library.unfinished(WANTED.digest) == 0
    again = arrive()
    assert (again.whole, again.arrived, again.missing()) == (True, SIZE, [])


def test_several_threads_fill_it(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    spans = [(at, min(at + 200_000, SIZE)) for at in range(0, SIZE, 150_000)]  # they overlap
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda span: put(blob, span), spans))
    blob.settle(Cancellation())
    assert stored(library) == BLOB


def test_a_byte_is_written_once(library: Library, arrive: Callable[..., Arriving]) -> None:
    """What was hashed cannot be changed by a late connection, not even after the blob is verified."""
    blob = arrive()
    put(blob, (0, 2 * MB))
    put(blob, (0, SIZE - 5), content=bytes(SIZE))
    assert blob.arrived == SIZE - 5
    assert blob.read(MB, 10, Cancellation()) == BLOB[MB : MB + 10]
    with pytest.raises(DigestMismatch):
        put(blob, (SIZE - 5, SIZE))
        blob.settle(Cancellation())
    put(blob, (0, SIZE))
    blob.settle(Cancellation())
    put(blob, (0, SIZE), content=bytes(SIZE))
    assert stored(library) == BLOB


def test_bytes_outside_of_the_blob_are_a_mistake(arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    for offset in (-1, SIZE - 1):
        with pytest.raises(ValueError, match="outside"):
            blob.write(offset, b"12")
    blob.write(SIZE - 2, b"12")


def test_what_is_not_complete_is_not_settled(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, SIZE - 1))
    with pytest.raises(DigestMismatch):
        blob.settle(Cancellation())
    assert blobs_of(library) == set()


def test_an_empty_blob_is_settled_at_once(library: Library, arrive: Callable[..., Arriving]) -> None:
    wanted = Descriptor(OCI_LAYER, sha256_of(b""), 0)
    blob = arrive(wanted)
    assert blob.missing() == []
    assert blob.read(0, 10, Cancellation()) == b""
    blob.settle(Cancellation())
    assert blobs_of(library) == {wanted.digest}


def test_settling_can_be_cancelled_and_done_again(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, SIZE))
    blob.close()
    blob = arrive()  # nothing of it is hashed
    cancelled = Cancellation()
    cancelled.cancel()
    with pytest.raises(Cancelled):  # while it is hashed
        blob.settle(cancelled)
    blob.settle(Cancellation())
    assert stored(library) == BLOB


# -- resumed


def crash(blob: Arriving) -> None:
    """What a kill does: the files are closed, and nothing else happens."""
    assert blob._part is not None
    for descriptor in (blob._file, blob._record_file):
        os.close(descriptor)
    blob._part._file.close()
    blob._part = None


def test_killed_and_taken_up(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, MB), (2 * MB, 2 * MB + 200_000))
    crash(blob)
    again = arrive()
    assert (again.resumed, blob.resumed) == (True, False)
    assert MB + 200_000 - again.arrived < 2 * RECORDED
    assert library.unfinished(WANTED.digest) == again.arrived == library.unfinished_bytes()
    put(again, *again.missing())
    again.settle(Cancellation())
    assert stored(library) == BLOB


def test_little_is_lost_of_many_pieces(arrive: Callable[..., Arriving]) -> None:
    """The end of a piece is recorded when it meets the next one: what is lost does not grow with their number."""
    blob = arrive()
    spans = [(at, at + 50_000) for at in range(0, 2 * MB, 50_000)]
    put(blob, *spans[1::2], (SIZE - 10, SIZE))
    put(blob, *spans[::2])
    crash(blob)
    assert arrive().missing() == [(spans[-2][1], SIZE - 10)]  # the last one has no neighbour yet


def test_closed_and_taken_up_without_loss(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (5, 6), (1000, 200_000))
    blob.close()
    blob.close()
    assert set(files(library)) == {".arriving", ".ranges"}
    assert arrive().missing() == [(0, 5), (6, 1000), (200_000, SIZE)]


def test_nothing_is_left_of_nothing(library: Library, arrive: Callable[..., Arriving]) -> None:
    arrive().close()
    assert files(library) == {}


def test_a_torn_record_loses_its_last_entry_only(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, MB))
    blob.close()
    record = files(library)[".ranges"]
    whole = record.read_bytes()
    record.write_bytes(whole + whole[:9])
    again = arrive()
    assert again.missing() == [(MB, SIZE)]
    put(again, (MB, 2 * MB))  # and what is recorded next is readable
    again.close()
    assert arrive().missing() == [(2 * MB, SIZE)]


def test_a_record_of_bytes_that_the_file_does_not_have(
    library: Library, arrive: Callable[..., Arriving]
) -> None:
    blob = arrive()
    put(blob, (0, MB), (2 * MB, SIZE))
    blob.close()
    os.truncate(files(library)[".arriving"], 2 * MB + 10)
    again = arrive()
    assert again.missing() == [(MB, 2 * MB), (2 * MB + 10, SIZE)]
    put(again, (SIZE - 1, SIZE))  # the file has its full size again, with a hole
    again.close()
    assert arrive().missing() == [(MB, 2 * MB), (2 * MB + 10, SIZE - 1)]


@pytest.mark.parametrize("lost", [".arriving", ".ranges"])
def test_one_file_without_the_other_is_nothing(
    library: Library, arrive: Callable[..., Arriving], lost: str
) -> None:
    blob = arrive()
    put(blob, (0, MB))
    blob.close()
    files(library)[lost].unlink()
    assert (library.unfinished(WANTED.digest), library.unfinished_bytes()) == (0, 0)
    again = arrive()
    assert (again.missing(), again.resumed) == ([(0, SIZE)], False)
    put(again, (MB, SIZE))
    again.close()
    assert arrive().missing() == [(0, MB)]


def test_a_file_that_is_too_long_is_begun_again(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, MB))
    blob.close()
    os.truncate(files(library)[".arriving"], SIZE + 1)
    assert arrive().missing() == [(0, SIZE)]


def test_wrong_bytes_are_dropped(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, MB), content=bytes(SIZE))
    put(blob, (MB, SIZE))
    with pytest.raises(DigestMismatch) as caught:
        blob.settle(Cancellation())
    assert caught.value.subject == WANTED.digest
    assert (blob.missing(), blob.arrived, blobs_of(library)) == ([(0, SIZE)], 0, set())
    crash(blob)
    assert arrive().missing() == [(0, SIZE)]


def test_wrong_bytes_of_an_earlier_run_are_worth_another_try(
    library: Library, arrive: Callable[..., Arriving]
) -> None:
    blob = arrive()
    put(blob, (0, MB))
    blob.close()
    files(library)[".arriving"].write_bytes(bytes(MB))
    again = arrive()
    put(again, (MB, SIZE))
    assert again.resumed
    with pytest.raises(DigestMismatch):
        again.settle(Cancellation())
    assert not again.resumed
    put(again, *again.missing())
    again.settle(Cancellation())
    assert stored(library) == BLOB


# -- the other kind of unfinished blob


def receive(library: Library, opened: OpenBlob, cancellation: Cancellation | None = None) -> bool:
    with contextlib.closing(library.lease()) as lease:
        return library.receive(WANTED, opened, lease, cancellation or Cancellation())


def test_what_one_stream_has_brought_is_taken_over(library: Library, arrive: Callable[..., Arriving]) -> None:
    with pytest.raises(RegistryUnreachable):
        receive(library, source(most=MB))
    assert library.unfinished(WANTED.digest) == library.unfinished_bytes() == MB
    blob = arrive()
    assert (blob.missing(), blob.resumed) == ([(MB, SIZE)], True)
    put(blob, *blob.missing())
    blob.settle(Cancellation())
    assert (stored(library), files(library)) == (BLOB, {})


def test_one_stream_takes_over_the_beginning(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, MB), (2 * MB, SIZE))
    blob.close()
    asked: list[int] = []
    with pytest.raises(RegistryUnreachable):
        receive(library, source(most=30_000, asked=asked))
    assert asked == [MB]
    assert list(files(library)) == [".part"]
    assert arrive().missing() == [(MB + 30_000, SIZE)]  # and back


def test_one_stream_completes_it(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, 2 * MB))
    crash(blob)
    asked: list[int] = []
    assert receive(library, source(asked=asked))
    assert 2 * MB - RECORDED * 2 < asked[0] <= 2 * MB
    assert (stored(library), files(library)) == (BLOB, {})


def test_one_stream_begins_where_the_beginning_is_missing(
    library: Library, arrive: Callable[..., Arriving]
) -> None:
    blob = arrive()
    put(blob, (1, SIZE))
    blob.close()
    asked: list[int] = []
    assert receive(library, source(asked=asked))
    assert (asked, stored(library), files(library)) == ([0], BLOB, {})


@pytest.mark.parametrize(("part", "left"), [(MB + 1, MB + 1), (MB, MB), (5, MB)])
@pytest.mark.parametrize("how", ["arrive", "receive"])
def test_of_two_unfinished_files_the_longer_counts(
    library: Library, arrive: Callable[..., Arriving], part: int, left: int, how: str
) -> None:
    """An older Longshore knows only parts, and begins its own."""
    blob = arrive()
    put(blob, (0, MB))
    blob.close()
    (library.path / ".longshore" / "ingest" / f"sha256-{WANTED.digest[7:]}.part").write_bytes(BLOB[:part])
    asked: list[int] = []
    if how == "receive":
        assert receive(library, source(asked=asked))
        assert asked == [left]
    else:
        again = arrive()
        assert again.missing() == [(left, SIZE)]
        put(again, (left, SIZE))
        again.settle(Cancellation())
    assert (stored(library), files(library)) == (BLOB, {})


# -- one writer


_OTHER = """
import sys, time
from pathlib import Path
from longshore.cancellation import Cancellation
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
content = Path(sys.argv[2]).read_bytes()
library = Library(Path(sys.argv[1]))
blob = library.arrive(Descriptor("application/vnd.oci.image.layer.v1.tar", sys.argv[3], len(content)),
                      library.lease(), Cancellation())
for at in range(1 << 20, 2 << 20, 1 << 15):
    blob.write(at, content[at:at + (1 << 15)])
print("there", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(library: Library, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another Longshore that has brought the second of three megabytes."""
    (tmp_path / "blob").write_bytes(BLOB)
    arguments = [sys.executable, "-c", _OTHER, str(library.path), str(tmp_path / "blob"), WANTED.digest]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        yield process
        process.kill()


def test_who_wants_what_another_process_brings_waits(
    library: Library, other: subprocess.Popen[str], arrive: Callable[..., Arriving], lease: Lease
) -> None:
    assert library.arrive_at_once(WANTED, lease, Cancellation()) is None
    for end in (Cancellation.cancel, Cancellation.ask_to_stop):
        stop = Cancellation()
        threading.Timer(0.05, end, (stop,)).start()
        with pytest.raises(Cancelled):
            arrive(cancellation=stop)
        stop = Cancellation()
        threading.Timer(0.05, end, (stop,)).start()
        with pytest.raises(Cancelled):
            receive(library, source(), stop)
    library.tidy()
    Ingest(library._folder).tidy(oldest=0, most_bytes=0)
    assert (library.drop_unfinished(), library.unfinished_bytes()) == (0, MB)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(arrive)
        other.kill()
        blob = waiting.result(20)
    assert blob.missing() == [
        (0, MB),
        (2 * MB, SIZE),
    ]  # it had brought a multiple of what is recorded at once


def test_who_waits_gets_what_another_has_settled(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, SIZE))
    with ThreadPoolExecutor(2) as pool:
        waiting, receiving = pool.submit(arrive), pool.submit(receive, library, source(most=0))
        blob.settle(Cancellation())
        assert waiting.result(20).whole
        assert not receiving.result(20)


@pytest.mark.parametrize(("seconds", "kept"), [(-60, True), (60, False)])
def test_what_is_unfinished_is_kept_for_a_week(
    library: Library, arrive: Callable[..., Arriving], seconds: int, kept: bool
) -> None:
    blob = arrive()
    put(blob, (0, MB))
    blob.close()
    for path in files(library).values():
        then = path.stat().st_mtime - 7 * 24 * 3600 - seconds
        os.utime(path, (then, then))
    library.tidy()
    assert bool(files(library)) == kept
    assert library.unfinished(WANTED.digest) == (MB if kept else 0)


@pytest.mark.parametrize(("most", "kept"), [(2 * MB, 2), (2 * MB - 1, 1), (MB - 1, 0)])
def test_what_is_unfinished_is_bounded_in_bytes(
    library: Library, arrive: Callable[..., Arriving], most: int, kept: int
) -> None:
    """Its bytes count, not the length of the sparse file."""
    blob = arrive()
    put(blob, (SIZE - MB, SIZE))
    blob.close()
    older = files(library)[".ranges"].stat().st_mtime - 60
    for path in files(library).values():
        os.utime(path, (older, older))
    part = library.path / ".longshore" / "ingest" / f"sha256-{1:064x}.part"
    part.write_bytes(bytes(MB))
    Ingest(library._folder).tidy(most_bytes=most)
    assert library.unfinished_bytes() == kept * MB
    assert part.exists() == (kept > 0)


def test_what_is_unfinished_can_be_freed(
    library: Library, arrive: Callable[..., Arriving], lease: Lease
) -> None:
    assert (library.unfinished_bytes(), library.drop_unfinished()) == (0, 0)  # there is no library yet
    assert library.unfinished(WANTED.digest) == 0
    kept = arrive(Descriptor(OCI_LAYER, sha256_of(b"kept"), 4))
    kept.write(0, b"ke")
    blob = arrive()
    put(blob, (MB, 2 * MB))
    blob.close()
    (library.path / ".longshore" / "ingest" / f"sha256-{1:064x}.part").write_bytes(bytes(100))
    assert library.unfinished_bytes() == MB + 100
    assert library.drop_unfinished() == MB + 100
    assert library.unfinished_bytes() == 0
    kept.write(2, b"pt")
    kept.settle(Cancellation())
    assert blobs_of(library) == {kept.digest}
    assert files(library) == {}


# -- the disk


@pytest.mark.parametrize(
    ("number", "error", "kept"), [(errno.EIO, LibraryError, 2 * MB), (errno.ENOSPC, DiskFull, 0)]
)
def test_a_disk_that_takes_no_more(
    library: Library,
    arrive: Callable[..., Arriving],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[LongshoreError],
    kept: int,
) -> None:
    """What has arrived is kept for the next attempt, except on a full disk, where it would harm everybody."""
    blob = arrive()
    put(blob, (0, 2 * MB))

    def failing(descriptor: int, data: memoryview, offset: int) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", failing)
        with pytest.raises(error) as caught:
            put(blob, (2 * MB, SIZE))
    assert type(caught.value) is error
    for use in (lambda: put(blob, (0, 1)), lambda: blob.read(SIZE - 1, 1, Cancellation())):
        with pytest.raises(error):
            use()
    blob.close()
    assert library.unfinished_bytes() == kept
    assert bool(files(library)) == bool(kept)


def test_a_disk_that_takes_a_piece_at_a_time_gets_all_of_them(
    library: Library, arrive: Callable[..., Arriving], monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = arrive()
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda to, data, offset: write(to, bytes(data[:30_000]), offset))
    put(blob, (0, SIZE))
    blob.settle(Cancellation())
    assert stored(library) == BLOB


@pytest.mark.parametrize(("free", "fits"), [(SIZE - MB, True), (SIZE - MB - 1, False)])
def test_room_is_needed_only_for_what_is_missing(
    library: Library, arrive: Callable[..., Arriving], monkeypatch: pytest.MonkeyPatch, free: int, fits: bool
) -> None:
    blob = arrive()
    put(blob, (MB, 2 * MB))
    blob.close()
    disk = types.SimpleNamespace(f_bavail=free, f_frsize=1)
    monkeypatch.setattr(os, "fstatvfs", lambda descriptor: disk)
    with contextlib.nullcontext() if fits else pytest.raises(DiskFull):
        arrive()
    assert library.unfinished(WANTED.digest) == MB


def test_no_room_leaves_nothing(library: Library, arrive: Callable[..., Arriving]) -> None:
    with pytest.raises(DiskFull):
        arrive(Descriptor(OCI_LAYER, f"sha256:{1:064x}", 1 << 60))
    assert files(library) == {}


@pytest.mark.parametrize("ending", ["arriving", "ranges"])
def test_a_link_is_not_followed(
    library: Library, arrive: Callable[..., Arriving], tmp_path: Path, ending: str
) -> None:
    arrive().close()
    (tmp_path / "outside").write_bytes(b"mine")
    name = f"sha256-{WANTED.digest[7:]}.{ending}"
    (library.path / ".longshore" / "ingest" / name).symlink_to(tmp_path / "outside")
    with pytest.raises(LibraryError):
        arrive()
    assert (tmp_path / "outside").read_bytes() == b"mine"


def test_a_pipe_in_its_place_is_refused(library: Library, arrive: Callable[..., Arriving]) -> None:
    arrive().close()
    os.mkfifo(library.path / ".longshore" / "ingest" / f"sha256-{WANTED.digest[7:]}.arriving")
    with pytest.raises(LibraryError):
        arrive()


# -- read while it arrives


def reading(
    blob: Arriving, offset: int, cancellation: Cancellation
) -> tuple[threading.Thread, Future[bytes]]:
    found: Future[bytes] = Future()

    def read() -> None:
        try:
            found.set_result(blob.read(offset, 1000, cancellation))
        except BaseException as error:
            found.set_exception(error)

    thread = threading.Thread(target=read)
    thread.start()
    return thread, found


def test_readers_get_what_is_there_and_wait_for_the_rest(arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (MB, 2 * MB))
    assert blob.read(MB, 1000, Cancellation()) == BLOB[MB : MB + 1000]
    assert blob.read(MB, SIZE, Cancellation()) == BLOB[MB : MB + MOST_READ]
    assert blob.read(2 * MB - 3, 1000, Cancellation()) == BLOB[2 * MB - 3 : 2 * MB]
    assert blob.read(SIZE, 1000, Cancellation()) == b""
    threads, found = zip(*(reading(blob, 2 * MB + at, Cancellation()) for at in (0, 5)), strict=True)
    put(blob, (2 * MB + 5, 2 * MB + 6))
    assert found[1].result(20) == BLOB[2 * MB + 5 : 2 * MB + 6]
    assert not found[0].done()
    put(blob, (2 * MB, 2 * MB + 2))
    assert found[0].result(20) == BLOB[2 * MB : 2 * MB + 2]
    for thread in threads:
        thread.join()


def test_all_of_it_can_be_read_while_and_after_it_arrives(arrive: Callable[..., Arriving]) -> None:
    blob = arrive()

    def read_all() -> bytes:
        found = b""
        while part := blob.read(len(found), MB, Cancellation()):
            found += part
        return found

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read_all) for _ in range(2)]
        put(blob, (2 * MB, SIZE), (0, MB), (MB, 2 * MB))
        blob.settle(Cancellation())
        assert [each.result(20) == BLOB for each in readers] == [True, True]
    blob.close()
    assert read_all() == BLOB
    again = arrive()  # it is whole from the start
    assert again.read(MB, 10, Cancellation()) == BLOB[MB : MB + 10]


@pytest.mark.parametrize("end", ["cancel", "fail", "close"])
def test_whatever_ends_it_wakes_its_readers(arrive: Callable[..., Arriving], end: str) -> None:
    blob = arrive()
    cancellation = Cancellation()
    thread, found = reading(blob, 0, cancellation)
    wait_until(lambda: blob._changed._waiters, "the reader waits")  # type: ignore[attr-defined]
    error = RegistryUnreachable("The line was cut.", registry="x")
    if end == "cancel":
        cancellation.cancel()
    elif end == "fail":
        blob.fail(error)
        blob.fail(Cancelled())  # the first counts
    else:
        blob.close()
    thread.join(20)
    assert isinstance(found.exception(20), RegistryUnreachable if end == "fail" else Cancelled)


def test_a_reader_outlives_bytes_that_were_wrong(library: Library, arrive: Callable[..., Arriving]) -> None:
    blob = arrive()
    put(blob, (0, SIZE), content=bytes(SIZE))
    with pytest.raises(DigestMismatch):
        blob.settle(Cancellation())
    thread, found = reading(blob, 5, Cancellation())
    put(blob, (0, SIZE))
    assert found.result(20) == BLOB[5:1005]
    thread.join()
