"""Reads fields of vendors' responses; what differs from their documentation counts as absent. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from longshore.errors import InvalidReference
from longshore.oci.digest import valid_digest
from longshore.oci.grammar import check_path, valid_tag
from longshore.oci.platform import Platform
from longshore.registry.challenge import number
from longshore.registry.model import TagDetails
from longshore.registry.vendors.protocol import RepositoryInfo, TagInfo
from longshore.text import plain

_LARGEST_COUNT = 1 << 62
_MOST_PLATFORMS = 100


def fields(value: Any) -> dict[str, Any]:
    """*value* if it is an object, else an empty object."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """The objects in *value* if it is a list, else an empty list (Go writes an empty list as null)."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def words(value: Any) -> str:
    """*value* if it is text, else ""."""
    return value if isinstance(value, str) else ""


def line(value: Any) -> str:
    """*value* as one plain line, bounded."""
    return plain(value, 300) if isinstance(value, str) else ""


def count(value: Any) -> int | None:
    """A number that is not negative, else None. Some vendors and all headers write numbers as text."""
    if isinstance(value, str):
        value = number(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST_COUNT:
        return None
    return value


def truth(value: Any) -> bool | None:
    """*value* if it is a boolean, else None."""
    return value if isinstance(value, bool) else None


def when(value: Any) -> datetime | None:
    """A time in ISO 8601 or as in mail headers (Quay), converted to UTC (its zone if none is named)."""
    if not isinstance(value, str) or not 0 < len(value) < 64:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        try:
            found = parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return None
    if found.year < 1971:
        return None  # Go's zero time, and the time that reproducible builds write
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return None


def epoch(value: Any) -> datetime | None:
    """A time from seconds since 1970, None if *value* is not one."""
    seconds = value if isinstance(value, int) and not isinstance(value, bool) else 0
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 1 << 34 else None


def segment(text: str) -> str:
    """*text* as one segment of a path: slashes are encoded too."""
    return quote(text, safe="")


def query_of(path: str, **parameters: str | int | None) -> str:
    """*path* with the parameters that are neither None nor empty."""
    given = {key: value for key, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def repository(name: str, **known: Any) -> RepositoryInfo | None:
    """A RepositoryInfo, None if a repository of that name cannot be pulled."""
    known["private"] = bool(known.get("private"))
    try:
        return RepositoryInfo(check_path(name), **known)
    except InvalidReference:
        return None


def distinct(found: Iterable[RepositoryInfo | None]) -> list[RepositoryInfo]:
    """The repositories without None, the first of each name."""
    by_name: dict[str, RepositoryInfo] = {}
    for item in found:
        if item is not None:
            by_name.setdefault(item.name, item)
    return list(by_name.values())


def tag(
    name: Any,
    digest: Any,
    *,
    size: int | None = None,
    platforms: Iterable[Platform | None] = (),
    images: Sequence[Any] = (),
    created: datetime | None = None,
    media_type: Any = "",
    complete: bool = False,
) -> TagInfo | None:
    """A TagInfo; None if *name* is not a valid tag, without details if *digest* is not valid. *images*: the digests of
    all its images; kept only if all are valid."""
    if not isinstance(name, str) or not valid_tag(name):
        return None
    if not isinstance(digest, str) or not valid_digest(digest):
        return TagInfo(name)
    known = tuple(dict.fromkeys(one for one in platforms if one is not None and one.known))[:_MOST_PLATFORMS]
    whole = len(images) <= _MOST_PLATFORMS and all(
        isinstance(one, str) and valid_digest(one) for one in images
    )
    kind = words(media_type)[:200]
    details = TagDetails(name, digest, size, known, created, kind, tuple(images) if whole else ())
    return TagInfo(name, details, complete and bool(known) and size is not None)


def untagged(
    digest: Any,
    *,
    size: int | None = None,
    platforms: Iterable[Platform | None] = (),
    created: datetime | None = None,
    media_type: Any = "",
) -> TagDetails | None:
    """The details of an image without a tag, None if *digest* is not valid."""
    if not isinstance(digest, str) or not valid_digest(digest):
        return None
    known = tuple(dict.fromkeys(one for one in platforms if one is not None and one.known))[:_MOST_PLATFORMS]
    return TagDetails("", digest, size, known, created, words(media_type)[:200])


def present(found: Iterable[TagInfo | None]) -> list[TagInfo]:
    """The tags without None, the first of each name."""
    by_name: dict[str, TagInfo] = {}
    for item in found:
        if item is not None:
            by_name.setdefault(item.name, item)
    return list(by_name.values())


def platform(value: Mapping[str, Any]) -> Platform | None:
    """A platform from an object with ``os`` and ``architecture``, None if they are missing."""
    system, architecture = words(value.get("os")), words(value.get("architecture"))
    if not system or not architecture:
        return None
    version = words(value.get("os_version") or value.get("os.version"))
    return Platform.of(
        *(plain(part, 60) for part in (system, architecture, words(value.get("variant")), version))
    )


def best(platforms: list[Platform | None]) -> int | None:
    """The index of the platform whose size is shown: the host's, or else the first known one."""
    known = [index for index, one in enumerate(platforms) if one is not None and one.known]
    host = Platform.host()
    for index in known:
        one = platforms[index]
        if one is not None and one.matches(host):
            return index
    return known[0] if known else None
