"""The limits of one request: time and bytes of a response, time to send, the share of each address of a host."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import RegistryUnreachable
from longshore.registry import connections
from longshore.registry.allowed_addresses import AddressNotAllowedError, AllowedAddresses
from longshore.registry.connections import Exchange
from longshore.registry.model import Upload

from .conftest import Asked, reply
from .test_slow_answers import Endless


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(connections, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    made = Exchange(None, 30.0)
    yield made
    made.close()


# -- reading


def test_a_read_may_take_the_read_timeout_before_anything_is_limited(exchange: Exchange) -> None:
    assert exchange.seconds_to_read() == 30.0
    exchange.came(1 << 40)
    assert exchange.seconds_to_read() == 30.0


def test_a_response_has_what_is_left_of_its_time(clock: Clock, exchange: Exchange) -> None:
    exchange.allow(100.0, 10)
    for passed, left in ((0.0, 30.0), (70.0, 30.0), (71.0, 29.0), (99.0, 1.0)):
        clock.now = 1000.0 + passed
        assert exchange.seconds_to_read() == left
    for passed in (100.0, 101.0):
        clock.now = 1000.0 + passed
        with pytest.raises(TimeoutError, match="too slow"):
            exchange.seconds_to_read()


def test_a_response_has_what_is_left_of_its_bytes(exchange: Exchange) -> None:
    exchange.allow(100.0, 10)
    exchange.came(4)
    exchange.came(5)
    assert exchange.seconds_to_read() > 0
    exchange.came(1)
    with pytest.raises(TimeoutError, match="does not end"):
        exchange.seconds_to_read()
    exchange.allow(100.0, 1)
    assert exchange.seconds_to_read() > 0


def test_the_head_of_a_response_has_twice_the_read_timeout(clock: Clock, exchange: Exchange) -> None:
    exchange.allow_head()
    clock.now += 59.0
    assert exchange.seconds_to_read() == 1.0
    exchange.came((256 << 10) - 1)
    assert exchange.seconds_to_read() == 1.0
    exchange.came(1)
    with pytest.raises(TimeoutError, match="does not end"):
        exchange.seconds_to_read()
    clock.now += 1.0
    with pytest.raises(TimeoutError, match="too slow"):
        exchange.seconds_to_read()


def test_the_response_of_a_proxy_ends_too(serve, connect) -> None:
    script = Endless(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.02)
    proxy = serve(script)
    with pytest.raises(RegistryUnreachable):
        connect("registry.example", environ={"HTTPS_PROXY": proxy.url}, read_seconds=0.2).tags("a/b")
    assert script.sent < 10_000


# -- sending


def test_bytes_of_a_body_have_the_read_timeout_and_not_that_of_connecting(
    serve, connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a new connection and on a kept one; a longer wait for the response does not apply to sending."""
    timeouts: list[float] = []
    send = http.client.HTTPConnection.send

    def noted(self: http.client.HTTPConnection, data: Any) -> None:
        if self.sock is not None and not isinstance(data, bytes | bytearray):
            timeouts.append(self.sock.gettimeout())
        send(self, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", noted)
    server = serve(lambda asked: reply({}, 202))
    client = connect(server, connect_seconds=3, read_seconds=7)
    upload = Upload("a/b", f"{server.url}/v2/a/b/blobs/uploads/1")
    client.upload_chunk(upload, [memoryview(b"abc")], 3)
    client.upload_chunk(upload, [memoryview(b"abc")], 3)
    assert timeouts == [7, 7]


def test_sending_has_a_timeout_of_its_own() -> None:
    for exchange, seconds in ((Exchange(None, 60.0, 7.0), 7.0), (Exchange(None, 60.0), 60.0)):
        assert (exchange.read_seconds, exchange.send_seconds) == (60.0, seconds)
        exchange.close()


# -- cancelling


def test_a_socket_is_shut_down_when_it_is_cancelled() -> None:
    for before in (True, False):
        ours, theirs = socket.socketpair()
        cancellation = Cancellation()
        exchange = Exchange(cancellation, 1.0)
        if before:
            cancellation.cancel()
        exchange.watch(SimpleNamespace(socket=ours))  # TLS inside a proxy's TLS
        cancellation.cancel()
        assert theirs.recv(1) == b"", "the other side sees the end"
        exchange.close()
        ours.close()
        theirs.close()


def test_a_socket_that_is_not_used_any_more_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    cancellation = Cancellation()
    exchange = Exchange(cancellation, 1.0)
    exchange.watch(ours)
    exchange.close()
    cancellation.cancel()
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)
    ours.close()
    theirs.close()


# -- connecting


