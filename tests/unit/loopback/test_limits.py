"""What a client can use up: bytes, time and connections are limited."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from longshore.cancellation import Cancellation
from longshore.loopback.server import Limits, Loopback, Offer
from loopbacktools import ArrivingBlob, Ask, Connect, PlainShelf, everything, url
from waiting import wait_until

LimitedOffer = Callable[..., Offer]


@pytest.fixture
def limited(stack: ExitStack) -> LimitedOffer:
    """Return a function that offers blobs of a loopback registry with these limits."""

    def offer(*blobs: ArrivingBlob, **limits: float) -> Offer:
        shelf = PlainShelf(blobs={each.digest: each for each in blobs})
        return stack.enter_context(Loopback(Limits(**limits)).offer(shelf, Cancellation()))  # type: ignore[arg-type]

    return offer


def serving_threads() -> int:
    return sum(each.name.startswith("longshore-loopback-") for each in threading.enumerate())


def endless(connection: socket.socket, part: bytes) -> Iterator[int]:
    """Send *part* again and again until the other side has had enough; yields how many bytes."""
    sent = 0
    while True:
        try:
            connection.sendall(part)
        except OSError:
            return
        sent += len(part)
        yield sent


@pytest.mark.parametrize("start", [b"", b"GET /v2/ HTTP/1.1\r\n", b"GET /v2/ HTTP/1.1\r\nA: b"])
def test_silence_ends_a_connection(limited: LimitedOffer, connect: Connect, start: bytes) -> None:
    connection = connect(limited(head_seconds=0.5))
    connection.sendall(start)
    assert everything(connection) == b""


def test_dripping_headers_end_a_connection(limited: LimitedOffer, connect: Connect) -> None:
    connection = connect(limited(head_seconds=0.2))
    connection.sendall(b"GET /v2/ HTTP/1.1\r\n")
    pause = threading.Event()
    for _ in endless(connection, b"A: b\r\n"):
        pause.wait(0.02)  # less than any time that starts anew with each byte
    assert serving_threads() == 0


def test_an_engine_may_be_silent_for_longer_than_a_stranger(limited: LimitedOffer, connect: Connect) -> None:
    blob = ArrivingBlob(b"abc")
    offer = limited(blob, head_seconds=1.0, idle_seconds=20)
    engine, stranger = connect(offer), connect(offer)
    asked = f"HEAD {url(offer, 'blobs', blob.digest)} HTTP/1.1\r\n\r\n".encode()
    engine.sendall(asked)
    assert engine.recv(65536).startswith(b"HTTP/1.1 200 OK")
    stranger.sendall(b"HEAD /v2/ HTTP/1.1\r\n\r\n")
    assert everything(stranger).startswith(b"HTTP/1.1 200 OK")  # to the end of the connection
    engine.sendall(asked)
    assert engine.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_an_engine_that_has_nothing_more_to_ask_is_left(limited: LimitedOffer, connect: Connect) -> None:
    blob = ArrivingBlob(b"abc")
    offer = limited(blob, idle_seconds=0.1)
    engine = connect(offer)
    engine.sendall(f"HEAD {url(offer, 'blobs', blob.digest)} HTTP/1.1\r\n\r\n".encode())
    assert everything(engine).count(b"HTTP/1.1") == 1


def test_a_client_that_takes_nothing_is_left(limited: LimitedOffer, connect: Connect) -> None:
    blob = ArrivingBlob(bytes(64_000_000))
    offer = limited(blob, send_seconds=0.1)
    connection = connect(offer)
    connection.sendall(f"GET {url(offer, 'blobs', blob.digest)} HTTP/1.1\r\n\r\n".encode())
    assert connection.recv(1)
    wait_until(lambda: serving_threads() == 0)
    assert len(everything(connection)) < blob.size


@pytest.mark.parametrize("part", [b"A" * 1000, b"A: b\r\n" * 100])
def test_a_giant_head_is_not_read_to_its_end(limited: LimitedOffer, connect: Connect, part: bytes) -> None:
    connection = connect(limited())
    connection.sendall(b"GET /v2/ HTTP/1.1\r\n")
    for sent in endless(connection, part):
        assert sent < 100_000_000


def test_a_head_just_above_the_limit_is_refused(limited: LimitedOffer, connect: Connect) -> None:
    offer = limited(head_bytes=1000)
    for filling, status in ((900, b"200 OK"), (1000, b"400 Bad Request")):
        connection = connect(offer)
        head = b"GET /v2/ HTTP/1.1\r\nConnection: close\r\nA: " + b"b" * filling
        connection.sendall(head + b"\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 " + status)


def test_a_giant_body_is_not_read_to_its_end(limited: LimitedOffer, connect: Connect) -> None:
    connection = connect(limited())
    connection.sendall(b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for sent in endless(connection, b"3e8\r\n" + b"A" * 1000 + b"\r\n"):
        assert sent < 100_000_000


@pytest.mark.parametrize("head", [b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n", b"\x16\x03\x01"])
def test_a_refused_client_can_send_the_rest(limited: LimitedOffer, connect: Connect, head: bytes) -> None:
    """Otherwise its system might drop the answer before the client has read it."""
    connection = connect(limited(drain_seconds=20))
    connection.sendall(head)
    assert everything(connection).startswith(b"HTTP/1.1 4")
    for _ in range(200):
        connection.sendall(b"A" * 1000)


def test_strangers_cannot_keep_an_engine_out(limited: LimitedOffer, connect: Connect, ask: Ask) -> None:
    blob = ArrivingBlob(b"abc", arrived=1)
    offer = limited(blob, connections=4)
    engine = connect(offer)
    engine.sendall(f"GET {url(offer, 'blobs', blob.digest)} HTTP/1.0\r\n\r\n".encode())
    assert blob.awaited.wait(20)
    strangers = [connect(offer) for _ in range(30)]
    assert all(everything(each) == b"" for each in strangers[:-4])
    assert serving_threads() <= 4
    # Neither the request that waits for bytes nor a new one suffers from them.
    assert ask(offer, url(offer, "blobs", blob.digest), "HEAD").status == 200
    blob.arrive()
    assert everything(engine).endswith(b"abc")


def test_connections_that_serve_are_not_given_up(limited: LimitedOffer, connect: Connect, ask: Ask) -> None:
    blob = ArrivingBlob(b"abc", arrived=1)
    offer = limited(blob, connections=2)
    path = url(offer, "blobs", blob.digest)
    engines = [connect(offer) for _ in range(2)]
    for engine in engines:
        blob.awaited.clear()
        engine.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert blob.awaited.wait(20)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(offer, path, "HEAD")
    # One whose client has hung up is: its thread would wait for bytes that nobody takes.
    engines[0].close()
    assert ask(offer, path, "HEAD").status == 200
    blob.arrive()
    assert everything(engines[1]).endswith(b"abc")


def test_an_idle_connection_makes_room(limited: LimitedOffer, connect: Connect, ask: Ask) -> None:
    blob = ArrivingBlob(b"abc")
    offer = limited(blob, connections=2)
    path = url(offer, "blobs", blob.digest)
    engines = [connect(offer) for _ in range(2)]
    for engine in engines:
        # Once the second answer is there, the first request is certainly over.
        engine.sendall(f"HEAD {path} HTTP/1.1\r\n\r\nGET /v2/ HTTP/1.1\r\n\r\n".encode())
        received = b""
        while not received.endswith(b"{}"):
            received += engine.recv(65536)
    assert ask(offer, path, "HEAD").status == 200
    # The one that has been there for longest was given up.
    assert everything(engines[0]) == b""
