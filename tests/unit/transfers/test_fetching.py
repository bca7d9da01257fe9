"""Blobs fetched over several connections: in order, side by side, slow, cut, stopped, killed and resumed."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import (
    DigestMismatch,
    DiskFull,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryUnreachable,
)
from longshore.library.arriving import Arriving
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.connections import Connections
from longshore.transfers.ways.copying import source as copy_source
from longshore.transfers.ways.fetching import fetcher as fetcher_module
from longshore.transfers.ways.fetching import incoming, pace
from longshore.transfers.ways.fetching.fetcher import Fetcher
from transfertools import wait_until
from transfertools.layouts import blobs_of, noise
from transfertools.ranged import CutHere, RangedRegistry, Served

KB = 1 << 10
MB = 1 << 20
BLOB = noise(3 * MB, "fetching")
SIZE = len(BLOB)


class Rig:
    """A registry, a library and fetchers between them."""

    def __init__(self, registry: RangedRegistry, folder: Path) -> None:
        self.registry = registry
        self.library = Library(folder / "library")
        self.bandwidth = Bandwidth()
        self.connections = Connections()
        self.told: list[tuple[str, int, int]] = []
        self._clients: list[RegistryClient] = []

    @contextlib.contextmanager
    def fetching(self, *blobs: Descriptor, cancellation: Cancellation | None = None) -> Iterator[Fetcher]:
        """A fetch that has begun, with a client of its own."""
        client = RegistryClient(
            RegistryConfig(self.registry.host), lambda host: None, environ={}, read_seconds=5
        )
        self._clients.append(client)
        with (
            contextlib.closing(self.library.lease()) as lease,
            Fetcher(
                client,
                "a/b",
                self.library,
                lease,
                bandwidth=self.bandwidth,
                connections=self.connections,
                told=lambda *told: self.told.append(told),
                cancellation=cancellation or Cancellation(),
            ) as fetcher,
        ):
            fetcher.want(blobs)
            yield fetcher

    def fetch(self, *blobs: Descriptor) -> None:
        with self.fetching(*blobs) as fetcher:
            fetcher.wait()

    def stored(self, blob: Descriptor) -> bytes:
        with self.library.read(blob) as chunks:
            return b"".join(chunks)

    def close(self) -> None:
        self.registry.ending.set()
        for client in self._clients:
            client.close()
        self.registry.close()


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(copy_source, "BACKOFF", 0.01)
    # Small enough for a blob that is made quickly.
    monkeypatch.setattr(incoming, "PIECE", 256 * KB)
    monkeypatch.setattr(incoming, "LARGEST_PIECE", 512 * KB)
    monkeypatch.setattr(incoming, "SMALLEST_PIECE", 64 * KB)
    monkeypatch.setattr(pace, "MEASURED", 64 * KB)
    made = Rig(RangedRegistry(), tmp_path)
    yield made
    made.close()


class Gate:
    """Holds requests of a registry until it is opened."""

    def __init__(self, registry: RangedRegistry) -> None:
        self._registry = registry
        self._open = threading.Event()

    def wait(self) -> None:
        while not self._open.wait(0.01) and not self._registry.ending.is_set():
            pass

    def open(self) -> None:
        self._open.set()


def hold_after(registry: RangedRegistry, count: int) -> Gate:
    """Send *count* bytes in total, and the rest after the gate is open."""
    gate = Gate(registry)
    lock = threading.Lock()
    granted = 0

    def before(served: Served) -> None:
        nonlocal granted
        with lock:
            granted += 16 * KB
            held = granted > count
        if held:
            gate.wait()

    registry.before = before
    return gate


# -- all of it, once


def test_all_that_is_wanted_arrives_once(rig: Rig) -> None:
    blobs = [rig.registry.put(BLOB), rig.registry.put(b"small"), rig.registry.put(b"")]
    rig.fetch(*blobs)
    assert [rig.stored(blob) for blob in blobs] == [BLOB, b"small", b""]
    assert rig.registry.sent == SIZE + 5
    assert [each.whole for each in rig.registry.of(blobs[1].digest)] == [True]
    rig.fetch(*blobs)
    assert rig.registry.sent == SIZE + 5


def test_a_large_blob_has_several_connections_and_no_more(rig: Rig) -> None:
    blob = rig.registry.put(BLOB)
    gate = hold_after(rig.registry, 0)
    with rig.fetching(blob) as fetcher:
        wait_until(lambda: rig.registry.active() == 4, "four connections")
        gate.open()
        fetcher.wait()
    assert rig.registry.most_of_one == 4
    assert len({each.port for each in rig.registry.served}) == 4  # used again for every piece
    assert len(rig.registry.served) > 8


def test_all_transfers_share_the_limit_of_a_registry(rig: Rig) -> None:
    blobs = [rig.registry.put(noise(MB, number)) for number in range(4)]
    gate = hold_after(rig.registry, 0)
    with rig.fetching(*blobs[:2]) as one, rig.fetching(*blobs[2:]) as two:
        wait_until(lambda: rig.registry.active() == 6, "six connections")
        gate.open()
        one.wait()
        two.wait()
    assert rig.registry.most == 6
    assert blobs_of(rig.library) == {blob.digest for blob in blobs}


def test_earlier_blobs_come_first(rig: Rig) -> None:
    blobs = [rig.registry.put(noise(MB, number)) for number in range(4)]
    rig.connections.per_host = 1
    rig.fetch(*blobs)
    asked = [each.digest for each in rig.registry.served]
    assert asked == sorted(asked, key=[blob.digest for blob in blobs].index)
    begins = [each.begin for each in rig.registry.of(blobs[0].digest)]
    assert begins == sorted(begins)


def test_a_blob_that_is_read_comes_before_others(rig: Rig) -> None:
    blobs = [rig.registry.put(noise(MB, number)) for number in range(3)]
    rig.connections.per_host = 1
    gate = hold_after(rig.registry, 0)
    with rig.fetching(*blobs) as fetcher:
        wait_until(rig.registry.active, "the first piece")
        last = fetcher.blob(blobs[2].digest)
        assert last.size == MB
        gate.open()
        assert last.read(0, 10, Cancellation()) == noise(MB, 2)[:10]
        fetcher.wait()
        assert last.read(MB - 10, 99, Cancellation()) == noise(MB, 2)[-10:]
    asked = [each.digest for each in rig.registry.served]
    assert asked[0] == blobs[0].digest
    assert set(asked[1:4]) == {blobs[2].digest}
    assert last.read(5, 5, Cancellation()) == noise(MB, 2)[5:10]  # also after the end


def test_only_what_is_wanted_can_be_read(rig: Rig) -> None:
    with rig.fetching() as fetcher:
        with pytest.raises(KeyError):
            fetcher.blob("sha256:" + "0" * 64)
        fetcher.wait()


def test_a_blob_that_is_left_gives_its_connections_to_others(rig: Rig) -> None:
    left, kept = rig.registry.put(BLOB), rig.registry.put(noise(MB, "kept"))
    gate = hold_after(rig.registry, MB)
    with rig.fetching(left, kept) as fetcher:
        wait_until(lambda: rig.registry.active(left.digest) == 4, "four connections")
        fetcher.leave(left.digest)
        gate.open()
        fetcher.wait()
        assert blobs_of(rig.library) == {kept.digest}
        # Nobody holds it any more, and what has arrived stays.
        with contextlib.closing(rig.library.lease()) as lease:
            other = wait_until(lambda: rig.library.arrive_at_once(left, lease, Cancellation()))
            assert isinstance(other, Arriving)
            arrived = other.arrived
            other.close()
        assert arrived > 0
        # Somebody needs it after all.
        assert fetcher.blob(left.digest).read(0, 10, Cancellation()) == BLOB[:10]
        fetcher.wait()
    assert rig.stored(left) == BLOB


def test_two_fetches_of_one_blob_fetch_it_once(rig: Rig) -> None:
    blob, other = rig.registry.put(BLOB), rig.registry.put(noise(MB, "other"))
    gate = hold_after(rig.registry, MB)
    with rig.fetching(blob) as one:
        wait_until(lambda: len(rig.registry.served) >= 4, "the first fetch")
        with rig.fetching(blob, other) as two:
            gate.open()
            reading = two.blob(blob.digest)
            one.wait()
            two.wait()
            assert reading.read(MB, 10, Cancellation()) == BLOB[MB : MB + 10]
    assert rig.registry.sent == SIZE + MB


# -- ended and resumed


@pytest.fixture(scope="module")
def big() -> bytes:
    return random.Random(15).randbytes(24 * MB)


def test_a_fetch_that_is_stopped_at_half_goes_on_there(
    rig: Rig, big: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "PIECE", 4 * MB)
    monkeypatch.setattr(incoming, "SMALLEST_PIECE", MB)
    blob = rig.registry.put(big)
    hold_after(rig.registry, len(big) // 2)
    with rig.fetching(blob):
        wait_until(lambda: rig.library.unfinished(blob.digest) > len(big) * 0.48, "half of it")
    rig.registry.before = lambda served: None
    rig.fetch(blob)
    assert rig.stored(blob) == big
    assert rig.registry.sent <= len(big) * 1.02


_KILLED = """
import sys
from pathlib import Path
from longshore.cancellation import Cancellation
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.connections import Connections
from longshore.transfers.ways.fetching.fetcher import Fetcher
folder, host, digest, size = sys.argv[1:]
library = Library(Path(folder))
fetcher = Fetcher(RegistryClient(RegistryConfig(host), lambda host: None, environ={}), "a/b", library, library.lease(),
                  bandwidth=Bandwidth(), connections=Connections(), told=lambda *told: None,
                  cancellation=Cancellation())
