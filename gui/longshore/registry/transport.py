"""HTTP for registries: urllib3, with connections that another thread can cut in every phase.

Sends one request and hands out its reply; knows nothing of sign-in, redirects and retries (``session``).
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ReadTimeoutError

from longshore import __version__
from longshore.cancellation import Cancellation, Cancelled
from longshore.registry.config import RegistryConfig, split_host
from longshore.registry.proxies import proxy_for
from longshore.registry.tls import TlsFiles

#: Seconds to connect, and between two pieces of an answer.
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
#: Connections kept idle to one host; more are opened when more threads ask, and closed again.
CONNECTIONS = 32
#: A small answer that drips in must end within this many times the read timeout.
_DRIP = 4
_SLICE = 0.1
_PIECE = 1 << 20

Body = bytes | Iterable[bytes] | None


class _Exchange:
    """One request and its reply: holds a second handle of each socket it uses, and shuts those down when cancelled.

    Second handles, since TLS takes the first one away and http.client closes it early; shutting one down works on
    the connection itself, and owning it means that its number cannot have become another file's.
    """

    def __init__(self, cancellation: Cancellation | None, read_seconds: float) -> None:
        self.cancellation = cancellation
        self.read_seconds = read_seconds
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []
        self._stack = contextlib.ExitStack()
        if cancellation is not None:
            self._stack.enter_context(cancellation.waking(self._shut))

    def watch(self, opened: Any) -> None:
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
            self._handles.clear()


_current = threading.local()


class _Watched:
    """Mixed into urllib3's connections: every socket is shown to the exchange that uses it."""

    sock: Any
    host: str
    port: int
    timeout: Any

    def _new_conn(self) -> socket.socket:
        exchange: _Exchange | None = getattr(_current, "exchange", None)
        opened = _dial(self, exchange.cancellation if exchange is not None else None)
        if exchange is not None:
            try:
                exchange.watch(opened)
            except BaseException:
                opened.close()
                raise
        return opened

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._allow_slow_sending()

    def request(self, *args: Any, **kwargs: Any) -> None:
        exchange: _Exchange | None = getattr(_current, "exchange", None)
        if exchange is not None and self.sock is not None:
            exchange.watch(self.sock)
            self._allow_slow_sending()
        super().request(*args, **kwargs)  # type: ignore[misc]

    def _allow_slow_sending(self) -> None:
        # urllib3 sends under the connect timeout, and Python counts it for the whole of one sendall().
        exchange: _Exchange | None = getattr(_current, "exchange", None)
        if exchange is not None and self.sock is not None:
            self.sock.settimeout(exchange.read_seconds)


class _Plain(_Watched, HTTPConnection):
    pass


class _Secure(_Watched, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _UncheckedPool(_SecurePool):
    """For registries marked insecure: the user has said so once, urllib3 need not warn at every request."""

    def _validate_conn(self, conn: Any) -> None:
        if conn.is_closed:
            conn.connect()


def _dial(connection: Any, cancellation: Cancellation | None) -> socket.socket:
    """Connect, looking every tenth of a second whether that is still wanted. Raises as urllib3 does, or Cancelled."""
    limit = connection.timeout if isinstance(connection.timeout, (int, float)) else CONNECT_SECONDS
    deadline = time.monotonic() + limit
    try:
        addresses = _resolve(connection._dns_host.strip("[]"), connection.port, deadline, cancellation)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"no address for the host within {limit:g} s") from error
    except UnicodeError as error:
        raise NewConnectionError(connection, f"not a host name: {error}") from error
    last: OSError | None = None
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        # One silent address must not use up the time of the others.
        until = time.monotonic() + max((deadline - time.monotonic()) / (len(addresses) - place), _SLICE)
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                opened.connect(address)
            _wait_connected(opened, until, cancellation)
            opened.settimeout(limit)
            return opened
        except OSError as error:
            last = error
            opened.close()
        except BaseException:
            opened.close()
            raise
    if isinstance(last, TimeoutError):
        raise ConnectTimeoutError(connection, f"no connection within {limit:g} s") from last
    raise NewConnectionError(connection, f"{last}") from last


def _resolve(host: str, port: int, deadline: float, cancellation: Cancellation | None) -> list[Any]:
    """getaddrinfo, which nothing can interrupt: for names in a thread of its own that may be left behind."""
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


