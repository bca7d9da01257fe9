"""Lists by the registry's own catalogue: for plain registries, and as the fallback of the vendors' listers."""

from __future__ import annotations

from typing import TypeVar

from longshore.cancellation import Cancellation
from longshore.oci.scan_result import ScanResult
from longshore.registry import failures
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.model import Page, TagDetails
from longshore.registry.vendors.protocol import RepositoryInfo, TagInfo

T = TypeVar("T")

#: Prefix of the token of a page that came from the registry itself.
BY_CATALOGUE = "="


def marked(page: Page[T]) -> Page[T]:
    """Return *page* with :data:`BY_CATALOGUE` before its token."""
    return page if page.next is None else Page(page.items, BY_CATALOGUE + page.next, page.total)


class CatalogueLister:
    """Lists by the registry's own catalogue and tag lists, for plain registries and as the fallback of the others.

    distribution-spec 1.1, "Listing Tags"; the catalogue is in distribution's HTTP API V2, "Listing Repositories".
    """

    kind: str = "distribution"
    searches: bool = False

    def __init__(self, config: RegistryConfig, client: RegistryClient) -> None:
        self._config = config
        self._client = client

    def repositories(
        self, page: str | None = None, query: str = "", *, cancellation: Cancellation | None = None
    ) -> Page[RepositoryInfo]:
        """See ``protocol.Lister``."""
        found = self._client.repositories(page, cancellation=cancellation)
        below = f"{self._config.namespace}/" if self._config.namespace else ""
        items = [
            RepositoryInfo(name)
            for name in dict.fromkeys(found.items)
            if f"{name}/".startswith(below) and query in name
        ]
        filtered = len(items) != len(found.items)
        return Page(items, found.next, None if filtered else found.total)

    def tags(
        self, repository: str, page: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Page[TagInfo]:
        """See ``protocol.Lister``."""
        found = self._client.tags(repository, page, cancellation=cancellation)
        return Page([TagInfo(name) for name in found.items], found.next, found.total)

    def tag_info(
        self, repository: str, tag: str, *, cancellation: Cancellation | None = None
    ) -> TagInfo | None:
        """See ``protocol.Lister``: there is no more to know than the registry's manifest."""
        return None

    def deletes_tags(self, *, cancellation: Cancellation | None = None) -> bool:
        """See ``protocol.Lister``: a plain registry has no API of its own."""
        return False

    def delete_tag(
        self, repository: str, tag: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> None:
        """See ``protocol.Lister``."""
        raise failures.unexpected(self._config, "it has no API that deletes tags", f"{repository}:{tag}")

    def untagged(self, repository: str, *, cancellation: Cancellation | None = None) -> list[TagDetails]:
        """See ``protocol.Lister``."""
        return []

    def project_number(self, repository: str, *, cancellation: Cancellation | None = None) -> int | None:
        """See ``protocol.Lister``."""
        return None

    def scan_result(
        self, repository: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> ScanResult | None:
        """See ``protocol.Lister``: a plain registry has no scanner."""
        return None

    def close(self) -> None:
        """Do nothing: the client belongs to the caller, and nothing else is open."""
