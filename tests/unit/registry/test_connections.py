"""Names that do not resolve and hosts that accept no connection: bounded, and cancelled at once."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import RegistryUnreachable
from longshore.registry import connections
from longshore.registry.connections import Exchange


def dial(host: str, port: int, seconds: float, cancellation: Cancellation | None = None) -> socket.socket:
    connection = SimpleNamespace(_dns_host=host, host=host, port=port, timeout=seconds)
    exchange = Exchange(cancellation, seconds)
    try:
        return connections._dial(connection, exchange)
    finally:
        exchange.close()


@pytest.fixture
def silent_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The resolver never returns; the event is set once it has been asked."""
    asked, over = threading.Event(), threading.Event()

    def resolve(*_: Any) -> list[Any]:
        asked.set()
        over.wait(60)
        return []

    monkeypatch.setattr(connections.socket, "getaddrinfo", resolve)
    yield asked
    over.set()
    for thread in threading.enumerate():
        if thread.name == "longshore-dns":
            thread.join()


@pytest.fixture
def full() -> Iterator[int]:
    """A port whose queue is full: further connections get no answer."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        while True:
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0.3)
            try:
                waiting.connect(listener.getsockname())
            except TimeoutError:
                break
        yield listener.getsockname()[1]


def cancelled_when(event: threading.Event | None, cancellation: Cancellation) -> threading.Thread:
    def cancel() -> None:
        assert event is None or event.wait(10)
        cancellation.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    return thread


def test_a_name_that_is_never_resolved_can_be_cancelled(silent_names: threading.Event) -> None:
    cancellation = Cancellation()
    thread = cancelled_when(silent_names, cancellation)
    with pytest.raises(Cancelled):
        dial("slow.example", 443, 60.0, cancellation)
    thread.join()


@pytest.mark.usefixtures("silent_names")
def test_a_name_that_is_never_resolved_takes_no_longer_than_a_connection_may() -> None:
    with pytest.raises(ConnectTimeoutError, match=r"the name of the host was not resolved within 0\.2 s"):
        dial("slow.example", 443, 0.2)


def test_a_connection_that_is_not_taken_can_be_cancelled(full: int) -> None:
    cancellation = Cancellation()
    thread = cancelled_when(None, cancellation)
    with pytest.raises(Cancelled):
        dial("127.0.0.1", full, 60.0, cancellation)
    thread.join()


def test_a_connection_that_is_not_taken_is_given_up(full: int) -> None:
    with pytest.raises(ConnectTimeoutError, match=r"no connection within 0\.2 s"):
        dial("127.0.0.1", full, 0.2)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "not known"), UnicodeError("label too long")])
def test_what_the_resolver_says(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def resolve(*_: Any) -> list[Any]:
        raise error

    monkeypatch.setattr(connections.socket, "getaddrinfo", resolve)
    kind = NameResolutionError if isinstance(error, socket.gaierror) else NewConnectionError
    with pytest.raises(kind):
        dial("a.example", 443, 5.0)


def test_the_addresses_of_a_name_are_tried_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as closed:
        refusing = closed.getsockname()
        closed.close()
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
            for address in (refusing, listener.getsockname())
        ]
        monkeypatch.setattr(connections.socket, "getaddrinfo", lambda *_: found)
        with dial("a.example", 443, 5.0) as opened:
            assert opened.getpeername() == listener.getsockname()
            assert opened.gettimeout() == 5.0
        del found[1]
        with pytest.raises(NewConnectionError, match="refused"):
            dial("a.example", 443, 5.0)


def test_a_name_that_nobody_resolves_is_told(connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(connections.socket, "getaddrinfo", resolve)
    with pytest.raises(RegistryUnreachable, match=r"The host registry\.example was not found\."):
        connect("registry.example:5000").tags("a/b")


def test_a_connection_that_is_cancelled_as_it_opens_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(connections, "_dial", lambda connection, exchange: ours)

    class Unwatched(Exchange):
        def watch(self, opened: socket.socket) -> None:
            raise Cancelled

    exchange = Unwatched(None, 1.0)
    monkeypatch.setattr(connections.current, "exchange", exchange, raising=False)
    try:
        with pytest.raises(Cancelled):
            connections._Watched._new_conn(SimpleNamespace())  # type: ignore[arg-type]
        assert ours.fileno() == -1
    finally:
        exchange.close()
        ours.close()
        theirs.close()
