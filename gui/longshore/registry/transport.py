"""HTTP for registries: urllib3 with connections that another thread can cut in every phase.

Sends one request and returns its reply. Sign-in, redirects and retries are in ``session``.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError

from longshore import __version__
from longshore.cancellation import Cancellation, Cancelled
from longshore.registry.allowed_addresses import AllowedAddresses
from longshore.registry.challenge import number
from longshore.registry.config import RegistryConfig, split_host
from longshore.registry.connections import (
    CONNECT_SECONDS,
    Exchange,
    PlainPool,
    SecurePool,
    UncheckedPool,
    current,
)
from longshore.registry.proxies import proxy_for
from longshore.registry.tls import TlsFiles, UnusableFiles
from longshore.secrecy import keep_out

if TYPE_CHECKING:
    from longshore.registry.certificate import Certificate

_log = logging.getLogger(__name__)

#: Seconds between two pieces of a response.
READ_SECONDS = 30.0
#: Most idle connections kept per host. More are opened when more threads send, and closed afterwards.
CONNECTIONS = 32
#: Guard against slow responses: a small one must finish within this many times the read timeout.
_DRIP = 4
_PIECE = 1 << 20
#: Bytes on the line for one byte of a chunked body, whose chunks may have one byte each.
_FRAMING = 8

Body = bytes | Iterable[bytes | memoryview] | None


class Reply:
    """The response to one request. Close it or use it as a context manager; one thread at a time.

    Reading raises urllib3's errors, OSError or Cancelled.
    """

    def __init__(self, answer: urllib3.BaseHTTPResponse, url: str, exchange: Exchange) -> None:
        self._answer = answer
        self._exchange = exchange
        self.status = answer.status
        self.headers = answer.headers
        #: The URL that the response came from, after redirects.
        self.url = url

    @property
    def length(self) -> int | None:
        """Content-Length in bytes; None if it is missing or invalid."""
        return number(self.headers.get("Content-Length", ""))

    def chunks(self, most: int | None = None, size: int = _PIECE) -> Iterator[bytes]:
        """The body as it arrives, in pieces of at most *size* bytes; only its first *most* bytes, if given.

        Raises if the body is cut short.
        """
        while most is None or most > 0:
            part = size if most is None else min(size, most)
            # Limits apply to each piece: the whole body may take as long as it keeps arriving.
            self._allow(part)
            piece = self._piece(part)
            if not piece:
                return
            if most is not None:
                most -= len(piece)
            yield piece

    def _allow(self, size: int) -> None:
        self._exchange.allow(_DRIP * self._exchange.read_seconds, _FRAMING * size + _PIECE)

    def _piece(self, size: int) -> bytes:
        with _unless_cancelled(self._exchange.cancellation):
            return self._answer.read1(size, decode_content=False)

    def read(self, limit: int) -> tuple[bytes, bool]:
        """The body's first *limit* bytes, and whether there are more. Raises ReadTimeoutError if it is too slow."""
        self._allow(limit)
        parts: list[bytes] = []
        have, length = 0, self.length
        while piece := self._piece(64 << 10):
            parts.append(piece)
            have += len(piece)
            if have > limit:
                return b"".join(parts)[:limit], True
            if have == length:
                break  # another read would cost as much as all the others
        return b"".join(parts), False

    def close(self) -> None:
        """Close the reply. The connection is kept for reuse if the body was read to its end."""
        try:
            if getattr(self._answer, "length_remaining", 0) == 0 or self._answer.closed:
                # http.client has not seen the end yet if the last chunk is empty or the body has no length.
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
    """Turn the effects of a cut connection (errors of all kinds, or an early end) into Cancelled."""
    try:
        yield
    except Exception as error:
        if cancellation is not None and cancellation.cancelled:
            raise Cancelled from error
        raise
    if cancellation is not None:
        cancellation.raise_if_cancelled()


