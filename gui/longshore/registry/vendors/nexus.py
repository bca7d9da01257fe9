"""Sonatype Nexus Repository.

With a connector port or a host of its own, a docker repository behaves as a registry, catalogue included ("Docker
Registry", https://help.sonatype.com/en/docker-registry.html). With path-based routing, images are below the
repository's name. Then the registry's namespace names the repository, and "Components API"
(https://help.sonatype.com/en/components-api.html, ``continuationToken``) lists it: one component per tag, so names
are repeated on later pages.
"""

from __future__ import annotations

from longshore.cancellation import Cancellation
from longshore.registry import failures
from longshore.registry.vendors import read
from longshore.registry.vendors.api import Answer, basic
from longshore.registry.vendors.base import Found, VendorLister


class NexusLister(VendorLister):
    """Lists by the catalogue, or by components of the registry's namespace (a repository's name)."""

    kind = "nexus"
    catalogue_first = True
    advice = "Sign in…, or add the registry with the name of the docker repository: host/name."

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        return basic(credential) if credential else {}

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        name = self._config.namespace.partition("/")[0]
        if not name:
            raise self._unsupported()  # the catalogue is used instead
        return [name]

    def _first(self, shelf: str, query: str) -> str:
        return read.query_of("/service/rest/v1/components", repository=shelf)

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        data = read.fields(answer.data)
        if "items" not in data:
            raise failures.unexpected(self._config, "its API returns no list of components")
        found = [
            read.repository(f"{shelf}/{read.words(row.get('name'))}")
            for row in read.rows(data["items"])
            if row.get("format") == "docker"
        ]
        token = read.words(data.get("continuationToken"))
        following = None
        if token:
            following = read.query_of(
                "/service/rest/v1/components", repository=shelf, continuationToken=token
            )
        return read.distinct(found), following, None
