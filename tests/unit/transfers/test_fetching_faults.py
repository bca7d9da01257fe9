"""What goes wrong in a fetch, registries with habits of their own, slow connections and limits."""

from __future__ import annotations

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import (
    DigestMismatch,
    DiskFull,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryUnreachable,
)
from longshore.library.arriving import Arriving
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.ways.fetching import fetcher as fetcher_module
from longshore.transfers.ways.fetching import pace
from transfertools import wait_until
from transfertools.fetching import BLOB, KB, MB, SIZE, Rig, hold_after
from transfertools.layouts import blobs_of, noise
from transfertools.ranged import CutHere, Served

# -- what goes wrong


def failing(rig: Rig, error: type[LongshoreError], *blobs: Descriptor) -> LongshoreError:
    """The failure of a fetch, which its readers get, too."""
    with rig.fetching(*blobs) as fetcher:
        readers = [fetcher.blob(blob.digest) for blob in blobs]
        with pytest.raises(error) as caught:
            fetcher.wait()
        for reader in readers:
            with pytest.raises(error):
                while reader.read(0, 1, Cancellation()):  # until it has failed
                    pass
    return caught.value


def test_wrong_content_is_refused(rig: Rig) -> None:
    blob = rig.registry.put(BLOB, sha256_of(b"other"))
    caught = failing(rig, DigestMismatch, blob)
    assert caught.subject == blob.digest
    assert blobs_of(rig.library) == set()
    assert rig.library.unfinished_bytes() == 0
    assert rig.registry.sent == SIZE  # a second try would bring the same


def test_wrong_content_of_an_earlier_run_is_fetched_again(rig: Rig) -> None:
    blob = rig.registry.put(BLOB)
    hold_after(rig.registry, MB)
    with rig.fetching(blob):
        wait_until(lambda: rig.library.unfinished(blob.digest) > MB // 2)
    (file,) = (rig.library.path / ".longshore" / "ingest").glob("*.arriving")
    with file.open("r+b") as opened:
        opened.write(bytes(SIZE))  # whatever has arrived is wrong now
    before = rig.registry.sent
    rig.registry.before = lambda served: None
    rig.fetch(blob)
    assert rig.stored(blob) == BLOB
    assert rig.registry.sent - before > SIZE  # the rest, then all of it


@pytest.mark.parametrize("length", [SIZE - 5, 100 * KB, 0])
def test_a_blob_that_is_shorter_than_promised(rig: Rig, length: int) -> None:
    digest = sha256_of(BLOB)
    rig.registry.put(BLOB[:length], digest)
    with rig.fetching(Descriptor("", digest, SIZE)) as fetcher, pytest.raises(LongshoreError):
        fetcher.wait()
    assert blobs_of(rig.library) == set()


def test_cuts_are_taken_up_where_they_were(rig: Rig) -> None:
    cuts = [64 * KB, 128 * KB, 0, 32 * KB, 64 * KB]

    def before(served: Served) -> None:
        if cuts and served.sent >= cuts[0]:
            cuts.pop(0)
            raise CutHere

    rig.registry.before = before
    blob = rig.registry.put(BLOB)
    rig.fetch(blob)
    assert (cuts, rig.stored(blob)) == ([], BLOB)
    assert rig.registry.sent == SIZE


def test_a_registry_that_always_cuts_is_given_up(rig: Rig) -> None:
    def before(served: Served) -> None:
        if served.begin + served.sent >= MB:
            raise CutHere

    rig.registry.before = before
    failing(rig, RegistryUnreachable, rig.registry.put(BLOB))
    assert rig.library.unfinished_bytes() > 0


def test_the_first_failure_ends_all(rig: Rig) -> None:
    blob, missing = rig.registry.put(BLOB), Descriptor("", sha256_of(b"missing"), 7)
    hold_after(rig.registry, MB)
    failing(rig, NotInRegistry, blob, missing)


def test_a_full_disk_ends_all_and_leaves_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Arriving, offset: int, data: bytes) -> None:
        error = DiskFull("The disk is full.")
        self.fail(error)
        raise error

    monkeypatch.setattr(Arriving, "write", full)
    failing(rig, DiskFull, rig.registry.put(BLOB))
    assert rig.library.unfinished_bytes() == 0


# -- registries with habits of their own