class Transport:
    """Sends requests for one registry. Thread-safe; blocking. Does not follow redirects or retry."""

    def __init__(
        self,
        config: RegistryConfig,
        environ: Mapping[str, str],
        files: TlsFiles,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        sent_by: AllowedAddresses | None = None,
    ) -> None:
        """*sent_by*: where the registry that named this host may send us; None for the registry itself."""
        self._config = config
        self._name = split_host(config.api_host)[0]
        self._environ = environ
        self._files = files
        self.connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        self._guest = sent_by is not None
        #: The addresses that this registry may send us to.
        self.allowed_addresses = AllowedAddresses(self._name) if sent_by is None else sent_by
        self._lock = threading.Lock()
        self._managers: dict[tuple[str, bool, bool], urllib3.PoolManager] = {}
        self._own_pools: dict[str, urllib3.HTTPConnectionPool] = {}

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
        """Send one request. The reply's body is not read yet. An iterable body needs a Content-Length in *headers*.

        Raises urllib3's errors, OSError (also for certificate files), ssl.SSLError, Cancelled.
        """
        _keep_out(headers)
        read = self.read_seconds if read_seconds is None else read_seconds
        connect = self.connect_seconds if connect_seconds is None else connect_seconds
        root, target = _parted(url)
        pool = self._own_pools.get(root) or self._own_pool(root, url)
        asked: Any = pool or self._manager(url)
        # *read_seconds* may be long so that the server can process; accepting bytes gets only the usual timeout.
        exchange = Exchange(cancellation, read, min(read, self.read_seconds))
        before = getattr(current, "exchange", None)
        current.exchange = exchange
        answer: urllib3.BaseHTTPResponse | None = None
        try:
            self._bound(exchange, url, own=pool is not None)
            with _unless_cancelled(cancellation):
                answer = asked.urlopen(
                    method,
                    target if pool is not None else url,
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
            if answer is not None:
                answer.close()  # the response came after the cancellation
            exchange.close()
            raise
        finally:
            current.exchange = before
        return Reply(answer, url, exchange)

    def _bound(self, exchange: Exchange, url: str, *, own: bool = False) -> None:
        """Limit where *exchange* may connect, or learn the address of the registry itself.

        Raises AddressNotAllowedError.
        """
        proxy, is_own, _ = ("", True, True) if own else self._key(url)
        if proxy:
            # The proxy connects, so only the host in the URL can be checked here.
            if not is_own or self._guest:
                host = urlsplit(url).hostname or ""
                self.allowed_addresses.check(host, host)
        elif is_own and not self._guest:
            exchange.reached = self.allowed_addresses.learn
        else:
            exchange.allowed = self.allowed_addresses

    def _own_pool(self, root: str, url: str) -> urllib3.HTTPConnectionPool | None:
        """The connection pool for the registry itself at *root*, looked up once: finding it takes as long as a small
        request. None for other hosts and for requests through a proxy; their managers handle those pools."""
        proxy, own, _ = self._key(url)
        if proxy or not own:
            return None
        pool = self._manager(url).connection_from_url(url)
        with self._lock:
            return self._own_pools.setdefault(root, pool)

    def peer_certificate(
        self, url: str, *, seconds: float = 5.0, cancellation: Cancellation | None = None
    ) -> Certificate | None:
        """The certificate that the server of *url* presents; None if there is none.

        Connects without verification, sends no request and closes: only to show the user a refused certificate.
        Raises Cancelled.
        """
        if not url.startswith("https:"):
            return None
        exchange = Exchange(cancellation, seconds)
        before = getattr(current, "exchange", None)
        current.exchange = exchange
        manager = connection = None
        try:
            with _unless_cancelled(cancellation):
                self._bound(exchange, url)
                proxy, own, _ = self._key(url)
                manager = self._make(proxy, own, True, checked=False)
                connection = _connected(manager.connection_from_url(url), seconds)
                der = connection.sock.getpeercert(binary_form=True)
                from longshore.registry.certificate import read_certificate

                return read_certificate(der) if der else None
        except (HTTPError, OSError, ValueError, UnusableFiles) as error:
            _log.info("no certificate of %s: %s", url, error)
            return None
        finally:
            current.exchange = before
            if connection is not None:
                connection.close()
            if manager is not None:
                _close(manager)
            exchange.close()

    def _key(self, url: str) -> tuple[str, bool, bool]:
        parts = urlsplit(url)
        # The user's client certificate and the mark "insecure" apply only to the registry's own host.
        own = (parts.hostname or "") == self._name
        return proxy_for(url, self._environ), own, parts.scheme == "https"

    def _manager(self, url: str) -> urllib3.PoolManager:
        key = self._key(url)
        with self._lock:
            manager = self._managers.get(key)
            if manager is None:
                manager = self._managers[key] = self._make(*key)
        return manager

    def _make(self, proxy: str, own: bool, secure: bool, *, checked: bool = True) -> urllib3.PoolManager:
        options: dict[str, Any] = {"num_pools": 8, "maxsize": CONNECTIONS, "block": False}
        unchecked = not checked or (own and self._config.insecure)
        if secure:
            options["ssl_context"] = self._files.context(own=own, checked=checked)
            if unchecked:
                options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        make: Callable[..., urllib3.PoolManager] = urllib3.PoolManager
        if proxy:
            try:
                user = urlsplit(proxy)
            except ValueError:
                raise LocationParseError("of the proxy") from None
            if user.username is not None:
                # UTF-8, unescaped from the URL, as in Go and RFC 7617.
                name, password = unquote(user.username), unquote(user.password or "")
                keep_out(password, name)
                secret = f"{name}:{password}".encode()
                options["proxy_headers"] = {"proxy-authorization": f"Basic {b64encode(secret).decode()}"}
            make = urllib3.ProxyManager
            options["proxy_url"] = proxy
        manager = make(**options)
        manager.pool_classes_by_scheme = {
            "http": PlainPool,
            "https": UncheckedPool if unchecked else SecurePool,
        }
        return manager

    def close(self) -> None:
        """Close idle connections; those in use close after their reply."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
            self._own_pools.clear()
        for manager in managers:
            _close(manager)


def _keep_out(headers: Mapping[str, str]) -> None:
    """Register the secrets in *headers* so that no response can reveal them."""
    for name, value in headers.items():
        if name.lower() == "authorization":
            scheme, _, secret = value.partition(" ")
            if scheme.lower() == "basic":
                with contextlib.suppress(ValueError):
                    user, _, password = b64decode(secret).decode("utf-8", "replace").partition(":")
                    keep_out(password, user)
            keep_out(secret)


def _parted(url: str) -> tuple[str, str]:
    """Scheme and authority of *url*, and its path and query, which begin with a slash even where the path is empty."""
    start = url.find("://") + 3
    begin = min((at for at in (url.find("/", start), url.find("?", start)) if at >= 0), default=len(url))
    target = url[begin:]
    return url[:begin], target if target.startswith("/") else f"/{target}"


def _connected(pool: urllib3.HTTPConnectionPool, seconds: float) -> Any:
    """A connection of *pool*, through its proxy if there is one, before its first request."""
    connection: Any = pool._get_conn()
    connection.timeout = seconds
    if pool.proxy is not None:
        pool._prepare_proxy(connection)
    else:
        connection.connect()
    return connection


def _close(manager: urllib3.PoolManager) -> None:
    # clear() alone leaves closing to the garbage collector.
    for key in manager.pools.keys():  # noqa: SIM118 (not a mapping that can be iterated)
        pool = manager.pools.get(key)
        if pool is not None:
            pool.close()
    manager.clear()
