"""Blobs that several threads fill at once: in any order, torn, damaged, resumed, taken over."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import DigestMismatch, RegistryUnreachable
from longshore.library.arriving import RECORDED, Arriving
from longshore.library.library import Library
from longshore.library.ranges import RangeRecord, Ranges
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_LAYER
from transfertools.arriving import BLOB, MB, SIZE, WANTED, crash, files, put, receive, source, stored
from transfertools.layouts import blobs_of


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


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


def test_a_long_record_is_read_to_its_end(tmp_path: Path) -> None:
    record = RangeRecord(tmp_path / "x.ranges")
    spans = [(at, at + 5) for at in range(0, 100_000, 10)]
    record.replace(spans)
    assert list(record.read(1 << 30)) == spans
    assert list(record.read(99_993)) == [*spans[:-1], (99_990, 99_993)]
    record.remove()
    record.remove()
    assert list(record.read(1 << 30)) == []


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
    assert (again.whole, again.resumed, again.arrived, again.missing()) == (True, False, SIZE, [])


def test_a_blob_may_be_read_by_those_who_may_read_files(
    library: Library, arrive: Callable[..., Arriving]
) -> None:
    before = os.umask(0o022)
    try:
        blob = arrive()
        put(blob, (0, SIZE))
        assert {path.stat().st_mode & 0o777 for path in files(library).values()} == {0o644}
        blob.settle(Cancellation())
    finally:
        os.umask(before)
    assert (library.path / "blobs" / "sha256" / blob.digest[7:]).stat().st_mode & 0o777 == 0o644


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
