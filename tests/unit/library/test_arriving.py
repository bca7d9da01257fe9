"""Blobs that several threads fill at once: killed, torn, damaged, waited for, read while they arrive."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import DigestMismatch, RegistryUnreachable
from longshore.library.arriving import RECORDED, Arriving
from longshore.library.leases import Lease
from longshore.library.library import Library
from longshore.library.ranges import Ranges
from longshore.oci.descriptor import Descriptor, OpenBlob
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_LAYER
from transfertools.layouts import noise

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
