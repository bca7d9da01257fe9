"""What exactly further vendors' APIs are asked for, and every value that is read from their responses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from longshore.credentials import Credential
from longshore.errors import ListingUnsupported, UnexpectedReply
from longshore.registry.vendors.protocol import RepositoryInfo

from .test_requests import SAM, TEN, TIME, asked, basic, in_turn, names

GOOGLE = Credential("oauth2accesstoken", "ya29")


# -- Harbor


def test_harbor(vendor: Any, reply: Any) -> None:
    path = "/api/v2.0/projects/team/repositories"
    row = {"name": "team/app", "description": "x", "update_time": TIME}
    vendor.routes[path] = reply([row], 200, {"X-Total-Count": "7"})
    lister = vendor.lister("harbor", namespace="team/app", credential=SAM)
    page = lister.repositories(query="ap")
    assert page.items == [RepositoryInfo("team/app", "x", updated=TEN)] and page.total == 7
    lister.repositories(query="()")
    first = {"page": "1", "page_size": "100"}
    assert asked(vendor) == [(path, {**first, "q": "name=~ap"}), (path, first)]


def test_harbor_tags(vendor: Any, reply: Any, digest: str) -> None:
    path = "/api/v2.0/projects/team/repositories/app/artifacts"
    rows = [
        {"digest": digest, "size": 5, "tags": [{"name": "1", "push_time": TIME}, {"name": "2"}],
         "push_time": "2025-01-01T00:00:00Z", "manifest_media_type": "m",
         "extra_attrs": {"os": "linux", "architecture": "amd64"}},
    ]  # fmt: skip
    following = {"Link": f'<{path}?page=2>; rel="next"'}
    vendor.routes[path] = lambda one: reply(rows, 200, following if one.query["page"] == "1" else {})
    lister = vendor.lister("harbor")
    page = lister.tags("team/app")
    one, two = page.items
    assert (one.details.created, two.details.created) == (TEN, datetime(2025, 1, 1, tzinfo=UTC))
    assert (one.details.size, one.details.media_type, one.complete) == (5, "m", True)
    assert lister.tags("team/app", page.next).next is None
    assert asked(vendor)[0] == (path, {"with_tag": "true", "page": "1", "page_size": "100"})


# -- Gitea, Azure, Google, DigitalOcean, Artifactory, Nexus


def test_gitea(vendor: Any, reply: Any) -> None:
    path = "/api/v1/packages/team"
    rows = [
        {"name": "app", "repository": {"private": True}, "created_at": TIME},
        {"name": "b", "type": "npm"},
    ]
    vendor.routes[path] = lambda one: reply(
        rows, 200, {"Link": f'<{path}?page=2>; rel="next"'} if one.query["page"] == "1" else {}
    )
    lister = vendor.lister("gitea", namespace="team", credential=SAM)
    page = lister.repositories(query="ap")
    assert page.items == [RepositoryInfo("team/app", private=True, updated=TEN)]
    assert lister.repositories(page.next, "ap").next is None
    assert asked(vendor) == [
        (path, {"type": "container", "q": "ap", "page": "1", "limit": "50"}),
        (path, {"page": "2"}),
    ]


def test_gitea_names_without_an_owner_are_below_the_one_that_was_asked_for(vendor: Any) -> None:
    vendor.routes["/api/v1/packages/Team"] = [{"name": "app"}]
    assert names(vendor.lister("gitea", namespace="Team").repositories().items) == ["team/app"]


def test_acr(vendor: Any, reply: Any, digest: str) -> None:
    path = "/acr/v1/team/app/_tags"
    row = {"name": "1", "digest": digest, "lastUpdateTime": TIME}
    vendor.routes[path] = lambda one: reply(
        {"tags": [row]}, 200, {} if "last" in one.query else {"Link": f'<{path}?last=1>; rel="next"'}
    )
    lister = vendor.lister("acr", credential=SAM)
    page = lister.tags("team/app")
    (tag,) = page.items
    assert tag.details is not None and (tag.details.digest, tag.details.created) == (digest, TEN)
    assert lister.tags("team/app", page.next).next is None
    assert asked(vendor) == [(path, {"n": "100"}), (path, {"last": "1"})]
    assert {one.headers["authorization"] for one in vendor.asked} == {basic("sam", "a-secret")}


@pytest.mark.parametrize(
    "credential",
    [Credential("x", "", "refresh"), Credential("00000000-0000-0000-0000-000000000000", "refresh")],
)
def test_acr_exchanges_a_refresh_token(vendor: Any, credential: Credential) -> None:
    vendor.routes["/oauth2/token"] = {"access_token": "short"}
    vendor.routes["/acr/v1/app/_tags"] = {"tags": []}
    vendor.lister("acr", credential=credential).tags("app")
    form = {key: values[0] for key, values in parse_qs(vendor.asked[0].body.decode()).items()}
    assert form == {
        "grant_type": "refresh_token",
        "service": vendor.host,
        "scope": "repository:app:metadata_read",
        "refresh_token": "refresh",
    }
    assert vendor.asked[1].headers["authorization"] == "Bearer short"


def test_acr_tags_of_strangers(vendor: Any) -> None:
    vendor.routes["/acr/v1/app/_tags"] = {"tags": [{"name": "1"}]}
    assert names(vendor.lister("acr").tags("app").items) == ["1"]
    assert "authorization" not in vendor.asked[0].headers


PARENT = "/v1/projects/proj/locations/europe/repositories"


def test_google_repositories(vendor: Any) -> None:
    row = {"name": "projects/proj/locations/europe/repositories/one/packages/a%2Fb", "updateTime": TIME}
    vendor.routes[f"{PARENT}/one/packages"] = lambda one: {
        "packages": [row],
        "nextPageToken": "" if "pageToken" in one.query else "t",
    }
    lister = vendor.lister("google", "europe-docker.pkg.dev", namespace="proj/one", credential=GOOGLE)
    page = lister.repositories()
    assert page.items == [RepositoryInfo("proj/one/a/b", updated=TEN)]
    assert lister.repositories(page.next).next is None
    assert asked(vendor) == [
        (f"{PARENT}/one/packages", {"pageSize": "500"}),
        (f"{PARENT}/one/packages", {"pageSize": "500", "pageToken": "t"}),
    ]


def test_google_projects_with_many_repositories(vendor: Any) -> None:
    vendor.routes[PARENT] = lambda one: {
        "repositories": [{"name": f"x/{one.query.get('pageToken', '0')}", "format": "DOCKER"}],
        "nextPageToken": str(int(one.query.get("pageToken", "0")) + 1),
    }
    vendor.routes[f"{PARENT}/0/packages"] = {"packages": []}
    vendor.lister("google", "europe-docker.pkg.dev", namespace="proj", credential=GOOGLE).repositories()
    listed = [query for path, query in asked(vendor) if path == PARENT]
    assert len(listed) == 20
    assert listed[0] == {"pageSize": "500"} and listed[19] == {"pageSize": "500", "pageToken": "19"}


@pytest.mark.parametrize("repository", ["proj/one", "proj"])
def test_google_names_without_a_package_are_the_registrys(vendor: Any, repository: str) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes[f"/v2/{repository}/tags/list"] = {"tags": ["1"]}
    lister = vendor.lister("google", "europe-docker.pkg.dev", credential=GOOGLE)
    assert names(lister.tags(repository).items) == ["1"]


def test_google_tags(vendor: Any, digest: str) -> None:
    package = f"{PARENT}/one/packages/a"
    rows = [
        {"name": f"{package}/versions/{digest}", "createTime": TIME, "metadata": {"imageSizeBytes": "0"},
         "relatedTags": [{"name": f"{package}/tags/v1"}, {"name": f"{package}/tags/v2"}]},
    ]  # fmt: skip
    vendor.routes[f"{package}/versions"] = {"versions": rows}
    lister = vendor.lister("google", "europe-docker.pkg.dev", credential=GOOGLE)
    page = lister.tags("proj/one/a")
    assert names(page.items) == ["v1", "v2"] and page.next is None
    assert [(one.details.size, one.details.created) for one in page.items] == [(None, TEN)] * 2
    assert asked(vendor) == [(f"{package}/versions", {"view": "FULL", "pageSize": "500"})]


def test_digitalocean(vendor: Any, digest: str) -> None:
    repositories, tags = "/v2/registry/reg/repositoriesV2", "/v2/registry/reg/repositories/app/tags"
    row = {"name": "app", "tag_count": 2, "latest_manifest": {"updated_at": TIME}}
    vendor.routes[repositories] = {"repositories": [row], "meta": {"total": 3}}
    tag = {"tag": "1", "manifest_digest": digest, "compressed_size_bytes": 0, "updated_at": TIME}
    following = {"pages": {"next": f"{vendor.url}{tags}?page=2"}}
    vendor.routes[tags] = lambda one: {
        "tags": [tag], "meta": {"total": 4}, "links": following if one.query["page"] == "1" else {},
    }  # fmt: skip
    lister = vendor.lister("digitalocean", namespace="reg/x", credential=SAM)
    page = lister.repositories()
    assert page.items == [RepositoryInfo("reg/app", private=True, tag_count=2, updated=TEN)]
    assert page.total == 3
    found = lister.tags("reg/app")
    assert found.total == 4 and lister.tags("reg/app", found.next).next is None
    assert (found.items[0].details.size, found.items[0].details.created) == (None, TEN)
    first = {"page": "1", "per_page": "100"}
    assert asked(vendor) == [(repositories, first), (tags, first), (tags, {"page": "2"})]
    assert vendor.asked[0].headers["authorization"] == "Bearer a-secret"


@pytest.mark.parametrize("answer", [{}, {"registry": None}, {"registry": {"name": ""}}, []])
def test_digitalocean_without_a_registry(vendor: Any, answer: Any) -> None:
    vendor.routes["/v2/registry"] = answer
    with pytest.raises(UnexpectedReply, match="no registry"):
        vendor.lister("digitalocean", credential=SAM).repositories()


def test_artifactory(vendor: Any) -> None:
    vendor.routes["/artifactory/api/repositories"] = [
        {"key": "one"},
        {"key": ""},
        {"key": "one"},
        {"type": "LOCAL"},
    ]
    path = "/artifactory/api/docker/one/v2/_catalog"
    vendor.routes[path] = {"repositories": [f"r{number:03}" for number in range(499)]}
    page = vendor.lister("artifactory", credential=Credential("sam", "", "id-token")).repositories()
    assert len(page.items) == 499 and page.next is None
    assert asked(vendor) == [
        ("/artifactory/api/repositories", {"packageType": "docker"}),
        (path, {"n": "500"}),
    ]
    assert {one.headers["authorization"] for one in vendor.asked} == {"Bearer id-token"}
    vendor.asked.clear()
    vendor.lister("artifactory", namespace="one/team", credential=SAM).repositories()
    assert asked(vendor) == [(path, {"n": "500"})]
    assert vendor.asked[0].headers["authorization"] == basic("sam", "a-secret")


def test_artifactory_links_come_before_guesses(vendor: Any, reply: Any) -> None:
    path = "/artifactory/api/docker/one/v2/_catalog"
    rows = {"repositories": [f"r{number:03}" for number in range(500)]}
    vendor.routes[path] = lambda one: (
        {"repositories": []}
        if "last" in one.query
        else reply(rows, 200, {"Link": f'<{path}?last=x>; rel="next"'})
    )
    lister = vendor.lister("artifactory", namespace="one")
    lister.repositories(lister.repositories().next)
    assert asked(vendor)[1] == (path, {"last": "x"})


def test_nexus(vendor: Any) -> None:
    path = "/service/rest/v1/components"
    rows = [{"format": "docker", "name": "a"}, {"format": "npm", "name": "b"}, {"name": "c"}]
    vendor.routes[path] = in_turn({"items": rows, "continuationToken": "t"}, {"items": []})
    lister = vendor.lister("nexus", namespace="hosted/x", credential=SAM)
    page = lister.repositories()
    assert names(page.items) == ["hosted/a"]
    lister.repositories(page.next)
    assert asked(vendor) == [
        (path, {"repository": "hosted"}),
        (path, {"repository": "hosted", "continuationToken": "t"}),
    ]
    assert vendor.asked[0].headers["authorization"] == basic("sam", "a-secret")


@pytest.mark.parametrize("user", ["someone", "_json_key"])
def test_google_needs_an_access_token(vendor: Any, user: str) -> None:
    lister = vendor.lister("google", "x-docker.pkg.dev", namespace="proj", credential=Credential(user, "x"))
    with pytest.raises(ListingUnsupported) as caught:
        lister.repositories()
    assert "gcloud" in caught.value.advice
