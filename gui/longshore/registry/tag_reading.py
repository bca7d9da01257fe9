"""Reads all tags of a repository, and asks about many of them side by side. Blocking; worker threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.registry import failures
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.registry.client import RegistryClient

#: Requests to the registry at a time.
_AT_ONCE = 12
#: Most pages of tags that are read.
_MOST_PAGES = 1000
#: Failed requests after which no more are sent: the registry has problems.
_MOST_FAILURES = 20

_T = TypeVar("_T")
_R = TypeVar("_R")


def all_tags(client: RegistryClient, repository: str, cancellation: Cancellation) -> Iterator[str]:
    """All tags of *repository*, page by page; some may be repeated. Raises RegistryError, Cancelled."""
    page: str | None = None
    for _ in range(_MOST_PAGES):
        found = client.tags(repository, page, cancellation=cancellation)
        yield from found.items
        page = found.next
        if page is None:
            return
    # A tag that is not seen could be removed with its image.
    raise failures.unexpected(client.registry, "it has too many pages of tags", repository)


def many(
    ask: Callable[[_T], _R], what: Iterable[_T], cancellation: Cancellation
) -> list[tuple[_T, _R | LongshoreError]]:
    """Each of *what* with its result, or with its error; they are requested side by side. Raises Cancelled."""

    failed: list[LongshoreError] = []

    def one(item: _T, _part: Cancellation) -> tuple[_T, _R | LongshoreError]:
        if len(failed) >= _MOST_FAILURES:
            return item, failed[-1]
        try:
            return item, ask(item)
        except LongshoreError as error:
            failed.append(error)
            return item, error

    return ask_all(one, list(what), cancellation, _AT_ONCE)
