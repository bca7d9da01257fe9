"""Several fetches of one blob in one process: one brings it, the others read it, and any of them may end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import NotInRegistry
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.transfers.ways.fetching.fetcher import Fetcher
from transfertools import wait_until
from transfertools.fetching import BLOB, KB, MB, SIZE, Gate, Rig
from transfertools.layouts import noise
from transfertools.ranged import RangedRegistry, Served


def hold_from(registry: RangedRegistry, offset: int) -> Gate:
    """Send the bytes of each blob before *offset*, and the rest after the gate is open."""
    gate = Gate(registry)

    def before(served: Served) -> None:
        if served.begin + served.sent >= offset:
            gate.wait()

    registry.before = before
    return gate


def read_all(fetcher: Fetcher, blob: Descriptor, into: bytearray) -> threading.Thread:
    """Read a blob as an engine does, in a thread of its own."""
    reading = fetcher.blob(blob.digest)

    def read() -> None:
        while piece := reading.read(len(into), 64 * KB, Cancellation()):
            into.extend(piece)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def test_the_second_fetch_of_a_blob_reads_what_the_first_one_brings(rig: Rig) -> None:
    blob = rig.registry.put(BLOB)
    gate = hold_from(rig.registry, MB)
    with rig.fetching(blob) as one:
        wait_until(lambda: rig.library.unfinished(blob.digest) >= MB - 64 * KB)
        rig.told.clear()
        with rig.fetching(blob) as two:
            got = bytearray()
            thread = read_all(two, blob, got)
            wait_until(lambda: len(got) > MB // 2, "what has arrived")
            wait_until(lambda: rig.told, "its progress")
            assert MB // 2 < rig.told[0][1] < SIZE
            gate.open()
            two.wait()
            thread.join(10)
            assert got == BLOB
        one.wait()
    assert rig.registry.sent == SIZE


@pytest.mark.parametrize("end", [Cancellation.cancel, Cancellation.ask_to_stop])
@pytest.mark.parametrize("first", [True, False])
def test_of_two_fetches_one_ends_and_the_other_goes_on(
    rig: Rig, end: Callable[[Cancellation], None], *, first: bool
) -> None:
    blobs = [rig.registry.put(BLOB), rig.registry.put(noise(MB, "next"))]
    gate = hold_from(rig.registry, MB)
    cancellations = [Cancellation(), Cancellation()]
    with contextlib.ExitStack() as stack:
        fetchers = []
        for cancellation in cancellations:
            fetchers.append(stack.enter_context(rig.fetching(*blobs, cancellation=cancellation)))
            wait_until(lambda: rig.library.unfinished(blobs[0].digest) >= MB - 64 * KB)
        ended, other = fetchers if first else reversed(fetchers)
        got, lost = bytearray(), bytearray()
        thread = read_all(other, blobs[0], got)
        reading = ended.blob(blobs[0].digest)
        lost += reading.read(0, 10, Cancellation())
        end(cancellations[0 if first else 1])
        ended.stop()
        with pytest.raises(Cancelled):
            reading.read(SIZE - 1, 1, Cancellation())
        gate.open()
        other.wait()
        thread.join(10)
        assert (got, lost) == (BLOB, BLOB[:10])
    assert rig.stored(blobs[0]) == BLOB and rig.stored(blobs[1]) == noise(MB, "next")
    # What was on the line of each connection when it was cut.
    assert rig.registry.sent <= SIZE + MB + 6 * 128 * KB


def test_a_fetch_that_fails_leaves_the_rest_to_the_other(rig: Rig) -> None:
    blob, missing = rig.registry.put(BLOB), Descriptor("", sha256_of(b"missing"), 7)
    gate = hold_from(rig.registry, MB)
    with rig.fetching(blob) as one:
        wait_until(lambda: rig.library.unfinished(blob.digest) >= MB - 64 * KB)
        with rig.fetching(blob) as two:
            got = bytearray()
            thread = read_all(two, blob, got)
            wait_until(lambda: len(got) > MB // 2)
            one.want([missing])
            one.blob(missing.digest)
            gate.open()
            with pytest.raises(NotInRegistry):
                one.wait()
            one.stop()
            two.wait()
            thread.join(10)
            assert got == BLOB