class Reply:
    """The answer to one request. Close it (or use it as a context manager); one thread at a time.

    Reading raises urllib3's errors and OSError, or Cancelled.
    """

    def __init__(self, answer: urllib3.BaseHTTPResponse, url: str, exchange: _Exchange) -> None:
        self._answer = answer
        self._exchange = exchange
        self.status = answer.status
        self.headers = answer.headers
        #: Where it came from, after redirects.
        self.url = url

    @property
    def length(self) -> int | None:
        """Content-Length in bytes; None if there is none that makes sense."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def chunks(self, size: int = _PIECE) -> Iterator[bytes]:
        """The body as it arrives, in pieces of at most *size* bytes. A body that is cut short raises."""
        while True:
            with _unless_cancelled(self._exchange.cancellation):
                piece = self._answer.read1(size, decode_content=False)
            if not piece:
                return
            yield piece

    def read(self, limit: int) -> tuple[bytes, bool]:
        """The body's first *limit* bytes, and whether there is more. Raises ReadTimeoutError if it drips in."""
        deadline = time.monotonic() + _DRIP * self._exchange.read_seconds
        parts: list[bytes] = []
        have = 0
        for piece in self.chunks(64 << 10):
            parts.append(piece)
            have += len(piece)
            if have > limit:
                return b"".join(parts)[:limit], True
            if time.monotonic() > deadline:
                # The signature wants a pool; nobody looks at it.
                raise ReadTimeoutError(None, self.url, "the answer drips in")  # type: ignore[arg-type]
        return b"".join(parts), False

    def close(self) -> None:
        """End it. The connection is kept for others if the body was read to its end."""
        try:
            if getattr(self._answer, "length_remaining", 0) == 0 or self._answer.closed:
                # What http.client has not noticed yet: an empty chunk, or a body of no length.
                with contextlib.suppress(Exception):
                    self._answer.read1(1, decode_content=False)
                self._answer.release_conn()
            self._answer.close()
        finally:
            self._exchange.close()

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def _unless_cancelled(cancellation: Cancellation | None) -> Iterator[None]:
    """What cutting a connection looks like (errors of all kinds, or an early end) becomes Cancelled."""
    try:
        yield
    except Exception as error:
        if cancellation is not None and cancellation.cancelled:
            raise Cancelled from error
        raise
    if cancellation is not None:
        cancellation.raise_if_cancelled()


class Transport:
    """Sends requests for one registry. Thread-safe; blocking. Follows nothing and repeats nothing."""

    def __init__(
        self,
        config: RegistryConfig,
        environ: Mapping[str, str],
        files: TlsFiles,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._config = config
        self._name = split_host(config.api_host)[0]
        self._environ = environ
        self._files = files
        self.connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        self._lock = threading.Lock()
        self._managers: dict[tuple[str, bool, bool], urllib3.PoolManager] = {}

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = None,
        *,
        cancellation: Cancellation | None = None,
        connect_seconds: float | None = None,
        read_seconds: float | None = None,
    ) -> Reply:
        """One request; the reply's body is not read yet. An iterable body needs a Content-Length among *headers*.

        Raises urllib3's errors, OSError (also for certificate files), ssl.SSLError, Cancelled.
        """
        read = self.read_seconds if read_seconds is None else read_seconds
        connect = self.connect_seconds if connect_seconds is None else connect_seconds
        manager = self._manager(url)
        exchange = _Exchange(cancellation, read)
        before = getattr(_current, "exchange", None)
        _current.exchange = exchange
        try:
            with _unless_cancelled(cancellation):
                answer = manager.urlopen(
                    method,
                    url,
                    body=body,
                    headers={
                        "User-Agent": f"longshore/{__version__}",
                        "Accept-Encoding": "identity",
                        **headers,
                    },
                    preload_content=False,
                    decode_content=False,
                    redirect=False,
                    retries=False,
                    timeout=urllib3.Timeout(connect=connect, read=read),
                )
        except BaseException:
            exchange.close()
            raise
        finally:
            _current.exchange = before
        return Reply(answer, url, exchange)

    def _manager(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        # The user's client certificate and the mark "insecure" are for the registry's own host only.
        own = (parts.hostname or "") == self._name
        proxy = proxy_for(url, self._environ)
        key = (proxy, own, parts.scheme == "https")
        with self._lock:
            manager = self._managers.get(key)
            if manager is None:
                manager = self._managers[key] = self._make(*key)
        return manager

    def _make(self, proxy: str, own: bool, secure: bool) -> urllib3.PoolManager:
        options: dict[str, Any] = {"num_pools": 8, "maxsize": CONNECTIONS, "block": False}
        if secure:
            options["ssl_context"] = self._files.context(own=own)
            if own and self._config.insecure:
                options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        make: Callable[..., urllib3.PoolManager] = urllib3.PoolManager
        if proxy:
            user = urlsplit(proxy)
            if user.username is not None:
                options["proxy_headers"] = urllib3.make_headers(
                    proxy_basic_auth=f"{user.username}:{user.password or ''}"
                )
            make = urllib3.ProxyManager
            options["proxy_url"] = proxy
        manager = make(**options)
        manager.pool_classes_by_scheme = {
            "http": _PlainPool,
            "https": _UncheckedPool if own and self._config.insecure else _SecurePool,
        }
        return manager

    def close(self) -> None:
        """Close idle connections; those in use close when they are done."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            # clear() alone leaves the closing to the garbage collector.
            for key in manager.pools.keys():  # noqa: SIM118 (not a mapping that can be iterated)
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
            manager.clear()
