"""Which repositories a key or a rule is for: a registry, a repository, or a pattern for repositories."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
import socket
from dataclasses import dataclass

from longshore.application.mirrors.patterns import check, is_pattern, matches
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.grammar import OFFICIAL, check_domain
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.registry.config import is_loopback

_EXAMPLE = "For example: registry.example.com, registry.example.com/team/app or registry.example.com/team/*."
#: Other names of Docker Hub.
_HUB_NAMES = frozenset({"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
#: What may be an IPv4 address in one of its old forms (inet_aton).
_NUMERIC = re.compile(r"[0-9a-fx.]+")
#: Connections to these end at this machine, too.
_THIS_MACHINE = frozenset({"0.0.0.0", "[::]"})
#: The digits of a port that count; those before them are zeros, or it is no port.
_DIGITS = 16
#: Most characters of a scope.
_LONGEST = 600


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """The repositories of the registry *domain* whose paths match *path*; "" for all. Immutable.

    In *path*, ``*`` is any text without ``/``, and ``**`` any text. *domain* is as :func:`host_of` returns it.
    """

    domain: str
    path: str = ""

    def covers(self, reference: Reference) -> bool:
        """Whether the repository of *reference* is one of these. Any thread."""
        if server_of(reference.domain) != self.server:
            return False
        path = reference.path
        if "/" not in path and self.domain == DOCKER_HUB:  # by another name of Docker Hub
            path = f"{OFFICIAL}/{path}"
        return not self.path or matches(self.path, path, path=True)

    @property
    def server(self) -> str:
        """The registry as it is compared; see :func:`server_of`."""
        return server_of(self.domain)

    @property
    def short(self) -> str:
        """The text without the registry, for a place where that is known; the registry if there is no path."""
        return self.path or self.domain

    def __str__(self) -> str:
        if self.path:
            return f"{self.domain}/{self.path}"
        return f"{self.domain}/**" if _may_be_image(self.domain) else self.domain


#: The scope of a key that is named for one command only.
EVERYWHERE = Scope("")


def host_of(domain: str) -> str:
    """*domain* as it is kept and shown: the port as a number, without that of HTTPS. Any thread."""
    name, port = _parts(domain)
    if port not in (None, 443):
        return f"{name}:{port}"
    return DOCKER_HUB if name in _HUB_NAMES else name


@functools.lru_cache(maxsize=256)
def server_of(domain: str) -> str:
    """*domain* as it is compared: other spellings of the same registry must not escape a rule. Any thread.

    All names and addresses of this machine are one, and so are the ports of HTTPS and HTTP, which are tried one after
    the other where plain HTTP is allowed. Names are not looked up: another name or address is another registry.
    """
    name, port = _parts(host_of(domain))
    if name.startswith("["):
        try:
            address = ipaddress.IPv6Address(name[1:-1])
            mapped = address.ipv4_mapped
            name = f"[{address}]" if mapped is None else str(mapped)
        except ValueError:
            pass
    elif _NUMERIC.fullmatch(name):
        # 127.1, 0x7f000001: resolvers take them for addresses.
        with contextlib.suppress(OSError):
            name = socket.inet_ntoa(socket.inet_aton(name))
    if name in _THIS_MACHINE or name.endswith(".localhost") or is_loopback(name.strip("[]")):
        name = "localhost"
    return name if port in (None, 443, 80) else f"{name}:{port}"


def _parts(domain: str) -> tuple[str, int | None]:
    """Name and port of *domain*, lower case."""
    name, colon, port = domain.lower().rpartition(":")
    if colon and port.isdecimal():
        return name, int(port[-_DIGITS:])
    return domain.lower(), None


def below(host: str, text: str) -> Scope:
    """The scope for *text*, a path or a pattern in the registry *host*; "" for all of it. Raises InvalidInput."""
    text = text.strip().strip("/")
    return Scope(host_of(host)) if not text else parse_scope(f"{host}/{text}")


def parse_scope(text: str) -> Scope:
    """The scope in *text*. Any thread. Raises InvalidInput."""
    text = text.strip().rstrip("/")
    if not text or len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidInput("This is not a registry or a repository.", subject=text[:200], advice=_EXAMPLE)
    first, slash, path = text.partition("/")
    if not slash and _may_be_image(first):
        raise InvalidInput(
            "This may be a registry, or an image with a tag.",
            subject=text,
            advice=f"For all repositories of this registry, use {first}/**.",
        )
    is_host = "." in first or ":" in first or first == "localhost"
    if is_host and (not slash or is_pattern(text)):
        return _checked(first, path, text)
    if is_pattern(text):
        return _checked(DOCKER_HUB, text if slash else f"library/{text}", text)
    return _of_reference(text)


def _of_reference(text: str) -> Scope:
    found = Reference.parse(text)
    if found.tag is not None or found.digest is not None:
        raise InvalidInput(
            "A key or a rule is for repositories, without a tag or digest.", subject=text, advice=_EXAMPLE
        )
    return Scope(host_of(found.domain), found.path)


def _checked(domain: str, path: str, text: str) -> Scope:
    try:
        check_domain(domain)
        if path:
            check(path, path=True)
    except LongshoreError as error:
        raise InvalidInput(error.message, subject=text, advice=_EXAMPLE) from error
    if path.startswith("/") or not {":", "@"}.isdisjoint(path):
        raise InvalidInput("This is not a pattern for repositories.", subject=text, advice=_EXAMPLE)
    return Scope(host_of(domain), "" if path == "**" else path)


def _may_be_image(text: str) -> bool:
    """Whether *text* could also be an image with a tag, as ``registry:5000`` could."""
    return ":" in text and "." not in text and not text.startswith(("localhost:", "["))
