"""Uploads that fail on the way: what is tried again, from where, and when it is given up."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import NotInRegistry, RateLimited, RegistryUnreachable, UnexpectedReply
from longshore.oci.layer import BlobOutcome
from longshore.registry import sending
from longshore.registry.client import RegistryClient
from longshore.registry.sending import _silent

from .conftest import Asked, reply
from .test_upload_answers import SESSION, answering
from .test_uploads import BLOB, DIGEST, Data, client, faulty, refuse, send

__all__ = ["client", "faulty"]


# -- silence


def fallen(cause: BaseException | None) -> RegistryUnreachable:
    error = RegistryUnreachable("It does not respond.", registry="x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "how"),
    [
        (ReadTimeoutError(None, "/", "Read timed out."), "answer"),  # type: ignore[arg-type]
        (TimeoutError("timed out"), "sending"),
        (ProtocolError("Connection aborted.", TimeoutError("timed out")), "sending"),
        (ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")), None),
        (ProtocolError("Connection aborted."), None),
        (ProtocolError(), None),
        (socket.gaierror(-2, "not known"), None),
        (None, None),
    ],
)
def test_how_a_registry_falls_silent(cause: BaseException | None, how: str | None) -> None:
    assert _silent(fallen(cause)) == how


@pytest.mark.parametrize(
    ("how", "words"),
    [("answer", "received the data and did not respond"), ("sending", "stopped accepting data")],
)
def test_a_registry_that_fell_silent_is_not_sent_more(
    faulty, client: RegistryClient, monkeypatch: pytest.MonkeyPatch, how: str, words: str
) -> None:
    cause = ReadTimeoutError(None, "/", "x") if how == "answer" else TimeoutError()  # type: ignore[arg-type]
    tries: list[int] = []

    def silent(*_: Any, **__: Any) -> Any:
        tries.append(1)
        raise fallen(cause)

    monkeypatch.setattr(client, "upload_chunk", silent)
    with pytest.raises(RegistryUnreachable, match=words) as caught:
        send(client, Data(), chunk=100)
    assert len(tries) == 1 and caught.value.subject == f"a/b@{DIGEST}"


def test_a_blob_that_arrived_although_its_answer_did_not(
    faulty, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any, **__: Any) -> None:
        faulty.put_blob("a/b", BLOB)
        raise fallen(ReadTimeoutError(None, "/", "x"))  # type: ignore[arg-type]

    monkeypatch.setattr(client, "finish_upload", lost)
    assert send(client, Data()) is BlobOutcome.UPLOADED


# -- failures


@pytest.mark.parametrize(("header", "waits"), [("", [6.0]), ("5", [5.0]), ("0", [0.0])])
def test_a_short_rate_limit_is_waited_out(
    faulty, client: RegistryClient, monkeypatch: pytest.MonkeyPatch, header: str, waits: list[float]
) -> None:
    """A limit without its length counts as too long to wait for."""
    paused: list[float] = []
    monkeypatch.setattr(sending, "pause", lambda seconds, cancellation: paused.append(seconds))
    left = [(429, {"Retry-After": header} if header else {}, b"")]
    faulty.fault = lambda method, path: left.pop() if method == "PATCH" and left else None
    if not header:
        with pytest.raises(RateLimited):
            send(client, Data(), chunk=100)
        assert paused == []
        return
    assert send(client, Data(), chunk=100) is BlobOutcome.UPLOADED
    assert paused == waits


def test_a_chunk_whose_answer_was_lost_is_not_sent_again(
    serve, connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a registry that keeps the address of an upload."""
    monkeypatch.setattr(sending, "pause", lambda seconds, cancellation: None)
    kept = bytearray()
    asked: list[str] = []

    def script(one: Asked) -> Any:
        if one.method == "HEAD" or one.path == "/v2/":
            return None
        asked.append(one.headers.get("content-range", one.method))
        kept.extend(one.body)
        if asked.count("100-199") and len(kept) == 200 and one.method == "PATCH":
            return reply({}, 500)
        told = {"Range": f"0-{len(kept) - 1}"} if kept else {}
        status = {"PUT": 201, "GET": 204}.get(one.method, 202)
        return reply(b"", status, Location=SESSION, **told)

    data = Data()
    assert send(connect(serve(script)), data, chunk=100) is BlobOutcome.UPLOADED
    assert asked == ["POST", "0-99", "100-199", "GET", "200-299", "300-399", "400-449"]
    assert (bytes(kept), data.asked) == (BLOB, [0, 200])


