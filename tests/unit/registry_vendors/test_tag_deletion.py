"""Deleting one tag by a vendor's own API, against servers that return what their documentation says."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import AccessDenied, ListingUnsupported, NotInRegistry
from longshore.registry.tag_deletion import TagDeletion, Way

SAM = Credential("sam", "a-secret")


def deletions(vendor: Any) -> list[str]:
    return [asked.path for asked in vendor.asked if asked.method == "DELETE"]


def test_docker_hub(vendor: Any, reply: Any, digest: str) -> None:
    vendor.routes["/v2/auth/token"] = {"access_token": "a-token"}
    vendor.routes["/v2/repositories/sam/app/tags/1.0/"] = reply(b"", 204)
    lister = vendor.lister("hub", credential=SAM)
    assert lister.deletes_tags()
    lister.delete_tag("sam/app", "1.0", digest)
    assert deletions(vendor) == ["/v2/repositories/sam/app/tags/1.0/"]
    assert vendor.asked[-1].headers["authorization"] == "Bearer a-token"
    with pytest.raises(NotInRegistry) as caught:
        lister.delete_tag("sam/app", "gone", digest)
    assert caught.value.subject == "sam/app:gone"


@pytest.mark.parametrize("kind", ["hub", "harbor", "quay", "gitlab", "ghcr", "gitea", "distribution"])
def test_nobody_deletes_without_a_sign_in(vendor: Any, kind: str) -> None:
    assert not vendor.lister(kind).deletes_tags()
    assert deletions(vendor) == []


def test_harbor(vendor: Any, reply: Any, digest: str) -> None:
    encoded = digest.replace(":", "%3A")
    path = f"/api/v2.0/projects/team/repositories/tools%252Fapp/artifacts/{encoded}/tags/1.0"
    vendor.routes[path] = reply(b"", 200)
    lister = vendor.lister("harbor", credential=SAM)
    assert lister.deletes_tags()
    lister.delete_tag("team/tools/app", "1.0", digest)
    assert deletions(vendor) == [path]
    assert vendor.asked[-1].headers["authorization"].startswith("Basic ")
    vendor.routes[path] = reply({"errors": [{"code": "PRECONDITION", "message": "immutable"}]}, 403)
    with pytest.raises(AccessDenied):
        lister.delete_tag("team/tools/app", "1.0", digest)


def test_quay_with_a_token_for_its_api(vendor: Any, reply: Any, digest: str) -> None:
    vendor.routes["/api/v1/repository/team/app/tag/1.0"] = reply(b"", 204)
    assert not vendor.lister("quay", credential=SAM).deletes_tags()
    lister = vendor.lister("quay", credential=Credential("$oauthtoken", "a-token"))
    assert lister.deletes_tags()
    lister.delete_tag("team/app", "1.0", digest)
    assert deletions(vendor) == ["/api/v1/repository/team/app/tag/1.0"]
    assert vendor.asked[-1].headers["authorization"] == "Bearer a-token"


def test_gitlab_finds_the_ids(vendor: Any, reply: Any, digest: str) -> None:
    vendor.routes["/api/v4/projects/team%2Fgroup%2Fapp/registry/repositories"] = reply(
        [{"id": 7, "path": "team/group/app/other"}],
        200,
        {"Link": f'<{vendor.url}/api/v4/projects/team%2Fgroup%2Fapp/second>; rel="next"'},
    )
    vendor.routes["/api/v4/projects/team%2Fgroup%2Fapp/second"] = [{"id": 8, "path": "team/group/app/web"}]
    tags = "/api/v4/projects/team%2Fgroup%2Fapp/registry/repositories/8/tags"
    vendor.routes[f"{tags}/1.0"] = vendor.routes[f"{tags}/2.0"] = reply(b"", 200)
    lister = vendor.lister("gitlab", credential=SAM)
    assert lister.deletes_tags()
    lister.delete_tag("team/group/app/web", "1.0", digest)
    asked = len(vendor.asked)
    lister.delete_tag("team/group/app/web", "2.0", digest)
    assert deletions(vendor) == [f"{tags}/1.0", f"{tags}/2.0"]
    assert len(vendor.asked) == asked + 1  # the ids are asked for once
    assert vendor.asked[-1].headers["private-token"] == "a-secret"
    with pytest.raises(ListingUnsupported, match="does not show the repository"):
        lister.delete_tag("team/none", "1.0", digest)


def test_a_registry_that_deletes_nothing_itself_is_asked_by_its_api(
    vendor: Any, reply: Any, digest: str
) -> None:
    """Docker Hub's registry refuses every DELETE."""
    there = {"1.0", "latest"}
    headers = {
        "Docker-Content-Digest": digest,
        "Content-Type": "application/vnd.oci.image.manifest.v1+json",
    }

    def route(asked: Any) -> Any:
        if asked.method == "DELETE" and asked.path.startswith("/v2/repositories/"):
            there.discard(asked.path.split("/")[-2])
            return reply(b"", 204)
        if asked.method in ("DELETE", "POST"):
            return reply({"errors": [{"code": "UNSUPPORTED"}]}, 405)
        found = asked.path.rpartition("/")[2] in (*there, digest)
        return reply(b"{}", 200, headers) if found else reply({}, 404)

    vendor.default = route
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/auth/token"] = {"access_token": "a-token"}
    client, lister = vendor.client(), vendor.lister("hub", credential=SAM)
    deletion = TagDeletion(client, "sam/app", lister=lister)
    assert deletion.way() is Way.VENDOR
    assert list(deletion.delete_tags(digest, ["1.0"], ["latest"])) == ["1.0"]
    assert there == {"latest"}
    deletion.delete_image(digest, ["latest"])
    assert there == set()
