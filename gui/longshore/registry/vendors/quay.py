"""Quay, on quay.io and elsewhere.

Red Hat Quay API reference (https://docs.redhat.com/en/documentation/red_hat_quay/, "Red Hat Quay API reference"):
``GET /api/v1/repository`` (namespace, next_page), ``GET /api/v1/repository/{repository}/tag/``, and
``GET /api/v1/find/repositories`` for searching; deleteFullTag deletes a tag and keeps its manifest for Quay's time
machine (not tried live). The API accepts only OAuth tokens, so passwords of robots and users,
which sign in to the registry, are not sent to it. The user ``$oauthtoken`` has such a token. Without one the API lists
public repositories; private ones are in the registry's catalogue ("Docker Registry v2 authentication").
"""

from __future__ import annotations

from datetime import datetime

from longshore.cancellation import Cancellation
from longshore.oci.scan_result import ScanResult
from longshore.registry import failures
from longshore.registry.model import Page
from longshore.registry.vendors import quay_scans, read
from longshore.registry.vendors.api import Answer, bearer
from longshore.registry.vendors.base import Found, VendorLister
from longshore.registry.vendors.protocol import TagInfo
from longshore.registry.vendors.trail import Trail

_OAUTH_USER = "$oauthtoken"
_SEARCH = "\0search"
_PAGE = 100


class QuayLister(VendorLister):
    """Lists and searches the registry's namespace by the API; everything else by the catalogue."""

    kind = "quay"
    searches = True
    tag_deletion = True
    advice = "Add the registry with an organisation: quay.io/name (Add registry…)."

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        return bearer(credential.secret) if credential and credential.username == _OAUTH_USER else {}

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        namespace = self._config.namespace.partition("/")[0]
        if namespace and self._credential() and not self._headers(cancellation):
            raise self._unsupported()  # the catalogue also has the private repositories
        if namespace:
            return [namespace]
        if query:
            return [_SEARCH]
        raise self._unsupported("Quay lists repositories of one organisation or user only.")

    def _first(self, shelf: str, query: str) -> str:
        if shelf == _SEARCH:
            return read.query_of("/api/v1/find/repositories", query=query, page=1)
        public = None if self._headers(None) else "true"
        return read.query_of("/api/v1/repository", namespace=shelf, public=public, last_modified="true")

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        data = read.fields(answer.data)
        if shelf == _SEARCH:
            return self._searched(query, data)
        if "repositories" not in data:
            raise failures.unexpected(self._config, "its API returns no list of repositories")
        found = [
            read.repository(
                f"{read.words(row.get('namespace'))}/{read.words(row.get('name'))}",
                description=read.line(row.get("description")),
                private=None if read.truth(row.get("is_public")) is None else not row["is_public"],
                updated=_since(row.get("last_modified")),
            )
            for row in read.rows(data["repositories"])
            if row.get("kind", "image") == "image"
        ]
        items = [item for item in read.distinct(found) if query.lower() in item.name]
        token = read.words(data.get("next_page"))
        following = None
        if token:
            public = None if self._headers(None) else "true"
            following = read.query_of(
                "/api/v1/repository", namespace=shelf, public=public, last_modified="true", next_page=token
            )
        return items, following, None

    def _searched(self, query: str, data: dict[str, object]) -> Found:
        if "results" not in data:
            raise failures.unexpected(self._config, "its API returns no results")
        found = [
            read.repository(
                f"{read.words(read.fields(row.get('namespace')).get('name'))}/{read.words(row.get('name'))}",
                description=read.line(row.get("description")),
                stars=read.count(row.get("stars")),
                private=None if read.truth(row.get("is_public")) is None else not row["is_public"],
                updated=_since(row.get("last_modified")),
            )
            for row in read.rows(data["results"])
            if row.get("kind") == "repository"
        ]
        number = read.count(data.get("page")) or 1
        following = None
        if data.get("has_additional") is True:
            following = read.query_of("/api/v1/find/repositories", query=query, page=number + 1)
        return read.distinct(found), following, None

    def _tags(self, repository: str, page: str | None, cancellation: Cancellation | None) -> Page[TagInfo]:
        """One page of tags with digests, sizes (not of indexes) and the dates of pushes."""
        path = _tags_path(repository)
        first = read.query_of(path, onlyActiveTags="true", limit=_PAGE, page=1)
        trail = Trail.start(first) if page is None else Trail.parse(page, self._config)
        answer = self._ask(trail.target, cancellation, subject=repository)
        data = read.fields(answer.data)
        if "tags" not in data:
            raise failures.unexpected(self._config, "its API returns no list of tags")
        found = [
            read.tag(
                row.get("name"),
                row.get("manifest_digest"),
                size=None if row.get("is_manifest_list") else read.count(row.get("size")),
                created=read.when(row.get("last_modified")),
            )
            for row in read.rows(data["tags"])
        ]
        after = None
        if data.get("has_additional") is True:
            number = (read.count(data.get("page")) or 1) + 1
            after = trail.then(
                read.query_of(path, onlyActiveTags="true", limit=_PAGE, page=number), self._config
            )
        return Page(read.present(found), after)

    def scan_result(
        self, repository: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> ScanResult | None:
        """See ``protocol.Lister``."""
        answer = self._ask(quay_scans.target(repository, digest), cancellation, subject=repository)
        return quay_scans.findings(answer.data)

    def _tag_target(self, repository: str, tag: str, digest: str, cancellation: Cancellation | None) -> str:
        return _tags_path(repository) + read.segment(tag)


def _tags_path(repository: str) -> str:
    return f"/api/v1/repository/{'/'.join(map(read.segment, repository.split('/')))}/tag/"


def _since(value: object) -> datetime | None:
    """A time: seconds since 1970 for repositories, as in mail headers for tags."""
    return read.epoch(value) or read.when(value)
