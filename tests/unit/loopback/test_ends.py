"""How offers end: their connections at once, and everything with the last one."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError
from longshore.loopback.server import Limits, Loopback, Offer
from loopbacktools import ArrivingBlob, Ask, Connect, PlainShelf, everything, url
from waiting import wait_until


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def connectable(host: str) -> bool:
    address, _, port = host.partition(":")
    try:
        socket.create_connection((address, int(port)), timeout=20).close()
    except ConnectionRefusedError:
        return False
    return True


def threads_of_ours() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("longshore-loopback")]


def reading(pool: ThreadPoolExecutor, ask: Ask, offer: Offer, blob: ArrivingBlob) -> Future[object]:
    """A request whose answer waits for bytes."""
    future: Future[object] = pool.submit(ask, offer, url(offer, "blobs", blob.digest))
    assert blob.awaited.wait(20)
    return future


def test_nothing_listens_before_and_after(loopback: Loopback, ask: Ask) -> None:
    assert threads_of_ours() == []
    with loopback.offer(PlainShelf(), Cancellation()) as first:
        with loopback.offer(PlainShelf(), Cancellation()) as second:
            assert first.offered.host == second.offered.host
        assert ask(first, "/v2/").status == 200
    assert not connectable(first.offered.host)
    assert threads_of_ours() == []
    with loopback.offer(PlainShelf(), Cancellation()) as third:
        assert ask(third, "/v2/").status == 200
    assert not connectable(third.offered.host)


def test_a_closed_offer_ends_its_connections(
    loopback: Loopback, ask: Ask, connect: Connect, pool: ThreadPoolExecutor
) -> None:
    blob, others = ArrivingBlob(b"abc", arrived=1), ArrivingBlob(b"def", arrived=1)
    with loopback.offer(PlainShelf(blobs={others.digest: others}), Cancellation()) as other:
        staying = reading(pool, ask, other, others)
        with loopback.offer(PlainShelf(blobs={blob.digest: blob}), Cancellation()) as offer:
            blocked = reading(pool, ask, offer, blob)
            idle = connect(offer)
            idle.sendall(f"HEAD {url(offer, 'blobs', blob.digest)} HTTP/1.1\r\n\r\n".encode())
            assert idle.recv(1) == b"H"
        assert everything(idle).startswith(b"TTP/1.1 200 OK")
        with pytest.raises(http.client.IncompleteRead):
            blocked.result(20)
        others.arrive()
        assert getattr(staying.result(20), "body", None) == b"def"


def test_the_end_of_the_last_one_ends_all(
    loopback: Loopback, ask: Ask, connect: Connect, pool: ThreadPoolExecutor
) -> None:
    blob = ArrivingBlob(b"abc", arrived=1)
    with loopback.offer(PlainShelf(blobs={blob.digest: blob}), Cancellation()) as offer:
        blocked = reading(pool, ask, offer, blob)
        stranger = connect(offer)
        wait_until(lambda: len(threads_of_ours()) == 3)  # one that accepts, and one for each connection
    assert threads_of_ours() == []
    assert everything(stranger) == b""
    with pytest.raises(http.client.IncompleteRead):
        blocked.result(20)


def test_a_client_that_takes_nothing_does_not_hold_up_the_end(loopback: Loopback, connect: Connect) -> None:
    blob = ArrivingBlob(bytes(64_000_000))
    with loopback.offer(PlainShelf(blobs={blob.digest: blob}), Cancellation()) as offer:
        connection = connect(offer)
        connection.sendall(f"GET {url(offer, 'blobs', blob.digest)} HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(1)
    assert threads_of_ours() == []
    assert len(everything(connection)) < blob.size


def test_cancelling_the_transfer_ends_its_connections(
    loopback: Loopback, ask: Ask, pool: ThreadPoolExecutor
) -> None:
    blob = ArrivingBlob(b"abc", arrived=1)
    cancellation = Cancellation()
    with loopback.offer(PlainShelf(blobs={blob.digest: blob}), cancellation) as offer:
        blocked = reading(pool, ask, offer, blob)
        cancellation.cancel()
        with pytest.raises(http.client.IncompleteRead):
            blocked.result(20)
        blob.arrive()
        with pytest.raises(http.client.RemoteDisconnected):
            ask(offer, url(offer, "blobs", blob.digest))
    with pytest.raises(Cancelled), loopback.offer(PlainShelf(), cancellation):
        pass
    assert threads_of_ours() == []


def test_a_shelf_that_ignores_its_cancellation_holds_up_the_end_for_a_bounded_time(ask: Ask) -> None:
    loopback = Loopback(Limits(close_seconds=0.05))
    called, leave = threading.Event(), threading.Event()

    class Deaf(PlainShelf):
        def manifest(self, name: str, cancellation: Cancellation) -> None:
            called.set()
            leave.wait(20)

    with ThreadPoolExecutor(1) as pool:
        with loopback.offer(Deaf(), Cancellation()) as offer:
            future = pool.submit(ask, offer, url(offer, "manifests", "pull"))
            assert called.wait(20)
        assert not leave.is_set()
        leave.set()
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            future.result(20)


def test_without_a_port(loopback: Loopback, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "create_server", fail)
        with pytest.raises(LongshoreError, match="open a port") as raised:
            loopback.offer(PlainShelf(), Cancellation()).__enter__()
        assert raised.value.detail == "Too many open files"
    with loopback.offer(PlainShelf(), Cancellation()) as offer:
        assert ask(offer, "/v2/").status == 200


def test_offers_of_many_threads(loopback: Loopback, ask: Ask, pool: ThreadPoolExecutor) -> None:
    def transfer(number: int) -> None:
        blob = ArrivingBlob(f"content {number}".encode())
        for _ in range(5):
            with loopback.offer(PlainShelf(blobs={blob.digest: blob}), Cancellation()) as offer:
                client = http.client.HTTPConnection(offer.offered.host, timeout=20)
                client.request("GET", url(offer, "blobs", blob.digest))
                assert client.getresponse().read() == blob.content
                client.close()

    for future in [pool.submit(transfer, number) for number in range(16)]:
        future.result(60)
    assert threads_of_ours() == []