def test_a_registry_without_ranges_gets_one_request_per_blob(rig: Rig) -> None:
    rig.registry.ranges = False
    first, *others = [rig.registry.put(noise(MB, number)) for number in range(4)]
    rig.fetch(first)
    assert not rig.connections.ranges(rig.registry.host)
    rig.fetch(*others)
    for blob, number in zip([first, *others], range(4), strict=True):
        assert rig.stored(blob) == noise(MB, number)
    assert [len(rig.registry.of(blob.digest)) for blob in others] == [1, 1, 1]
    assert all(rig.registry.of(blob.digest)[0].whole for blob in others)


def test_a_blob_is_resumed_where_ranges_are_ignored(rig: Rig) -> None:
    blob = rig.registry.put(BLOB)
    hold_after(rig.registry, MB)
    with rig.fetching(blob):
        wait_until(lambda: rig.library.unfinished(blob.digest) > MB // 2)
    rig.registry.before = lambda served: None
    rig.registry.ranges = False
    rig.fetch(blob)
    assert rig.stored(blob) == BLOB


def test_a_registry_that_returns_less_than_a_range_is_asked_for_the_rest(rig: Rig) -> None:
    rig.registry.longest = 100 * KB
    blob = rig.registry.put(BLOB)
    rig.fetch(blob)
    assert rig.stored(blob) == BLOB
    assert rig.registry.sent == SIZE


def test_a_registry_that_asks_for_slower_requests_gets_one_connection(rig: Rig) -> None:
    refused: list[Served] = []

    def answer(served: Served) -> tuple[int, dict[str, str]] | None:
        if len(refused) < 2:
            refused.append(served)
            return 429, {"Retry-After": "0"}
        return None

    rig.registry.answer = answer
    blobs = [rig.registry.put(BLOB), rig.registry.put(noise(MB, "next"))]
    rig.fetch(blobs[0])
    assert rig.connections.limit(rig.registry.host) == 1
    rig.registry.most = rig.registry.most_of_one = 0
    rig.fetch(blobs[1])
    assert rig.registry.most == 1
    assert [rig.stored(blob) for blob in blobs] == [BLOB, noise(MB, "next")]


@pytest.mark.parametrize("after", ["0", "60"])
def test_a_registry_that_refuses_all_requests_is_believed(rig: Rig, after: str) -> None:
    rig.registry.answer = lambda served: (429, {"Retry-After": after})
    caught = failing(rig, RateLimited, rig.registry.put(BLOB))
    assert isinstance(caught, RateLimited)
    assert caught.retry_after == float(after)


# -- speed


def test_a_range_that_stalls_is_fetched_by_another_connection(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "PATIENCE", 0.2)
    stalled: list[Served] = []

    def before(served: Served) -> None:
        if not stalled and served.begin and served.sent:
            stalled.append(served)
        if served in stalled:
            rig.registry.ending.wait(30)

    rig.registry.before = before
    blob = rig.registry.put(BLOB)
    rig.fetch(blob)
    assert rig.stored(blob) == BLOB
    (slow,) = stalled
    assert slow.begin + slow.sent in [each.begin for each in rig.registry.served]
    assert rig.registry.sent == SIZE


def test_the_limit_of_the_bandwidth_holds(rig: Rig) -> None:
    taken: list[int] = []

    class Counting(Bandwidth):
        def take(self, count: int, cancellation: Cancellation) -> None:
            taken.append(count)
            super().take(count, cancellation)

    rig.bandwidth = Counting(64 * MB)
    rig.fetch(rig.registry.put(BLOB))
    assert sum(taken) == SIZE


def test_progress_is_reported_with_restraint(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher_module, "TOLD", 3600.0)
    blob = rig.registry.put(BLOB)
    rig.fetch(blob)
    assert rig.told == [(blob.digest, 0, SIZE), (blob.digest, SIZE, SIZE)]
    rig.told.clear()
    monkeypatch.setattr(fetcher_module, "TOLD", 0.0)
    other = rig.registry.put(noise(MB, "other"))
    rig.fetch(blob, other)
    assert [told for told in rig.told if told[0] == blob.digest] == [(blob.digest, SIZE, SIZE)]
    counts = [count for digest, count, _ in rig.told if digest == other.digest]
    assert counts == sorted(counts)
    assert (len(counts) > 4, counts[-1]) == (True, MB)
