"""Shared by the vendors' modules: a walk over shelves, page by page, with the catalogue as a fallback."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from longshore.cancellation import Cancellation
from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    ListingUnsupported,
    NotInRegistry,
    RegistryError,
    SignInFailed,
    SignInRequired,
    UnexpectedReply,
)
from longshore.registry import failures
from longshore.registry.challenge import number
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig, is_loopback
from longshore.registry.model import Page
from longshore.registry.tls import TlsFiles
from longshore.registry.transport import Transport
from longshore.registry.vendors.api import Answer, VendorApi
from longshore.registry.vendors.catalogue import BY_CATALOGUE, CatalogueLister, marked
from longshore.registry.vendors.protocol import RepositoryInfo, TagInfo
from longshore.registry.vendors.trail import Trail
from longshore.secrecy import keep_out

PIN = "Or pin a repository by name."
#: Most shelves (namespaces, projects) that are listed.
_MOST_SHELVES = 1000
#: Most pages of a list that is read at once.
_MOST_PAGES = 10

#: Items, the target of the next page or None, and the total number of items or None.
Found = tuple[list[RepositoryInfo], str | None, int | None]


class VendorLister(CatalogueLister):
    """Base of the listers that use a vendor's API.

    Repositories are on shelves (namespaces, projects…) that are listed one after the other. Subclasses name the
    shelves and their first pages, and read responses.
    """

    #: Host of the API if it is not the registry's own.
    api_host: ClassVar[str] = ""
    #: True to try the registry's own catalogue if the API refuses to list.
    catalogue_too: ClassVar[bool] = True
    #: True if the catalogue is the vendor's own way to list, so that an empty one is really empty.
    catalogue_first: ClassVar[bool] = False
    #: True if the API deletes single tags (``_tag_target``).
    tag_deletion: ClassVar[bool] = False
    #: Advice for the user if the vendor refuses to list.
    advice: ClassVar[str] = ""

    def __init__(
        self,
        config: RegistryConfig,
        client: RegistryClient,
        credentials: Callable[[str], Credential | None],
        *,
        environ: Mapping[str, str] | None = None,
        api_base: str = "",
    ) -> None:
        super().__init__(config, client)
        self._credentials = credentials
        self._environ = os.environ if environ is None else environ
        self._lock = threading.Lock()
        self._api_base = api_base
        self._opened: VendorApi | None = None
        self._credential_known = False
        self._found_credential: Credential | None = None
        #: Shelves of the current listing by query; another listing at the same time looks them up again.
        self._shelved: dict[str, list[str]] = {}

    # -- for subclasses to implement

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        """The shelves to list. May use the API."""
        raise NotImplementedError

    def _first(self, shelf: str, query: str) -> str:
        """The target of the first page of *shelf*."""
        raise NotImplementedError

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        """The content of a response."""
        raise NotImplementedError

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        """The headers that sign a request; empty for anonymous."""
        return {}

    def _base(self, cancellation: Cancellation | None) -> str:
        """The base URL of the API."""
        return f"https://{self.api_host}" if self.api_host else self._own_base(cancellation)

    def _tag_target(self, repository: str, tag: str, digest: str, cancellation: Cancellation | None) -> str:
        """The target whose DELETE deletes one tag. May use the API. Raises ListingUnsupported if there is none."""
        raise self._unsupported()

    # -- deletion of tags

    def deletes_tags(self, *, cancellation: Cancellation | None = None) -> bool:
        """See ``protocol.Lister``. False without a sign-in that the API accepts."""
        return self.tag_deletion and bool(self._headers(cancellation))

    def delete_tag(
        self, repository: str, tag: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> None:
        """See ``protocol.Lister``."""
        target = self._tag_target(repository, tag, digest, cancellation)
        self._api(cancellation).delete(
            target,
            self._headers(cancellation),
            self._credential(),
            subject=f"{repository}:{tag}",
            cancellation=cancellation,
        )

    # -- the walk

    def repositories(
        self, page: str | None = None, query: str = "", *, cancellation: Cancellation | None = None
    ) -> Page[RepositoryInfo]:
        """See ``protocol.Lister``."""
        if page is not None and page.startswith(BY_CATALOGUE):
            return self._catalogued(page, query, cancellation)
        try:
            return self._walk(page, query.strip(), cancellation)
        except (SignInRequired, AccessDenied, NotInRegistry, ListingUnsupported) as error:
            if page is not None:
                raise
            if self.catalogue_too:
                try:
                    found = self._catalogued(page, query, cancellation)
                    # An empty catalogue may mean that the user may not see its content, as on quay.io.
                    if found.items or found.next or query or self.catalogue_first:
                        return found
                except SignInRequired as wanted:
                    raise self._explained(wanted) from error
                except (ListingUnsupported, AccessDenied, NotInRegistry, UnexpectedReply):
                    pass  # both ways failed; the vendor's error is the better explanation
            raise self._explained(error) from error

    def _explained(self, error: RegistryError) -> RegistryError:
        if isinstance(error, ListingUnsupported):
            return error
        if not isinstance(error, SignInRequired):
            return self._unsupported(detail=error.detail)
        return SignInRequired(
            f"{failures.called(self._config)} lists its repositories only after you sign in.",
            registry=self._config.host,
            advice=f"{self.advice or 'Sign in to see them.'} {PIN}",
            detail=error.detail,
        )

    def _catalogued(
        self, page: str | None, query: str, cancellation: Cancellation | None
    ) -> Page[RepositoryInfo]:
        page = page.removeprefix(BY_CATALOGUE) if page else None
        return marked(super().repositories(page, query, cancellation=cancellation))

    def tags(
        self, repository: str, page: str | None = None, *, cancellation: Cancellation | None = None
    ) -> Page[TagInfo]:
        """See ``protocol.Lister``. Uses the registry's own list if the API fails."""
        if page is None or not page.startswith(BY_CATALOGUE):
            try:
                return self._tags(repository, page, cancellation)
            except (
                SignInRequired,
                SignInFailed,
                AccessDenied,
                NotInRegistry,
                ListingUnsupported,
                UnexpectedReply,
            ):
                if page is not None:
                    raise
        page = page.removeprefix(BY_CATALOGUE) if page else None
        return marked(super().tags(repository, page, cancellation=cancellation))

    def _tags(self, repository: str, page: str | None, cancellation: Cancellation | None) -> Page[TagInfo]:
        """One page by the API; ListingUnsupported if it offers no more than the registry."""
        raise self._unsupported()

    def _walk(self, page: str | None, query: str, cancellation: Cancellation | None) -> Page[RepositoryInfo]:
        shelves = self._shelved.get(query) if page is not None else None
        if shelves is None:
            shelves = self._shelves(query, cancellation)[:_MOST_SHELVES]
            self._shelved = {query: shelves}
        if not shelves:
            return Page([], None, 0)
        trail = (
            Trail.start(f"0 {self._first(shelves[0], query)}")
            if page is None
            else Trail.parse(page, self._config)
        )
        index, target = self._place(trail, len(shelves))
        shelf = shelves[index]
        try:
            answer = self._ask(target, cancellation, subject=shelf)
            items, following, total = self._read(shelf, query, answer)
        except (AccessDenied, NotInRegistry, SignInRequired):
            if len(shelves) == 1:
                raise
            items, following, total = (
                [],
                None,
                None,
            )  # one project that is closed to the user does not hide the others
        if following is not None:
            after: str | None = f"{index} {following}"
        else:
            after = (
                f"{index + 1} {self._first(shelves[index + 1], query)}" if index + 1 < len(shelves) else None
            )
        if query:
            wanted = query.lower()
            kept = [item for item in items if self.searches or wanted in item.name.lower()]
            total = total if len(kept) == len(items) and self.searches else None
            items = kept
        return Page(
            items,
            None if after is None else trail.then(after, self._config),
            total if len(shelves) == 1 else None,
        )

    def _place(self, trail: Trail, shelves: int) -> tuple[int, str]:
        place, _, target = trail.target.partition(" ")
        index = number(place)
        if index is None or index >= shelves:
            raise failures.unexpected(self._config, "its namespaces changed while they were listed")
        return index, target

    def _ask(
        self,
        target: str,
        cancellation: Cancellation | None,
        *,
        subject: str = "",
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one signed GET, with the headers *more*."""
        api, headers = self._api(cancellation), self._headers(cancellation)
        credential = self._credential() if headers else None
        return api.get(
            target, {**headers, **(more or {})}, credential, subject=subject, cancellation=cancellation
        )

    def _pages_of(self, target: str, cancellation: Cancellation | None, *, subject: str) -> Iterator[Answer]:
        """The pages from *target* on, at most :data:`_MOST_PAGES`."""
        for _ in range(_MOST_PAGES):
            answer = self._ask(target, cancellation, subject=subject)
            yield answer
            following = self._api().link(answer)
            if following is None:
                return
            target = following

    def _unsupported(self, message: str = "", *, detail: str = "") -> ListingUnsupported:
        return ListingUnsupported(
            message or f"{failures.called(self._config)} does not list its repositories for you.",
            registry=self._config.host,
            advice=f"{self.advice} {PIN}".strip(),
            detail=detail,
        )

    # -- shared

    def _credential(self) -> Credential | None:
        """The registry's credential, looked up once. May run a helper. Raises CredentialsError."""
        with self._lock:
            if self._credential_known:
                return self._found_credential
        found = self._credentials(self._config.host) or None
        if found is not None:
            keep_out(found.secret, found.username)
            keep_out(found.identity_token, found.username)
        with self._lock:
            self._found_credential, self._credential_known = found, True
        return found

    def _api(self, cancellation: Cancellation | None = None) -> VendorApi:
        with self._lock:
            if self._opened is not None:
                return self._opened
        base = self._api_base or self._base(cancellation)
        host = urlsplit(base).netloc
        # The user's files and marks apply to the registry's host, not to another host of its vendor.
        config = self._config if host == self._config.api_host else RegistryConfig(host)
        # A base from the vendor's documentation or the user is trusted; one that the registry named is limited.
        named = not (self._api_base or self.api_host or host == self._config.api_host)
        sent_by = self._client.allowed_addresses if named else None
        made = VendorApi(
            base, Transport(config, self._environ, TlsFiles(config), sent_by=sent_by), self._config
        )
        with self._lock:
            if self._opened is None:
                self._opened = made
                return made
            opened = self._opened
        made.close()
        return opened

    def _own_base(self, cancellation: Cancellation | None) -> str:
        """The registry's own origin. Plain HTTP only if the client found that the registry uses it and may."""
        if self._config.insecure or self._config.is_loopback:
            told = urlsplit(self._client.base(cancellation=cancellation))
            if told.scheme in ("http", "https") and told.netloc == self._config.api_host:
                return f"{told.scheme}://{told.netloc}"
        return f"https://{self._config.api_host}"

    def _trusted_base(self, url: str) -> str | None:
        """The origin of *url* if the registry's credentials may be sent there (https, or allowed by the user), or
        None."""
        parts = urlsplit(url)
        allowed = parts.scheme == "https" or (
            parts.scheme == "http" and (self._config.insecure or is_loopback(parts.hostname or ""))
        )
        return (
            f"{parts.scheme}://{parts.netloc}"
            if allowed and parts.hostname and "@" not in parts.netloc
            else None
        )

    def close(self) -> None:
        """Close idle connections to the API."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()
