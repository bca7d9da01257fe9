"""Connections of urllib3 that another thread can cut in every phase: resolving, connecting, sending, reading."""

from __future__ import annotations

import contextlib
import http.client
import io
import ipaddress
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from longshore.cancellation import Cancellation
from longshore.registry.allowed_addresses import AddressNotAllowedError, AllowedAddresses

#: Seconds to connect if nothing else is given.
CONNECT_SECONDS = 10.0
_SLICE = 0.1
#: The head of a response must arrive within this many times the read timeout, even in small pieces.
_HEAD_TIMES = 2
#: Most bytes of the head of a response, with every "100 Continue" before it.
_LARGEST_HEAD = 256 << 10


class Exchange:
    """One request and its reply. Holds a second handle of each socket that it uses and shuts those down when cancelled.

    The second handle is needed because TLS takes the first one away and http.client closes it early. Shutting one down
    affects the connection itself, and owning it means that its number cannot belong to another file by then.
    """

    def __init__(
        self, cancellation: Cancellation | None, read_seconds: float, send_seconds: float | None = None
    ) -> None:
        """*send_seconds*: timeout for one piece of a body; as for reading if None."""
        self.cancellation = cancellation
        self.read_seconds = read_seconds
        self.send_seconds = read_seconds if send_seconds is None else send_seconds
        #: Limits where connections may lead; None for no limit.
        self.allowed: AllowedAddresses | None = None
        #: Called with the address of each new connection.
        self.reached: Callable[[str], None] | None = None
        self._until: float | None = None
        self._left = 0
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []
        self._stack = contextlib.ExitStack()
        if cancellation is not None:
            self._stack.enter_context(cancellation.waking(self._shut))

    def allow(self, seconds: float, size: int) -> None:
        """From now on, allow *size* bytes within *seconds*, in any pieces."""
        self._until = time.monotonic() + seconds
        self._left = size

    def allow_head(self) -> None:
        """Allow as many bytes and seconds as the head of a response needs."""
        self.allow(_HEAD_TIMES * self.read_seconds, _LARGEST_HEAD)

    def seconds_to_read(self) -> float:
        """Seconds that the next read may take. Raises TimeoutError if the time or the bytes are used up."""
        if self._until is None:
            return self.read_seconds
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the response is too slow")
        if self._left <= 0:
            raise TimeoutError("the response does not end")
        return min(left, self.read_seconds)

    def came(self, size: int) -> None:
        """Record that *size* bytes were read."""
        self._left -= size

    def watch(self, opened: Any) -> None:
        """Keep a handle of the socket *opened*, to shut down when cancelled."""
        if self.cancellation is None:
            return
        plain = getattr(opened, "socket", opened)  # TLS inside an https proxy's TLS
        handle = socket.fromfd(plain.fileno(), plain.family, plain.type)
        with self._lock:
            self._handles.append(handle)
        if self.cancellation.cancelled:
            self._shut()

    def _shut(self) -> None:
        with self._lock:
            for handle in self._handles:
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._stack.close()
        with self._lock:
            for handle in self._handles:
                handle.close()


#: The exchange of the sending thread, in its attribute ``exchange``.
current = threading.local()


class _TimedReader(io.RawIOBase):
    """The response's bytes as they arrive, within the limits of the exchange."""

    def __init__(self, raw: Any, connection: Any, exchange: Exchange) -> None:
        self._raw = raw
        self._connection = connection
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(self._exchange.seconds_to_read())
        size: int | None = self._raw.readinto(buffer)
        self._exchange.came(size or 0)
        return size

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """A response with limits on time and bytes.

    http.client limits a line and the number of headers, but not how long they take, nor the number of "100 Continue"
    responses and trailers.
    """

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        exchange: Exchange | None = getattr(current, "exchange", None)
        if exchange is not None:
            raw = sock.makefile("rb", buffering=0)
            self.fp.close()
            self.fp = io.BufferedReader(_TimedReader(raw, sock, exchange))


