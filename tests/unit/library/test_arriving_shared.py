"""Blobs that arrive: one writer at a time, disks that take no more, and readers that wait for bytes."""

from __future__ import annotations

import contextlib
import errno
import os
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
from longshore.library.arriving import MOST_READ, Arriving
from longshore.library.ingest import Ingest
from longshore.library.leases import Lease
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_LAYER
from transfertools import wait_until
from transfertools.arriving import BLOB, MB, SIZE, WANTED, files, put, receive, source, stored
from transfertools.layouts import blobs_of


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


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
