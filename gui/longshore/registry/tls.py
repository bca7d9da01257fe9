"""TLS for one registry: trusted authorities and client certificates."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from longshore.registry.config import RegistryConfig
from longshore.shared_files import read_file

#: Where engines look for a registry's certificates (docs.docker.com, "Verify repository client with certificates").
ENGINE_FOLDERS = (Path("/etc/docker/certs.d"), Path("~/.config/docker/certs.d"))
#: Bytes of the largest certificate file: all public authorities together take a quarter of a megabyte.
LARGEST_PEM = 4 * 1024 * 1024


class UnusableFiles(Exception):
    """A local certificate or key cannot be read or does not fit."""


class TlsFiles:
    """The certificates for one registry: the system's, the user's, and those in the engine's folder for the host."""

    def __init__(self, config: RegistryConfig, folders: Sequence[Path] = ENGINE_FOLDERS) -> None:
        self._config = config
        self._folders = folders

    def context(self, *, own: bool, checked: bool = True) -> ssl.SSLContext:
        """The TLS context for the registry itself (*own*), or for hosts that it sends us to: token services, storage.

        Custom authorities apply to both; client certificates and the mark "insecure" only to the registry. Not
        *checked*: accepts any certificate, only to look at it. Raises UnusableFiles. Blocks on disk; any thread.
        """
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        # Verify as engines (Go) do: a certificate among the authorities is itself trusted, and minor omissions in
        # certificates of private authorities are accepted.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        authorities, pairs = self._engine_files()
        config = self._config
        if config.ca_file is not None:
            authorities.insert(0, config.ca_file)
        for authority in authorities if checked else ():
            _load_authority(context, authority)
        if own:
            if config.client_cert is not None:
                pairs = [(config.client_cert, config.client_key)]
            for certificate, key in pairs[:1]:
                _load_pair(context, certificate, key)
        if not checked or (own and config.insecure):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _engine_files(self) -> tuple[list[Path], list[tuple[Path, Path | None]]]:
        """The files of the engine's folder: ``*.crt`` are authorities, each ``x.cert`` goes with ``x.key``."""
        authorities: list[Path] = []
        pairs: list[tuple[Path, Path | None]] = []
        for folder in self._folders:
            for name in dict.fromkeys((self._config.host, self._config.api_host)):
                # The engine can read files that this user cannot (keys belong to root): skip those.
                with contextlib.suppress(OSError, RuntimeError):
                    here = folder.expanduser() / name
                    authorities += [one for one in sorted(here.glob("*.crt")) if os.access(one, os.R_OK)]
                    pairs += [
                        (one, one.with_suffix(".key"))
                        for one in sorted(here.glob("*.cert"))
                        if os.access(one, os.R_OK) and os.access(one.with_suffix(".key"), os.R_OK)
                    ]
        return authorities, pairs


def check_files(config: RegistryConfig) -> None:
    """Check that the files that *config* names are usable. Raises UnusableFiles. Blocks on disk; any thread."""
    TlsFiles(config, folders=()).context(own=True)


def _load_authority(context: ssl.SSLContext, path: Path) -> None:
    try:
        read_file(path, LARGEST_PEM)  # OpenSSL would wait for the writer of a pipe and read a device forever
        context.load_verify_locations(path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise UnusableFiles(f"{path}: {_why(error, 'it contains no certificate in PEM format')}") from error


def _load_pair(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    encrypted = False

    def password() -> str:
        # Without this callback, OpenSSL asks for the password on the terminal and waits.
        nonlocal encrypted
        encrypted = True
        return ""

    try:
        for path in (certificate, key or certificate):
            read_file(path, LARGEST_PEM)
        context.load_cert_chain(certificate, key, password)
    except (OSError, ValueError) as error:
        if encrypted:
            why = "the key is protected by a password, which Longshore does not support"
        elif "KEY_VALUES_MISMATCH" in str(error):
            why = "certificate and key do not match"
        else:
            why = _why(error, "no certificate with its key in PEM format")
        files = f"{certificate} and {key}" if key is not None else f"{certificate}"
        raise UnusableFiles(f"{files}: {why}") from error


def _why(error: Exception, otherwise: str) -> str:
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError) or not error.strerror:
        return otherwise
    return error.strerror
