"""Lists what registries have, for callers that wait: all repositories, all tags, the details of many tags."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from longshore.errors import LongshoreError, RateLimited, RegistryUnreachable, UnexpectedReply

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.registry.client import RegistryClient
    from longshore.registry.listing import Lister, RepositoryInfo, TagInfo
    from longshore.registry.model import TagDetails

#: Maximum repositories of a registry, or tags of a repository, to list before stopping with a message.
MOST_REPOSITORIES = 100_000
MOST_TAGS = 100_000
#: Tags whose details are read side by side.
READERS = 12


def endless(host: str, what: str, count: int) -> LongshoreError:
    """The error for a list of *count* repositories or tags (*what*) that does not seem to end."""
    return UnexpectedReply(
        f"The list was stopped after {count:,} {what} because it does not seem to end.",
        registry=host,
        advice="Paste a reference into Pull…, or pin a repository by name.",
    )


def repositories(
    lister: Lister, host: str, query: str = "", *, cancellation: Cancellation
) -> Iterator[RepositoryInfo]:
    """Yield the repositories of *host*, each once, in the vendor's order; pages are read as they are needed.

    *query*: search for this text where the vendor can, otherwise only names with it. Raises as ``Lister.repositories``.
    """
    seen: set[str] = set()
    page: str | None = None
    count = 0
    while True:
        found = lister.repositories(page, query, cancellation=cancellation)
        for one in found.items:
            if one.name not in seen:
                seen.add(one.name)
                yield one
        count += len(found.items)
        page = found.next
        if page is None:
            return
        if count >= MOST_REPOSITORIES:
            raise endless(host, "repositories", count)


def tags(lister: Lister, host: str, repository: str, *, cancellation: Cancellation) -> list[TagInfo]:
    """Return all tags of *repository* (a path), each once. Raises as ``Lister.tags``."""
    found: dict[str, TagInfo] = {}
    page: str | None = None
    count = 0
    while True:
        listed = lister.tags(repository, page, cancellation=cancellation)
        found |= {tag.name: tag for tag in listed.items}
        count += len(listed.items)
        page = listed.next
        if page is None:
            return list(found.values())
        if count >= MOST_TAGS:
            raise endless(host, "tags", count)


def details(
    client: RegistryClient, repository: str, listed: Sequence[TagInfo], cancellation: Cancellation
) -> list[TagDetails | LongshoreError]:
    """Return the details of each of the *listed* tags, or its error; read side by side. Raises Cancelled.

    Docker Hub counts each manifest that is read as a pull: there, only what its API and a HEAD report. When the
    registry cannot be reached or limits requests, no more are sent.
    """
    from longshore.side_by_side import ask_all

    cheaply = client.registry.is_hub
    stopped: list[LongshoreError] = []
    lock = threading.Lock()

    def read(tag: TagInfo, part: Cancellation) -> TagDetails | LongshoreError:
        if tag.details is not None and tag.complete:
            return tag.details
        with lock:
            if stopped:
                return stopped[0]
        try:
            return client.tag_details(repository, tag.name, cheaply=cheaply, cancellation=part)
        except (RateLimited, RegistryUnreachable) as error:
            with lock:
                stopped.append(error)
            return error
        except LongshoreError as error:
            return error

    return ask_all(read, listed, cancellation, READERS)
