"""Blobs fetched over several connections: in order, side by side, slow, cut, stopped, killed and resumed."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LibraryError
from longshore.library.arriving import Arriving
from longshore.transfers.ways.fetching import incoming
from transfertools import wait_until
from transfertools.fetching import BLOB, KB, MB, SIZE, Rig, hold_after
from transfertools.layouts import blobs_of, noise

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


def test_only_the_end_of_all_is_divided_finely(rig: Rig) -> None:
    """A request takes a while, too: what is wanted next keeps the connections busy."""
    blobs = [rig.registry.put(noise(MB, number)) for number in range(3)]
    rig.fetch(*blobs)
    sizes = [[each.end - each.begin for each in rig.registry.of(blob.digest)] for blob in blobs]
    assert min(sizes[0]) >= 256 * KB
    assert min(sizes[2]) < 256 * KB
    assert min(map(min, sizes)) >= 64 * KB


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


def test_who_waits_after_a_failure_gets_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise LibraryError("No.")

    monkeypatch.setattr(rig.library, "arrive_at_once", fails)
    with rig.fetching(rig.registry.put(BLOB)) as fetcher:
        wait_until(lambda: not any(thread.is_alive() for thread in fetcher._threads), "the fetch ends")
        with pytest.raises(LibraryError):
            fetcher.wait()


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
        fetcher.leave("sha256:" + "0" * 64)  # a layer that was there from the start
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
    monkeypatch.setattr(incoming, "LARGEST_PIECE", 4 * MB)
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
