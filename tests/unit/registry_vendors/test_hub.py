"""Docker Hub, as its API reference describes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import ListingUnsupported, SignInFailed
from longshore.oci.platform import Platform

SAM = Credential("sam", "a-secret")


def _repositories(vendor: Any, namespace: str, *names: str) -> None:
    vendor.routes[f"/v2/namespaces/{namespace}/repositories"] = {
        "count": len(names),
        "next": None,
        "previous": None,
        "results": [
            {
                "name": name,
                "namespace": namespace,
                "description": f"About {name}",
                "is_private": name == "secret",
                "star_count": 7,
                "pull_count": 9,
                "last_updated": "2024-05-01T10:00:00.123456Z",
            }
            for name in names
        ],
    }


def test_the_official_images_for_those_who_have_not_signed_in(vendor: Any) -> None:
    _repositories(vendor, "library", "nginx", "postgres")
    page = vendor.lister("auto", "docker.io").repositories()
    assert [item.name for item in page.items] == ["library/nginx", "library/postgres"]
    assert page.items[0].official and page.items[0].stars == 7 and page.items[0].private is False
    assert page.items[0].updated == datetime(2024, 5, 1, 10, 0, 0, 123456, UTC)
    assert page.total == 2 and page.next is None
    assert "authorization" not in vendor.asked[0].headers


def test_ones_own_namespaces_by_a_token(vendor: Any, all_pages: Any) -> None:
    vendor.routes["/v2/auth/token"] = {"access_token": "jwt-of-sam"}
    vendor.routes["/v2/user/orgs/"] = {"results": [{"orgname": "harbour"}]}
    _repositories(vendor, "sam", "app", "secret")
    _repositories(vendor, "harbour", "crane")
    lister = vendor.lister("auto", "docker.io", credential=SAM)
    found = all_pages(lambda page: lister.repositories(page))
    assert [item.name for item in found] == ["sam/app", "sam/secret", "harbour/crane"]
    assert found[1].private is True
    token = vendor.asked[0]
    assert (token.method, token.path) == ("POST", "/v2/auth/token")
    assert json.loads(token.body) == {"identifier": "sam", "secret": "a-secret"}
    assert {asked.headers["authorization"] for asked in vendor.asked[1:]} == {"Bearer jwt-of-sam"}
    assert vendor.paths().count("/v2/auth/token") == vendor.paths().count("/v2/user/orgs/") == 1


def test_a_namespace_works_without_the_undocumented_list_of_organisations(vendor: Any) -> None:
    vendor.routes["/v2/auth/token"] = {"access_token": "jwt"}
    _repositories(vendor, "sam", "app")
    page = vendor.lister("auto", "docker.io", credential=SAM).repositories()
    assert [item.name for item in page.items] == ["sam/app"]


def test_a_refused_password_is_said_and_not_taken_for_missing_rights(vendor: Any, reply: Any) -> None:
    vendor.routes["/v2/auth/token"] = reply({"detail": "Incorrect authentication credentials"}, 401)
    with pytest.raises(SignInFailed) as caught:
        vendor.lister("auto", "docker.io", credential=SAM).repositories()
    assert "a-secret" not in caught.value.detail + caught.value.message


def test_an_identity_token_is_not_sent_to_the_api(vendor: Any) -> None:
    _repositories(vendor, "library", "nginx")
    browser = Credential("sam", "", "refresh-token")
    assert vendor.lister("auto", "docker.io", credential=browser).repositories().items
    assert vendor.paths() == ["/v2/namespaces/library/repositories"]


def test_search_has_stars_and_the_official_mark(vendor: Any, all_pages: Any) -> None:
    def search(asked: Any) -> Any:
        assert asked.query["query"] == "ngi"
        if asked.query.get("page") == "2":
            return {
                "count": 3,
                "next": "",
                "results": [{"repo_name": "sam/ngi", "star_count": 1, "is_official": False}],
            }
        return {
            "count": 3,
            "next": f"{vendor.url}/v2/search/repositories/?page=2&query=ngi",
            "results": [
                {
                    "repo_name": "nginx",
                    "short_description": "Web\nserver",
                    "star_count": 20000,
                    "is_official": True,
                },
                {"repo_name": "bitnami/nginx", "star_count": 200, "is_official": False},
            ],
        }

    vendor.routes["/v2/search/repositories/"] = search
    lister = vendor.lister("auto", "docker.io")
    found = all_pages(lambda page: lister.repositories(page, "ngi"))
    assert [(item.name, item.stars, item.official) for item in found] == [
        ("library/nginx", 20000, True),
        ("bitnami/nginx", 200, False),
        ("sam/ngi", 1, False),
    ]
    assert found[0].description == "Web server"


def test_tags_with_sizes_and_platforms_count_no_pull(vendor: Any, digest: str) -> None:
    host = Platform.host()
    images = [
        {"architecture": "s390x", "os": "linux", "size": 1, "digest": digest, "status": "active"},
        {
            "architecture": host.architecture,
            "os": "linux",
            "size": 4711,
            "digest": digest,
            "status": "inactive",
        },
        {"architecture": "unknown", "os": "unknown", "size": 3, "digest": digest},
    ]
    vendor.routes["/v2/namespaces/library/repositories/nginx/tags"] = {
        "count": 2,
        "next": None,
        "results": [
            {
                "name": "1.27",
                "full_size": 99,
                "digest": digest,
                "media_type": "application/vnd.oci.image.index.v1+json",
                "tag_last_pushed": "2024-05-01T10:00:00Z",
                "images": images,
            },
            {"name": "no-digest", "images": []},
        ],
    }
    for number, image in enumerate(images):
        image["digest"] = f"sha256:{number:064x}"
    lister = vendor.lister("auto", "docker.io")
    first, second = lister.tags("library/nginx").items
    assert first.complete and first.details is not None
    assert first.details.images == tuple(image["digest"] for image in images)
    images[1]["digest"] = "sha256:short"
    assert lister.tags("library/nginx").items[0].details.images == (), "all of them or none"
    assert first.details.digest == digest and first.details.size == 4711
    assert [str(one) for one in first.details.platforms] == ["linux/s390x", f"linux/{host.architecture}"]
    assert first.details.created == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert (second.name, second.details, second.complete) == ("no-digest", None, False)
    assert not any("/manifests/" in path for path in vendor.paths())


def test_tags_by_the_registry_where_the_api_knows_none(vendor: Any, all_pages: Any) -> None:
    def tags(asked: Any) -> Any:
        if "last" in asked.query:
            return {"name": "sam/app", "tags": ["2"]}
        return type(vendor.default)(
            {"name": "sam/app", "tags": ["1"]}, 200, {"Link": '</v2/sam/app/tags/list?last=1>; rel="next"'}
        )

    vendor.routes["/v2/sam/app/tags/list"] = tags
    vendor.routes["/v2/"] = {}
    lister = vendor.lister("auto", "docker.io")
    found = all_pages(lambda page: lister.tags("sam/app", page))
    assert [(tag.name, tag.details) for tag in found] == [("1", None), ("2", None)]


def test_an_unknown_namespace_is_explained(vendor: Any) -> None:
    with pytest.raises(ListingUnsupported) as caught:
        vendor.lister("auto", "docker.io", namespace="nobody").repositories()
    assert "pin a repository by name" in caught.value.advice
    assert "namespace" in caught.value.advice


def test_one_tag_without_a_pull(vendor: Any) -> None:
    vendor.routes["/v2/namespaces/library/repositories/nginx/tags/1.27"] = {
        "name": "1.27",
        "digest": f"sha256:{'1' * 64}",
        "media_type": "application/vnd.oci.image.index.v1+json",
        "tag_last_pushed": "2024-05-01T10:00:00Z",
        "images": [{"os": "linux", "architecture": "amd64", "size": 7}],
    }
    found = vendor.lister("auto", "docker.io").tag_info("library/nginx", "1.27")
    assert (found.details.size, found.details.digest[-1]) == (7, "1")
    assert found.details.created == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert [asked.method for asked in vendor.asked] == ["GET"]
