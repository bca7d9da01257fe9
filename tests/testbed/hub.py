"""Docker Hub by its documentation: the API's namespaces, search and tags, and a registry that counts pulls.

Made for `testbed.internet`. Nothing here was observed at the real Docker Hub.
"""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta

from testbed.internet import Answer, Asked, Host

API = "hub.docker.com"
REGISTRY = "registry-1.docker.io"
TOKENS = "auth.docker.io"
NOW = datetime.now(UTC)
#: Name, stars, official, description.
REPOSITORIES: tuple[tuple[str, int, bool, str], ...] = (
    ("nginx", 20413, True, "Official build of Nginx."),
    ("postgres", 13920, True, "The PostgreSQL object-relational database system."),
    ("alpine", 11311, True, "A minimal Docker image based on Alpine Linux with a complete package index."),
    (
        "redis",
        12877,
        True,
        "Redis is the world’s fastest data platform for caching, vector search, and NoSQL.",
    ),
    ("bitnami/nginx", 204, False, "Bitnami container image for NGINX."),
    ("nginx/nginx-ingress", 98, False, "NGINX and NGINX Plus Ingress Controllers for Kubernetes"),
    ("nginxinc/nginx-unprivileged", 173, False, "Unprivileged NGINX Dockerfiles"),
    ("linuxserver/nginx", 231, False, "An Nginx container, brought to you by LinuxServer.io."),
    ("sam/nginx-playground", 0, False, ""),
)


def sha(text: str) -> str:
    """A digest for a name."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


class FakeHub:
    """A Docker Hub where ``user`` signs in with ``secret``. ``manifests`` counts the pulls as Docker Hub does."""

    user = "sam"
    secret = "a-secret"

    def __init__(self, tags: int = 240, repositories: int = 0) -> None:
        self.tags = tags
        self.manifests = 0
        self.heads = 0
        self._lock = threading.Lock()
        self._rows = list(REPOSITORIES) + [
            (f"crowd/nginx-{number:05}", 0, False, f"Number {number}") for number in range(repositories)
        ]

    def hosts(self) -> dict[str, Host]:
        """The hosts for `testbed.internet.Internet`."""
        return {API: self._api, REGISTRY: self._registry, TOKENS: self._tokens}

    def _tokens(self, asked: Asked) -> Answer:
        return Answer({"token": "a-pull-token", "expires_in": 300})

    def _registry(self, asked: Asked) -> Answer:
        if "authorization" not in asked.headers:
            challenge = f'Bearer realm="https://{TOKENS}/token",service="registry.docker.io"'
            return Answer({"errors": [{"code": "UNAUTHORIZED"}]}, 401, {"WWW-Authenticate": challenge})
        if asked.path == "/v2/":
            return Answer({})
        with self._lock:
            if "/manifests/" in asked.path and asked.method == "GET":
                self.manifests += 1
            elif "/manifests/" in asked.path:
                self.heads += 1
        return Answer({"errors": [{"code": "TOOMANYREQUESTS", "message": "pull limit"}]}, 429)

    def _api(self, asked: Asked) -> Answer:
        parts = asked.path.strip("/").split("/")
        if asked.path == "/v2/auth/token":
            good = self.secret.encode() in asked.body
            return Answer({"access_token": "jwt"} if good else {"detail": "Incorrect"}, 200 if good else 401)
        if asked.path == "/v2/user/orgs/":
            return Answer({"results": [{"orgname": "acme"}]})
        if asked.path == "/v2/search/repositories/":
            return self._search(asked)
        if parts[:2] == ["v2", "namespaces"] and parts[-1] == "repositories":
            return self._namespace(asked, parts[2])
        if parts[:2] == ["v2", "namespaces"] and parts[-1] == "tags":
            return self._tags(asked, f"{parts[2]}/{parts[4]}")
        return Answer({"message": "object not found"}, 404)

    def _search(self, asked: Asked) -> Answer:
        wanted = asked.query.get("query", "").lower()
        found = [row for row in self._rows if wanted in f"{row[0]} {row[3]}".lower()]
        return self._paged(
            asked,
            [
                {
                    "repo_name": name,
                    "star_count": stars,
                    "is_official": official,
                    "short_description": description,
                }
                for name, stars, official, description in found
            ],
        )

    def _namespace(self, asked: Asked, namespace: str) -> Answer:
        rows: list[dict[str, object]] = []
        for name, stars, official, description in self._rows:
            owner, _, bare = ("library/" + name if official else name).partition("/")
            if owner == namespace:
                rows.append(
                    {
                        "namespace": owner,
                        "name": bare,
                        "star_count": stars,
                        "description": description,
                        "is_private": False,
                        "last_updated": f"{NOW - timedelta(days=stars % 40):%Y-%m-%dT%H:%M:%SZ}",
                    }
                )
        return self._paged(asked, rows) if rows else Answer({"message": "object not found"}, 404)

    def _tags(self, asked: Asked, repository: str) -> Answer:
        rows: list[dict[str, object]] = []
        for number in range(self.tags, 0, -1):
            name = f"1.{number // 10}.{number % 10}"
            pushed = NOW - timedelta(days=self.tags - number, hours=3)
            rows.append(
                {
                    "name": name,
                    "digest": sha(repository + name),
                    "media_type": "application/vnd.oci.image.index.v1+json",
                    "tag_last_pushed": f"{pushed:%Y-%m-%dT%H:%M:%SZ}",
                    "images": [
                        {"os": "linux", "architecture": "amd64", "size": 40_000_000 + number * 31_337},
                        {"os": "linux", "architecture": "arm64", "variant": "v8", "size": 39_000_000},
                    ],
                }
            )
        return self._paged(asked, rows)

    @staticmethod
    def _paged(asked: Asked, rows: list[dict[str, object]]) -> Answer:
        size = min(int(asked.query.get("page_size", "10")), 100)
        page = int(asked.query.get("page", "1"))
        following = None
        if page * size < len(rows):
            others = "&".join(f"{key}={value}" for key, value in asked.query.items() if key != "page")
            following = f"https://{asked.host}{asked.path}?{others}&page={page + 1}"
        here = rows[(page - 1) * size : page * size]
        return Answer({"count": len(rows), "next": following, "previous": None, "results": here})
