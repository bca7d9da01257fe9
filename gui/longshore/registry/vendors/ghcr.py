"""GitHub's container registry, ghcr.io.

GitHub REST API, "Packages" (https://docs.github.com/en/rest/packages/packages): list packages for an organization, a
user, and the authenticated user's namespace; list package versions; pages by Link. It requires a classic personal
access token with ``read:packages``, even for public packages; the same token signs in to ghcr.io
(https://docs.github.com/en/packages/working-with-a-github-packages-registry/working-with-the-container-registry).
"""

from __future__ import annotations

from longshore.cancellation import Cancellation
from longshore.errors import NotInRegistry
from longshore.registry import failures
from longshore.registry.model import Page, TagDetails
from longshore.registry.vendors import read
from longshore.registry.vendors.api import Answer, bearer
from longshore.registry.vendors.base import Found, VendorLister
from longshore.registry.vendors.protocol import TagInfo
from longshore.registry.vendors.trail import Trail

_PAGE = 100


class GhcrLister(VendorLister):
    """Lists the packages of the registry's namespace (an organisation or a user), or the user's own."""

    kind = "ghcr"
    api_host = "api.github.com"
    catalogue_too = False
    advice = "Sign in with a classic access token that has read:packages."

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return {**headers, **bearer(credential.secret)} if credential else {}

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        owner = self._config.namespace.partition("/")[0]
        return [self._owner_path(owner, cancellation) if owner else "/user"]

    def _owner_path(self, owner: str, cancellation: Cancellation | None) -> str:
        """``/orgs/x`` or ``/users/x``: GitHub returns 404 for the wrong one."""
        path = f"/orgs/{read.segment(owner)}"
        try:
            self._ask(read.query_of(f"{path}/packages", package_type="container", per_page=1), cancellation)
        except NotInRegistry:
            return f"/users/{read.segment(owner)}"
        return path

    def _first(self, shelf: str, query: str) -> str:
        return read.query_of(f"{shelf}/packages", package_type="container", per_page=_PAGE)

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        if not isinstance(answer.data, list):
            raise failures.unexpected(self._config, "its API returns no list of packages")
        found = [
            read.repository(
                # References are lower case; names of accounts may have upper case.
                f"{read.words(read.fields(row.get('owner')).get('login')).lower()}/{read.words(row.get('name'))}",
                description=read.line(read.fields(row.get("repository")).get("description")),
                private=None if "visibility" not in row else row["visibility"] != "public",
                updated=read.when(row.get("updated_at")),
            )
            for row in read.rows(answer.data)
        ]
        return read.distinct(found), self._api().link(answer), None

    def _tags(self, repository: str, page: str | None, cancellation: Cancellation | None) -> Page[TagInfo]:
        """One page of tags, from package versions: digests and the dates of their pushes."""
        if page is None and not self._credential():
            raise self._unsupported()  # the registry itself lists public tags without a sign-in
        if page is None:
            trail = Trail.start(self._versions(repository, cancellation))
        else:
            trail = Trail.parse(page, self._config)
        answer = self._ask(trail.target, cancellation, subject=repository)
        if not isinstance(answer.data, list):
            raise failures.unexpected(self._config, "its API returns no list of versions")
        found = [
            read.tag(tag, row.get("name"), created=read.when(row.get("created_at")))
            for row in read.rows(answer.data)
            for tag in _tags_of(row)
        ]
        following = self._api().link(answer)
        return Page(read.present(found), trail.then(following, self._config) if following else None)

    def untagged(self, repository: str, *, cancellation: Cancellation | None = None) -> list[TagDetails]:
        """See ``protocol.Lister``: package versions without a tag (not tried live)."""
        if not self._credential():
            raise self._unsupported("GitHub lists untagged images only after you sign in.")
        first = self._versions(repository, cancellation)
        found = (
            read.untagged(row.get("name"), created=read.when(row.get("created_at")))
            for answer in self._pages_of(first, cancellation, subject=repository)
            for row in read.rows(answer.data)
            if not _tags_of(row)
        )
        return [one for one in found if one is not None]

    def _versions(self, repository: str, cancellation: Cancellation | None) -> str:
        owner, _, name = repository.partition("/")
        path = f"{self._owner_path(owner, cancellation)}/packages/container/{read.segment(name)}/versions"
        return read.query_of(path, per_page=_PAGE, state="active")


def _tags_of(row: dict[str, object]) -> list[object]:
    tags = read.fields(read.fields(row.get("metadata")).get("container")).get("tags")
    return tags if isinstance(tags, list) else []
