"""A registry whose host name does not reveal its vendor: detected once, when it is first listed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from longshore.cancellation import Cancellation, holding
from longshore.oci.scan_result import ScanResult
from longshore.registry.model import Page, TagDetails
from longshore.registry.vendors.protocol import Lister, RepositoryInfo, TagInfo


class DetectingLister:
    """Detects the vendor with *detect* (blocking) on the first call, then delegates to the lister from *make*."""

    def __init__(self, detect: Callable[[Cancellation | None], str], make: Callable[[str], Lister]) -> None:
        self._detect = detect
        self._make = make
        self._asking = threading.Lock()
        self._found: Lister | None = None

    @property
    def kind(self) -> str:
        """The vendor's key; ``auto`` before the first listing."""
        return self._found.kind if self._found is not None else "auto"

    @property
    def searches(self) -> bool:
        """True if the detected lister searches."""
        return self._found is not None and self._found.searches

    def repositories(
        self, page: str | None = None, query: str = "", *, cancellation: Cancellation | None = None
    ) -> Page[RepositoryInfo]:
        """See ``protocol.Lister``."""
        return self._lister(cancellation).repositories(page, query, cancellation=cancellation)

    def tags(
        self, repository: str, page: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Page[TagInfo]:
        """See ``protocol.Lister``."""
        return self._lister(cancellation).tags(repository, page, cancellation=cancellation)

    def tag_info(
        self, repository: str, tag: str, *, cancellation: Cancellation | None = None
    ) -> TagInfo | None:
        """See ``protocol.Lister``."""
        return self._lister(cancellation).tag_info(repository, tag, cancellation=cancellation)

    def deletes_tags(self, *, cancellation: Cancellation | None = None) -> bool:
        """See ``protocol.Lister``."""
        return self._lister(cancellation).deletes_tags(cancellation=cancellation)

    def delete_tag(
        self, repository: str, tag: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> None:
        """See ``protocol.Lister``."""
        self._lister(cancellation).delete_tag(repository, tag, digest, cancellation=cancellation)

    def untagged(self, repository: str, *, cancellation: Cancellation | None = None) -> list[TagDetails]:
        """See ``protocol.Lister``."""
        return self._lister(cancellation).untagged(repository, cancellation=cancellation)

    def project_number(self, repository: str, *, cancellation: Cancellation | None = None) -> int | None:
        """See ``protocol.Lister``."""
        return self._lister(cancellation).project_number(repository, cancellation=cancellation)

    def scan_result(
        self, repository: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> ScanResult | None:
        """See ``protocol.Lister``."""
        return self._lister(cancellation).scan_result(repository, digest, cancellation=cancellation)

    def close(self) -> None:
        """Close idle connections."""
        if self._found is not None:
            self._found.close()

    def _lister(self, cancellation: Cancellation | None) -> Lister:
        if self._found is None:
            with holding(self._asking, cancellation):
                if self._found is None:
                    self._found = self._make(self._detect(cancellation))
        return self._found
