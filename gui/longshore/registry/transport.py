"""HTTP for registries: urllib3 connections that can be cut from another thread, in every phase."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util import make_headers

from longshore import __version__
from longshore.oci.errors import RegistryUnreachable, TlsFailed
from longshore.registry.config import RegistryConfig
from longshore.registry.cutting import current, dial
from longshore.registry.proxies import proxy_for

#: Seconds to connect, and between two pieces of an answer.
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
#: Seconds to get at a certificate that was refused, for the user to see.
_CERTIFICATE_SECONDS = 5.0
#: Connections kept to one registry.
CONNECTIONS = 16
#: Where engines look for certificates of a registry (docs.docker.com, "Verify repository client with certificates").
CERTS_D = Path("/etc/docker/certs.d")


class _Cuttable:
    """Mixed into urllib3's connections: connects by ours, and shows the socket to the watch."""

    host: str
    port: int
    timeout: Any
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        limit = self.timeout if isinstance(self.timeout, (int, float)) else CONNECT_SECONDS
        connection: Any = self
        try:
            opened = dial(self._dns_host.strip("[]"), self.port, limit)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, connection, error) from error
        except UnicodeError as error:
            raise NewConnectionError(connection, f"not a host name: {error}") from error
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, f"no connection within {limit:g} s") from error
        except OSError as error:
            raise NewConnectionError(connection, str(error)) from error
        watch = current()
        if watch is not None:
            try:
                watch.hold(opened.fileno())
            except BaseException:
                opened.close()
                raise
        return opened


class _Plain(_Cuttable, HTTPConnection):
    pass


class _Secure(_Cuttable, HTTPSConnection):
    pass


class _Watched:
    """Mixed into urllib3's pools: a kept connection belongs to the request that uses it, as long as it does."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        watch = current()
        if watch is not None and connection.sock is not None:
            watch.hold(connection.sock.fileno())
        return connection

    def _put_conn(self, connection: Any) -> None:
        watch = current()
        if watch is not None:
            watch.let_go()
        super()._put_conn(connection)  # type: ignore[misc]


class _PlainPool(_Watched, HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(_Watched, HTTPSConnectionPool):
    ConnectionCls = _Secure

    def _validate_conn(self, conn: Any) -> None:
        # Without urllib3's warning about unverified connections: they are so by the user's explicit mark.
        if conn.is_closed:
            conn.connect()


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
        self._closed = False

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        connect_seconds: float | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """One request; the answer's body is not read yet.

        Raises urllib3's errors, OSError, Cancelled; TlsFailed for files of certificates that cannot be used.
        """
        sent = {"User-Agent": f"longshore/{__version__}", **headers}
        if self._closed:
            sent["Connection"] = "close"
        limit = self._timeout
        if connect_seconds is not None:
            limit = urllib3.Timeout(connect=connect_seconds, read=self._timeout.read_timeout)
        return self._manager(url).request(
            method, url, headers=sent, body=body, preload_content=False, redirect=False, retries=False, timeout=limit
        )

    def peer_certificate(self, url: str) -> bytes:
        """The certificate (DER) that the other side shows, by the same way as a request; b"" where none can be had.

        Connects without verifying and sends nothing: only to tell the user what was refused. Raises Cancelled.
        """
        try:
            context = self._context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            manager = self._make_manager(proxy_for(url, self._environ), context)
            try:
                pool: Any = manager.connection_from_url(url)
                connection = pool._new_conn()
                connection.timeout = _CERTIFICATE_SECONDS
                try:
                    if pool.proxy is not None:
                        pool._prepare_proxy(connection)
                    else:
                        connection.connect()
                    return connection.sock.getpeercert(binary_form=True) or b""
                finally:
                    connection.close()
            finally:
                manager.clear()
        except (HTTPError, OSError, ValueError):
            return b""

    def close(self) -> None:
        """Close idle connections; those in use close when they are done, and no later one is kept."""
        with self._lock:
            self._closed = True
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            manager.clear()

    # -- urllib3's managers, one for each proxy

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url, self._environ)
        with self._lock:
            manager = self._managers.get(proxy)
            if manager is None:
                manager = self._managers[proxy] = self._make_manager(proxy, self._context())
        return manager

    def _make_manager(self, proxy: str, context: ssl.SSLContext) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "maxsize": CONNECTIONS,
            "block": False,
            "timeout": self._timeout,
            "retries": False,
            "ssl_context": context,
        }
        if context.verify_mode is ssl.CERT_NONE:
            options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        if proxy:
            manager = self._proxied(proxy, options)
        else:
            manager = urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return manager

    def _proxied(self, proxy: str, options: dict[str, Any]) -> urllib3.PoolManager:
        try:
            parts = urlsplit(proxy)
            port = parts.port
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(parts.scheme)
        except ValueError:
            # Without its words: it may hold a password.
            raise RegistryUnreachable(
                "The proxy that the environment names cannot be used.",
                registry=self._config.host,
                advice="Set HTTPS_PROXY to http://host:port; SOCKS is not supported.",
            ) from None
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        headers = None
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers = make_headers(proxy_basic_auth=user)
        bare = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
        return urllib3.ProxyManager(bare, proxy_headers=headers, **options)

    # -- certificates

    def _context(self) -> ssl.SSLContext:
        """Raises TlsFailed for files that cannot be used."""
        context = ssl.create_default_context()
        # As the engine does: a certificate that is trusted itself needs no authority above it, and authorities that
        # people make by hand lack what RFC 5280 wants of them (Python 3.13 would refuse those).
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
        authorities, cert, key = self._files()
        for authority in authorities:
            with self._naming(authority):
                context.load_verify_locations(authority)
        if cert is not None:
            with self._naming(cert):
                context.load_cert_chain(cert, key, password=_no_password)
        if self._config.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    @contextlib.contextmanager
    def _naming(self, file: Path) -> Any:
        try:
            yield
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            if isinstance(error, PermissionError) and file.is_relative_to(self._certs_d):
                return  # the engine's own, kept from us: it may do without
            raise TlsFailed(
                f"A file of certificates for {self._config.host} cannot be used.",
                registry=self._config.host,
                subject=str(file),
                advice="Choose another file, in PEM format and readable for you.",
                detail=str(error),
            ) from error

    def _files(self) -> tuple[list[Path], Path | None, Path | None]:
        """Own authorities, client certificate and key: the user's choice and the engine's folder."""
        authorities = [self._config.ca_file] if self._config.ca_file else []
        cert, key = self._config.client_cert, self._config.client_key
        folder = self._certs_d / self._config.host
        with contextlib.suppress(OSError):
            names = sorted(folder.iterdir())
            authorities += [name for name in names if name.suffix == ".crt"]
            pairs = [name for name in names if name.suffix == ".cert" and name.with_suffix(".key") in names]
            if cert is None and pairs:
                cert, key = pairs[0], pairs[0].with_suffix(".key")
        return authorities, cert, key


def _no_password() -> str:
    """Instead of OpenSSL asking at the terminal."""
    raise ValueError("the key is locked by a password")
