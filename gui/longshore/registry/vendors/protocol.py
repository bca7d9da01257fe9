"""The items of a listing, and the interface of every vendor's module. Immutable data, any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from longshore.cancellation import Cancellation
from longshore.oci.scan_result import ScanResult
from longshore.registry.model import Page, RepositoryInfo, TagDetails

__all__ = ["Lister", "RepositoryInfo", "TagInfo"]


@dataclass(frozen=True, slots=True)
class TagInfo:
    """One tag. *details*: from the vendor's listing, None if it has only the name.

    *complete*: the manifest would add nothing (Docker Hub counts its request as a pull); otherwise show the details
    and request the rest. ``details.created`` is the time of the push if the vendor does not report when the image was
    made.
    """

    name: str
    details: TagDetails | None = None
    complete: bool = False


class Lister(Protocol):
    """Lists one registry. Blocking, thread-safe; worker threads.

    *page* is None for the first page, then ``Page.next`` of the one before, unchanged. Names may be repeated on later
    pages. A page may be empty and still have a next one. Raises RegistryError and its subclasses (ListingUnsupported,
    with advice, if there is no listing for this user), CredentialsError, Cancelled.
    """

    @property
    def kind(self) -> str:
        """The vendor's key, as in ``RegistryConfig.kind``."""

    @property
    def searches(self) -> bool:
        """True if the vendor searches for *query*; otherwise it only filters the listing."""

    def repositories(
        self, page: str | None = None, query: str = "", *, cancellation: Cancellation | None = None
    ) -> Page[RepositoryInfo]:
        """One page of the repositories that this user may see, below the registry's namespace if it has one."""

    def tags(
        self, repository: str, page: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Page[TagInfo]:
        """One page of the tags of *repository* (a path as in references), in the vendor's order."""

    def tag_info(
        self, repository: str, tag: str, *, cancellation: Cancellation | None = None
    ) -> TagInfo | None:
        """What the vendor's own API reports of one *tag*; None if only the registry knows. Raises NotInRegistry."""

    def deletes_tags(self, *, cancellation: Cancellation | None = None) -> bool:
        """Whether the vendor's own API deletes a tag and keeps its image, for this user. May sign in to the API."""

    def delete_tag(
        self, repository: str, tag: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> None:
        """Delete *tag*, which points to *digest*, by the vendor's API; its image and other tags stay.

        Only where :meth:`deletes_tags`. Raises NotInRegistry if there is no such tag.
        """

    def untagged(self, repository: str, *, cancellation: Cancellation | None = None) -> list[TagDetails]:
        """The images of *repository* that no tag points to, where :data:`kinds.TELLS_UNTAGGED` says that the vendor
        lists them; their ``tag`` is "". At most 1,000."""

    def project_number(self, repository: str, *, cancellation: Cancellation | None = None) -> int | None:
        """The number by which the vendor's web pages name the project of *repository*; None if they use names."""

    def scan_result(
        self, repository: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> ScanResult | None:
        """What the registry's own scanner found in the manifest *digest*; None if it has no result, or no scanner."""

    def close(self) -> None:
        """Close idle connections. The client that the lister uses stays open."""
