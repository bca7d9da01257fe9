"""URLs of one registry: its origin, and the targets of links and locations. Pure; any thread."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from longshore.errors import InvalidReference

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Looser than the grammar of references: some registries have names that engines refuse but that can be read.
_REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|[a-z0-9+._-]+:[0-9a-fA-F]{32,128}")

Origin = tuple[str, str, int]


def origin(url: str) -> Origin:
    """Scheme, host and port. Raises ValueError if *url* is not an http(s) URL or contains a user name."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not a usable address")
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]


def joined(base: str, link: str) -> str:
    """The target of *link* (absolute or relative) from *base*. Raises ValueError for an unusable link.

    A registry behind a proxy that ends TLS often believes that it speaks plain HTTP. So ``http`` at its own host
    is read as ``https``, which can only make it safer.
    """
    if any(ord(char) <= 32 or ord(char) == 127 for char in link):
        raise ValueError("spaces or control characters in an address")
    target = urljoin(base, link)
    here, there = origin(base), origin(target)
    if here[0] == "https" and there[0] == "http" and here[1] == there[1] and there[2] in (80, here[2]):
        parts = urlsplit(target)
        target = urlunsplit(("https", urlsplit(base).netloc, parts.path, parts.query, ""))
    return urlunsplit(urlsplit(target)._replace(fragment=""))


def upload_address(base: str, link: str, *, at_home: bool = True) -> tuple[str, bool]:
    """The address where an upload continues, and whether *link* names another host.

    *base*: the address that was asked; *link*: the Location of its response. A registry behind a gateway often names
    itself by an internal host or port that cannot be reached from here (distribution 2862), so with *at_home* an API
    path stays at the host that was asked. Raises ValueError for an unusable link, and for plain HTTP after https.
    """
    target = joined(base, link)
    here, there = origin(base), origin(target)
    if here == there:
        return target, False
    parts = urlsplit(target)
    if at_home and "/v2/" in parts.path and "/blobs/uploads/" in parts.path:
        home = urlsplit(base)
        return urlunsplit((home.scheme, home.netloc, parts.path, parts.query, "")), True
    if here[0] == "https" and there[0] == "http":
        raise ValueError("not encrypted")
    return target, True


def at_home(url: str, root: str) -> str:
    """*url* moved to the host of *root* (an address that ends in ``/v2/``) if its path is below that of *root*.

    For addresses that a registry names as its own: behind a gateway it may know itself only by another host, port or
    scheme (distribution 2862). Any other *url*, or one that cannot be read, is returned unchanged.
    """
    try:
        here, there = origin(root), origin(url)
    except ValueError:
        return url
    parts, own = urlsplit(url), urlsplit(root)
    if here == there or not parts.path.startswith(own.path):
        return url
    return urlunsplit((own.scheme, own.netloc, parts.path, parts.query, ""))


def repository_path(repository: str) -> str:
    """Return *repository* if it is safe in a URL. Raises InvalidReference if it would lead elsewhere."""
    if len(repository) > 255 or not _REPOSITORY.fullmatch(repository):
        raise InvalidReference(
            "This is not the name of a repository.", subject=repository, advice="For example: team/app."
        )
    return repository


def manifest_path(repository: str, name: str) -> str:
    """The path below ``/v2/`` of the manifest of a tag or digest. Raises InvalidReference."""
    if not _NAME.fullmatch(name):
        raise InvalidReference(
            "This is neither a tag nor a digest.", subject=name, advice="For example: latest."
        )
    return f"{repository_path(repository)}/manifests/{quote(name, safe=':')}"


def usable_name(name: object) -> bool:
    """True for a repository name that can be requested. Listings leave out all others."""
    return isinstance(name, str) and len(name) <= 255 and _REPOSITORY.fullmatch(name) is not None


def usable_tag(tag: object) -> bool:
    """True for a tag that can be requested. Listings leave out all others."""
    return isinstance(tag, str) and ":" not in tag and _NAME.fullmatch(tag) is not None


def with_query(url: str, query: str) -> str:
    """*url* with *query* added to its own query (upload locations carry their state there)."""
    return f"{url}{'&' if '?' in url else '?'}{query}"
