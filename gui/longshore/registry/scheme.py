"""Whether a registry speaks TLS: determined once, only for registries that may use plain HTTP."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError, SSLError

from longshore.cancellation import Cancellation, holding
from longshore.registry.config import RegistryConfig
from longshore.registry.failures import LARGEST_ERROR
from longshore.registry.transport import Transport

#: Seconds that a server which may use plain HTTP has to respond to TLS: some wait for more input forever.
_PROBE_SECONDS = 2.0


def may_be_plain(config: RegistryConfig) -> bool:
    """True if plain HTTP may be tried: for this machine, and for registries marked insecure. Any thread."""
    return config.insecure or config.is_loopback


class Scheme:
    """``https://host`` or ``http://host`` of one registry. Thread-safe; blocks while it probes."""

    def __init__(self, config: RegistryConfig, transport: Transport, root: Callable[[str], str]) -> None:
        """*root*: returns the address of ``/v2/`` for a base."""
        self._config = config
        self._transport = transport
        self._root = root
        self._lock = threading.Lock()
        self._probing = threading.Lock()
        self._base = "" if may_be_plain(config) else f"https://{config.api_host}"

    @property
    def base(self) -> str:
        """The base if it is known, else ""."""
        return self._base

    def unsettle(self) -> None:
        """Probe again next time: the registry may have changed."""
        if may_be_plain(self._config):
            with self._lock:
                self._base = ""

    def settled(self, cancellation: Cancellation | None) -> str:
        """The base; probes for it if it is not known. Raises what :meth:`Transport.send` raises.

        Plain HTTP is tried only for registries marked insecure and for this machine, as the engine does, and only if
        the other side does not speak TLS at all: an untrusted certificate never leads to plain HTTP. The probe sends
        no secrets.
        """
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
                # The server does not speak TLS at all: its response to plain HTTP decides.
                spoke_tls = (
                    isinstance(inner, ssl.SSLError) and not was_cut(error) and "VERSION" not in str(inner)
                )
                raise error if spoke_tls else bare_error from None
            # A slow TLS server answers plain HTTP with this message.
            return secure if reply.status == 400 and b"HTTPS server" in said else bare

    @property
    def _default_port(self) -> bool:
        return not self._config.host.rpartition("]")[2].rpartition(":")[1]


def was_cut(error: Exception) -> bool:
    """True for a connection that ended before its response. A silent server is not asked again."""
    inner = error.args[0] if error.args else None
    return isinstance(error, ProtocolError | ConnectionError) or (
        isinstance(error, SSLError) and isinstance(inner, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    )
