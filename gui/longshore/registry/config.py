"""The configuration of one registry: from user input, and as it is saved. No I/O."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from longshore.errors import InvalidRegistryName
from longshore.oci.reference import DOCKER_HUB
from longshore.text import plain

_HUB_NAMES = frozenset(
    {"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com", "www.docker.com"}
)
#: Docker Hub's host for programs that know nothing of its name in references.
HUB_API_HOST = "registry-1.docker.io"
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PATH_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~-]*[A-Za-z0-9])?")
#: Most characters of the user's name for a registry.
LONGEST_TITLE = 80
_EXAMPLE = "Type a host such as registry.example.com or 192.0.2.7:5000."


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """How a registry is reached. Immutable, hashable, any thread; contains no secrets (only names of files).

    *host*: as references spell it (``docker.io``, ``127.0.0.1:5000``, ``[::1]:5000``), lower case.
    *insecure*: allows plain HTTP and untrusted certificates, like the engine's setting of that name.
    *ca_file*, *client_cert*, *client_key*: PEM files, in addition to the system's and the engine's own.
    *kind*: the vendor's key of ``registry.listing``, or ``auto``. *prefix*: the path before ``/v2/``, without
    slashes at its ends (``http.prefix`` of distribution; engines cannot use such a registry). *namespace*: list only
    below it (an organisation, a project); some vendors cannot list without it. *title*: the user's name for it, ""
    for its host. *checks*: it is asked in the background what its tags point to.
    """

    host: str
    insecure: bool = False
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    kind: str = "auto"
    prefix: str = ""
    namespace: str = ""
    title: str = ""
    checks: bool = True

    @property
    def is_hub(self) -> bool:
        """True for Docker Hub."""
        return self.host == DOCKER_HUB

    @property
    def api_host(self) -> str:
        """Host and port of the API. Docker Hub's differ from its name in references."""
        return HUB_API_HOST if self.is_hub else self.host

    @property
    def is_loopback(self) -> bool:
        """True for this machine: engines allow plain HTTP to 127.0.0.0/8, ::1 and localhost without configuration."""
        return is_loopback(split_host(self.host)[0])

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain data for the settings, without default values."""
        data: dict[str, Any] = {"host": self.host}
        if self.insecure:
            data["insecure"] = True
        for key in ("ca_file", "client_cert", "client_key"):
            value = getattr(self, key)
            if value is not None:
                data[key] = str(value)
        if self.kind != "auto":
            data["kind"] = self.kind
        for key in ("prefix", "namespace", "title"):
            if getattr(self, key):
                data[key] = getattr(self, key)
        if not self.checks:
            data["checks"] = False
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> RegistryConfig:
        """The reverse of :meth:`to_json`. Raises InvalidRegistryName, ValueError or TypeError for invalid data."""
        if not isinstance(data.get("host"), str):
            raise ValueError("a registry entry needs a host")
        files: dict[str, Path | None] = {}
        for key in ("ca_file", "client_cert", "client_key"):
            value = data.get(key)
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{key} must be a path")
            files[key] = Path(value) if value else None
        for key in ("kind", "prefix", "namespace", "title"):
            if not isinstance(data.get(key, ""), str):
                raise ValueError(f"{key} must be text")
        return RegistryConfig(
            host=parse_registry(data["host"]).host,
            insecure=data.get("insecure") is True,
            **files,
            kind=data.get("kind") or "auto",
            prefix=check_path(data.get("prefix", ""), data["host"]),
            namespace=check_path(data.get("namespace", ""), data["host"]),
            title=plain(data.get("title", ""), LONGEST_TITLE),
            checks=data.get("checks") is not False,
        )


def parse_registry(text: str) -> RegistryConfig:
    """Parse what a person typed for a registry. Any thread.

    Accepts ``host``, ``host:port``, ``[ipv6]:port`` and URLs. ``http://`` marks it insecure (except on this machine,
    where plain HTTP is tried anyway). A path that ends in ``/v2`` sets the prefix; any other path is the namespace to
    list. All names of Docker Hub become ``docker.io``. Raises InvalidRegistryName.
    """
    typed = text.strip().strip("\"'").strip()
    if not typed:
        raise InvalidRegistryName("A registry needs a host.", advice=_EXAMPLE)
    if "://" in typed and not typed.lower().startswith(("http://", "https://")):
        raise InvalidRegistryName(
            "A registry's address starts with https:// or with its host.", subject=typed, advice=_EXAMPLE
        )
    has_scheme = "://" in typed
    try:
        parts = urlsplit(typed if has_scheme else f"//{typed}")
        port = parts.port
    except ValueError:
        raise InvalidRegistryName(
            "This is not the address of a registry.", subject=typed, advice=_EXAMPLE
        ) from None
    if "@" in parts.netloc:
        # Without the subject: it may contain a password.
        raise InvalidRegistryName(
            "A registry's address can't contain a user name.",
            advice="Add the registry first, then use Sign in…",
        )
    if parts.query or parts.fragment:
        raise InvalidRegistryName(
            "A registry's address can't contain ? or #.", subject=typed, advice=_EXAMPLE
        )
    host = _check_host(parts.hostname or "", parts.netloc, typed)
    if port == 0 or parts.netloc.endswith(":"):
        raise InvalidRegistryName("The port must be from 1 to 65535.", subject=typed, advice=_EXAMPLE)
    plain_http = parts.scheme == "http"
    path = parts.path.strip("/")
    prefix = namespace = ""
    if path == "v2" or path.endswith("/v2"):
        prefix = check_path(path[: -len("v2")].strip("/"), typed)
    else:
        namespace = check_path(path, typed)
    if host in _HUB_NAMES and port in (None, 443):
        # /u/name and /r/name of hub.docker.com are the web pages of a namespace.
        namespace = re.sub(r"^(?:v1$|u/|r/|_$|repository/.*)", "", namespace)
        return RegistryConfig(DOCKER_HUB, namespace=namespace)
    if port is None and plain_http:
        port = 80
    name = host if port is None else f"{host}:{port}"
    if "." not in name and ":" not in name and name != "localhost":
        raise InvalidRegistryName(
            f"A reference that starts with {name}/ means a repository on Docker Hub.",
            subject=typed,
            advice=f"Add the domain or the port: {name}.example.com or {name}:443.",
        )
    return RegistryConfig(
        name, insecure=plain_http and not is_loopback(host), prefix=prefix, namespace=namespace
    )


def split_host(host: str) -> tuple[str, int | None]:
    """Host and port: ``[::1]:5000`` is (``::1``, 5000), ``registry.io`` is (``registry.io``, None). Any thread."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name, int(rest[1:]) if rest.startswith(":") else None
    name, colon, port = host.rpartition(":")
    return (name, int(port)) if colon else (host, None)


