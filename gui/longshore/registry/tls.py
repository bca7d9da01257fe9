"""TLS for one registry: whom we trust, what we show, and what the other side showed when it was refused."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from longshore.registry.certificate import describe
from longshore.registry.config import RegistryConfig

#: Where engines look for certificates of a registry (docs.docker.com, "Verify repository client with certificates").
ENGINE_FOLDERS = (Path("/etc/docker/certs.d"), Path("~/.config/docker/certs.d"))


class UnusableFiles(Exception):
    """A certificate or key on our side cannot be read or does not fit."""


class TlsFiles:
    """The certificates for one registry: the system's, the user's choice, and the engine's folder for the host."""

    def __init__(self, config: RegistryConfig, folders: Sequence[Path] = ENGINE_FOLDERS) -> None:
        self._config = config
        self._folders = folders

    def context(self, *, own: bool) -> ssl.SSLContext:
        """For connections to the registry itself (*own*), or to where it sends us: token services, storage.

        Own authorities count for both; client certificates and the mark "insecure" for the registry only. Raises
        UnusableFiles. Blocks on disk; any thread.
        """
        try:
            return self._make(own)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise UnusableFiles(str(error)) from error

    def _make(self, own: bool) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        authorities, pairs = self._engine_files()
        if self._config.ca_file is not None:
            context.load_verify_locations(self._config.ca_file)
        for authority in authorities:
            context.load_verify_locations(authority)
        if own:
            if self._config.client_cert is not None:
                pairs = [(self._config.client_cert, self._config.client_key)]
            for certificate, key in pairs[:1]:
                context.load_cert_chain(certificate, key)
            if self._config.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
        return context

    def _engine_files(self) -> tuple[list[Path], list[tuple[Path, Path | None]]]:
        """As the engine reads its folder: ``*.crt`` are authorities, each ``x.cert`` goes with ``x.key``."""
        authorities: list[Path] = []
        pairs: list[tuple[Path, Path | None]] = []
        for folder in self._folders:
            for name in dict.fromkeys((self._config.host, self._config.api_host)):
                # A folder that we may not read is one that the engine uses and we do not.
                with contextlib.suppress(OSError, RuntimeError):
                    here = folder.expanduser() / name
                    authorities += sorted(here.glob("*.crt"))
                    pairs += [
                        (one, one.with_suffix(".key"))
                        for one in sorted(here.glob("*.cert"))
                        if one.with_suffix(".key").is_file()
                    ]
        return authorities, pairs


def peer_certificate(host: str, port: int, seconds: float = 5.0) -> str:
    """What *host* shows as its certificate, as lines for a person; empty where none can be had.

    Connects without verifying, sends nothing and closes: only to show the user what was refused.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), seconds) as raw,
            context.wrap_socket(raw, server_hostname=host) as secured,
        ):
            der = secured.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return ""
    if not der:
        return ""
    digest = hashlib.sha256(der).hexdigest().upper()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    return "\n".join([*describe(der), f"SHA-256 fingerprint: {fingerprint}"])
