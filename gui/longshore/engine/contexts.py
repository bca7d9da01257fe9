"""Docker's contexts, as the docker CLI stores them below its configuration folder.

``contexts/meta/<sha256 of the name>/meta.json`` names the endpoint, ``contexts/tls/<same>/docker/*.pem`` holds its
certificates (docker/cli, cli/context/store). Read only; a few small files, never a pipe; any thread.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from longshore.errors import UnknownContext
from longshore.shared_files import NotAFile, read_file
from longshore.text import plain

_log = logging.getLogger(__name__)

#: Maximum bytes of config.json and of a context's meta.json; real ones have a few kilobytes.
LARGEST_CONFIG = 4 * 1024 * 1024
LARGEST_META = 1024 * 1024
#: The maximum number of contexts read.
_MOST_CONTEXTS = 1000
#: The errors of reading and parsing a foreign document.
_UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)

#: The name that means "no context": DOCKER_HOST or the platform's own socket.
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class StoredContext:
    """One context. *host* is as written there, empty for the platform's own socket.

    *tls_dir* holds ca.pem, cert.pem and key.pem, each optional; None if there are no certificates.
    """

    name: str
    host: str
    skip_tls_verify: bool = False
    tls_dir: Path | None = None


def config_dir(environ: Mapping[str, str]) -> Path:
    """Docker's configuration folder: ``DOCKER_CONFIG``, otherwise ``~/.docker``."""
    named = environ.get("DOCKER_CONFIG", "")
    return Path(named) if named else home_dir(environ) / ".docker"


def home_dir(environ: Mapping[str, str]) -> Path:
    """The user's home folder according to *environ*."""
    named = environ.get("HOME") or environ.get("USERPROFILE")
    try:
        return Path(named) if named else Path.home()
    except RuntimeError:  # a user unknown to the system
        return Path("/")


def chosen_context(environ: Mapping[str, str]) -> tuple[str, str]:
    """The current context and its origin: ``DOCKER_CONTEXT``, otherwise ``currentContext`` of config.json.

    ``("default", "")`` if neither is set; an empty config.json, as left by a crash, counts as missing, as in the docker
    CLI. Raises UnknownContext if config.json is unreadable: it may name a context, and no other engine may be used
    instead.
    """
    named = environ.get("DOCKER_CONTEXT", "")
    if named:
        return named, "DOCKER_CONTEXT"
    file = config_dir(environ) / "config.json"
    try:
        raw = read_file(file, LARGEST_CONFIG)
        if not raw.strip():
            _log.warning("%s is empty: Docker's settings are taken as absent", file)
            return DEFAULT, ""
        current = json.loads(raw).get("currentContext") or ""
        if not isinstance(current, str):
            raise TypeError("currentContext is not a string")
    except FileNotFoundError:
        return DEFAULT, ""
    except _UNREADABLE as error:
        raise UnknownContext(
            "Docker's configuration file can't be read, so the current context is unknown.",
            subject=str(file),
            advice="Repair the file, or name the engine with --engine or DOCKER_HOST.",
            detail=_why(error),
        ) from error
    return (current, str(file)) if current else (DEFAULT, "")


def read_context(name: str, environ: Mapping[str, str], chosen_by: str = "") -> StoredContext:
    """The context *name*. Raises UnknownContext if it does not exist, or names no Docker engine."""
    folder = config_dir(environ) / "contexts"
    key = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    try:
        return _read(folder, key, name)
    except FileNotFoundError as error:
        known = ", ".join(each.name for each in list_contexts(environ)[:10])
        raise UnknownContext(
            f"The Docker context “{plain(name, 60)}” does not exist.",
            subject=name,
            advice=(f"It is selected by {chosen_by}. " if chosen_by else "")
            + (f"Known contexts: default, {known}." if known else "The only context is default."),
        ) from error
    except _UNREADABLE as error:
        raise UnknownContext(
            f"The Docker context “{plain(name, 60)}” can't be read.",
            subject=name,
            advice="Check it with “docker context inspect”, or remove it and create it again.",
            detail=f"{type(error).__name__}: {_why(error)}",
        ) from error


def list_contexts(environ: Mapping[str, str]) -> list[StoredContext]:
    """All readable contexts, by name; without ``default``, which is not stored."""
    folder = config_dir(environ) / "contexts"
    found = []
    try:
        keys = sorted(entry.name for entry in (folder / "meta").iterdir())
    except OSError:
        return []
    for key in keys[:_MOST_CONTEXTS]:
        try:
            found.append(_read(folder, key))
        except _UNREADABLE as error:
            _log.info("a Docker context is left out: %s: %s", key[:12], _why(error))
    return sorted(found, key=lambda each: each.name)


def _read(folder: Path, key: str, name: str = "") -> StoredContext:
    data = json.loads(read_file(folder / "meta" / key / "meta.json", LARGEST_META))
    if not isinstance(data, dict):
        raise TypeError("the context is not an object")
    endpoint = data["Endpoints"]["docker"]
    host = endpoint.get("Host") or ""
    stored = data.get("Name") or name
    if not isinstance(host, str) or not isinstance(stored, str) or not stored:
        raise TypeError("the name or the host is not a string")
    tls = folder / "tls" / key / "docker"
    return StoredContext(
        stored,
        host,
        endpoint.get("SkipTLSVerify") is True,
        tls if any(is_file(tls / file) for file in ("ca.pem", "cert.pem", "key.pem")) else None,
    )


def is_file(path: Path) -> bool:
    """Whether *path* is a file; False if that cannot be determined. Never raises."""
    try:
        return path.is_file()
    except OSError:  # a folder without access for this user
        return False


def _why(error: BaseException) -> str:
    if isinstance(error, NotAFile):
        return "it is not a regular file"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
