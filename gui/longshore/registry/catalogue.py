"""The listings of a registry's own API: the catalogue, and the tags of a repository (distribution-spec, "Listing
Tags")."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from longshore.cancellation import Cancellation
from longshore.errors import AccessDenied, ListingUnsupported, LongshoreError, NotInRegistry, UnexpectedReply
from longshore.registry import failures
from longshore.registry.addresses import repository_path, usable_name, usable_tag
from longshore.registry.auth import Scopes
from longshore.registry.model import Page
from longshore.registry.paging import Pager
from longshore.registry.session import Document, Session

#: Most bytes read of one page.
LARGEST_PAGE = 8 << 20
#: Most entries per page; registries refuse more (distribution 2.8: PAGINATION_NUMBER_INVALID).
LARGEST_N = 1000
_CATALOGUE_PATH = "_catalog"
_CATALOGUE: Scopes = ("registry:catalog:*",)


class Listings:
    """The part of the client for listings. Any worker thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pager = Pager(session.config)

    def repositories(
        self, page: str | None = None, n: int = 200, *, cancellation: Cancellation | None = None
    ) -> Page[str]:
        """One page of the catalogue, at most *n* names, only those below the namespace of the configuration.

        *page*: :attr:`Page.next` of the page before. Raises ListingUnsupported if there is no catalogue for this user,
        UnexpectedReply for a listing that leads to another host, in circles or never ends.
        """
        config = self._session.config
        unlisted = f"{failures.called(config)} does not list its repositories."
        if config.is_hub:
            raise self._unsupported(unlisted)
        try:
            found = self._catalogue(page, min(max(n, 1), LARGEST_N), cancellation)
        except (NotInRegistry, AccessDenied) as error:
            raise self._unsupported(
                f"{failures.called(config)} does not list its repositories for you.", error
            ) from error
        except UnexpectedReply as error:
            if not error.detail.startswith(("HTTP 400", "HTTP 405", "HTTP 501")):
                raise
            raise self._unsupported(unlisted, error) from error
        items = self._strings(found, "repositories", "", usable_name)
        listed = self._paged(page, found, items, _CATALOGUE_PATH, min(max(n, 1), LARGEST_N), cancellation)
        if config.namespace:
            below = f"{config.namespace}/"
            return Page([name for name in listed.items if name.startswith(below)], listed.next)
        return listed

    def _catalogue(self, page: str | None, n: int, cancellation: Cancellation | None) -> Document:
        try:
            return self._page(page, f"_catalog?n={n}", _CATALOGUE, "", cancellation)
        except UnexpectedReply as error:
            # Some registries have a lower limit and refuse instead of returning fewer.
            if page is not None or n <= 100 or not error.detail.startswith("HTTP 400"):
                raise
            return self._page(None, "_catalog?n=100", _CATALOGUE, "", cancellation)

    def tags(
        self,
        repository: str,
        page: str | None = None,
        n: int = LARGEST_N,
        *,
        cancellation: Cancellation | None = None,
    ) -> Page[str]:
        """One page of the tags of *repository*, in the registry's order; many registries return all at once.

        Raises NotInRegistry for an unknown repository, UnexpectedReply like :meth:`repositories`.
        """
        size = min(max(n, 1), LARGEST_N)
        path = f"{repository_path(repository)}/tags/list?n={size}"
        scopes = (f"repository:{repository}:pull",)
        found = self._page(page, path, scopes, repository, cancellation)
        items = self._strings(found, "tags", repository, usable_tag)
        return self._paged(page, found, items, f"{repository_path(repository)}/tags/list", size, cancellation)

    def _paged(
        self,
        page: str | None,
        found: Document,
        items: list[str],
        path: str,
        size: int,
        cancellation: Cancellation | None,
    ) -> Page[str]:
        own = self._session.base(cancellation)
        whole = more = self._session.url(path, own)
        if len(items) != size:
            more = ""
        elif items == sorted(items):
            # The specification orders lists, so a client may continue after the last entry that it has.
            more = f"{whole}?n={size}&last={quote(items[-1], safe='')}"
        elif path != _CATALOGUE_PATH:
            more = ""  # unordered tags are complete: distribution does not page them
        return self._pager.page(page, found, items, own, more=more, whole=whole)

    def _page(
        self, page: str | None, first: str, scopes: Scopes, subject: str, cancellation: Cancellation | None
    ) -> Document:
        path = first if page is None else self._pager.address(page)
        return self._session.fetch(
            "GET",
            path,
            scopes=scopes,
            headers={"Accept": "application/json"},
            limit=LARGEST_PAGE,
            subject=subject,
            cancellation=cancellation,
        )

    def _strings(
        self, document: Document, key: str, subject: str, usable: Callable[[object], bool]
    ) -> list[str]:
        found = self._session.json(document, subject).get(key)
        if found is None:
            return []  # Go writes an empty list as null
        if not isinstance(found, list):
            raise failures.unexpected(self._session.config, f"its response has no list of {key}", subject)
        # Invalid entries (no texts, or names that cannot be requested) are left out and affect nothing else.
        return list(dict.fromkeys(item for item in found if usable(item)))

    def _unsupported(self, message: str, error: LongshoreError | None = None) -> ListingUnsupported:
        return ListingUnsupported(
            message,
            registry=self._session.config.host,
            advice="Pin a repository by name, or paste a reference into Pull….",
            detail=error.detail if error is not None else "",
        )
