"""Content cut to size, and what is remembered about uploads to a registry."""

from __future__ import annotations

import pytest

from longshore.errors import DigestMismatch
from longshore.registry import habits
from longshore.registry.habits import Habits
from longshore.registry.model import Upload
from longshore.registry.pieces import (
    CHUNK,
    LARGEST_CHUNK,
    SMALLEST_CHUNK,
    ChunkSize,
    Cutter,
    pieces,
)
from longshore.registry.unfinished import MOST, UnfinishedUploads

MB = 1 << 20


@pytest.mark.parametrize(
    ("count", "seconds", "size"),
    [
        (4 * MB, 2.0, 4 * MB),
        (4 * MB, 1.0, 8 * MB),
        (4 * MB, 4.0, 2 * MB),
        (4 * MB, 100.0, SMALLEST_CHUNK),
        (4 * MB, 0.0, LARGEST_CHUNK),
        (SMALLEST_CHUNK, 2.0, SMALLEST_CHUNK),
        (SMALLEST_CHUNK - 1, 0.1, CHUNK),  # limited by the round trip, not the bandwidth
    ],
)
def test_a_chunk_is_what_takes_two_seconds(count: int, seconds: float, size: int) -> None:
    chunk = ChunkSize()
    assert chunk.bytes == CHUNK == 4 * MB
    chunk.learn(count, seconds)
    assert chunk.bytes == size


def test_a_chunk_that_was_too_large_stays_smaller() -> None:
    chunk = ChunkSize()
    assert chunk.shrink()
    assert chunk.bytes == MB
    chunk.learn(4 * MB, 0.1)
    assert chunk.bytes == MB, "however fast: a larger one is refused"
    assert not chunk.shrink(), "this was the smallest"
    chunk = ChunkSize()
    chunk.learn(64 * MB, 2.0)
    assert chunk.shrink()
    assert chunk.bytes == 16 * MB
    chunk.bytes = SMALLEST_CHUNK + 1
    assert chunk.shrink()
    assert chunk.bytes == SMALLEST_CHUNK


@pytest.mark.parametrize("parts", [[b"abcdefgh"], [b"ab", b"cdef", b"gh"], [bytes([x]) for x in b"abcdefgh"]])
def test_runs_of_exact_lengths(parts: list[bytes]) -> None:
    cutter = Cutter(parts)
    assert b"".join(cutter.take(3)) == b"abc"
    assert b"".join(cutter.take(0)) == b""
    assert b"".join(cutter.take(4)) == b"defg"
    assert b"".join(cutter.take(1)) == b"h"
    with pytest.raises(DigestMismatch) as failed:
        list(cutter.take(2))
    assert failed.value.detail == "2 bytes are missing"


@pytest.mark.parametrize("size", [0, 1, 64 << 10, (64 << 10) + 1, 200_000])
def test_what_a_socket_takes_at_once(size: int) -> None:
    """A slow connection takes a piece within one read timeout."""
    data = bytes(range(256)) * (size // 256 + 1)
    found = [bytes(piece) for piece in pieces([data[:size], b"more"])]
    assert b"".join(found) == data[:size] + b"more"
    assert max(map(len, found)) <= 64 << 10
    assert len(found) == max(1, -(-size // (64 << 10))) + 1


def test_an_unfinished_upload_is_taken_once() -> None:
    left = UnfinishedUploads()
    upload = Upload("a/b", "http://one.example/u", 7)
    left.leave("sha256:1", upload)
    assert left.take("a/b", "sha256:2") is None
    assert left.take("a/c", "sha256:1") is None
    assert left.take("a/b", "sha256:1") == upload
    assert left.take("a/b", "sha256:1") is None


def test_the_oldest_unfinished_uploads_are_forgotten() -> None:
    left = UnfinishedUploads()
    for number in range(MOST + 1):
        left.leave(f"sha256:{number}", Upload("a", str(number)))
    assert left.take("a", "sha256:0") is None
    assert left.take("a", "sha256:1") == Upload("a", "1")
    assert left.take("a", f"sha256:{MOST}") == Upload("a", str(MOST))


def test_a_refused_mount_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(habits.time, "monotonic", lambda: now[0])
    known = Habits()
    assert known.may_mount("to", "from")
    known.mount_refused("to", "from")
    assert not known.may_mount("to", "from")
    assert known.may_mount("to", "other")
    assert known.may_mount("from", "to")
    now[0] += habits.MOUNT_MEMORY - 1
    assert not known.may_mount("to", "from")
    now[0] += 1
    assert known.may_mount("to", "from")


def test_refused_mounts_are_bounded() -> None:
    known = Habits()
    for number in range(2000):
        known.mount_refused("to", str(number))
        assert not known.may_mount("to", str(number))
    assert len(known._refused) <= 500


def test_what_is_assumed_of_a_registry() -> None:
    known = Habits()
    assert (known.counts_itself, known.patches, known.at_home) == (False, True, True)
