"""Google Artifact Registry.

REST reference (https://cloud.google.com/artifact-registry/docs/reference/rest): projects.locations.repositories.list,
.packages.list and .packages.versions.list (view FULL has tags, size and times). Access tokens only: the user
``oauth2accesstoken``, or ``_dcgcloud_token`` of gcloud's credential helper ("Set up authentication for Docker"). Keys
of service accounts (``_json_key``) would have to sign token requests and are not sent; the catalogue is tried instead.
"""

from __future__ import annotations

from urllib.parse import unquote

from longshore.cancellation import Cancellation
from longshore.registry import failures
from longshore.registry.model import Page
from longshore.registry.vendors import read
from longshore.registry.vendors.api import Answer, bearer
from longshore.registry.vendors.base import Found, VendorLister
from longshore.registry.vendors.protocol import TagInfo
from longshore.registry.vendors.trail import Trail

_TOKEN_USERS = ("oauth2accesstoken", "_dcgcloud_token")
SUFFIX = "-docker.pkg.dev"
_PAGE = 500
_MOST_REPOSITORIES = 20  # pages


class GoogleLister(VendorLister):
    """Lists a project's repositories or one of them: the registry's namespace is ``project`` or
    ``project/repository``."""

    kind = "google"
    api_host = "artifactregistry.googleapis.com"
    advice = "Add the registry with a project (host/project); sign in with gcloud auth configure-docker."

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        return bearer(credential.secret) if credential and credential.username in _TOKEN_USERS else {}

    def _parent(self, project: str) -> str:
        """The API path of *project*'s repositories. A project of a domain is ``example.com:project`` here, and has a
        slash in references."""
        location = self._config.host.partition(":")[0].removesuffix(SUFFIX)
        return f"/v1/projects/{read.segment(project)}/locations/{read.segment(location)}/repositories"

    def _split(self, path: str) -> tuple[str, list[str]]:
        """Project and the rest of a path that is written as in references."""
        parts = [part for part in path.split("/") if part]
        if parts and "." in parts[0] and len(parts) > 1:
            return f"{parts[0]}:{parts[1]}", parts[2:]
        return (parts[0], parts[1:]) if parts else ("", [])

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        project, rest = self._split(self._config.namespace)
        if not project or not self._headers(cancellation):
            raise self._unsupported()
        if rest:
            return [f"{project.replace(':', '/')}/{rest[0]}"]
        names: list[str] = []
        target = read.query_of(self._parent(project), pageSize=_PAGE)
        for _ in range(_MOST_REPOSITORIES):
            data = read.fields(self._ask(target, cancellation, subject=project).data)
            names += [
                read.words(row.get("name")).rpartition("/")[2]
                for row in read.rows(data.get("repositories"))
                if row.get("format") == "DOCKER"
            ]
            token = read.words(data.get("nextPageToken"))
            if not token:
                break
            target = read.query_of(self._parent(project), pageSize=_PAGE, pageToken=token)
        return [f"{project.replace(':', '/')}/{name}" for name in dict.fromkeys(names) if name]

    def _packages(self, shelf: str) -> str:
        project, rest = self._split(shelf)
        return f"{self._parent(project)}/{read.segment(rest[0])}/packages"

    def _first(self, shelf: str, query: str) -> str:
        return read.query_of(self._packages(shelf), pageSize=_PAGE)

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        data = read.fields(answer.data)
        if not isinstance(answer.data, dict):
            raise failures.unexpected(self._config, "its API returns no list of packages")
        found = [
            read.repository(
                # The package's name has encoded slashes where the image's name has slashes.
                f"{shelf}/{unquote(read.words(row.get('name')).rpartition('/packages/')[2])}",
                updated=read.when(row.get("updateTime")),
            )
            for row in read.rows(data.get("packages"))
        ]
        token = read.words(data.get("nextPageToken"))
        following = read.query_of(self._packages(shelf), pageSize=_PAGE, pageToken=token) if token else None
        return read.distinct(found), following, None

    def _tags(self, repository: str, page: str | None, cancellation: Cancellation | None) -> Page[TagInfo]:
        """One page of tags, from versions: digests, sizes and times."""
        project, rest = self._split(repository)
        if len(rest) < 2 or not self._headers(cancellation):
            raise self._unsupported()
        package = read.segment("/".join(rest[1:]))
        path = f"{self._parent(project)}/{read.segment(rest[0])}/packages/{package}/versions"
        first = read.query_of(path, view="FULL", pageSize=_PAGE)
        trail = Trail.start(first) if page is None else Trail.parse(page, self._config)
        answer = self._ask(trail.target, cancellation, subject=repository)
        if not isinstance(answer.data, dict):
            raise failures.unexpected(self._config, "its API returns no list of versions")
        found = []
        for row in read.rows(answer.data.get("versions")):
            told = read.fields(row.get("metadata"))
            created = read.when(told.get("buildTime")) or read.when(row.get("createTime"))
            for tag in read.rows(row.get("relatedTags")):
                found.append(
                    read.tag(
                        read.words(tag.get("name")).rpartition("/tags/")[2],
                        read.words(row.get("name")).rpartition("/versions/")[2],
                        size=read.count(told.get("imageSizeBytes")) or None,
                        created=created,
                        media_type=told.get("mediaType"),
                    )
                )
        token = read.words(answer.data.get("nextPageToken"))
        following = read.query_of(path, view="FULL", pageSize=_PAGE, pageToken=token) if token else ""
        return Page(read.present(found), trail.then(following, self._config) if following else None)
