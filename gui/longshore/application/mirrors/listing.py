"""Lists the tags of a repository, up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.cancellation import Cancellation
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.transfers.clients import Clients

#: The maximum number of tags of one repository.
MOST_TAGS = 20_000


def all_tags(repository: Reference, clients: Clients, cancellation: Cancellation) -> tuple[list[str], bool]:
    """The tags of *repository*, and whether these are all. Raises the errors of listing. Blocks."""
    client = clients.registry(repository.domain)
    tags: dict[str, None] = {}
    page: str | None = None
    while True:
        found = client.tags(repository.path, page, cancellation=cancellation)
        tags.update(dict.fromkeys(found.items))
        page = found.next
        if page is None:
            return list(tags), True
        if len(tags) >= MOST_TAGS:
            return list(tags)[:MOST_TAGS], False
