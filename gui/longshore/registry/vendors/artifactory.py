"""JFrog Artifactory.

JFrog REST APIs (https://jfrog.com/help/r/jfrog-rest-apis): "Get Repositories"
(``/api/repositories?packageType=docker``) and "List Docker Repositories"
(``/api/docker/{repo-key}/v2/_catalog?n&last``). Only the repository-path method is listed, where references are
``host/repo-key/image``. Basic with a password or token, Bearer with an identity token.
"""

from __future__ import annotations

from longshore.cancellation import Cancellation
from longshore.registry import failures
from longshore.registry.vendors import read
from longshore.registry.vendors.api import Answer, basic, bearer
from longshore.registry.vendors.base import Found, VendorLister

_PAGE = 500


class ArtifactoryLister(VendorLister):
    """Lists all docker repositories of the user, or the registry's namespace (a repository's key)."""

    kind = "artifactory"
    advice = "Sign in…, or add the registry with a repository's key: host/docker-local."

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        if credential is None:
            return {}
        return basic(credential) if credential.secret else bearer(credential.identity_token)

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        key = self._config.namespace.partition("/")[0]
        if key:
            return [key]
        data = self._ask("/artifactory/api/repositories?packageType=docker", cancellation).data
        if not isinstance(data, list):
            raise failures.unexpected(self._config, "its API returns no list of repositories")
        # Virtual repositories only repeat the contents of others.
        found = [read.words(row.get("key")) for row in read.rows(data) if row.get("type") != "VIRTUAL"]
        return list(dict.fromkeys(key for key in found if key))

    def _first(self, shelf: str, query: str) -> str:
        return read.query_of(f"/artifactory/api/docker/{read.segment(shelf)}/v2/_catalog", n=_PAGE)

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        names = read.fields(answer.data).get("repositories")
        if not isinstance(names, list | None) or not isinstance(answer.data, dict):
            raise failures.unexpected(self._config, "its API returns no list of repositories")
        names = [name for name in names or () if isinstance(name, str) and name]
        found = read.distinct(read.repository(f"{shelf}/{name}") for name in names)
        following = self._api().link(answer)
        if following is None and len(names) >= _PAGE:
            path = answer.target.partition("?")[0]
            following = read.query_of(path, n=_PAGE, last=names[-1])
        return found, following, None
