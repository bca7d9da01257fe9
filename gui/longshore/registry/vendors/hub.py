"""Docker Hub.

Docker Hub API reference (https://docs.docker.com/reference/api/hub/latest/): "Create access token"
(``POST /v2/auth/token``, identifier and secret), "List repositories in a namespace", "List repository tags", "Read
repository tag". The registry has no catalogue, and a GET of a manifest counts as a pull; these requests do not.

Undocumented, but used by Docker's own hub-tool and web pages: the search (``/v2/search/repositories/``), the user's
organisations (``/v2/user/orgs/``), and the deletion of a tag (``DELETE /v2/repositories/NAMESPACE/NAME/tags/TAG/``,
hub-tool's ``pkg/hub/tags.go``; not tried live). If they fail, listing a namespace still works.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

from longshore.cancellation import Cancellation, holding
from longshore.errors import AccessDenied, NotInRegistry, RegistryFailure, UnexpectedReply
from longshore.registry import failures
from longshore.registry.model import Page
from longshore.registry.vendors import read
from longshore.registry.vendors.api import Answer, bearer
from longshore.registry.vendors.base import Found, VendorLister
from longshore.registry.vendors.protocol import RepositoryInfo, TagInfo
from longshore.registry.vendors.trail import Trail

#: The namespace of the official images, listed for users who are not signed in.
OFFICIAL = "library"
_SEARCH = "\0search"
_PAGE = 100
#: Seconds for which a token is used; the API does not report its life, its documentation says ten minutes.
_TOKEN_LIFE = 480.0


class HubLister(VendorLister):
    """Lists the user's own namespaces, the registry's namespace, or the official images. A query searches all of
    Docker Hub (undocumented), or the namespace."""

    kind = "hub"
    searches = True
    api_host = "hub.docker.com"
    catalogue_too = False
    tag_deletion = True
    advice = "Sign in…, or add the registry with a namespace: docker.io/name."

    _token = ""
    _token_until = 0.0
    _fetching: threading.Lock

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._fetching = threading.Lock()

    # -- sign-in

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        if credential is None or not credential.secret:
            return {}  # an identity token is for auth.docker.io only
        with holding(self._fetching, cancellation):
            if time.monotonic() >= self._token_until:
                document = {"identifier": credential.username, "secret": credential.secret}
                try:
                    answer = self._api().post(
                        "/v2/auth/token", credential, document, cancellation=cancellation
                    )
                except AccessDenied as error:
                    raise failures.wrong_password(self._config, error.detail) from error
                self._token = read.words(read.fields(answer.data).get("access_token"))
                if not bearer(self._token):
                    raise failures.unexpected(self._config, "its API returns no token")
                self._token_until = time.monotonic() + _TOKEN_LIFE
            return bearer(self._token)

    # -- repositories

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        if self._config.namespace:
            return [self._config.namespace.partition("/")[0]]
        if query:
            return [_SEARCH]
        return list(dict.fromkeys(self._own(cancellation))) or [OFFICIAL]

    def _own(self, cancellation: Cancellation | None) -> list[str]:
        """The user's namespace and those of the organisations."""
        credential = self._credential()
        if credential is None or not credential.secret or not self._headers(cancellation):
            return []
        names = [credential.username.lower()]
        with suppress(
            AccessDenied, NotInRegistry, RegistryFailure, UnexpectedReply
        ):  # undocumented: it may disappear
            answer = self._ask(read.query_of("/v2/user/orgs/", page_size=_PAGE), cancellation)
            names += [
                read.words(row.get("orgname")) for row in read.rows(read.fields(answer.data).get("results"))
            ]
        return [name for name in names if name and "@" not in name]

    def _first(self, shelf: str, query: str) -> str:
        if shelf == _SEARCH:
            return read.query_of("/v2/search/repositories/", query=query, page_size=_PAGE)
        path = f"/v2/namespaces/{read.segment(shelf)}/repositories"
        return read.query_of(path, page_size=_PAGE, name=query)

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        data = read.fields(answer.data)
        if not isinstance(data.get("results"), list | None) or "results" not in data:
            raise failures.unexpected(self._config, "its API returns no list of repositories")
        found = [self._row(shelf, row) for row in read.rows(data["results"])]
        if query and shelf != _SEARCH:  # an older API does not know the parameter
            found = [item for item in found if item is not None and query.lower() in item.name]
        return read.distinct(found), self._next(answer), read.count(data.get("count"))

    def _row(self, shelf: str, row: dict[str, Any]) -> RepositoryInfo | None:
        if shelf == _SEARCH:
            name = read.words(row.get("repo_name"))
            official = row.get("is_official") is True
            return read.repository(
                name if "/" in name else f"{OFFICIAL}/{name}",
                description=read.line(row.get("short_description")),
                stars=read.count(row.get("star_count")),
                official=official,
            )
        return read.repository(
            f"{read.words(row.get('namespace')) or shelf}/{read.words(row.get('name'))}",
            description=read.line(row.get("description")),
            stars=read.count(row.get("star_count")),
            official=shelf == OFFICIAL,
            private=read.truth(row.get("is_private")),
            updated=read.when(row.get("last_updated")),
        )

    def _next(self, answer: Answer) -> str | None:
        following = read.words(read.fields(answer.data).get("next"))
        return self._api().local(following, answer.target) if following else None

    # -- tags

    def _tags(self, repository: str, page: str | None, cancellation: Cancellation | None) -> Page[TagInfo]:
        """One page of tags. Sizes are those of the host's platform, dates those of the push."""
        path = self._tags_path(repository)
        trail = (
            Trail.start(read.query_of(path, page_size=_PAGE))
            if page is None
            else Trail.parse(page, self._config)
        )
        answer = self._ask(trail.target, cancellation, subject=repository)
        data = read.fields(answer.data)
        if "results" not in data:
            raise failures.unexpected(self._config, "its API returns no list of tags")
        following = self._next(answer)
        after = trail.then(following, self._config) if following else None
        return Page(
            read.present(self._tag(row) for row in read.rows(data["results"])),
            after,
            read.count(data.get("count")),
        )

    def tag_info(
        self, repository: str, tag: str, *, cancellation: Cancellation | None = None
    ) -> TagInfo | None:
        """See ``protocol.Lister``. Costs no pull."""
        target = f"{self._tags_path(repository)}/{read.segment(tag)}"
        return self._tag(read.fields(self._ask(target, cancellation, subject=f"{repository}:{tag}").data))

    @staticmethod
    def _tags_path(repository: str) -> str:
        namespace, _, name = repository.partition("/")
        return f"/v2/namespaces/{read.segment(namespace)}/repositories/{read.segment(name)}/tags"

    def _tag_target(self, repository: str, tag: str, digest: str, cancellation: Cancellation | None) -> str:
        namespace, _, name = repository.partition("/")
        return f"/v2/repositories/{read.segment(namespace)}/{read.segment(name)}/tags/{read.segment(tag)}/"

    @staticmethod
    def _tag(row: dict[str, Any]) -> TagInfo | None:
        images = read.rows(row.get("images"))
        platforms = [read.platform(image) for image in images]
        chosen = read.best(platforms)
        size = (
            read.count(images[chosen].get("size")) if chosen is not None else read.count(row.get("full_size"))
        )
        digest = row.get("digest") or (images[0].get("digest") if len(images) == 1 else "")
        return read.tag(
            row.get("name"),
            digest,
            size=size,
            platforms=platforms,
            images=[image.get("digest") for image in images],
            created=read.when(row.get("tag_last_pushed")) or read.when(row.get("last_updated")),
            media_type=row.get("media_type"),
            complete=True,
        )
