"""HTTP for registries: urllib3 connections that can be cut from another thread, in every phase."""

from __future__ import annotations

import contextlib
import hashlib
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from longshore import __version__
from longshore.cancellation import Cancellation, Cancelled
from longshore.registry.config import RegistryConfig, is_loopback, split_host

#: Seconds to connect, and between two pieces of an answer.
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
#: Connections kept to one registry.
CONNECTIONS = 16
#: Where engines look for certificates of a registry (docs.docker.com, "Verify repository client with certificates").
CERTS_D = Path("/etc/docker/certs.d")
_SLICE = 0.1


class _Watch:
    """What one request has open, so that another thread can cut it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: _Cuttable | None = None
        self.cut = False

    def attach(self, connection: _Cuttable) -> None:
        with self._lock:
            self._connection = connection
            if self.cut:
                connection.shut()

    def shut(self) -> None:
        with self._lock:
            self.cut = True
            if self._connection is not None:
                self._connection.shut()


_current = threading.local()


def _watch() -> _Watch | None:
    return getattr(_current, "watch", None)


class _Cuttable:
    """Mixed into urllib3's connections: keeps a second handle of its socket, since TLS takes the first one away."""

    host: str
    port: int
    timeout: Any
    _handle: socket.socket | None = None

    def shut(self) -> None:
        handle = self._handle
        if handle is not None:
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def _new_conn(self) -> socket.socket:
        watch = _watch()
        if watch is not None:
            watch.attach(self)
        opened = _dial(self, watch)
        self._drop_handle()
        self._handle = opened.dup()
        if watch is not None and watch.cut:
            self.shut()
        return opened

    def _drop_handle(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()


class _Plain(_Cuttable, HTTPConnection):
    def close(self) -> None:
        super().close()
        self._drop_handle()


class _Secure(_Cuttable, HTTPSConnection):
    def close(self) -> None:
        super().close()
        self._drop_handle()


def _dial(connection: Any, watch: _Watch | None) -> socket.socket:
    """Connect, looking every tenth of a second whether that is still wanted. Raises as urllib3 does."""
    host = connection._dns_host.strip("[]")
    limit = connection.timeout if isinstance(connection.timeout, (int, float)) else CONNECT_SECONDS
    try:
        addresses = socket.getaddrinfo(host, connection.port, 0, socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except UnicodeError as error:
        raise NewConnectionError(connection, f"not a host name: {error}") from error
    deadline = time.monotonic() + limit
    last: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                opened.connect(address)
            _wait_connected(opened, deadline, watch)
            opened.settimeout(limit)
            return opened
        except OSError as error:
            last = error
            opened.close()
        except BaseException:
            opened.close()
            raise
        if time.monotonic() >= deadline:
            break
    if isinstance(last, TimeoutError):
        raise ConnectTimeoutError(connection, f"no connection within {limit:g} s") from last
    raise NewConnectionError(connection, f"{last}") from last


def _wait_connected(opened: socket.socket, deadline: float, watch: _Watch | None) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(opened, selectors.EVENT_WRITE)
        while not selector.select(_SLICE):
            if watch is not None and watch.cut:
                raise OSError("cancelled")
            if time.monotonic() >= deadline:
                raise TimeoutError("timed out")
    code = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


class _Attaching:
    """Mixed into urllib3's pools: a connection that is used again belongs to the request that uses it now."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        watch = _watch()
        if watch is not None:
            watch.attach(connection)
        return connection


class _PlainPool(_Attaching, HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_Attaching, HTTPSConnectionPool):
    ConnectionCls = _Secure


@contextlib.contextmanager
def cuttable(cancellation: Cancellation | None) -> Iterator[None]:
    """While inside, cancelling cuts the connection that this thread's request uses, and raises Cancelled here."""
    if cancellation is None:
        yield
        return
    watch = _Watch()
    before = _watch()
    with cancellation.waking(watch.shut):
        _current.watch = watch
        try:
            yield
        except Exception as error:
            if cancellation.cancelled:
                raise Cancelled from error
            raise
        finally:
            _current.watch = before
    cancellation.raise_if_cancelled()


class Transport:
    """Sends requests for one registry. Thread-safe; blocking. Follows nothing and retries nothing by itself."""

    def __init__(
        self,
        config: RegistryConfig,
        environ: Mapping[str, str],
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        certs_d: Path = CERTS_D,
    ) -> None:
        self._config = config
        self._environ = environ
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
        self._certs_d = certs_d
        self._lock = threading.Lock()
        self._managers: dict[str, urllib3.PoolManager] = {}

    def _files(self) -> tuple[list[Path], Path | None, Path | None]:
        """Own authorities, client certificate and key: the user's choice and the engine's folder."""
        folder = self._certs_d / self._config.host
        authorities = [self._config.ca_file] if self._config.ca_file else []
        with contextlib.suppress(OSError):
            authorities += sorted(folder.glob("*.crt"))
        cert, key = self._config.client_cert, self._config.client_key
        if cert is None and (folder / "client.cert").is_file():
            cert, key = folder / "client.cert", folder / "client.key"
        return authorities, cert, key

    def _context(self) -> ssl.SSLContext:
        """Raises OSError or ssl.SSLError for files that cannot be used."""
        context = ssl.create_default_context()
        authorities, cert, key = self._files()
        for authority in authorities:
            context.load_verify_locations(authority)
        if cert is not None:
            context.load_cert_chain(cert, key)
        if self._config.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _manager(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        host = parts.hostname or ""
        proxy = ""
        if not is_loopback(host):
            proxies = _proxies(self._environ)
            if not proxy_bypass_environment(parts.netloc.rpartition("@")[2], proxies):
                proxy = proxies.get(parts.scheme, proxies.get("all", ""))
        with self._lock:
            manager = self._managers.get(proxy)
            if manager is None:
                options: dict[str, Any] = {
                    "maxsize": CONNECTIONS,
                    "block": False,
                    "timeout": self._timeout,
                    "retries": False,
                    "ssl_context": self._context(),
                    "headers": {"User-Agent": f"longshore/{__version__}"},
                }
                if self._config.insecure:
                    options["cert_reqs"] = "CERT_NONE"
                    options["assert_hostname"] = False
                manager = (
                    urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
                )
                manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
                self._managers[proxy] = manager
        return manager

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Any = None, *, timeout: float | None = None
    ) -> urllib3.BaseHTTPResponse:
        """One request; the answer's body is not read yet. Raises urllib3's errors, OSError, ssl.SSLError."""
        manager = self._manager(url)
        sent = {**manager.headers, **headers}
        limit = self._timeout if timeout is None else urllib3.Timeout(connect=timeout, read=timeout)
        return manager.request(
            method, url, headers=sent, body=body, preload_content=False, redirect=False, retries=False, timeout=limit
        )

    def close(self) -> None:
        """Close idle connections; those in use close when they are done."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            manager.clear()


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in environ.items():
        low = name.lower()
        if value and low.endswith("_proxy") and (name.islower() or low not in environ):
            found[low.removesuffix("_proxy")] = value
    if "REQUEST_METHOD" in environ:
        found.pop("http", None)  # CVE-2016-5385: a CGI's HTTP_PROXY is a header of the request
    return found


def peer_certificate(config: RegistryConfig, seconds: float = 5.0) -> str:
    """What a registry shows as its certificate, as lines for a person; empty where none can be had.

    Connects without verifying and sends nothing: only to tell the user what was refused.
    """
    host, port = split_host(config.api_host)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host.strip("[]"), port or 443), seconds) as raw,
            context.wrap_socket(raw, server_hostname=host.strip("[]")) as secured,
        ):
            der = secured.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return ""
    if not der:
        return ""
    digest = hashlib.sha256(der).hexdigest().upper()
    fingerprint = ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))
    return "\n".join([*_decoded(der), f"SHA-256 fingerprint: {fingerprint}"])


def _decoded(der: bytes) -> list[str]:
    """Subject, issuer and dates. The standard library decodes only certificates it has verified, so the certificate
    is loaded as an authority of a context of its own and read back."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=der)
        certificates = context.get_ca_certs()
    except ssl.SSLError:
        return []
    if not certificates:
        return []  # not marked as an authority; the fingerprint still names it
    certificate: dict[str, Any] = certificates[0]
    return [
        f"Subject: {_name(certificate.get('subject'))}",
        f"Issuer: {_name(certificate.get('issuer'))}",
        f"Valid: {certificate.get('notBefore', '?')} to {certificate.get('notAfter', '?')}",
    ]


def _name(parts: Any) -> str:
    return ", ".join(f"{key}={value}" for group in parts or () for key, value in group)