def test_a_session_that_is_larger_than_the_blob_is_not_resumed(faulty, client: RegistryClient) -> None:
    faulty.told = lambda kept, last: 451 if not last else kept
    opened = client.start_upload("a/b")
    assert send(client, Data(), chunk=450, resume=opened) is BlobOutcome.UPLOADED
    assert len(faulty.requests("POST")) == 2


def test_a_complete_session_is_only_ended(faulty, client: RegistryClient) -> None:
    opened = client.upload_chunk(client.start_upload("a/b"), [BLOB], 450)
    data = Data()
    assert send(client, data, chunk=100, resume=opened) is BlobOutcome.UPLOADED
    assert data.asked == [] and len(faulty.requests("PATCH")) == 1
    assert len(faulty.requests("POST")) == 1


def test_a_refused_upload_that_may_be_there_is_looked_for_first(faulty, client: RegistryClient) -> None:
    refuse(faulty, "PUT", 404, "BLOB_UPLOAD_UNKNOWN")
    faulty.put_blob("a/b", BLOB)
    assert send(client, Data(), check=False) is BlobOutcome.UPLOADED
    assert len(faulty.requests("PUT")) == 1


def test_a_content_that_is_too_large_in_one_piece_is_an_error(faulty, client: RegistryClient) -> None:
    refuse(faulty, "PUT", 413)
    client.habits.chunk.bytes = 1 << 20
    with pytest.raises(UnexpectedReply, match="too large"):
        send(client, Data())
    assert len(faulty.requests("PUT")) == 1


def test_a_registry_that_stops_taking_chunks_in_between_is_an_error(faulty, client: RegistryClient) -> None:
    """Only the first chunk shows that it accepts none."""
    faulty.fault = lambda method, path: (
        (405, {}, b"") if method == "PATCH" and len(faulty.requests("PATCH")) > 1 else None
    )
    with pytest.raises(UnexpectedReply, match="does not support"):
        send(client, Data(), chunk=100)
    assert client.habits.patches


def test_a_registry_that_calls_chunks_unsupported_gets_it_in_one_piece(
    faulty, client: RegistryClient
) -> None:
    refuse(faulty, "PATCH", 400, "UNSUPPORTED")
    assert send(client, Data(), chunk=100) is BlobOutcome.UPLOADED
    assert not client.habits.patches


def test_a_stop_after_the_last_chunk_is_still_a_stop(faulty, client: RegistryClient) -> None:
    stop = Cancellation()
    stop.ask_to_stop()
    states: list[int] = []
    with pytest.raises(Cancelled):
        send(
            client, Data(), chunk=400, confirmed=lambda state: states.append(state.offset), cancellation=stop
        )
    assert states == [400]


def test_a_blob_that_the_registry_refuses_to_show_is_sent(serve, connect) -> None:
    for status in (400, 401, 403, 405, 500):

        def script(asked: Asked, status: int = status) -> Any:
            if asked.method == "HEAD":
                return reply({}, status)
            return reply({}, 201 if asked.method == "PUT" else 202, Location=SESSION)

        assert send(connect(serve(script)), Data()) is BlobOutcome.UPLOADED
    with pytest.raises(RateLimited):
        connect(serve(answering(429, Retry_After="60"))).has_blob("a/b", DIGEST)


def test_a_session_that_is_unknown_at_its_own_host_is_looked_for_elsewhere(serve, connect) -> None:
    """distribution 2862, and a registry that means the other host it names: the first try shows which of the two."""
    other = serve(answering(201))

    def script(asked: Asked) -> Any:
        if asked.method == "POST":
            return reply({}, 202, Location=f"{other.url}{SESSION}")
        return None

    client = connect(serve(script))
    assert client.habits.at_home
    assert send(client, Data()) is BlobOutcome.UPLOADED
    assert not client.habits.at_home
    assert [one.body for one in other.asked if one.method == "PUT"] == [BLOB]


def test_a_session_that_cannot_be_reached_elsewhere_is_used_here(
    serve, connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "pause", lambda seconds, cancellation: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    def script(asked: Asked) -> Any:
        if asked.method == "POST":
            return reply({}, 202, Location=f"http://127.0.0.1:{port}{SESSION}")
        return reply({}, 201) if asked.method == "PUT" else None

    client = connect(serve(script))
    client.habits.at_home = False
    assert send(client, Data()) is BlobOutcome.UPLOADED
    assert client.habits.at_home


def test_an_upload_that_is_not_found_anywhere_ends(serve, connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "pause", lambda seconds, cancellation: None)
    server = serve(lambda asked: reply({}, 202, Location=SESSION) if asked.method == "POST" else None)
    with pytest.raises(NotInRegistry):
        send(connect(server), Data())
    assert len([one for one in server.asked if one.method == "POST"]) == 6