fetcher.want([Descriptor("application/vnd.oci.image.layer.v1.tar", digest, int(size))])
fetcher.wait()
"""


def test_a_fetch_that_is_killed_at_half_goes_on_there(rig: Rig, big: bytes) -> None:
    blob = rig.registry.put(big)
    hold_after(rig.registry, len(big) // 2)
    arguments = [str(rig.library.path), rig.registry.host, blob.digest, str(blob.size)]
    with subprocess.Popen([sys.executable, "-c", _KILLED, *arguments]) as process:
        try:
            wait_until(lambda: rig.library.unfinished(blob.digest) > len(big) * 0.48, "half of it")
        finally:
            process.kill()
    wait_until(lambda: rig.registry.ending.set() or not rig.registry.active(), "its connections end")
    rig.registry.ending.clear()
    rig.registry.before = lambda served: None
    rig.fetch(blob)
    assert rig.stored(blob) == big
    assert rig.registry.sent <= len(big) * 1.02


@pytest.mark.parametrize("end", [Cancellation.cancel, Cancellation.ask_to_stop])
def test_a_fetch_ends_when_it_should(rig: Rig, end: Callable[[Cancellation], None]) -> None:
    """When it is to pause, too: what has arrived is complete at any moment."""
    cancellation = Cancellation()
    blob, waiting = rig.registry.put(BLOB), rig.registry.put(noise(MB, "waiting"))
    hold_after(rig.registry, MB)
    rig.connections.per_host = 4  # all of them are used for the first
    with rig.fetching(blob, waiting, cancellation=cancellation) as fetcher:
        wait_until(lambda: rig.library.unfinished(blob.digest) > MB // 2)
        reading = fetcher.blob(waiting.digest)
        end(cancellation)
        with pytest.raises(Cancelled):
            fetcher.wait()
        fetcher.stop()
        with pytest.raises(Cancelled):
            reading.read(0, 1, Cancellation())
    assert rig.library.unfinished(blob.digest) > MB // 2


def test_a_reader_that_is_cancelled_waits_no_longer(rig: Rig) -> None:
    blob = rig.registry.put(BLOB)
    hold_after(rig.registry, 0)
    with rig.fetching(blob) as fetcher, contextlib.closing(rig.library.lease()) as lease:
        reading = fetcher.blob(blob.digest)
        for _ in range(2):
            cancellation = Cancellation()
            threading.Timer(0.05, cancellation.cancel).start()
            with pytest.raises(Cancelled):
                reading.read(0, 1, cancellation)
        assert rig.library.arrive_at_once(blob, lease, Cancellation()) is None


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
        opened.write(b"wrong")
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


def test_who_is_far_behind_its_peers() -> None:
    now = 100.0
    lines = pace.Pace(lambda: now)
    slow, fast = lines.watch(), lines.watch()
    fast.count = 10 * MB
    now += pace.PATIENCE
    assert not lines.behind(slow)  # nobody has finished
    now += 1.0
    lines.finished(fast)  # 10 MB in 3 s
    assert not lines.behind(slow)  # it has not been watched for long enough since
    assert lines.speed == pytest.approx(10 * MB / 3)
    now += pace.PATIENCE
    slow.count = 3 * MB
    assert not lines.behind(slow)  # 3 MB in 3 s are a third of the usual speed
    now += pace.PATIENCE
    assert lines.behind(slow)
    for _ in range(4):
        now += pace.PATIENCE
        lines.behind(slow)
    now += pace.PATIENCE
    assert not lines.behind(slow)  # nobody has finished for a while: all are slow


def test_small_pieces_have_no_speed() -> None:
    now = 100.0
    lines = pace.Pace(lambda: now)
    watch = lines.watch()
    watch.count = pace.MEASURED - 1
    now += 10
    lines.finished(watch)
    assert lines.speed is None
    watch.count += 1
    lines.finished(watch)
    assert lines.speed == pytest.approx(pace.MEASURED / 10)


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
    assert rig.told[0] == (blob.digest, SIZE, SIZE)
    counts = [count for digest, count, _ in rig.told if digest == other.digest]
    assert counts == sorted(counts)
    assert (len(counts) > 4, counts[-1]) == (True, MB)
