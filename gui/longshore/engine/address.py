"""The address of an engine, and how the user chose it. Reads environment and small files only; never connects."""

from __future__ import annotations

import enum
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from longshore.engine.contexts import (
    DEFAULT,
    StoredContext,
    chosen_context,
    config_dir,
    home_dir,
    is_file,
    list_contexts,
    read_context,
)
from longshore.errors import EngineError, EngineUnavailable, UnavailableCause, UnknownContext
from longshore.secrecy import HIDDEN
from longshore.text import plain

_WINDOWS = sys.platform == "win32"
DEFAULT_URL = "npipe:////./pipe/docker_engine" if _WINDOWS else "unix:///var/run/docker.sock"
PORT = 2375
TLS_PORT = 2376


class Origin(enum.Enum):
    """The origin of an engine's address. The values are kept in the journal: never rename."""

    OPTION = "option"  # --engine
    ENVIRONMENT = "environment"  # DOCKER_HOST
    CONTEXT = "context"  # DOCKER_CONTEXT or config.json
    SOCKET = "socket"  # found on this machine
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificates for an engine behind tcp.

    *ca* None: the system's authorities. *verify* False: any certificate is accepted.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """One engine.

    Two addresses are equal when they lead to the same place in the same way, whatever their names. *name*: for users (a
    context's name, ``DOCKER_HOST``, ``default``). *url*: ``unix:///…``, ``tcp://host:port``,
    ``ssh://[user@]host[:port][/path/of/socket]`` or ``npipe:////./pipe/…``, normalised.
    """

    name: str = field(compare=False)
    url: str
    origin: Origin = field(default=Origin.OPTION, compare=False)
    tls: TlsFiles | None = None

    @property
    def scheme(self) -> str:
        """``unix``, ``tcp``, ``ssh`` or ``npipe``."""
        return self.url.partition("://")[0]

    @property
    def socket_path(self) -> Path | None:
        """The path of a unix socket, None for the other schemes."""
        return Path(self.url.removeprefix("unix://")) if self.scheme == "unix" else None

    def to_json(self) -> dict[str, Any]:
        """The address as plain data; only paths of certificates, no contents."""
        data: dict[str, Any] = {"name": self.name, "url": self.url, "origin": self.origin.value}
        if self.tls is not None:
            data["tls"] = {
                "ca": _text(self.tls.ca),
                "cert": _text(self.tls.cert),
                "key": _text(self.tls.key),
                "verify": self.tls.verify,
            }
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> EngineAddress:
        """The address from *data* of :meth:`to_json`. Raises ValueError, KeyError or EngineUnavailable otherwise."""
        tls = data.get("tls")
        return EngineAddress(
            str(data["name"]),
            normal_url(str(data["url"])),
            Origin(data["origin"]),
            None
            if tls is None
            else TlsFiles(
                _path(tls.get("ca")), _path(tls.get("cert")), _path(tls.get("key")), bool(tls["verify"])
            ),
        )


def current_address(url: str | None = None, environ: Mapping[str, str] = os.environ) -> EngineAddress:
    """The engine to use, by the docker CLI's rules.

    *url* (``--engine``, an address or the name of a context), then ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the current
    context of config.json, and the platform's own socket. Never connects; may read small files. Raises UnknownContext
    if the chosen context does not exist (no other engine is used instead), and EngineUnavailable (UNSUPPORTED) for an
    invalid address.
    """
    if url:
        return _named(url, environ)
    host = environ.get("DOCKER_HOST", "").strip()
    if host:
        return _from_host("DOCKER_HOST", host, Origin.ENVIRONMENT, environ)
    name, chosen_by = chosen_context(environ)
    if name == DEFAULT:
        return _from_host(DEFAULT, DEFAULT_URL, Origin.DEFAULT, environ)
    return _from_context(read_context(name, environ, chosen_by))


def _named(text: str, environ: Mapping[str, str]) -> EngineAddress:
    """The engine at the address *text*, or of the context *text*."""
    if text == DEFAULT:
        return _from_host(DEFAULT, DEFAULT_URL, Origin.DEFAULT, environ)
    if "://" in text or text.startswith("/"):
        return _from_host(text, text, Origin.OPTION, environ)
    try:
        return _from_context(read_context(text, environ))
    except UnknownContext:
        if not {".", ":"} & set(text):  # cannot be a host either, except one of the local network
            raise
        return _from_host(text, text, Origin.OPTION, environ)


def known_addresses(environ: Mapping[str, str] = os.environ) -> list[EngineAddress]:
    """All known engines: ``DOCKER_HOST``, the default, all contexts, and sockets on this machine.

    Each place once, under the first name in that order. Does not connect. Invalid entries are left out.
    """
    found: list[EngineAddress] = []
    host = environ.get("DOCKER_HOST", "").strip()
    try:
        if host:
            found.append(_from_host("DOCKER_HOST", host, Origin.ENVIRONMENT, environ))
    except EngineError:
        pass  # current_address reports the error
    found.append(EngineAddress(DEFAULT, DEFAULT_URL, Origin.DEFAULT))
    for context in list_contexts(environ):
        try:
            found.append(_from_context(context))
        except EngineError:
            continue
    found += [
        EngineAddress(name, f"unix://{path}", Origin.SOCKET)
        for name, path in _sockets(environ)
        if _is_socket(path)
    ]
    distinct: dict[tuple[str, TlsFiles | None], EngineAddress] = {}
    for address in found:
        path = address.socket_path
        place = address.url if path is None else os.path.realpath(path)
        distinct.setdefault((place, address.tls), address)
    return list(distinct.values())


def normal_url(host: str, *, tls: bool = False) -> str:
    """*host* in normal form, by the docker CLI's rules (docker/cli, opts/hosts.go).

    A bare path is a unix socket, a bare ``host[:port]`` is tcp; the default port of tcp is 2375, or 2376 with *tls*.
    Raises EngineUnavailable (UNSUPPORTED) for an invalid address.
    """
    host = host.strip()
    if host.startswith("/"):
        host = f"unix://{host}"
    elif "://" not in host:
        host = f"tcp://{host}"
    scheme, _, rest = host.partition("://")
    scheme = scheme.lower()
    match scheme:
        case "unix":
            path = rest or DEFAULT_URL.partition("://")[2]
            if not path.startswith("/") or "\0" in path:
                raise _not_an_address(
                    host, "The path of a socket begins with a slash: unix:///var/run/docker.sock"
                )
            return f"unix://{os.path.normpath(path)}"
        case "npipe":
            return f"npipe://{rest}"
        case "tcp" | "http" | "https":
            parts = _split(f"tcp://{rest}", host)
            name = _host_of(parts) or "127.0.0.1"
            if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
                raise _not_an_address(host, "Use host and port only, such as tcp://server.example:2376")
            return f"tcp://{name}:{parts.port or (TLS_PORT if tls or scheme == 'https' else PORT)}"
        case "ssh":
            parts = _split(f"ssh://{rest}", host)
            user, path = unquote(parts.username or ""), unquote(parts.path)
            wrong = parts.query or parts.fragment or "\0" in user or "\0" in path
            if wrong or not parts.hostname or parts.hostname.startswith("-") or user.startswith("-"):
                raise _not_an_address(
                    host, "Use the form ssh://user@host or ssh://user@host/path/of/the/socket"
                )
            if parts.password is not None:
                raise _not_an_address(
                    f"ssh://{_host_of(parts)}", "Remove the password; use an SSH key or an SSH agent."
                )
            user = f"{quote(user, safe='')}@" if user else ""
            port = f":{parts.port}" if parts.port else ""
            # The path of a socket on the remote host, as in the docker CLI; a lone slash means none.
            path = quote(path, safe="/") if path.strip("/") else ""
            return f"ssh://{user}{_host_of(parts)}{port}{path}"
    raise _not_an_address(host, "Addresses begin with unix://, tcp:// or ssh://.")


def _split(url: str, given: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise _not_an_address(given, "Use host and port, such as tcp://server.example:2376") from error
    return parts


def _host_of(parts: SplitResult) -> str:
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name


def _without_secrets(address: str) -> str:
    """*address* with the user and password before its last “@”, its query and its fragment replaced.

    By hand, because the text need not be a valid URL: a password may contain a slash or a question mark.
    """
    scheme, mark, rest = address.partition("://") if "://" in address else ("", "", address)
    _, at, place = rest.rpartition("@")
    shown = re.sub(r"[?#].*", lambda found: f"{found[0][0]}{HIDDEN}", place, count=1, flags=re.DOTALL)
    return f"{scheme}{mark}{f'{HIDDEN}@' if at else ''}{shown}"


def _not_an_address(host: str, advice: str) -> EngineUnavailable:
    host = _without_secrets(host)
    return EngineUnavailable(
        f"“{plain(host, 80)}” is not the address of an engine.",
        cause=UnavailableCause.UNSUPPORTED,
        subject=host,
        advice=advice,
    )


def _from_host(name: str, host: str, origin: Origin, environ: Mapping[str, str]) -> EngineAddress:
    tls = _environment_tls(host, environ)
    url = normal_url(host, tls=tls is not None)
    return EngineAddress(plain(name, 100), url, origin, tls if url.startswith("tcp://") else None)


def _environment_tls(host: str, environ: Mapping[str, str]) -> TlsFiles | None:
    """The TLS files by the docker CLI's rules.

    DOCKER_TLS_VERIFY or DOCKER_TLS, if not empty, turn TLS on; DOCKER_CERT_PATH has the files.
    """
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if verify or environ.get("DOCKER_TLS"):
        named = environ.get("DOCKER_CERT_PATH", "")
        return _tls_files(Path(named) if named else config_dir(environ), verify=verify)
    return TlsFiles() if host.strip().lower().startswith("https://") else None


def _from_context(context: StoredContext) -> EngineAddress:
    tls = None
    if context.tls_dir is not None:
        tls = _tls_files(context.tls_dir, verify=not context.skip_tls_verify)
    elif context.skip_tls_verify:
        tls = TlsFiles(verify=False)
    elif context.host.lower().startswith("https://"):
        tls = TlsFiles()
    url = normal_url(context.host or DEFAULT_URL, tls=tls is not None)
    return EngineAddress(
        plain(context.name, 100), url, Origin.CONTEXT, tls if url.startswith("tcp://") else None
    )


def _tls_files(folder: Path, *, verify: bool) -> TlsFiles:
    def here(name: str) -> Path | None:
        return folder / name if is_file(folder / name) else None

    return TlsFiles(here("ca.pem"), here("cert.pem"), here("key.pem"), verify)


def _sockets(environ: Mapping[str, str]) -> list[tuple[str, Path]]:
    """The usual socket paths of known engines."""
    if _WINDOWS:
        return []
    home = home_dir(environ)
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    own = Path(runtime) if runtime else None
    return [
        ("system", Path("/var/run/docker.sock")),
        *([("rootless", own / "docker.sock")] if own else []),
        ("Docker Desktop", home / ".docker" / "run" / "docker.sock"),
        ("Docker Desktop", home / ".docker" / "desktop" / "docker.sock"),
        ("Colima", home / ".colima" / "default" / "docker.sock"),
        ("Rancher Desktop", home / ".rd" / "docker.sock"),
        ("OrbStack", home / ".orbstack" / "run" / "docker.sock"),
        *([("Podman", own / "podman" / "podman.sock")] if own else []),
        ("Podman (system)", Path("/run/podman/podman.sock")),
    ]


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:  # a folder without access for this user
        return False


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
