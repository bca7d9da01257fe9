"""What a listing yields, and what every vendor's module offers. Immutable data; crosses threads freely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from longshore.cancellation import Cancellation
from longshore.registry.model import Page, RepositoryInfo, TagDetails

__all__ = ["Lister", "RepositoryInfo", "TagInfo"]


@dataclass(frozen=True, slots=True)
class TagInfo:
    """One tag. *details*: what the vendor's listing tells of it, None if only the name.

    *complete*: nothing would be gained by asking the registry for the manifest (which Docker Hub counts as a pull);
    otherwise show the details as they are and ask for the rest. ``details.created`` is the time of the push where the
    vendor does not tell when the image was made.
    """

    name: str
    details: TagDetails | None = None
    complete: bool = False


class Lister(Protocol):
    """Lists one registry. Blocking, thread-safe; worker threads.

    *page* is None for the first page, then ``Page.next`` of the one before, unchanged. Names can come again on a later
    page. A page can be empty and still have a next one. Raises RegistryError and below (ListingUnsupported where there
    is no listing for us, with advice), CredentialsError, Cancelled.
    """

    @property
    def kind(self) -> str:
        """The vendor's key, as in ``RegistryConfig.kind``."""

    @property
    def searches(self) -> bool:
        """True if *query* is looked up by the vendor; otherwise it only filters what is listed."""

    def repositories(
        self, page: str | None = None, query: str = "", *, cancellation: Cancellation | None = None
    ) -> Page[RepositoryInfo]:
        """One page of the repositories we may see, below the registry's namespace if it has one."""

    def tags(
        self, repository: str, page: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Page[TagInfo]:
        """One page of the tags of *repository* (a path as in references), in the vendor's order."""

    def close(self) -> None:
        """Close idle connections. The client given to it stays open."""
