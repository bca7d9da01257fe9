"""Parts of blobs: what is requested, and what is made of responses with another part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from longshore.errors import RateLimited, RegistryUnreachable, UnexpectedReply
from longshore.oci.digest import sha256_of
from longshore.registry.client import RegistryClient
from transfertools.layouts import noise

from .conftest import Answer, Asked, Scripted, reply

BLOB = noise(3_000_000, "parts")
SIZE = len(BLOB)
DIGEST = sha256_of(BLOB)
Serve = Callable[[Callable[[Asked], Any]], Scripted]
Connect = Callable[..., RegistryClient]


def part(begin: int, end: int, total: object = SIZE) -> Answer:
    return reply(BLOB[begin:end], 206, Content_Range=f"bytes {begin}-{end - 1}/{total}")


def answering(answer: Any) -> Callable[[Asked], Any]:
    return lambda asked: answer if "/blobs/" in asked.path else reply({})


def read(client: RegistryClient, begin: int, end: int | None) -> tuple[bytes, bool, int | None]:
    with client.read_blob("a/b", DIGEST, begin, end=end) as blob:
        return b"".join(blob), blob.ranged, blob.size


def ranges(server: Scripted) -> list[str | None]:
    return [one.headers.get("range") for one in server.asked if "/blobs/" in one.path]


@pytest.mark.parametrize(("begin", "end"), [(0, 1), (0, SIZE), (5, 2_000_005), (SIZE - 1, SIZE)])
def test_a_part_is_requested_and_its_connection_used_again(
    serve: Serve, connect: Connect, begin: int, end: int
) -> None:
    server = serve(answering(part(begin, end)))
    client = connect(server)
    for _ in range(2):
        assert read(client, begin, end) == (BLOB[begin:end], True, SIZE)
    assert ranges(server) == [f"bytes={begin}-{end - 1}"] * 2
    assert len({one.handler.client_address for one in server.asked if "/blobs/" in one.path}) == 1


def test_only_the_whole_blob_is_requested_without_a_range(serve: Serve, connect: Connect) -> None:
    server = serve(answering(reply(BLOB)))
    assert read(connect(server), 0, None) == (BLOB, False, SIZE)
    assert ranges(server) == [None]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, BLOB[:2000], length=SIZE),
        Answer(206, BLOB[1000:2000], [("Content-Range", f"bytes 1000-{SIZE - 1}/{SIZE}")], SIZE - 1000),
        Answer(206, BLOB[900:2000], [("Content-Range", f"bytes 900-{SIZE - 1}/{SIZE}")], SIZE - 900),
    ],
    ids=["whole", "to the end", "from before"],
)
def test_nothing_is_read_beyond_the_end(serve: Serve, connect: Connect, answer: Answer) -> None:
    """The server breaks off right behind the part: who reads on gets an error."""
    server = serve(answering(answer))
    client = connect(server)
    found, ranged, size = read(client, 1000, 2000)
    assert (found, size) == (BLOB[1000:2000], SIZE)
    assert ranged == (answer.status == 206)
    with pytest.raises(RegistryUnreachable):
        read(client, 1000, 2001)


def test_a_shorter_part_is_what_it_is(serve: Serve, connect: Connect) -> None:
    assert read(connect(serve(answering(part(1000, 1500)))), 1000, 2000) == (BLOB[1000:1500], True, SIZE)
    # One that ends before the offset adds nothing.
    assert read(connect(serve(answering(part(0, 500)))), 1000, 2000) == (b"", True, SIZE)


def test_a_part_from_behind_the_offset_is_refused(serve: Serve, connect: Connect) -> None:
    client = connect(serve(answering(part(1001, 2000))))
    with pytest.raises(UnexpectedReply, match="different range"):
        read(client, 1000, 2000)


@pytest.mark.parametrize(("begin", "end"), [(0, 0), (7, 7), (7, 3)])
def test_no_part_is_empty(serve: Serve, connect: Connect, begin: int, end: int) -> None:
    server = serve(answering(reply(BLOB)))
    with pytest.raises(ValueError, match="empty range"):
        read(connect(server), begin, end)
    assert ranges(server) == []


@pytest.mark.parametrize(
    ("status", "headers", "slowed"),
    [(429, {}, 1), (503, {"Retry_After": "0"}, 1), (503, {}, 0)],
)
def test_who_asks_for_slower_requests_is_remembered(
    serve: Serve, connect: Connect, status: int, headers: dict[str, str], slowed: int
) -> None:
    answers = [reply({}, status, **headers), part(0, 10)]
    client = connect(serve(lambda asked: answers.pop(0) if "/blobs/" in asked.path else reply({})))
    assert client.slowed == 0
    assert read(client, 0, 10)[0] == BLOB[:10]
    assert client.slowed == slowed


def test_a_registry_that_keeps_refusing_is_remembered_too(serve: Serve, connect: Connect) -> None:
    client = connect(serve(answering(reply({}, 429, Retry_After="60"))))
    with pytest.raises(RateLimited) as caught:
        read(client, 0, 10)
    assert (caught.value.retry_after, client.slowed) == (60, 1)
