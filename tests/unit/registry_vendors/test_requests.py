"""What exactly each vendor's API is asked for, and every value that is read from its responses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import SignInFailed, UnexpectedReply
from longshore.oci.platform import Platform
from longshore.registry.vendors import hub
from longshore.registry.vendors.protocol import RepositoryInfo

SAM = Credential("sam", "a-secret")
QUAY = Credential("$oauthtoken", "oauth")
TEN = datetime(2024, 5, 1, 10, tzinfo=UTC)
TIME = "2024-05-01T10:00:00Z"


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def asked(vendor: Any) -> list[tuple[str, dict[str, str]]]:
    """The paths and queries so far."""
    return [(one.path, one.query) for one in vendor.asked]


def names(items: Any) -> list[str]:
    return [item.name for item in items]


def in_turn(*answers: Any) -> Callable[[Any], Any]:
    """Returns *answers* one after the other."""
    left = list(answers)
    return lambda _asked: left.pop(0)


# -- Docker Hub


@pytest.fixture
def signed_in(vendor: Any) -> Any:
    vendor.routes["/v2/auth/token"] = {"access_token": "jwt"}
    return vendor


def test_hub_repositories(signed_in: Any) -> None:
    row = {
        "name": "app",
        "namespace": "harbour",
        "description": "Two\nlines",
        "star_count": 7,
        "is_private": True,
        "last_updated": TIME,
    }
    signed_in.routes["/v2/namespaces/harbour/repositories"] = {"count": 3, "results": [row, row]}
    page = signed_in.lister("hub", namespace="harbour/app", credential=SAM).repositories()
    assert page.items == [RepositoryInfo("harbour/app", "Two lines", 7, False, True, None, TEN)]
    assert (page.total, page.next) == (3, None)
    assert asked(signed_in)[1:] == [("/v2/namespaces/harbour/repositories", {"page_size": "100"})]


def test_hub_filters_a_namespace_by_itself_too(vendor: Any) -> None:
    """An older API does not know the parameter."""
    rows = [{"name": name} for name in ("nginx", "postgres", "nginx-unprivileged")]
    vendor.routes["/v2/namespaces/team/repositories"] = {"results": rows}
    page = vendor.lister("hub", namespace="team").repositories(query="NGI")
    assert names(page.items) == ["team/nginx", "team/nginx-unprivileged"]
    assert asked(vendor) == [("/v2/namespaces/team/repositories", {"page_size": "100", "name": "NGI"})]


def test_hub_search(vendor: Any) -> None:
    vendor.routes["/v2/search/repositories/"] = {"count": 9, "results": [{"repo_name": "a/b"}]}
    page = vendor.lister("hub").repositories(query=" ngi ")
    assert (names(page.items), page.total) == (["a/b"], 9)
    assert asked(vendor) == [("/v2/search/repositories/", {"query": "ngi", "page_size": "100"})]


def test_hub_namespaces_of_a_user(signed_in: Any, all_pages: Any) -> None:
    rows = [{"orgname": "one"}, {"orgname": ""}, {"orgname": "a@b"}, {"orgname": "sam"}]
    signed_in.routes["/v2/user/orgs/"] = {"results": rows}
    for name in ("sam", "one"):
        signed_in.routes[f"/v2/namespaces/{name}/repositories"] = {"results": [{"name": "app"}]}
    lister = signed_in.lister("hub", credential=Credential("SAM", "a-secret"))
    assert names(all_pages(lambda page: lister.repositories(page))) == ["sam/app", "one/app"]
    assert asked(signed_in)[1] == ("/v2/user/orgs/", {"page_size": "100"})


def test_hub_signs_in_again_after_eight_minutes(signed_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(hub.time, "monotonic", lambda: now[0])
    signed_in.routes["/v2/namespaces/sam/repositories"] = {"results": []}
    lister = signed_in.lister("hub", namespace="sam", credential=SAM)
    for later, times in ((0.0, 1), (479.0, 1), (1.0, 2)):
        now[0] += later
        lister.repositories()
        assert signed_in.paths().count("/v2/auth/token") == times


@pytest.mark.parametrize("answer", [{}, {"access_token": 7}, {"access_token": "two\nlines"}, {"token": "x"}])
def test_hub_without_a_token_is_an_error(vendor: Any, answer: Any) -> None:
    vendor.routes["/v2/auth/token"] = answer
    with pytest.raises(UnexpectedReply, match="its API returns no token"):
        vendor.lister("hub", namespace="sam", credential=SAM).repositories()


def test_hub_refuses_a_password(vendor: Any, reply: Any) -> None:
    vendor.routes["/v2/auth/token"] = reply({"message": "no"}, 403)
    with pytest.raises(SignInFailed, match="refused the user name or password") as caught:
        vendor.lister("hub", namespace="sam", credential=SAM).repositories()
    assert caught.value.detail == "HTTP 403: no"


def test_hub_tags(vendor: Any, digest: str, all_pages: Any) -> None:
    path = "/v2/namespaces/team/repositories/app/tags"

    def tags(one: Any) -> Any:
        number = one.query.get("page", "1")
        image = {"os": "linux", "architecture": "s390x", "size": 5, "digest": digest}
        row = {"name": f"v{number}", "full_size": 9, "last_updated": TIME, "images": [image]}
        following = f"{vendor.url}{path}?page=2&page_size=100" if number == "1" else None
        return {"count": 2, "results": [row], "next": following}

    vendor.routes[path] = tags
    lister = vendor.lister("hub")
    assert lister.tags("team/app").total == 2
    first, second = all_pages(lambda page: lister.tags("team/app", page))
    assert names([first, second]) == ["v1", "v2"]
    assert asked(vendor) == [
        (path, {"page_size": "100"}),
        (path, {"page_size": "100"}),
        (path, {"page": "2", "page_size": "100"}),
    ]
    # The digest of the only image is the tag's, if the API reports no other.
    assert (first.details.digest, first.details.size, first.details.created) == (digest, 5, TEN)


def test_hub_tags_of_unknown_platforms(vendor: Any, digest: str) -> None:
    two = [{"digest": digest}, {"digest": f"sha256:{1:064x}"}]
    rows = [
        {"name": "none", "full_size": 9, "digest": digest, "images": []},
        {"name": "two", "full_size": 9, "images": two},
        {"name": "pushed", "digest": digest, "tag_last_pushed": TIME, "last_updated": "2025-01-01T00:00:00Z"},
    ]
    vendor.routes["/v2/namespaces/team/repositories/app/tags"] = {"results": rows}
    none, two_images, pushed = vendor.lister("hub").tags("team/app").items
    assert none.details is not None and none.details.size == 9 and not none.complete
    assert two_images.details is None
    assert pushed.details is not None and pushed.details.created == TEN


# -- GitHub


def test_ghcr(vendor: Any, digest: str) -> None:
    rows = [
        {"name": "x", "owner": {"login": "Sam"}, "visibility": "public", "updated_at": TIME},
        {"name": "y", "owner": {"login": "Sam"}, "visibility": "internal"},
        {"name": "z", "owner": {"login": "Sam"}},
    ]
    vendor.routes["/user/packages"] = rows
    lister = vendor.lister("ghcr", credential=SAM)
    page = lister.repositories()
    assert [(one.name, one.private, one.updated) for one in page.items] == [
        ("sam/x", False, TEN),
        ("sam/y", True, None),
        ("sam/z", False, None),
    ]
    assert page.total is None
    assert asked(vendor) == [("/user/packages", {"package_type": "container", "per_page": "100"})]
    assert vendor.asked[0].headers["accept"] == "application/vnd.github+json"


def test_ghcr_tags(vendor: Any, digest: str) -> None:
    versions = "/users/sam/packages/container/app/versions"
    row = {"name": digest, "created_at": TIME, "metadata": {"container": {"tags": ["1"]}}}
    vendor.routes[versions] = [row]
    (tag,) = vendor.lister("ghcr", credential=SAM).tags("sam/app").items
    assert tag.details is not None and (tag.details.digest, tag.details.created) == (digest, TEN)
    assert asked(vendor) == [
        ("/orgs/sam/packages", {"package_type": "container", "per_page": "1"}),
        (versions, {"per_page": "100", "state": "active"}),
    ]


def test_ghcr_tags_are_the_registrys_for_who_has_not_signed_in(vendor: Any) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/sam/app/tags/list"] = {"tags": ["1"]}
    assert names(vendor.lister("ghcr").tags("sam/app").items) == ["1"]
    assert set(vendor.paths()) == {"/v2/", "/v2/sam/app/tags/list"}


# -- GitLab


def test_gitlab(vendor: Any, reply: Any) -> None:
    group = "/api/v4/groups/team/registry/repositories"
    row = {"path": "team/app", "tags_count": 3, "created_at": TIME}
    vendor.routes[group] = in_turn([], reply([row], 200, {"X-Total": "7", "X-Next-Page": "2"}), [])
    lister = vendor.lister("gitlab", namespace="team", credential=SAM)
    page = lister.repositories()
    assert page.items == [RepositoryInfo("team/app", tag_count=3, updated=TEN)]
    assert page.total == 7
    lister.repositories(page.next)
    assert asked(vendor) == [
        (group, {"per_page": "1"}),
        (group, {"per_page": "100"}),
        (group, {"per_page": "100", "page": "2"}),
    ]


@pytest.mark.parametrize("header", ["", "0", "x", "-1"])
def test_gitlab_without_a_next_page(vendor: Any, reply: Any, header: str) -> None:
    vendor.routes["/api/v4/groups/team/registry/repositories"] = reply([], 200, {"X-Next-Page": header})
    assert vendor.lister("gitlab", namespace="team").repositories().next is None


def test_gitlab_pages_replace_each_other(vendor: Any, reply: Any) -> None:
    project = "/api/v4/projects/team/registry/repositories"

    def rows(one: Any) -> Any:
        return reply([], 200, {"X-Next-Page": str(int(one.query.get("page", "1")) + 1)})

    vendor.routes[project] = rows
    lister = vendor.lister("gitlab", namespace="team")
    second = lister.repositories(lister.repositories().next)
    lister.repositories(second.next)
    assert asked(vendor)[-1] == (project, {"per_page": "100", "tags_count": "true", "page": "3"})


# -- Quay


def test_quay_repositories(vendor: Any) -> None:
    rows = [
        {"namespace": "a", "name": "b", "is_public": False, "description": "x", "last_modified": 1714557600},
        {"namespace": "a", "name": "c", "is_public": True, "kind": "image"},
        {"namespace": "a", "name": "d"},
        {"namespace": "a", "name": "e", "kind": "application"},
    ]
    last = {"repositories": rows}
    vendor.routes["/api/v1/repository"] = in_turn({**last, "next_page": "t"}, last, last)
    lister = vendor.lister("quay", namespace="a/b", credential=QUAY)
    page = lister.repositories()
    assert [(one.name, one.private) for one in page.items] == [("a/b", True), ("a/c", False), ("a/d", False)]
    assert (page.items[0].description, page.items[0].updated) == ("x", TEN)
    assert lister.repositories(page.next).next is None
    first = {"namespace": "a", "last_modified": "true"}
    assert asked(vendor) == [
        ("/api/v1/repository", first),
        ("/api/v1/repository", {**first, "next_page": "t"}),
    ]
    assert names(lister.repositories(query="C").items) == ["a/c"]


def test_quay_next_pages_of_strangers_stay_public(vendor: Any) -> None:
    vendor.routes["/api/v1/repository"] = in_turn(
        {"repositories": [], "next_page": "t"}, {"repositories": []}
    )
    lister = vendor.lister("quay", namespace="a")
    lister.repositories(lister.repositories().next)
    assert [query["public"] for _, query in asked(vendor)] == ["true", "true"]


def test_quay_search(vendor: Any) -> None:
    row = {
        "kind": "repository",
        "name": "b",
        "namespace": {"name": "a"},
        "description": "x",
        "stars": 3,
        "is_public": False,
        "last_modified": 1714557600,
    }
    vendor.routes["/api/v1/find/repositories"] = in_turn(
        {"results": [row], "has_additional": True, "page": 4}, {"results": [], "page": 5}
    )
    lister = vendor.lister("quay")
    page = lister.repositories(query="b")
    assert page.items == [RepositoryInfo("a/b", "x", 3, False, True, None, TEN)]
    lister.repositories(page.next, "b")
    assert asked(vendor) == [
        ("/api/v1/find/repositories", {"query": "b", "page": "1"}),
        ("/api/v1/find/repositories", {"query": "b", "page": "5"}),
    ]


def test_quay_tags(vendor: Any, digest: str) -> None:
    path = "/api/v1/repository/a/b/tag/"
    row = {
        "name": "1",
        "manifest_digest": digest,
        "size": 5,
        "last_modified": "Wed, 01 May 2024 10:00:00 -0000",
    }
    vendor.routes[path] = in_turn({"tags": [row], "has_additional": True, "page": 3}, {"tags": []})
    lister = vendor.lister("quay")
    page = lister.tags("a/b")
    (tag,) = page.items
    assert tag.details is not None and (tag.details.size, tag.details.created) == (5, TEN)
    lister.tags("a/b", page.next)
    first = {"onlyActiveTags": "true", "limit": "100"}
    assert asked(vendor) == [(path, {**first, "page": "1"}), (path, {**first, "page": "4"})]


def test_the_platform_of_this_machine_decides_about_a_size(
    vendor: Any, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Platform, "host", classmethod(lambda cls: Platform("linux", "riscv64")))
    images = [
        {"os": "unknown", "architecture": "unknown", "size": 1},
        {"os": "linux", "architecture": "amd64", "size": 2},
        {"os": "linux", "architecture": "riscv64", "size": 3},
    ]
    row = {"name": "1", "digest": digest, "images": images}
    vendor.routes["/v2/namespaces/a/repositories/b/tags"] = {"results": [row]}
    lister = vendor.lister("hub")
    assert lister.tags("a/b").items[0].details.size == 3
    del images[2]
    assert lister.tags("a/b").items[0].details.size == 2


def test_a_token_is_asked_for_in_json(signed_in: Any) -> None:
    signed_in.routes["/v2/namespaces/sam/repositories"] = {"results": []}
    signed_in.lister("hub", namespace="sam", credential=SAM).repositories()
    assert signed_in.asked[0].headers["content-type"] == "application/json"
    assert json.loads(signed_in.asked[0].body) == {"identifier": "sam", "secret": "a-secret"}
