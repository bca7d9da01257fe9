"""What registries answer to each request of an upload, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from longshore.errors import (
    InvalidReference,
    UnexpectedReply,
    VerificationFailed,
)
from longshore.oci.layer import BlobOutcome
from longshore.registry.model import Upload
from longshore.registry.sending import MisplacedError
from longshore.registry.transport import Transport

from .conftest import Asked, reply
from .test_uploads import DIGEST, Data, client, faulty, send

__all__ = ["client", "faulty"]

SESSION = "/v2/a/b/blobs/uploads/1"


def answering(status: int, **headers: str) -> Callable[[Asked], Any]:
    return lambda asked: reply({}) if asked.path == "/v2/" else reply(b"", status, **headers)


def upload(offset: int = 0, sent: int = 0) -> Upload:
    return Upload("a/b", "a/b/blobs/uploads/1", offset, sent=sent)


# -- starting


@pytest.mark.parametrize(
    ("header", "least"),
    [
        ("300", 300),
        ("0", 0),
        ("9" * 11, 99_999_999_999),
        ("9" * 12, 0),
        ("²", 0),
        ("-1", 0),
        ("x", 0),
        ("", 0),
    ],
)
def test_the_least_size_of_a_chunk(serve, connect, header: str, least: int) -> None:
    server = serve(answering(202, Location=SESSION, OCI_Chunk_Min_Length=header.encode().decode("latin-1")))
    assert connect(server).start_upload("a/b").chunk_min == least


def test_chunks_are_not_smaller_than_the_registry_wants(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        if asked.method == "HEAD":
            return None
        return reply({}, 202 if asked.method != "PUT" else 201, Location=SESSION, OCI_Chunk_Min_Length="200")

    server = serve(script)
    assert send(connect(server), Data(), chunk=100) is BlobOutcome.UPLOADED
    assert [len(one.body) for one in server.asked if one.method in ("PATCH", "PUT")] == [200, 200, 50]


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "without returning its address"),
        ({"Location": "http://[/"}, "address of its upload is not valid"),
    ],
)
def test_a_session_without_a_usable_address(serve, connect, headers: dict[str, str], why: str) -> None:
    with pytest.raises(UnexpectedReply, match=why):
        connect(serve(answering(202, **headers))).start_upload("a/b")


@pytest.mark.parametrize("status", [200, 204])
def test_what_does_not_say_that_a_session_is_open(serve, connect, status: int) -> None:
    with pytest.raises(UnexpectedReply):
        connect(serve(answering(status, Location=SESSION))).start_upload("a/b")


# -- mounting


def test_a_mounted_blob_is_not_sent(serve, connect) -> None:
    server = serve(answering(201))
    assert send(connect(server), Data(), mount_from="c/d") is BlobOutcome.MOUNTED
    assert [(one.method, one.path) for one in server.asked if one.path != "/v2/"] == [
        ("POST", f"/v2/a/b/blobs/uploads/?mount={DIGEST}&from=c/d")
    ]


@pytest.mark.parametrize("there", [True, False])
def test_the_session_of_a_mount_that_was_not_made_is_used_or_ended(serve, connect, there: bool) -> None:
    def script(asked: Asked) -> Any:
        if asked.method == "HEAD":
            return reply(b"x" * 450) if there else None
        return reply({}, 201 if asked.method == "PUT" else 202, Location=SESSION)

    server = serve(script)
    done = BlobOutcome.SKIPPED if there else BlobOutcome.UPLOADED
    assert send(connect(server), Data(), mount_from="c/d") is done
    methods = [one.method for one in server.asked if one.path != "/v2/"]
    assert methods == ["POST", "HEAD", "DELETE" if there else "PUT"]


@pytest.mark.parametrize("status", [200, 202, 204, 404, 405, 500])
def test_ending_a_session_is_never_an_error(serve, connect, status: int) -> None:
    server = serve(answering(status))
    connect(server).abort_upload(upload())
    assert "DELETE" in [one.method for one in server.asked]


# -- chunks


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_chunk_is_accepted(serve, connect, status: int) -> None:
    moved = connect(serve(answering(status, Location="/v2/other"))).upload_chunk(upload(5), [b"abc"], 3)
    assert (moved.offset, moved.sent, moved.location.rpartition("/")[2]) == (8, 8, "other")


@pytest.mark.parametrize(
    ("told", "offset"),
    [
        ("0-102", 103),
        ("0-109", 110),
        ("bytes=0-109", 110),
        ("bytes 0-109", 110),
        (" 0-109 ", 110),
        ("0-0", 0),  # distribution means that it has nothing
        ("0-110", 110),  # one more than was sent: some report the offset
        ("0-4", 5),
        ("1-109", 110),
        ("0-", 110),
        ("0-²", 110),
        (f"0-{'9' * 19}", 110),
        ("", 110),
    ],
)
def test_where_a_chunk_ends_by_its_range(serve, connect, told: str, offset: int) -> None:
    server = serve(answering(202, Range=told.encode().decode("latin-1")))
    moved = connect(server).upload_chunk(upload(100), [b"x" * 10], 10)
    assert (moved.offset, moved.sent, moved.location) == (offset, 110, "a/b/blobs/uploads/1")


def test_the_first_byte_of_a_blob_is_one_byte(serve, connect) -> None:
    assert connect(serve(answering(202, Range="0-0"))).upload_chunk(upload(), [b"x"], 1).offset == 1


@pytest.mark.parametrize(("told", "kept"), [("0-49", 50), ("0-0", 0), ("", None)])
def test_a_chunk_that_is_not_the_next_one(serve, connect, told: str, kept: int | None) -> None:
    for call in (
        lambda one: one.upload_chunk(upload(100), [b"x"], 1),
        lambda one: one.finish_upload(upload(100), DIGEST, [b"x"], 1),
    ):
        with pytest.raises(MisplacedError) as caught:
            call(connect(serve(answering(416, Range=told, Location="/v2/new"))))
        assert caught.value.kept == kept
        assert caught.value.upload.location.endswith("/v2/new") and caught.value.upload.offset == 100


@pytest.mark.parametrize(
    ("told", "offset", "sent"), [("0-299", 300, 200), ("0-0", 0, 200), ("", 200, 200), ("0-99", 100, 200)]
)
def test_a_session_that_is_asked_counts_for_itself(serve, connect, told: str, offset: int, sent: int) -> None:
    now = connect(serve(answering(204, Range=told))).upload_offset(upload(100, 200))
    assert (now.offset, now.sent) == (offset, sent)


# -- the end


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_upload_ends(serve, connect, status: int) -> None:
    server = serve(answering(status))
    connect(server).finish_upload(upload(450), DIGEST)
    (put,) = [one for one in server.asked if one.method == "PUT"]
    assert (put.path, put.body) == (f"{SESSION}?digest={DIGEST}", b"")
    assert put.headers["content-length"] == "0" and "content-range" not in put.headers


@pytest.mark.parametrize(("code", "error"), [("DIGEST_INVALID", VerificationFailed), ("X", UnexpectedReply)])
def test_a_refused_end(serve, connect, code: str, error: type[Exception]) -> None:
    refusal = {"errors": [{"code": code}]}
    with pytest.raises(error) as caught:
        connect(serve(lambda asked: reply(refusal, 400))).finish_upload(upload(), DIGEST, [b"x"], 1)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("size", "seconds"), [(0, 60.0), (20_000_000, 61.0), (10_800_000_000, 600.0), (1 << 40, 600.0)]
)
def test_a_registry_has_time_to_store_a_large_blob(
    serve, connect, monkeypatch: pytest.MonkeyPatch, size: int, seconds: float
) -> None:
    waited: list[float | None] = []
    real = Transport.send

    def noted(self: Transport, method: str, *rest: Any, **more: Any) -> Any:
        if method in ("PUT", "PATCH"):
            waited.append(more["read_seconds"])
        return real(self, method, *rest, **more)

    monkeypatch.setattr(Transport, "send", noted)
    client = connect(serve(answering(202)))
    client.upload_chunk(upload(), [b"x"], 1)
    client.finish_upload(upload(), DIGEST, whole=size)
    assert waited == [60.0, seconds]


# -- reading


@pytest.mark.parametrize("status", [206, 416])
def test_a_part_that_was_not_asked_for(serve, connect, status: int) -> None:
    client = connect(serve(answering(status, Content_Range="bytes 0-9/10")))
    with pytest.raises(UnexpectedReply), client.read_blob("a/b", DIGEST):
        pass


@pytest.mark.parametrize("told", ["", "bytes", "bytes x-9/10", "items 5-9/10", f"bytes {'9' * 19}-9/10"])
def test_a_part_that_does_not_say_which_one_it_is(serve, connect, told: str) -> None:
    client = connect(serve(answering(206, Content_Range=told)))
    with pytest.raises(UnexpectedReply, match="different range"), client.read_blob("a/b", DIGEST, 5):
        pass


def test_what_is_no_digest_is_not_asked_for(serve, connect) -> None:
    server = serve(answering(200))
    with pytest.raises(InvalidReference), connect(server).read_blob("a/b", "latest"):
        pass
    assert server.asked == []
