"""Azure Container Registry.

Repositories by the registry's catalogue. Tags by "Tag - Get List" (https://learn.microsoft.com/rest/api/containerregistry/
tag/get-list, ``GET /acr/v1/{name}/_tags``), which has digests and times. Sign-in by Basic (administrator, service
principal, repository-scoped token), or by ``POST /oauth2/token`` ("AAD-OAuth",
https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md) for the user of zeros whose password is a refresh token
(``az acr login``).
"""

from __future__ import annotations

from longshore.cancellation import Cancellation
from longshore.registry import failures
from longshore.registry.model import Page
from longshore.registry.vendors import read
from longshore.registry.vendors.api import basic, bearer
from longshore.registry.vendors.base import VendorLister
from longshore.registry.vendors.protocol import TagInfo
from longshore.registry.vendors.trail import Trail

_TOKEN_USER = "00000000-0000-0000-0000-000000000000"
_PAGE = 100


class AcrLister(VendorLister):
    """Lists by the catalogue, with Azure's own list of tags."""

    kind = "acr"
    catalogue_first = True
    advice = "Sign in… as someone with AcrPull, or run az acr login."

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        raise self._unsupported()  # the catalogue is used instead

    def _signed(self, repository: str, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        if credential is None:
            return {}
        refresh = credential.identity_token or (
            credential.secret if credential.username == _TOKEN_USER else ""
        )
        if not refresh:
            return basic(credential)
        form = {
            "grant_type": "refresh_token",
            "service": self._config.host,
            "scope": f"repository:{repository}:metadata_read",
            "refresh_token": refresh,
        }
        answer = self._api(cancellation).post(
            "/oauth2/token", credential, form=form, cancellation=cancellation
        )
        return bearer(read.words(read.fields(answer.data).get("access_token")))

    def _tags(self, repository: str, page: str | None, cancellation: Cancellation | None) -> Page[TagInfo]:
        """One page of tags with digests and times."""
        path = f"/acr/v1/{'/'.join(map(read.segment, repository.split('/')))}/_tags"
        trail = Trail.start(read.query_of(path, n=_PAGE)) if page is None else Trail.parse(page, self._config)
        api = self._api(cancellation)
        headers = self._signed(repository, cancellation)
        credential = self._credential() if headers else None
        answer = api.get(trail.target, headers, credential, subject=repository, cancellation=cancellation)
        data = read.fields(answer.data)
        if "tags" not in data:
            raise failures.unexpected(self._config, "its API returns no list of tags")
        found = [
            read.tag(row.get("name"), row.get("digest"), created=read.when(row.get("lastUpdateTime")))
            for row in read.rows(data["tags"])
        ]
        following = api.link(answer)
        return Page(read.present(found), trail.then(following, self._config) if following else None)
