"""DigitalOcean's container registry.

API reference (https://docs.digitalocean.com/reference/api/, "Container Registry"): get the registry, list repositories
(V2), list repository tags; ``links.pages.next``, ``meta.total``. Requires an API token, which also signs in to the
registry as both user name and password. The API refuses tokens that are only for the registry
(``doctl registry login``).
"""

from __future__ import annotations

from longshore.cancellation import Cancellation
from longshore.registry import failures
from longshore.registry.model import Page
from longshore.registry.vendors import read
from longshore.registry.vendors.api import Answer, bearer
from longshore.registry.vendors.base import Found, VendorLister
from longshore.registry.vendors.protocol import TagInfo
from longshore.registry.vendors.trail import Trail

_PAGE = 100


class DigitalOceanLister(VendorLister):
    """Lists the registry's namespace (the name of a registry), or the only registry of the account."""

    kind = "digitalocean"
    api_host = "api.digitalocean.com"
    catalogue_too = False
    advice = "Sign in with an API token that may read registries, as both user name and password."

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        return bearer(credential.secret) if credential else {}

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        name = self._config.namespace.partition("/")[0]
        if not name:
            data = read.fields(self._ask("/v2/registry", cancellation).data)
            name = read.words(read.fields(data.get("registry")).get("name"))
            if not name:
                raise failures.unexpected(self._config, "its API returns no registry")
        return [name]

    def _first(self, shelf: str, query: str) -> str:
        return read.query_of(f"/v2/registry/{read.segment(shelf)}/repositoriesV2", page=1, per_page=_PAGE)

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        data = read.fields(answer.data)
        if "repositories" not in data:
            raise failures.unexpected(self._config, "its API returns no list of repositories")
        found = [
            read.repository(
                f"{shelf}/{read.words(row.get('name'))}",
                private=True,
                tag_count=read.count(row.get("tag_count")),
                updated=read.when(read.fields(row.get("latest_manifest")).get("updated_at")),
            )
            for row in read.rows(data["repositories"])
        ]
        return read.distinct(found), self._next(answer), self._total(answer)

    def _tags(self, repository: str, page: str | None, cancellation: Cancellation | None) -> Page[TagInfo]:
        """One page of tags with digests, sizes and the dates of pushes."""
        registry, _, name = repository.partition("/")
        path = f"/v2/registry/{read.segment(registry)}/repositories/{read.segment(name)}/tags"
        first = read.query_of(path, page=1, per_page=_PAGE)
        trail = Trail.start(first) if page is None else Trail.parse(page, self._config)
        answer = self._ask(trail.target, cancellation, subject=repository)
        data = read.fields(answer.data)
        if "tags" not in data:
            raise failures.unexpected(self._config, "its API returns no list of tags")
        found = [
            read.tag(
                row.get("tag"),
                row.get("manifest_digest"),
                size=read.count(row.get("compressed_size_bytes")) or None,
                created=read.when(row.get("updated_at")),
            )
            for row in read.rows(data["tags"])
        ]
        following = self._next(answer)
        after = trail.then(following, self._config) if following else None
        return Page(read.present(found), after, self._total(answer))

    def _next(self, answer: Answer) -> str | None:
        pages = read.fields(read.fields(read.fields(answer.data).get("links")).get("pages"))
        following = read.words(pages.get("next"))
        return self._api().local(following, answer.target) if following else None

    @staticmethod
    def _total(answer: Answer) -> int | None:
        return read.count(read.fields(read.fields(answer.data).get("meta")).get("total"))
