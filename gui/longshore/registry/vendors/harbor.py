"""Harbor.

Harbor API 2.0 (https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml): listAllRepositories,
listRepositories and listArtifacts; pages by Link, ``X-Total-Count``, searching by ``q=name=~…``. Sign-in by Basic,
also for robots. The catalogue is for administrators only. A slash in a repository's name is encoded twice. Its
registry refuses to delete tags; deleteTag does that and keeps the artifact (not tried live).
"""

from __future__ import annotations

from typing import Any

from longshore.cancellation import Cancellation
from longshore.errors import NotInRegistry, UnexpectedReply
from longshore.oci.platform import Platform
from longshore.oci.scan_result import ScanResult
from longshore.registry import failures
from longshore.registry.model import Page, TagDetails
from longshore.registry.vendors import harbor_scans, read
from longshore.registry.vendors.api import Answer, basic
from longshore.registry.vendors.base import Found, VendorLister
from longshore.registry.vendors.protocol import TagInfo
from longshore.registry.vendors.trail import Trail

_PAGE = 100


class HarborLister(VendorLister):
    """Lists all repositories that the user may see, or those of the registry's namespace (a project)."""

    kind = "harbor"
    searches = True
    tag_deletion = True
    advice = "Sign in…, or add the registry with a project you may see: host/project."

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        return basic(credential) if credential else {}

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        return [self._config.namespace.partition("/")[0]]

    def _first(self, shelf: str, query: str) -> str:
        path = f"/api/v2.0/projects/{read.segment(shelf)}/repositories" if shelf else "/api/v2.0/repositories"
        # Harbor's query syntax reserves these characters.
        wanted = query.translate(str.maketrans("", "", ",=()[]{}~"))
        return read.query_of(path, page=1, page_size=_PAGE, q=f"name=~{wanted}" if wanted else None)

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        if not isinstance(answer.data, list):
            raise failures.unexpected(self._config, "its API returns no list of repositories")
        found = [
            read.repository(
                read.words(row.get("name")),
                description=read.line(row.get("description")),
                updated=read.when(row.get("update_time")),
            )
            for row in read.rows(answer.data)
        ]
        return read.distinct(found), self._api().link(answer), read.count(answer.headers.get("X-Total-Count"))

    def _tags(self, repository: str, page: str | None, cancellation: Cancellation | None) -> Page[TagInfo]:
        """One page of tags, from artifacts: digests, sizes, platforms, and the dates of images."""
        first = read.query_of(_artifacts(repository), with_tag="true", page=1, page_size=_PAGE)
        trail = Trail.start(first) if page is None else Trail.parse(page, self._config)
        answer = self._ask(trail.target, cancellation, subject=repository)
        if not isinstance(answer.data, list):
            raise failures.unexpected(self._config, "its API returns no list of artifacts")
        found = [tag for row in read.rows(answer.data) for tag in _tags_of(row)]
        following = self._api().link(answer)
        return Page(read.present(found), trail.then(following, self._config) if following else None)

    def untagged(self, repository: str, *, cancellation: Cancellation | None = None) -> list[TagDetails]:
        """See ``protocol.Lister``: listArtifacts with ``q=tags=nil`` (not tried live)."""
        first = read.query_of(_artifacts(repository), q="tags=nil", page=1, page_size=_PAGE)
        rows = [
            row
            for answer in self._pages_of(first, cancellation, subject=repository)
            for row in read.rows(answer.data)
            if not row.get("tags")
        ]
        found = (
            read.untagged(
                row.get("digest"),
                size=None if children else read.count(row.get("size")),
                platforms=_platforms_of(row, children),
                created=read.when(read.fields(row.get("extra_attrs")).get("created"))
                or read.when(row.get("push_time")),
                media_type=row.get("manifest_media_type"),
            )
            for row in rows
            for children in [read.rows(row.get("references"))]
        )
        return [one for one in found if one is not None]

    def project_number(self, repository: str, *, cancellation: Cancellation | None = None) -> int | None:
        """See ``protocol.Lister``: getProject, whose pages are below ``/harbor/projects/NUMBER`` (not tried live)."""
        project = repository.partition("/")[0]
        answer = self._ask(f"/api/v2.0/projects/{read.segment(project)}", cancellation, subject=project)
        number = read.count(read.fields(answer.data).get("project_id"))
        if number is None:
            raise failures.unexpected(self._config, "its API returns no number of the project", project)
        return number

    def scan_result(
        self, repository: str, digest: str, *, cancellation: Cancellation | None = None
    ) -> ScanResult | None:
        """See ``protocol.Lister``. The numbers, and the list of findings if it is not too long."""
        artifact = f"{_artifacts(repository)}/{read.segment(digest)}"
        overview = self._ask(
            f"{artifact}?with_scan_overview=true", cancellation, subject=repository, more=harbor_scans.ACCEPT
        )
        counted = harbor_scans.overview(overview.data)
        if counted is None:
            return None
        try:
            listed = self._ask(
                f"{artifact}/additions/vulnerabilities",
                cancellation,
                subject=repository,
                more=harbor_scans.ACCEPT,
            )
        except (NotInRegistry, UnexpectedReply):
            return counted
        return harbor_scans.findings(listed.data) or counted

    def _tag_target(self, repository: str, tag: str, digest: str, cancellation: Cancellation | None) -> str:
        return f"{_artifacts(repository)}/{read.segment(digest)}/tags/{read.segment(tag)}"


def _artifacts(repository: str) -> str:
    project, _, name = repository.partition("/")
    encoded = read.segment(read.segment(name)) if "/" in name else read.segment(name)
    return f"/api/v2.0/projects/{read.segment(project)}/repositories/{encoded}/artifacts"


def _tags_of(row: dict[str, Any]) -> list[TagInfo | None]:
    children = read.rows(row.get("references"))
    image = read.fields(row.get("extra_attrs"))
    platforms = _platforms_of(row, children)
    return [
        read.tag(
            tag.get("name"),
            row.get("digest"),
            # Harbor reports the size of an index for all platforms together.
            size=None if children else read.count(row.get("size")),
            platforms=platforms,
            created=read.when(image.get("created"))
            or read.when(tag.get("push_time"))
            or read.when(row.get("push_time")),
            media_type=row.get("manifest_media_type"),
            complete=not children,
        )
        for tag in read.rows(row.get("tags"))
    ]


def _platforms_of(row: dict[str, Any], children: list[dict[str, Any]]) -> list[Platform | None]:
    named = [read.platform(read.fields(child.get("platform"))) for child in children]
    return named or [read.platform(read.fields(row.get("extra_attrs")))]
