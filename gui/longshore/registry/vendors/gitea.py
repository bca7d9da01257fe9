"""Gitea and Forgejo (Codeberg).

Gitea API, "listPackages" (https://docs.gitea.com/api/, ``GET /packages/{owner}``); Forgejo serves the same
(https://forgejo.org/docs/latest/user/api-usage/). It lists one entry per version, so names are repeated on later
pages; pages by Link, at most 50 entries. Basic, with a password or a token. Tags come from the registry itself.
"""

from __future__ import annotations

from typing import Any

from longshore.cancellation import Cancellation
from longshore.registry import failures
from longshore.registry.vendors import read
from longshore.registry.vendors.api import Answer, basic
from longshore.registry.vendors.base import Found, VendorLister

_PAGE = 50


class GiteaLister(VendorLister):
    """Lists the container packages of the registry's namespace (a user or an organisation), or the user's own."""

    kind = "gitea"
    searches = True
    advice = "Add the registry with an owner: host/owner, and Sign in… with a token that may read packages."

    def _headers(self, cancellation: Cancellation | None) -> dict[str, str]:
        credential = self._credential()
        return basic(credential) if credential else {}

    def _shelves(self, query: str, cancellation: Cancellation | None) -> list[str]:
        credential = self._credential()
        owner = self._config.namespace.partition("/")[0] or (credential.username if credential else "")
        if not owner:
            raise self._unsupported("Packages are listed for one owner only.")
        return [owner]

    def _first(self, shelf: str, query: str) -> str:
        return read.query_of(
            f"/api/v1/packages/{read.segment(shelf)}", type="container", q=query, page=1, limit=_PAGE
        )

    def _read(self, shelf: str, query: str, answer: Answer) -> Found:
        if not isinstance(answer.data, list):
            raise failures.unexpected(self._config, "its API returns no list of packages")
        found = [
            read.repository(
                f"{_owner(row) or shelf.lower()}/{read.words(row.get('name'))}",
                private=read.truth(read.fields(row.get("repository")).get("private")),
                updated=read.when(row.get("created_at")),
            )
            for row in read.rows(answer.data)
            if row.get("type", "container") == "container"
        ]
        # X-Total-Count counts versions, not repositories.
        return read.distinct(found), self._api().link(answer), None


def _owner(row: dict[str, Any]) -> str:
    """The owner in lower case, as in references; names of accounts may have upper case."""
    return read.words(read.fields(row.get("owner")).get("login")).lower()