class Dialled:
    """Addresses that are silent, refuse or are there; notes how long each of them was waited for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: Clock, *kinds: str) -> None:
        self.kinds = list(kinds)
        self.clock = clock
        self.waited: list[float] = []
        addresses = [
            (socket.AF_INET, socket.SOCK_DGRAM, 0, "", (f"127.0.0.{number + 1}", 9))
            for number in range(len(kinds))
        ]
        monkeypatch.setattr(connections, "_resolve", lambda *_: addresses)
        monkeypatch.setattr(connections, "_wait_connected", self.wait)
        # Datagram sockets connect without asking anybody.
        monkeypatch.setattr(connections.socket.socket, "setsockopt", lambda *_: None, raising=False)

    def wait(self, opened: socket.socket, deadline: float, cancellation: Cancellation | None) -> None:
        self.waited.append(round(deadline - self.clock.now, 3))
        kind = self.kinds[len(self.waited) - 1]
        if kind == "silent":
            self.clock.now = deadline
            raise TimeoutError("timed out")
        if kind == "refuses":
            raise ConnectionRefusedError(111, "Connection refused")
        if kind == "cancelled":
            raise Cancelled


def dial(exchange: Exchange | None = None, seconds: Any = 9.0) -> socket.socket:
    connection = SimpleNamespace(_dns_host="a.example", host="a.example", port=9, timeout=seconds)
    return connections._dial(connection, exchange)


@pytest.mark.parametrize(
    ("kinds", "waited", "error"),
    [
        (["there"], [9.0], None),
        (["silent", "silent", "there"], [3.0, 3.0, 3.0], None),
        (["refuses", "silent", "there"], [3.0, 4.5, 4.5], None),
        (["silent", "silent"], [4.5, 4.5], ConnectTimeoutError),
        (["silent", "refuses"], [4.5, 4.5], NewConnectionError),
        (["refuses", "silent"], [4.5, 9.0], ConnectTimeoutError),
        (["cancelled", "there"], [4.5], Cancelled),
        ([], [], NewConnectionError),
    ],
)
def test_each_address_has_its_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, kinds: list[str], waited: list[float], error: Any
) -> None:
    dialled = Dialled(monkeypatch, clock, *kinds)
    if error is None:
        dial().close()
    else:
        with pytest.raises(error):
            dial()
    assert dialled.waited == waited


def test_each_address_has_at_least_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    dialled = Dialled(monkeypatch, clock, "silent", "silent", "there")
    dial(seconds=0.15).close()
    assert dialled.waited == [0.1, 0.1, 0.1]


def test_ten_seconds_are_the_usual_time_to_connect(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    dialled = Dialled(monkeypatch, clock, "there")
    dial(seconds=object()).close()
    assert dialled.waited == [10.0]


def test_addresses_that_are_not_allowed_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, exchange: Exchange
) -> None:
    class Only(AllowedAddresses):
        def check(self, host: str, address: str) -> None:
            if address != "127.0.0.2":
                raise AddressNotAllowedError(host, address)

    exchange.allowed = Only("a.example")
    reached: list[str] = []
    exchange.reached = reached.append
    dialled = Dialled(monkeypatch, clock, "there", "there", "there")
    dial(exchange).close()
    assert (reached, dialled.waited) == (["127.0.0.2"], [4.5])
    # What is said: that the allowed one failed, or that none was allowed.
    Dialled(monkeypatch, clock, "refuses", "refuses")
    with pytest.raises(NewConnectionError, match="refused"):
        dial(exchange)
    Dialled(monkeypatch, clock, "there")
    with pytest.raises(AddressNotAllowedError) as caught:
        dial(exchange)
    assert (caught.value.host, caught.value.address) == ("a.example", "127.0.0.1")


def test_a_socket_that_does_not_connect_is_closed(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    opened: list[socket.socket] = []
    dialled = Dialled(monkeypatch, clock, "silent", "refuses", "cancelled")
    wait = dialled.wait

    def noted(one: socket.socket, *rest: Any) -> None:
        opened.append(one)
        wait(one, *rest)

    monkeypatch.setattr(connections, "_wait_connected", noted)
    with pytest.raises(Cancelled):
        dial()
    assert [one.fileno() for one in opened] == [-1, -1, -1]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_an_address_is_not_looked_up(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    asked: list[tuple[str, str]] = []

    def resolve(name: str, *_: Any) -> list[Any]:
        asked.append((name, threading.current_thread().name))
        return []

    monkeypatch.setattr(connections.socket, "getaddrinfo", resolve)
    connection = SimpleNamespace(_dns_host=host, host=host, port=9, timeout=1.0)
    with pytest.raises(NewConnectionError):
        connections._dial(connection, None)
    assert asked == [(host.strip("[]"), threading.current_thread().name)]


def test_a_cancelled_request_leaves_the_connection_of_others_alone(serve, connect) -> None:
    def script(asked: Asked) -> Any:
        return reply({"tags": ["1"]})

    client = connect(serve(script))
    done = Cancellation()
    client.tags("a/b", cancellation=done)
    done.cancel()
    server_asked = client.tags("a/b").items
    assert server_asked == ["1"]
