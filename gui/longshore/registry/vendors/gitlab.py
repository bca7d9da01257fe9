"""GitLab's container registry, on gitlab.com and elsewhere.

GitLab API, "Container registry API" (https://docs.gitlab.com/api/container_registry/): registry repositories of a
group and of a project; ``PRIVATE-TOKEN`` and paging as in "REST API" (https://docs.gitlab.com/api/rest/). There is no
list of all repositories, and the catalogue is for administrators only. Tags come from the registry itself: the API's
list of tags has only their names.

"Delete a registry repository tag" needs the ids of project and repository; it is for registries that are too old to
delete a tag themselves (not tried live).

The address of GitLab itself is that of the registry's token service ("Container registry token authentication":
realm ``https://gitlab.example.com/jwt/auth``), which receives the registry's credentials anyway.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from longshore.cancellation import Cancellation
from longshore.errors import NotInRegistry
from longshore.registry import failures
from longshore.registry.vendors import read
from longshore.registry.vendors.api import Answer
from longshore.registry.vendors.base import Found, VendorLister

_PAGE = 100
#: Most pages of one project's repositories.
_MOST_PAGES = 100
TOKEN_PATH = "/jwt/auth"


class GitLabLister(VendorLister):
    """Lists the repositories of the registry's namespace: a group with its subgroups, or one project."""

    kind = "gitlab"
    catalogue_too = False
    tag_deletion = True
    advice = (
        "Add the registry with a group or project (registry.gitlab.com/group) and sign in with a token that has "
        "read_api."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._ids: dict[str, tuple[str, int]] = {}

    def _base(self, cancellation: Cancellation | None) -> str:
        if self._config.host == "registry.gitlab.com":
            return "https://gitlab.com"
        realm = self._client.check(cancellation=cancellation).realm
        base = self._trusted_base(realm) if urlsplit(realm).path.endswith(TOKEN_PATH) else None
        if base:
            # GitLab may be below a path, and so is its token service.
            return base + urlsplit(realm).path.removesuffix(TOKEN_PATH)
        raise self._unsupported(f"{failures.called(self._config)} does not report the address of its GitLab.")

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        if credential is None or not (credential.secret.isascii() and credential.secret.isprintable()):
            return {}
        return {"PRIVATE-TOKEN": credential.secret} if credential.secret else {}

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        if not self._config.namespace:
            raise self._unsupported("GitLab lists repositories only for a group or project.")
        place = read.segment(self._config.namespace)
        group = f"/api/v4/groups/{place}/registry/repositories"
        try:
            self._ask(read.query_of(group, per_page=1), cancellation)
        except NotInRegistry:
            return [f"/api/v4/projects/{place}/registry/repositories"]
        return [group]

    def _first(self, shelf: str, query: str) -> str:
        return read.query_of(shelf, per_page=_PAGE, tags_count="true" if "/projects/" in shelf[:18] else None)

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        if not isinstance(answer.data, list):
            raise failures.unexpected(self._config, "its API returns no list of repositories")
        found = [
            read.repository(
                read.words(row.get("path")),
                tag_count=read.count(row.get("tags_count")),
                updated=read.when(row.get("created_at")),
            )
            for row in read.rows(answer.data)
        ]
        following = self._api().link(answer)
        if following is None and (number := read.count(answer.headers.get("X-Next-Page"))):
            following = _page(answer.target, number)
        return read.distinct(found), following, read.count(answer.headers.get("X-Total"))

    def _tag_target(self, repository: str, tag: str, digest: str, cancellation: Cancellation | None) -> str:
        if repository not in self._ids:
            self._ids[repository] = self._found_ids(repository, cancellation)
        project, number = self._ids[repository]
        return f"{project}/{number}/tags/{read.segment(tag)}"

    def _found_ids(self, repository: str, cancellation: Cancellation | None) -> tuple[str, int]:
        """The path of the project's repositories, and the id of *repository*, which is named as its project or has up
        to two more components."""
        parts = repository.split("/")
        for length in range(len(parts), max(len(parts) - 3, 1), -1):
            project = f"/api/v4/projects/{read.segment('/'.join(parts[:length]))}/registry/repositories"
            target: str | None = read.query_of(project, per_page=_PAGE)
            for _ in range(_MOST_PAGES):
                if target is None:
                    break
                try:
                    answer = self._ask(target, cancellation, subject=repository)
                except NotInRegistry:
                    break
                for row in read.rows(answer.data):
                    number = read.count(row.get("id"))
                    if read.words(row.get("path")) == repository and number is not None:
                        return project, number
                target = self._api().link(answer)
        raise self._unsupported(f"GitLab does not show the repository {repository} in its project.")


def _page(target: str, number: int) -> str:
    path, _, query = target.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("page=")]
    return f"{path}?{'&'.join([*kept, f'page={number}'])}"
