"""A broken or hostile API causes an error in plain words, and nothing else."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.errors import LongshoreError, RateLimited, RegistryError, RegistryUnreachable, UnexpectedReply

SAM = Credential("sam", "a-secret")
#: Kind, namespace, the path whose response is made odd, and the key of its rows (empty: the response is the list).
LISTINGS = [
    ("hub", "ns", "/v2/namespaces/ns/repositories", "results"),
    ("ghcr", "", "/user/packages", ""),
    ("gitlab", "g", "/api/v4/groups/g/registry/repositories", ""),
    ("quay", "ns", "/api/v1/repository", "repositories"),
    ("harbor", "", "/api/v2.0/repositories", ""),
    ("gitea", "sam", "/api/v1/packages/sam", ""),
    ("google", "p/r", "/v1/projects/p/locations/x/repositories/r/packages", "packages"),
    ("digitalocean", "r", "/v2/registry/r/repositoriesV2", "repositories"),
    ("artifactory", "k", "/artifactory/api/docker/k/v2/_catalog", "repositories"),
    ("nexus", "r", "/service/rest/v1/components", "items"),
]
USERS = {"google": Credential("oauth2accesstoken", "t"), "quay": Credential("$oauthtoken", "t")}
HOSTS = {"google": "x-docker.pkg.dev"}
ODD_ROWS: list[Any] = [
    None,
    7,
    "text",
    [],
    {},
    {"name": None, "path": 7, "owner": [], "tags": 3},
    {"name": {"a": 1}, "owner": {"login": []}, "repository": "x", "namespace": {}, "latest_manifest": []},
    {"name": "UPPER", "path": "UPPER", "namespace": "ns", "format": "docker"},
    {"name": "../../etc", "path": "../../etc", "format": "docker"},
    {"name": "a" * 100_000, "path": "a" * 100_000, "namespace": "ns", "format": "docker"},
    {"name": "x\u202e\n", "path": "x\u0000", "namespace": "ns", "format": "docker"},
    {"name": "r", "last_updated": "2024-99-99", "updated_at": 7, "star_count": -1, "tag_count": 10**30},
    {"name": "s", "created_at": "9999-12-31T23:59:59-23:59", "star_count": True, "last_modified": 10**40},
]


def _lister(vendor: Any, kind: str, namespace: str) -> Any:
    vendor.routes["/v2/auth/token"] = {"access_token": "jwt"}
    return vendor.lister(kind, HOSTS.get(kind, ""), namespace=namespace, credential=USERS.get(kind, SAM))


@pytest.mark.parametrize(("kind", "namespace", "path", "key"), LISTINGS)
def test_odd_rows_are_passed_over(vendor: Any, kind: str, namespace: str, path: str, key: str) -> None:
    vendor.routes[path] = {key: ODD_ROWS} if key else ODD_ROWS
    page = _lister(vendor, kind, namespace).repositories()
    for item in page.items:
        assert len(item.name) <= 255 and item.name.isascii() and item.name == item.name.lower()
        assert item.stars is None or item.stars >= 0


@pytest.mark.parametrize(("kind", "namespace", "path", "key"), LISTINGS)
@pytest.mark.parametrize(
    "body",
    [
        b"<html>Sign in</html>",
        b"",
        b"null",
        b'"text"',
        b"[" * 200_000,
        b'{"results": 7',
        b"\xff\xfe",
        b"9" * 9999,
    ],
)
def test_bodies_that_are_no_listing_are_an_error(
    vendor: Any, kind: str, namespace: str, path: str, key: str, body: bytes
) -> None:
    vendor.routes[path] = lambda _asked: type(vendor.default)(body)
    with pytest.raises(RegistryError) as caught:
        _lister(vendor, kind, namespace).repositories()
    assert caught.value.registry


def test_an_answer_without_end_is_cut(vendor: Any, reply: Any) -> None:
    vendor.routes["/api/v2.0/repositories"] = reply(b" " * (9 << 20))
    with pytest.raises(UnexpectedReply, match="exceeds 8 MiB"):
        vendor.lister("harbor").repositories()


@pytest.mark.parametrize("kind", ["hub", "harbor"])
def test_a_next_page_on_another_host_is_refused(vendor: Any, other: Any, reply: Any, kind: str) -> None:
    vendor.routes["/v2/namespaces/ns/repositories"] = {
        "results": [],
        "next": f"{other.url}/v2/namespaces/ns/repositories?page=2",
    }
    vendor.routes["/api/v2.0/projects/ns/repositories"] = reply(
        [], 200, {"Link": f'<{other.url}/api/v2.0/projects/ns/repositories?page=2>; rel="next"'}
    )
    with pytest.raises(UnexpectedReply, match="another host"):
        _lister(vendor, kind, "ns").repositories()
    assert other.asked == []


def test_a_redirect_to_another_host_is_refused_and_takes_no_token(
    vendor: Any, other: Any, reply: Any
) -> None:
    path = "/api/v4/groups/g/registry/repositories"
    vendor.routes[path] = reply({}, 302, {"Location": f"{other.url}{path}"})
    with pytest.raises(UnexpectedReply):
        vendor.lister("gitlab", namespace="g", credential=SAM).repositories()
    assert other.asked == []


def test_a_redirect_within_the_api_is_followed(vendor: Any, reply: Any) -> None:
    vendor.routes["/user/packages"] = reply({}, 301, {"Location": "/users/7/packages?package_type=container"})
    vendor.routes["/users/7/packages"] = [{"name": "x", "owner": {"login": "sam"}}]
    assert len(vendor.lister("ghcr", credential=SAM).repositories().items) == 1


def test_redirects_without_end_are_stopped(vendor: Any, reply: Any) -> None:
    vendor.routes["/user/packages"] = reply({}, 301, {"Location": "/user/packages"})
    with pytest.raises(UnexpectedReply, match="too often"):
        vendor.lister("ghcr", credential=SAM).repositories()


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_pages_in_a_circle_are_stopped(vendor: Any, reply: Any, all_pages: Any, length: int) -> None:
    def rows(asked: Any) -> Any:
        following = int(asked.query.get("page", "1")) % length + 1
        link = f'</api/v2.0/repositories?page={following}>; rel="next"'
        return reply([{"name": f"a/b{following}"}], 200, {"Link": link})

    vendor.routes["/api/v2.0/repositories"] = rows
    lister = vendor.lister("harbor")
    with pytest.raises(UnexpectedReply, match="its pages repeat"):
        all_pages(lambda page: lister.repositories(page))


def test_pages_without_end_are_stopped(
    vendor: Any, reply: Any, monkeypatch: pytest.MonkeyPatch, all_pages: Any
) -> None:
    monkeypatch.setattr("longshore.registry.vendors.trail.MOST_PAGES", 20)

    def rows(asked: Any) -> Any:
        link = f'</api/v2.0/repositories?page={int(asked.query["page"]) + 1}>; rel="next"'
        return reply([{"name": "a/b"}], 200, {"Link": link})

    vendor.routes["/api/v2.0/repositories"] = rows
    lister = vendor.lister("harbor")
    with pytest.raises(UnexpectedReply, match="more than 20 pages"):
        all_pages(lambda page: lister.repositories(page))


@pytest.mark.parametrize("token", ["", "x", "1", "1 m", "1 m 99 /x", "1 m x"])
def test_a_token_that_is_none_is_an_error(vendor: Any, token: str) -> None:
    vendor.routes["/api/v2.0/repositories"] = []
    with pytest.raises(UnexpectedReply):
        vendor.lister("harbor").repositories(token)


def test_limits_are_told_with_their_wait(vendor: Any, reply: Any) -> None:
    vendor.default = reply({"message": "too many requests"}, 429, {"Retry-After": "90"})
    with pytest.raises(RateLimited) as caught:
        vendor.lister("hub", "docker.io").repositories()
    assert caught.value.retry_after == 90 and caught.value.registry == "docker.io"


def test_an_api_that_is_gone_is_named(vendor: Any) -> None:
    lister = vendor.lister("hub", "docker.io", api_base="http://127.0.0.1:1")
    with pytest.raises(RegistryUnreachable) as caught:
        lister.repositories()
    assert caught.value.registry == "docker.io" and "127.0.0.1:1" in caught.value.message


def test_a_stalled_api_can_be_cancelled(vendor: Any) -> None:
    released, reached = threading.Event(), threading.Event()

    def stall(_asked: Any) -> Any:
        reached.set()
        released.wait(60)
        return []

    vendor.routes["/api/v2.0/repositories"] = stall
    cancellation = Cancellation()

    def cancel() -> None:
        reached.wait(60)
        cancellation.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        with pytest.raises(Cancelled):
            vendor.lister("harbor").repositories(cancellation=cancellation)
    finally:
        released.set()
        canceller.join()


@pytest.mark.parametrize(
    ("kind", "path", "key"),
    [
        ("hub", "/v2/namespaces/a/repositories/b/tags", "results"),
        ("quay", "/api/v1/repository/a/b/tag/", "tags"),
        ("harbor", "/api/v2.0/projects/a/repositories/b/artifacts", ""),
        ("digitalocean", "/v2/registry/a/repositories/b/tags", "tags"),
        ("acr", "/acr/v1/a/b/_tags", "tags"),
        ("ghcr", "/orgs/a/packages/container/b/versions", ""),
    ],
)
def test_odd_tags_are_passed_over(vendor: Any, digest: str, kind: str, path: str, key: str) -> None:
    rows = [
        *ODD_ROWS,
        {
            "name": "ok",
            "tag": "ok",
            "digest": "sha256:short",
            "manifest_digest": 7,
            "size": "x",
            "images": {},
        },
        {"name": "ok2", "tag": "ok2", "digest": digest, "images": [{"os": 7, "architecture": []}, None, 3]},
        {
            "digest": digest,
            "tags": [{"name": "t"}, None, {"name": "-bad"}],
            "references": [{"platform": 3}, 7],
        },
        {"name": digest, "metadata": {"container": {"tags": ["t", None, {}, "a b"]}}},
    ]
    vendor.routes["/orgs/a/packages"] = []
    vendor.routes[path] = {key: rows} if key else rows
    for tag in _lister(vendor, kind, "").tags("a/b").items:
        assert 0 < len(tag.name) <= 128 and not tag.name.startswith("-") and " " not in tag.name
        assert tag.details is None or tag.details.digest == digest


def test_secrets_are_in_no_error(vendor: Any, reply: Any) -> None:
    vendor.default = reply({"message": "no"}, 403)
    for kind in ("ghcr", "harbor", "gitea", "digitalocean", "artifactory", "nexus"):
        with pytest.raises(LongshoreError) as caught:
            vendor.lister(kind, namespace="n", credential=SAM).repositories()
        assert "a-secret" not in repr(vars(caught.value)) + str(caught.value.__cause__)