def is_loopback(name: str) -> bool:
    """True for names and addresses of this machine, without port and brackets. Any thread."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _check_host(name: str, netloc: str, typed: str) -> str:
    if netloc.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(name)}]"
        except ValueError:
            raise InvalidRegistryName(
                "This is not an IPv6 address.", subject=typed, advice="For example: [2001:db8::7]:5000."
            ) from None
    if netloc.count(":") > 1:
        raise InvalidRegistryName(
            "An IPv6 address needs brackets.", subject=typed, advice="For example: [2001:db8::7]:5000."
        )
    if "_" in name:
        # Go resolves such names, but no reference can contain one (distribution/reference; regclient 933).
        raise InvalidRegistryName(
            f"The host {name} contains “_”, which image names can't have.",
            subject=typed,
            advice="Use another name for it, with “-” instead of “_”, or its address.",
        )
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise InvalidRegistryName("This is not the name of a host.", subject=typed, advice=_EXAMPLE)
    return name


def check_path(path: str, typed: str) -> str:
    """A prefix or namespace without slashes at its ends. Any thread.

    Raises InvalidRegistryName with *typed* as its subject.
    """
    cleaned = path.strip("/")
    if cleaned and not all(_PATH_PART.fullmatch(part) for part in cleaned.split("/")):
        raise InvalidRegistryName(
            "The path after the host name is not valid.", subject=typed, advice=_EXAMPLE
        )
    return cleaned