class _Watched:
    """Mixed into urllib3's connections: passes every socket to the exchange that uses it."""

    sock: Any
    host: str
    port: int
    timeout: Any
    response_class: Any = _TimedResponse

    def __str__(self) -> str:
        """As urllib3's errors name the connection."""
        return f"{self.host}:{self.port}"

    def _new_conn(self) -> socket.socket:
        exchange: Exchange | None = getattr(current, "exchange", None)
        opened = _dial(self, exchange)
        if exchange is not None:
            try:
                exchange.watch(opened)
            except BaseException:
                opened.close()
                raise
        return opened

    def connect(self) -> None:
        exchange: Exchange | None = getattr(current, "exchange", None)
        if exchange is not None:
            exchange.allow_head()  # of a proxy's response
        super().connect()  # type: ignore[misc]
        self._allow_slow_sending()

    def getresponse(self) -> Any:
        exchange: Exchange | None = getattr(current, "exchange", None)
        if exchange is not None:
            exchange.allow_head()
        return super().getresponse()  # type: ignore[misc]

    def request(self, *args: Any, **kwargs: Any) -> None:
        exchange: Exchange | None = getattr(current, "exchange", None)
        if exchange is not None and self.sock is not None:
            exchange.watch(self.sock)
            # urllib3 sends with the connect timeout, and sets it again on a connection that is reused.
            self.timeout = exchange.send_seconds
        super().request(*args, **kwargs)  # type: ignore[misc]

    def _allow_slow_sending(self) -> None:
        # The same for a new connection. Python applies the timeout to a whole sendall().
        exchange: Exchange | None = getattr(current, "exchange", None)
        if exchange is not None and self.sock is not None:
            self.sock.settimeout(exchange.send_seconds)


class _Plain(_Watched, HTTPConnection):
    pass


class _Secure(_Watched, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class UncheckedPool(SecurePool):
    """For registries marked insecure: the user decided once, so urllib3 need not warn on every request."""

    def _validate_conn(self, conn: Any) -> None:
        if conn.is_closed:
            conn.connect()


def _dial(connection: Any, exchange: Exchange | None) -> socket.socket:
    """Connect, and check every tenth of a second for cancellation.

    Raises urllib3's errors, AddressNotAllowedError if no address of the host is allowed, Cancelled.
    """
    cancellation = exchange.cancellation if exchange is not None else None
    allowed = exchange.allowed if exchange is not None else None
    limit = connection.timeout if isinstance(connection.timeout, (int, float)) else CONNECT_SECONDS
    deadline = time.monotonic() + limit
    try:
        addresses = _resolve(connection._dns_host.strip("[]"), connection.port, deadline, cancellation)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(
            connection, f"the name of the host was not resolved within {limit:g} s"
        ) from error
    except UnicodeError as error:
        raise NewConnectionError(connection, f"not a host name: {error}") from error
    last: Exception | None = None
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        # One silent address must not use up the time of the other addresses.
        until = time.monotonic() + max((deadline - time.monotonic()) / (len(addresses) - place), _SLICE)
        try:
            if allowed is not None:
                allowed.check(connection.host, address[0])
        except AddressNotAllowedError as error:
            last = last or error
            continue
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                opened.connect(address)
            _wait_connected(opened, until, cancellation)
            opened.settimeout(limit)
            if exchange is not None and exchange.reached is not None:
                exchange.reached(address[0])
            return opened
        except OSError as error:
            last = error
            opened.close()
        except BaseException:
            opened.close()
            raise
    if isinstance(last, AddressNotAllowedError):
        raise last
    if isinstance(last, TimeoutError):
        raise ConnectTimeoutError(connection, f"no connection within {limit:g} s") from last
    raise NewConnectionError(connection, f"{last}") from last


def _resolve(host: str, port: int, deadline: float, cancellation: Cancellation | None) -> list[Any]:
    """Resolve *host*. getaddrinfo cannot be interrupted, so names are resolved in a thread that may be abandoned."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    found: list[Any] = []
    done = threading.Event()

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)
        done.set()

    threading.Thread(target=ask, name="longshore-dns", daemon=True).start()
    while not done.wait(_SLICE):
        if cancellation is not None:
            cancellation.raise_if_cancelled()
        if time.monotonic() >= deadline:
            raise TimeoutError
    if isinstance(found[0], BaseException):
        raise found[0]
    addresses: list[Any] = found[0]
    return addresses


def _wait_connected(opened: socket.socket, deadline: float, cancellation: Cancellation | None) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(opened, selectors.EVENT_WRITE)
        while not selector.select(_SLICE):
            if cancellation is not None:
                cancellation.raise_if_cancelled()
            if time.monotonic() >= deadline:
                raise TimeoutError("timed out")
    code = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
