"""Whether a registry speaks TLS: found out once, for those that may speak plain HTTP."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError, SSLError

from longshore.cancellation import Cancellation, holding
from longshore.registry.config import RegistryConfig
from longshore.registry.failures import LARGEST_ERROR
from longshore.registry.transport import Transport

#: Seconds that a server which may speak plain HTTP gets to answer to TLS: some wait for a line for ever.
_PROBE_SECONDS = 2.0


def may_be_plain(config: RegistryConfig) -> bool:
    """Whether plain HTTP may be tried: this machine, and what the user marked insecure. Any thread."""
    return config.insecure or config.is_loopback


class Scheme:
    """``https://host`` or ``http://host`` of one registry. Thread-safe; blocks while it finds out."""

    def __init__(self, config: RegistryConfig, transport: Transport, root: Callable[[str], str]) -> None:
        """*root*: the address of ``/v2/`` below a base."""
        self._config = config
        self._transport = transport
        self._root = root
        self._lock = threading.Lock()
        self._probing = threading.Lock()
        self._base = "" if may_be_plain(config) else f"https://{config.api_host}"

    @property
    def base(self) -> str:
        """As far as it is known; "" while it is not."""
        return self._base

    def unsettle(self) -> None:
        """Find it out again: the registry may be another now."""
        if may_be_plain(self._config):
            with self._lock:
                self._base = ""

    def settled(self, cancellation: Cancellation | None) -> str:
        """Plain HTTP is tried only for registries that the user marked insecure and for this machine, as the engine
        does, and only when the other side does not speak TLS at all: a certificate that is not trusted is never
        worked around. Nothing secret is sent while finding out."""
        if self._base:
            return self._base
        with holding(self._probing, cancellation):
            if not self._base:
                found = self._probe(cancellation)
                with self._lock:
                    self._base = found
            return self._base or f"https://{self._config.api_host}"

    def _probe(self, cancellation: Cancellation | None) -> str:
        secure, bare = f"https://{self._config.api_host}", f"http://{self._config.api_host}"
        seconds = min(_PROBE_SECONDS, self._transport.read_seconds)
        try:
            url = self._root(secure)
            self._transport.send(
                "GET", url, {}, cancellation=cancellation, connect_seconds=seconds, read_seconds=seconds
            ).close()
            return secure
        except (HTTPError, OSError) as error:
            inner = error.args[0] if error.args else None
            if isinstance(error, ssl.SSLCertVerificationError) or isinstance(
                inner, ssl.SSLCertVerificationError
            ):
                return secure
            if isinstance(error, NewConnectionError) and not self._default_port:
                raise
            try:
                with self._transport.send("GET", self._root(bare), {}, cancellation=cancellation) as reply:
                    said, _ = reply.read(LARGEST_ERROR)
            except (HTTPError, OSError) as bare_error:
                # What does not speak TLS at all is judged by how it answers to plain HTTP.
                spoke_tls = (
                    isinstance(inner, ssl.SSLError) and not was_cut(error) and "VERSION" not in str(inner)
                )
                raise error if spoke_tls else bare_error from None
            # A TLS server that is slow, and answers to plain HTTP with words.
            return secure if reply.status == 400 and b"HTTPS server" in said else bare

    @property
    def _default_port(self) -> bool:
        return not self._config.host.rpartition("]")[2].rpartition(":")[1]


def was_cut(error: Exception) -> bool:
    """True for a connection that ended before its answer; a silent server is not asked again."""
    inner = error.args[0] if error.args else None
    return isinstance(error, ProtocolError | ConnectionError) or (
        isinstance(error, SSLError) and isinstance(inner, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    )
