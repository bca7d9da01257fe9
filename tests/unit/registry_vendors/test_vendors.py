"""The other vendors, each against a server that returns that vendor's documents."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from longshore.credentials import Credential
from longshore.errors import ListingUnsupported, RegistryFailure, SignInRequired, UnexpectedReply
from longshore.registry.vendors import api

SAM = Credential("sam", "a-secret")
BASIC = "Basic " + base64.b64encode(b"sam:a-secret").decode()


def names(items: Any) -> list[str]:
    return [item.name for item in items]


# -- GitHub


def test_ghcr_lists_an_organisation_by_link(vendor: Any, reply: Any, all_pages: Any) -> None:
    def packages(asked: Any) -> Any:
        assert asked.query["package_type"] == "container"
        rows = [
            {
                "name": f"app{asked.query.get('page', '1')}",
                "owner": {"login": "MyOrg"},
                "visibility": "private",
                "updated_at": "2024-05-01T10:00:00Z",
                "repository": {"description": "An app"},
            }
        ]
        if asked.query.get("page") == "2":
            return rows
        here = f"{vendor.url}/orgs/MyOrg/packages?package_type=container&per_page=100"
        return reply(rows, 200, {"Link": f'<{here}&page=2>; rel="next", <{here}&page=2>; rel="last"'})

    vendor.routes["/orgs/MyOrg/packages"] = packages
    lister = vendor.lister("auto", "ghcr.io", namespace="MyOrg", credential=SAM)
    found = all_pages(lambda page: lister.repositories(page))
    assert names(found) == ["myorg/app1", "myorg/app2"]
    assert found[0].private is True and found[0].description == "An app"
    assert {asked.headers["authorization"] for asked in vendor.asked} == {"Bearer a-secret"}


def test_ghcr_lists_a_user_where_there_is_no_such_organisation(vendor: Any) -> None:
    vendor.routes["/users/sam/packages"] = [{"name": "tools/x", "owner": {"login": "sam"}}]
    lister = vendor.lister("auto", "ghcr.io", namespace="sam", credential=SAM)
    assert names(lister.repositories().items) == ["sam/tools/x"]


def test_ghcr_tags_are_versions(vendor: Any, digest: str) -> None:
    vendor.routes["/orgs/sam/packages"] = []
    vendor.routes["/orgs/sam/packages/container/tools%2Fx/versions"] = [
        {
            "id": 1,
            "name": digest,
            "created_at": "2024-05-01T10:00:00Z",
            "metadata": {"package_type": "container", "container": {"tags": ["1", "latest", 7, "not a tag"]}},
        },
        {"id": 2, "name": digest, "metadata": {"container": {"tags": []}}},
    ]
    page = vendor.lister("auto", "ghcr.io", credential=SAM).tags("sam/tools/x")
    assert names(page.items) == ["1", "latest"]
    assert page.items[0].details.digest == digest and not page.items[0].complete


def test_ghcr_tags_come_in_pages(vendor: Any, reply: Any, digest: str, all_pages: Any) -> None:
    path = "/orgs/sam/packages/container/tools%2Fx/versions"

    def versions(asked: Any) -> Any:
        number = asked.query.get("page", "1")
        row = {"name": digest, "metadata": {"container": {"tags": [f"v{number}"]}}}
        link = {"Link": f'<{vendor.url}{path}?page=2>; rel="next"'} if number == "1" else {}
        return reply([row], 200, link)

    vendor.routes["/orgs/sam/packages"] = []
    vendor.routes[path] = versions
    lister = vendor.lister("auto", "ghcr.io", credential=SAM)
    assert names(all_pages(lambda page: lister.tags("sam/tools/x", page))) == ["v1", "v2"]


@pytest.mark.parametrize("answer", [{"message": "busy"}, None, "x"])
def test_ghcr_tags_that_are_no_list_are_asked_of_the_registry(vendor: Any, answer: Any) -> None:
    vendor.routes["/orgs/sam/packages"] = []
    vendor.routes["/orgs/sam/packages/container/app/versions"] = answer
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/sam/app/tags/list"] = {"name": "sam/app", "tags": ["1"]}
    lister = vendor.lister("ghcr", credential=SAM)
    assert names(lister.tags("sam/app").items) == ["1"]


def test_ghcr_without_sign_in_asks_for_it_and_sends_nothing(vendor: Any, reply: Any) -> None:
    vendor.default = reply({"message": "Requires authentication"}, 401)
    with pytest.raises(SignInRequired) as caught:
        vendor.lister("auto", "ghcr.io").repositories()
    assert "read:packages" in caught.value.advice and "pin" in caught.value.advice.lower()


def test_ghcr_token_without_the_right_is_explained(vendor: Any, reply: Any) -> None:
    vendor.default = reply({"message": "Resource not accessible by personal access token"}, 403)
    with pytest.raises(ListingUnsupported) as caught:
        vendor.lister("auto", "ghcr.io", credential=SAM).repositories()
    assert "read:packages" in caught.value.advice and "not accessible" in caught.value.detail


# -- GitLab


def test_gitlab_lists_a_group_and_its_total(vendor: Any, reply: Any) -> None:
    vendor.routes["/api/v4/groups/harbour%2Fcranes/registry/repositories"] = reply(
        [
            {
                "id": 1,
                "name": "",
                "path": "harbour/cranes/app",
                "location": "x",
                "created_at": "2024-05-01T10:00:00Z",
            }
        ],
        200,
        {"X-Total": "1"},
    )
    lister = vendor.lister("auto", "registry.gitlab.com", namespace="harbour/cranes", credential=SAM)
    page = lister.repositories()
    assert names(page.items) == ["harbour/cranes/app"] and page.total == 1
    assert vendor.asked[-1].headers["private-token"] == "a-secret"


def test_gitlab_lists_a_project_by_pages_in_a_header(vendor: Any, reply: Any, all_pages: Any) -> None:
    def rows(asked: Any) -> Any:
        number = asked.query.get("page", "1")
        following = {"X-Next-Page": "2"} if number == "1" else {"X-Next-Page": ""}
        return reply([{"path": f"sam/app/{number}", "tags_count": 3}], 200, following)

    vendor.routes["/api/v4/projects/sam%2Fapp/registry/repositories"] = rows
    lister = vendor.lister("gitlab", namespace="sam/app")
    found = all_pages(lambda page: lister.repositories(page))
    assert names(found) == ["sam/app/1", "sam/app/2"] and found[0].tag_count == 3


def test_gitlab_counts_tags_of_projects_only(vendor: Any) -> None:
    """GitLab has no such parameter for groups."""
    for kind, name in (("projects", "app"), ("groups", "team")):
        vendor.routes[f"/api/v4/{kind}/{name}/registry/repositories"] = [{"path": name}]
        vendor.lister("gitlab", namespace=name).repositories()
        assert vendor.asked[-1].path == f"/api/v4/{kind}/{name}/registry/repositories"
        assert vendor.asked[-1].query.get("tags_count") == ("true" if kind == "projects" else None)


@pytest.mark.parametrize("secret", ["", "pass\tword", "pa\x7fss", "päss"])
def test_gitlab_passwords_that_no_header_can_have_are_not_sent(vendor: Any, secret: str) -> None:
    vendor.routes["/api/v4/groups/team/registry/repositories"] = [{"path": "team/app"}]
    lister = vendor.lister("gitlab", namespace="team", credential=Credential("sam", secret))
    assert names(lister.repositories().items) == ["team/app"]
    assert all("private-token" not in asked.headers for asked in vendor.asked)


def test_gitlab_is_where_its_registry_says(vendor: Any, other: Any, reply: Any) -> None:
    vendor.routes["/v2/"] = reply(
        {}, 401, {"WWW-Authenticate": f'Bearer realm="{other.url}/git/jwt/auth",service="container_registry"'}
    )
    other.routes["/git/api/v4/groups/g/registry/repositories"] = [{"path": "g/app"}]
    other.routes["/git/jwt/auth"] = {"token": "t"}
    lister = vendor.lister("gitlab", namespace="g", credential=SAM, api_base="")
    assert names(lister.repositories().items) == ["g/app"]
    assert all("private-token" not in asked.headers for asked in vendor.asked)


def test_gitlab_without_a_group_says_so(vendor: Any) -> None:
    with pytest.raises(ListingUnsupported) as caught:
        vendor.lister("auto", "registry.gitlab.com", credential=SAM).repositories()
    assert "registry.gitlab.com/group" in caught.value.advice
    assert vendor.asked == []


# -- Quay


def test_quay_lists_a_namespace_without_credentials(vendor: Any, all_pages: Any) -> None:
    def rows(asked: Any) -> Any:
        assert asked.query["namespace"] == "coreos" and asked.query["public"] == "true"
        if asked.query.get("next_page") == "opaque+token":
            return {
                "repositories": [
                    {"namespace": "coreos", "name": "flannel", "is_public": True, "kind": "image"}
                ]
            }
        first = {
            "namespace": "coreos",
            "name": "etcd",
            "is_public": True,
            "kind": "image",
            "last_modified": 1714557600,
        }
        app = {"namespace": "coreos", "name": "helmchart", "kind": "application"}
        return {"repositories": [first, app], "next_page": "opaque+token"}

    vendor.routes["/api/v1/repository"] = rows
    lister = vendor.lister("auto", "quay.io", namespace="coreos")
    found = all_pages(lambda page: lister.repositories(page))
    assert names(found) == ["coreos/etcd", "coreos/flannel"]
    assert found[0].updated == datetime(2024, 5, 1, 10, tzinfo=UTC)


def test_quay_passwords_are_not_sent_to_the_api(vendor: Any) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/_catalog"] = {"repositories": ["coreos/private", "elsewhere/x"]}
    lister = vendor.lister("auto", "quay.io", namespace="coreos", credential=SAM)
    assert names(lister.repositories().items) == ["coreos/private"]
    assert not any(path.startswith("/api/") for path in vendor.paths())


def test_quay_oauth_tokens_are(vendor: Any) -> None:
    vendor.routes["/api/v1/repository"] = {
        "repositories": [{"namespace": "a", "name": "b", "is_public": False}]
    }
    token = Credential("$oauthtoken", "oauth")
    page = vendor.lister("auto", "quay.io", namespace="a", credential=token).repositories()
    assert page.items[0].private is True
    assert (
        vendor.asked[0].headers["authorization"] == "Bearer oauth" and "public" not in vendor.asked[0].query
    )


def test_quay_searches(vendor: Any) -> None:
    row = {
        "kind": "repository",
        "name": "etcd",
        "namespace": {"name": "coreos"},
        "stars": 12,
        "is_public": True,
    }
    vendor.routes["/api/v1/find/repositories"] = {"results": [row], "has_additional": False, "page": 1}
    page = vendor.lister("auto", "quay.io").repositories(query="etc")
    assert [(item.name, item.stars) for item in page.items] == [("coreos/etcd", 12)]


@pytest.mark.parametrize("named", [True, False])
def test_quay_pages_are_counted_by_their_number_or_from_the_first(
    vendor: Any, digest: str, all_pages: Any, named: bool
) -> None:
    pages: list[str] = []

    def answer(asked: Any, key: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        number = int(asked.query["page"])
        pages.append(asked.query["page"])
        return {key: rows, "has_additional": number == 1, **({"page": number} if named else {})}

    def found(asked: Any) -> Any:
        kinds = ("repository", "user", "organization", "robot")
        rows = [
            {"kind": kind, "name": f"{kind}{asked.query['page']}", "namespace": {"name": "a"}}
            for kind in kinds
        ]
        assert asked.query["query"] == "e"
        return answer(asked, "results", rows)

    def tags(asked: Any) -> Any:
        return answer(asked, "tags", [{"name": f"v{asked.query['page']}", "manifest_digest": digest}])

    vendor.routes["/api/v1/find/repositories"] = found
    vendor.routes["/api/v1/repository/a/b/tag/"] = tags
    lister = vendor.lister("auto", "quay.io")
    assert names(all_pages(lambda page: lister.repositories(page, "e"))) == ["a/repository1", "a/repository2"]
    assert names(all_pages(lambda page: lister.tags("a/b", page))) == ["v1", "v2"]
    assert pages == ["1", "2", "1", "2"]


def test_quay_tags(vendor: Any, digest: str, all_pages: Any) -> None:
    def rows(asked: Any) -> Any:
        number = int(asked.query["page"])
        row = {
            "name": f"v{number}",
            "manifest_digest": digest,
            "size": 500,
            "is_manifest_list": number == 2,
            "last_modified": "Tue, 14 May 2024 14:48:51 -0000",
        }
        return {"tags": [row], "page": number, "has_additional": number < 2}

    vendor.routes["/api/v1/repository/coreos/etcd/tag/"] = rows
    lister = vendor.lister("auto", "quay.io")
    one, two = all_pages(lambda page: lister.tags("coreos/etcd", page))
    assert (one.details.size, two.details.size) == (500, None)
    assert one.details.created == datetime(2024, 5, 14, 14, 48, 51, tzinfo=UTC)


def test_an_empty_catalogue_is_no_answer_but_where_it_is_the_vendors_way(vendor: Any) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/_catalog"] = {"repositories": None}
    with pytest.raises(ListingUnsupported) as caught:
        vendor.lister("auto", "quay.io").repositories()
    assert caught.value.message == "Quay lists repositories of one organisation or user only."
    assert "quay.io/name" in caught.value.advice
    with pytest.raises(ListingUnsupported) as caught:
        vendor.lister("auto", "quay.io", namespace="coreos").repositories()
    assert caught.value.message == "quay.io does not list its repositories for you."
    assert vendor.lister("nexus").repositories().items == []
    assert vendor.lister("acr").repositories().items == []


# -- Harbor


def test_harbor_lists_all_or_a_project_by_link(vendor: Any, reply: Any, all_pages: Any) -> None:
    def rows(asked: Any) -> Any:
        number = asked.query["page"]
        link = {"Link": '</api/v2.0/repositories?page=2&page_size=100>; rel="next"'} if number == "1" else {}
        return reply(
            [{"name": f"library/app{number}", "artifact_count": 3}], 200, {"X-Total-Count": "2", **link}
        )

    vendor.routes["/api/v2.0/repositories"] = rows
    vendor.routes["/api/v2.0/projects/team/repositories"] = [{"name": "team/x"}]
    lister = vendor.lister("harbor", credential=SAM)
    assert lister.repositories().total == 2
    assert names(all_pages(lambda page: lister.repositories(page))) == ["library/app1", "library/app2"]
    assert {asked.headers["authorization"] for asked in vendor.asked} == {BASIC}
    assert names(vendor.lister("harbor", namespace="team").repositories(query="x=,").items) == ["team/x"]
    assert vendor.asked[-1].query["q"] == "name=~x"


def test_harbor_tags_with_a_slash_encoded_twice(vendor: Any, digest: str) -> None:
    vendor.routes["/api/v2.0/projects/team/repositories/a%252Fb/artifacts"] = [
        {
            "digest": digest,
            "size": 900,
            "push_time": "2024-05-02T10:00:00.000Z",
            "manifest_media_type": "application/vnd.oci.image.manifest.v1+json",
            "extra_attrs": {"architecture": "arm64", "os": "linux", "created": "2024-05-01T10:00:00.5Z"},
            "tags": [{"name": "1"}, {"name": "latest"}],
            "references": None,
        },
        {
            "digest": digest,
            "size": 1800,
            "push_time": "2024-05-02T10:00:00.000Z",
            "tags": [{"name": "multi"}],
            "references": [
                {"child_digest": digest, "platform": {"os": "linux", "architecture": "amd64"}},
                {"child_digest": digest, "platform": {"os": "unknown", "architecture": "unknown"}},
            ],
        },
        {"digest": digest, "tags": None},
    ]
    one, latest, multi = vendor.lister("harbor").tags("team/a/b").items
    assert (one.name, latest.name, multi.name) == ("1", "latest", "multi")
    assert (
        one.complete
        and one.details.size == 900
        and [str(p) for p in one.details.platforms] == ["linux/arm64"]
    )
    assert one.details.created == datetime(2024, 5, 1, 10, 0, 0, 500000, UTC)
    assert not multi.complete and multi.details.size is None
    assert [str(p) for p in multi.details.platforms] == ["linux/amd64"]


def test_harbor_and_github_list_untagged_images(vendor: Any, reply: Any, digest: str) -> None:
    harbor, github = (
        "/api/v2.0/projects/team/repositories/app/artifacts",
        "/users/ann/packages/container/app/versions",
    )

    def artifacts(asked: Any) -> Any:
        assert asked.query["q"] == "tags=nil"
        more = {"Link": f'<{harbor}?q=tags%3Dnil&page=2>; rel="next"'} if asked.query["page"] == "1" else {}
        image = {"architecture": "arm64", "os": "linux"}
        row = {"digest": digest, "size": 900, "tags": None, "extra_attrs": image}
        return reply([row, {"digest": "odd"}, {"digest": digest, "tags": [{"name": "1"}]}], 200, more)

    vendor.routes[harbor] = artifacts
    first, second = vendor.lister("harbor").untagged("team/app")
    assert first == second
    assert (first.tag, first.digest, first.size, str(first.platforms[0])) == ("", digest, 900, "linux/arm64")
    vendor.routes[github] = [
        {"name": digest, "metadata": {"container": {"tags": []}}, "created_at": "2024-05-01T10:00:00Z"},
        {"name": digest, "metadata": {"container": {"tags": ["1"]}}},
    ]
    (found,) = vendor.lister("ghcr", credential=SAM).untagged("ann/app")
    assert found.digest == digest and found.created is not None
    with pytest.raises(ListingUnsupported, match="only after you sign in"):
        vendor.lister("ghcr").untagged("ann/app")
    assert vendor.lister("gitea").untagged("ann/app") == []


def test_harbor_tells_the_number_of_a_project(vendor: Any) -> None:
    vendor.routes["/api/v2.0/projects/team"] = {"name": "team", "project_id": 7}
    vendor.routes["/api/v2.0/projects/odd"] = {"project_id": "seven"}
    assert vendor.lister("harbor").project_number("team/a/b") == 7
    with pytest.raises(UnexpectedReply, match="number of the project"):
        vendor.lister("harbor").project_number("odd/a")
    assert vendor.lister("gitea").project_number("team/a") is None


# -- Gitea, Forgejo


def test_gitea_lists_an_owner_each_name_once(vendor: Any, reply: Any) -> None:
    row = {
        "owner": {"login": "Sam"},
        "name": "app",
        "type": "container",
        "created_at": "2024-05-01T12:00:00+02:00",
    }
    vendor.routes["/api/v1/packages/sam"] = reply(
        [{**row, "version": "2"}, {**row, "version": "1"}, {**row, "name": "pkg", "type": "npm"}],
        200,
        {"X-Total-Count": "3"},
    )
    page = vendor.lister("auto", "codeberg.org", credential=SAM).repositories()
    assert names(page.items) == ["sam/app"] and page.total is None
    assert page.items[0].updated == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert vendor.asked[0].headers["authorization"] == BASIC


@pytest.mark.parametrize("namespace", ["team", "team/app"])
def test_gitea_lists_the_namespace_rather_than_the_users_own(vendor: Any, reply: Any, namespace: str) -> None:
    for owner in ("team", "sam"):
        row = {"owner": {"login": owner}, "name": "app", "type": "container"}
        vendor.routes[f"/api/v1/packages/{owner}"] = reply([row])
    page = vendor.lister("gitea", namespace=namespace, credential=SAM).repositories()
    assert names(page.items) == ["team/app"]
    assert vendor.paths() == ["/api/v1/packages/team"]
    assert vendor.asked[0].headers["authorization"] == BASIC


def test_gitea_lists_a_namespace_without_a_sign_in(vendor: Any, reply: Any) -> None:
    row = {"owner": {"login": "team"}, "name": "app", "type": "container"}
    vendor.routes["/api/v1/packages/team"] = reply([row])
    page = vendor.lister("gitea", namespace="team").repositories()
    assert names(page.items) == ["team/app"] and "authorization" not in vendor.asked[0].headers


@pytest.mark.parametrize(
    ("headers", "waits"),
    [({}, [0.3, 0.6]), ({"Retry-After": "0"}, [0.0, 0.0]), ({"Retry-After": "3600"}, [])],
)
def test_an_answer_that_may_be_temporary_is_asked_for_again(
    vendor: Any, reply: Any, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], waits: list[float]
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(api, "pause", lambda seconds, cancellation: waited.append(seconds))
    vendor.routes["/api/v1/packages/team"] = reply({}, 503, headers)
    with pytest.raises(RegistryFailure):
        vendor.lister("gitea", namespace="team").repositories()
    assert waited == pytest.approx(waits)
    assert vendor.paths().count("/api/v1/packages/team") == len(waits) + 1


def test_gitea_without_an_owner_tries_the_catalogue(vendor: Any) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/_catalog"] = {"repositories": ["sam/app"]}
    assert names(vendor.lister("gitea").repositories().items) == ["sam/app"]


# -- the clouds


def test_ecr_lists_by_the_catalogue(vendor: Any) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/_catalog"] = {"repositories": ["team/app"]}
    lister = vendor.lister("auto", "123456789012.dkr.ecr.eu-central-1.amazonaws.com")
    assert lister.kind == "ecr" and names(lister.repositories().items) == ["team/app"]


def test_ecr_names_its_helper(vendor: Any, reply: Any) -> None:
    vendor.routes["/v2/"] = {}
    wanted = reply({}, 401, {"WWW-Authenticate": 'Basic realm="ecr"'})
    denied = reply({"errors": [{"code": "DENIED", "message": "no right"}]}, 403)
    vendor.routes["/v2/_catalog"] = lambda asked: denied if "authorization" in asked.headers else wanted
    with pytest.raises(ListingUnsupported) as caught:
        vendor.lister("ecr", credential=SAM).repositories()
    assert "ecr-login" in caught.value.advice and "pin" in caught.value.advice.lower()


def test_acr_tags_by_an_access_token_for_the_refresh_token(vendor: Any, digest: str) -> None:
    vendor.routes["/oauth2/token"] = {"access_token": "acr-access"}
    vendor.routes["/acr/v1/team/app/_tags"] = {
        "registry": "x.azurecr.io",
        "imageName": "team/app",
        "tags": [{"name": "1", "digest": digest, "lastUpdateTime": "2018-09-06T06:17:21.0856539Z"}],
    }
    user = Credential("00000000-0000-0000-0000-000000000000", "refresh")
    (tag,) = vendor.lister("auto", "x.azurecr.io", credential=user).tags("team/app").items
    assert tag.details.digest == digest and tag.details.created.year == 2018
    form = parse_qs(vendor.asked[0].body.decode())
    assert form["grant_type"] == ["refresh_token"] and form["scope"] == ["repository:team/app:metadata_read"]
    assert vendor.asked[1].headers["authorization"] == "Bearer acr-access"


def test_acr_repositories_by_the_catalogue(vendor: Any) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/_catalog"] = {"repositories": ["team/app"]}
    assert names(vendor.lister("acr").repositories().items) == ["team/app"]


def test_google_walks_the_repositories_of_a_project(vendor: Any, all_pages: Any) -> None:
    parent = "/v1/projects/proj/locations/europe/repositories"
    here = "projects/proj/locations/europe/repositories"
    vendor.routes[parent] = lambda asked: (
        {"repositories": [{"name": f"{here}/two", "format": "DOCKER"}]}
        if asked.query.get("pageToken")
        else {
            "repositories": [
                {"name": f"{here}/one", "format": "DOCKER"},
                {"name": f"{here}/npm", "format": "NPM"},
            ],
            "nextPageToken": "more",
        }
    )
    vendor.routes[f"{parent}/one/packages"] = {"packages": [{"name": f"{here}/one/packages/a%2Fb"}]}
    vendor.routes[f"{parent}/two/packages"] = {"packages": [{"name": f"{here}/two/packages/c"}]}
    user = Credential("oauth2accesstoken", "ya29")
    lister = vendor.lister("auto", "europe-docker.pkg.dev", namespace="proj", credential=user)
    assert names(all_pages(lambda page: lister.repositories(page))) == ["proj/one/a/b", "proj/two/c"]
    assert {asked.headers["authorization"] for asked in vendor.asked} == {"Bearer ya29"}


def test_google_tags_are_versions(vendor: Any, digest: str) -> None:
    package = "/v1/projects/proj/locations/europe/repositories/one/packages/a%2Fb"
    vendor.routes[f"{package}/versions"] = {
        "versions": [
            {
                "name": f"{package}/versions/{digest}",
                "createTime": "2024-05-02T10:00:00Z",
                "relatedTags": [{"name": f"{package}/tags/v1", "version": "x"}],
                "metadata": {"imageSizeBytes": "1234", "mediaType": "m", "buildTime": "2024-05-01T10:00:00Z"},
            }
        ]
    }
    user = Credential("_dcgcloud_token", "ya29")
    (tag,) = vendor.lister("auto", "europe-docker.pkg.dev", credential=user).tags("proj/one/a/b").items
    assert (tag.name, tag.details.digest, tag.details.size) == ("v1", digest, 1234)
    assert tag.details.created.day == 1


@pytest.mark.parametrize(
    ("repository", "project"),
    [
        ("proj/one/a/b", "proj"),
        ("proj/one.x/a/b", "proj"),
        ("example.com/proj/one/a/b", "example.com%3Aproj"),
    ],
)
def test_google_tags_of_all_pages(
    vendor: Any, digest: str, all_pages: Any, repository: str, project: str
) -> None:
    """Also for projects that belong to a domain."""
    shelf = "one.x" if "one.x" in repository else "one"
    package = f"/v1/projects/{project}/locations/europe/repositories/{shelf}/packages/a%2Fb"

    def versions(asked: Any) -> Any:
        number = asked.query.get("pageToken", "1")
        row = {
            "name": f"{package}/versions/{digest}",
            "relatedTags": [{"name": f"{package}/tags/v{number}"}],
        }
        return {"versions": [row]} | ({"nextPageToken": "2"} if number == "1" else {})

    vendor.routes[f"{package}/versions"] = versions
    user = Credential("oauth2accesstoken", "ya29")
    lister = vendor.lister("auto", "europe-docker.pkg.dev", credential=user)
    assert names(all_pages(lambda page: lister.tags(repository, page))) == ["v1", "v2"]


def test_google_keys_of_service_accounts_are_not_sent(vendor: Any) -> None:
    key = Credential("_json_key", '{"private_key": "…"}')
    with pytest.raises(ListingUnsupported):
        vendor.lister("auto", "europe-docker.pkg.dev", namespace="proj", credential=key).repositories()
    assert not any(path.startswith("/v1/") for path in vendor.paths())


def test_digitalocean(vendor: Any, digest: str, all_pages: Any) -> None:
    vendor.routes["/v2/registry"] = {"registry": {"name": "reg"}}
    vendor.routes["/v2/registry/reg/repositoriesV2"] = lambda asked: {
        "repositories": [
            {
                "registry_name": "reg",
                "name": f"app{asked.query['page']}",
                "tag_count": 2,
                "latest_manifest": {"updated_at": "2024-05-01T10:00:00Z"},
            }
        ],
        "meta": {"total": 2},
        "links": {"pages": {"next": f"{vendor.url}/v2/registry/reg/repositoriesV2?page=2"}}
        if asked.query["page"] == "1"
        else {},
    }
    vendor.routes["/v2/registry/reg/repositories/team%2Fapp/tags"] = {
        "tags": [
            {
                "tag": "1",
                "manifest_digest": digest,
                "compressed_size_bytes": 2803255,
                "updated_at": "2024-05-01T10:00:00Z",
            }
        ],
        "meta": {"total": 1},
    }
    lister = vendor.lister("auto", "registry.digitalocean.com", credential=SAM)
    assert lister.repositories().total == 2
    assert names(all_pages(lambda page: lister.repositories(page))) == ["reg/app1", "reg/app2"]
    (tag,) = lister.tags("reg/team/app").items
    assert tag.details.size == 2803255


# -- Artifactory, Nexus


def test_artifactory_walks_its_repositories(vendor: Any, all_pages: Any) -> None:
    vendor.routes["/artifactory/api/repositories"] = [
        {"key": "docker-local", "type": "LOCAL", "packageType": "Docker"},
        {"key": "docker-all", "type": "VIRTUAL", "packageType": "Docker"},
    ]
    vendor.routes["/artifactory/api/docker/docker-local/v2/_catalog"] = {
        "repositories": ["busybox", "team/app"]
    }
    lister = vendor.lister("auto", "acme.jfrog.io", credential=SAM)
    found = all_pages(lambda page: lister.repositories(page))
    assert names(found) == ["docker-local/busybox", "docker-local/team/app"]


def test_artifactory_pages_by_the_last_name(vendor: Any, all_pages: Any) -> None:
    vendor.routes["/artifactory/api/docker/key/v2/_catalog"] = lambda asked: {
        "repositories": ["z"] if "last" in asked.query else [f"a{n:03}" for n in range(500)]
    }
    lister = vendor.lister("artifactory", namespace="key")
    assert len(all_pages(lambda page: lister.repositories(page))) == 501
    assert vendor.asked[-1].query["last"] == "a499"


def test_one_closed_repository_does_not_hide_the_others(vendor: Any, reply: Any, all_pages: Any) -> None:
    vendor.routes["/artifactory/api/repositories"] = [{"key": "one"}, {"key": "two"}]
    vendor.routes["/artifactory/api/docker/one/v2/_catalog"] = reply({}, 403)
    vendor.routes["/artifactory/api/docker/two/v2/_catalog"] = {"repositories": ["x"]}
    lister = vendor.lister("artifactory", credential=SAM)
    assert names(all_pages(lambda page: lister.repositories(page))) == ["two/x"]


def test_nexus_by_the_catalogue_or_by_components(vendor: Any, all_pages: Any) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/_catalog"] = {"repositories": ["team/app"]}
    assert names(vendor.lister("nexus").repositories().items) == ["team/app"]
    vendor.routes["/service/rest/v1/components"] = lambda asked: {
        "items": [{"format": "docker", "name": "team/b", "version": "1"}]
        if asked.query.get("continuationToken")
        else [{"format": "docker", "name": "team/a", "version": v} for v in "12"],
        "continuationToken": None if asked.query.get("continuationToken") else "t",
    }
    lister = vendor.lister("nexus", namespace="hosted")
    assert names(all_pages(lambda page: lister.repositories(page))) == ["hosted/team/a", "hosted/team/b"]


def test_tags_that_nobody_may_see_are_the_registrys_to_explain(vendor: Any, reply: Any) -> None:
    vendor.default = reply({"errors": [{"code": "DENIED", "message": "no"}]}, 403)
    with pytest.raises(SignInRequired):
        vendor.lister("harbor", credential=SAM).tags("team/app")
