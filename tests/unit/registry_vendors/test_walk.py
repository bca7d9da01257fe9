"""Listing by a vendor's API and by the catalogue: shelves, filters, totals, and which error is told."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    ListingUnsupported,
    LongshoreError,
    NotInRegistry,
    RegistryFailure,
    RegistryUnreachable,
    SignInRequired,
    UnexpectedReply,
)
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.vendors import base
from longshore.registry.vendors.harbor import HarborLister

from .test_requests import SAM, asked, in_turn, names

CATALOGUE = "/artifactory/api/docker/{}/v2/_catalog"


def artifactory(vendor: Any, *keys: str) -> None:
    """An Artifactory with a docker repository for each of *keys*, which holds one image."""
    vendor.routes["/artifactory/api/repositories"] = [{"key": key} for key in keys]
    for key in keys:
        vendor.routes[CATALOGUE.format(key)] = {"repositories": ["app"]}


def catalogue(vendor: Any, *found: str) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/_catalog"] = {"repositories": list(found)}


# -- shelves


def test_shelves_are_looked_up_once_for_each_listing(vendor: Any, all_pages: Any) -> None:
    artifactory(vendor, "one", "two", "three")
    lister = vendor.lister("artifactory", credential=SAM)
    for times in (1, 2):
        found = all_pages(lambda page: lister.repositories(page))
        assert names(found) == ["one/app", "two/app", "three/app"]
        assert vendor.paths().count("/artifactory/api/repositories") == times


def test_two_listings_at_a_time_do_not_mix(vendor: Any) -> None:
    artifactory(vendor, "one", "two")
    lister = vendor.lister("artifactory", credential=SAM)
    everything, some = lister.repositories(), lister.repositories(query="ap")
    assert names(lister.repositories(everything.next).items) == ["two/app"]
    assert names(lister.repositories(some.next, "ap").items) == ["two/app"]


def test_the_most_shelves(vendor: Any, all_pages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_MOST_SHELVES", 2)
    artifactory(vendor, "one", "two", "three")
    lister = vendor.lister("artifactory", credential=SAM)
    assert names(all_pages(lambda page: lister.repositories(page))) == ["one/app", "two/app"]


def test_nothing_to_list_is_an_empty_list(vendor: Any) -> None:
    artifactory(vendor)
    page = vendor.lister("artifactory", credential=SAM).repositories()
    assert (page.items, page.next, page.total) == ([], None, 0)


def test_shelves_that_are_gone_meanwhile(vendor: Any) -> None:
    artifactory(vendor, "one", "two")
    lister = vendor.lister("artifactory", credential=SAM)
    page = lister.repositories()
    artifactory(vendor, "one")
    lister.repositories()
    with pytest.raises(UnexpectedReply, match="namespaces changed"):
        lister.repositories(page.next)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_closed_shelf_hides_no_other_one(vendor: Any, reply: Any, all_pages: Any, status: int) -> None:
    artifactory(vendor, "one", "two")
    vendor.routes[CATALOGUE.format("one")] = reply({}, status)
    lister = vendor.lister("artifactory")
    first = lister.repositories()
    assert (first.items, first.total) == ([], None)
    assert names(lister.repositories(first.next).items) == ["two/app"]


@pytest.mark.parametrize("status", [409, 507])
def test_an_error_of_a_shelf_is_one(vendor: Any, reply: Any, status: int) -> None:
    artifactory(vendor, "one", "two")
    vendor.routes[CATALOGUE.format("one")] = reply({}, status)
    with pytest.raises(UnexpectedReply):
        vendor.lister("artifactory", credential=SAM).repositories()


# -- filters and totals


def harbor(vendor: Any, reply: Any, *found: str) -> Any:
    rows = [{"name": name} for name in found]
    vendor.routes["/api/v2.0/repositories"] = reply(rows, 200, {"X-Total-Count": "7"})
    return vendor.lister("harbor")


@pytest.mark.parametrize("query", ["", "app", "APP", "zzz"])
def test_a_vendor_that_searches_is_believed(vendor: Any, reply: Any, query: str) -> None:
    page = harbor(vendor, reply, "a/app", "b/x").repositories(query=query)
    assert (names(page.items), page.total) == (["a/app", "b/x"], 7)


@pytest.mark.parametrize(
    ("query", "kept", "total"),
    [("", ["a/app", "b/x"], 7), ("APP", ["a/app"], None), ("/", ["a/app", "b/x"], None), ("zzz", [], None)],
)
def test_a_vendor_that_does_not_search_is_filtered(
    vendor: Any, reply: Any, query: str, kept: list[str], total: int | None
) -> None:
    """The total of what fits is unknown: other pages may have more."""
    rows = [{"path": "a/app"}, {"path": "b/x"}]
    group = "/api/v4/groups/g/registry/repositories"
    vendor.routes[group] = lambda one: reply(
        rows if one.query["per_page"] != "1" else [], 200, {"X-Total": "7"}
    )
    page = vendor.lister("gitlab", namespace="g").repositories(query=query)
    assert (names(page.items), page.total) == (kept, total)


def test_the_total_of_one_of_several_shelves_is_not_told(vendor: Any) -> None:
    vendor.routes["/v2/auth/token"] = {"access_token": "jwt"}
    vendor.routes["/v2/user/orgs/"] = {"results": [{"orgname": "one"}]}
    vendor.routes["/v2/namespaces/sam/repositories"] = {"count": 3, "results": []}
    assert vendor.lister("hub", credential=SAM).repositories().total is None


def test_the_catalogue_is_filtered_by_namespace_and_query(vendor: Any) -> None:
    catalogue(vendor, "team", "team/a", "team/b", "teams/a", "a")
    lister = vendor.lister("distribution", namespace="team")
    assert names(lister.repositories().items) == ["team/a", "team/b"]
    assert names(lister.repositories(query="b").items) == ["team/b"]
    assert names(vendor.lister("distribution").repositories(query="a").items) == [
        "team", "team/a", "team/b", "teams/a", "a",
    ]  # fmt: skip


# -- the catalogue as the other way


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_api_that_refuses_leaves_the_catalogue(vendor: Any, reply: Any, status: int) -> None:
    catalogue(vendor, "a/app", "b/x")
    vendor.routes["/api/v2.0/repositories"] = reply({}, status)
    lister = vendor.lister("harbor")
    assert names(lister.repositories().items) == ["a/app", "b/x"]
    assert names(lister.repositories(query="x").items) == ["b/x"]


@pytest.mark.parametrize(("status", "error"), [(409, UnexpectedReply), (500, RegistryFailure)])
def test_an_api_that_is_broken_is_said(
    vendor: Any, reply: Any, monkeypatch: pytest.MonkeyPatch, status: int, error: type[LongshoreError]
) -> None:
    monkeypatch.setattr("longshore.registry.vendors.api.pause", lambda *_: None)
    catalogue(vendor, "a/app")
    vendor.routes["/api/v2.0/repositories"] = reply({}, status)
    with pytest.raises(error):
        vendor.lister("harbor").repositories()
    assert "/v2/_catalog" not in vendor.paths()


def test_an_empty_catalogue_does_not_explain_a_refusal(vendor: Any, reply: Any) -> None:
    catalogue(vendor)
    vendor.routes["/api/v2.0/repositories"] = reply({"message": "no"}, 403)
    lister = vendor.lister("harbor", credential=SAM)
    with pytest.raises(ListingUnsupported) as caught:
        lister.repositories()
    assert caught.value.detail == "HTTP 403: no" and caught.value.registry == vendor.host
    assert lister.repositories(query="x").items == [], "a search that finds nothing is an answer"


def test_pages_of_the_catalogue_stay_pages_of_the_catalogue(vendor: Any, reply: Any) -> None:
    vendor.routes["/v2/"] = {}
    link = {"Link": '</v2/_catalog?last=b>; rel="next"'}
    vendor.routes["/v2/_catalog"] = lambda one: (
        {"repositories": ["c"]} if "last" in one.query else reply({"repositories": ["a", "b"]}, 200, link)
    )
    lister = vendor.lister("nexus")
    page = lister.repositories()
    assert names(page.items) == ["a", "b"]
    last = lister.repositories(page.next)
    assert (names(last.items), last.next) == (["c"], None)


def test_a_further_page_that_is_refused_is_an_error(vendor: Any, reply: Any) -> None:
    catalogue(vendor, "of/the-catalogue")
    following = reply([{"name": "a/app"}], 200, {"Link": '</api/v2.0/repositories?page=2>; rel="next"'})
    vendor.routes["/api/v2.0/repositories"] = in_turn(following, reply({}, 403))
    lister = vendor.lister("harbor", credential=SAM)
    page = lister.repositories()
    with pytest.raises(AccessDenied):
        lister.repositories(page.next)


def test_who_must_sign_in_is_told_how(vendor: Any, reply: Any) -> None:
    vendor.default = reply({"message": "who are you"}, 401, {"WWW-Authenticate": "Basic realm=x"})
    with pytest.raises(SignInRequired, match="lists its repositories only after you sign in") as caught:
        vendor.lister("harbor").repositories()
    assert caught.value.advice.startswith("Sign in…, or add the registry with a project you may see")
    assert caught.value.advice.endswith("Or pin a repository by name.")
    assert caught.value.registry == vendor.host and caught.value.detail


def test_the_registry_knows_better_that_a_sign_in_is_needed(vendor: Any, reply: Any) -> None:
    vendor.routes["/api/v2.0/repositories"] = reply({}, 403)
    vendor.routes["/v2/"] = vendor.routes["/v2/_catalog"] = reply(
        {}, 401, {"WWW-Authenticate": "Basic realm=x"}
    )
    with pytest.raises(SignInRequired, match="only after you sign in"):
        vendor.lister("harbor").repositories()


def test_a_password_that_was_not_sent_was_not_refused(vendor: Any, reply: Any) -> None:
    vendor.default = reply({}, 401)
    with pytest.raises(SignInRequired):
        vendor.lister("gitlab", namespace="g", credential=Credential("sam", "päss")).repositories()
    with pytest.raises(ListingUnsupported):
        vendor.lister("gitlab", namespace="g", credential=SAM).repositories()


# -- tags


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_tags_that_the_api_refuses_are_the_registrys(vendor: Any, reply: Any, status: int) -> None:
    path = "/api/v2.0/projects/a/repositories/b/artifacts"
    vendor.routes[path] = reply({}, status)
    vendor.routes["/v2/"] = {}
    link = {"Link": '</v2/a/b/tags/list?last=1>; rel="next"'}
    vendor.routes["/v2/a/b/tags/list"] = lambda one: (
        {"tags": ["2"]} if "last" in one.query else reply({"tags": ["1"]}, 200, link)
    )
    lister = vendor.lister("harbor", credential=SAM)
    page = lister.tags("a/b")
    assert names(page.items) == ["1"]
    assert names(lister.tags("a/b", page.next).items) == ["2"]
    assert vendor.paths().count(path) == 1


def test_a_further_page_of_tags_that_is_refused_is_an_error(vendor: Any, reply: Any, digest: str) -> None:
    path = "/api/v2.0/projects/a/repositories/b/artifacts"
    row = {"digest": digest, "tags": [{"name": "1"}]}
    following = reply([row], 200, {"Link": f'<{path}?page=2>; rel="next"'})
    vendor.routes[path] = in_turn(following, reply({}, 404))
    lister = vendor.lister("harbor")
    page = lister.tags("a/b")
    with pytest.raises(NotInRegistry):
        lister.tags("a/b", page.next)


def test_an_api_of_tags_that_is_down_is_said(
    vendor: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore.registry.vendors.api.pause", lambda *_: None)
    vendor.routes["/api/v2.0/projects/a/repositories/b/artifacts"] = reply({}, 503)
    with pytest.raises(RegistryFailure):
        vendor.lister("harbor").tags("a/b")


# -- credentials and connections


def test_a_credential_is_looked_up_once(vendor: Any, reply: Any) -> None:
    looked: list[str] = []

    def look_up(host: str) -> Credential | None:
        looked.append(host)
        return SAM

    vendor.routes["/api/v2.0/repositories"] = []
    config = RegistryConfig(vendor.host)
    with_client = RegistryClient(config, look_up, environ={})
    lister = HarborLister(config, with_client, look_up, environ={})
    try:
        for _ in range(3):
            assert lister.repositories().items == []
    finally:
        lister.close()
        with_client.close()
    assert looked == [vendor.host]
    assert all("authorization" in one.headers for one in vendor.asked if one.path.startswith("/api/"))


def test_a_lister_can_be_used_again_after_it_was_closed(vendor: Any) -> None:
    vendor.routes["/api/v2.0/repositories"] = []
    lister = vendor.lister("harbor")
    for _ in range(2):
        assert lister.repositories().items == []
        lister.close()
        lister.close()


@pytest.mark.parametrize("given", [True, False])
def test_the_proxy_of_the_environment_is_used(
    vendor: Any, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    """The environment that was passed, or else that of this process."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1" if given else vendor.url)
    config = RegistryConfig("registry.invalid", kind="harbor")
    client = RegistryClient(config, lambda _host: None, environ={})
    environ = {"HTTP_PROXY": vendor.url} if given else None
    lister = HarborLister(config, client, lambda _host: None, environ=environ, api_base="http://api.invalid")
    vendor.default = type(vendor.default)([])
    try:
        assert lister.repositories().items == []
    finally:
        lister.close()
        client.close()
    assert [one.headers["host"] for one in vendor.asked] == ["api.invalid"]


def test_the_api_of_a_plain_registry_is_plain_too(vendor: Any) -> None:
    """Without *api_base*: where the registry itself is."""
    vendor.routes["/v2/"] = {}
    vendor.routes["/api/v2.0/repositories"] = [{"name": "a/b"}]
    lister = vendor.lister("harbor", api_base="")
    assert names(lister.repositories().items) == ["a/b"]
    assert asked(vendor)[-1][0] == "/api/v2.0/repositories"


def test_a_registry_elsewhere_has_its_api_behind_tls(vendor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = RegistryConfig("registry.invalid", kind="harbor")
    client = RegistryClient(config, lambda _host: None, environ={})
    monkeypatch.setattr(client, "base", lambda **_: "http://registry.invalid")
    lister = HarborLister(config, client, lambda _host: None, environ={})
    insecure = RegistryConfig("registry.invalid", kind="harbor", insecure=True)
    other = HarborLister(insecure, client, lambda _host: None, environ={})
    try:
        assert lister._base(None) == "https://registry.invalid"
        assert other._base(None) == "http://registry.invalid"
        monkeypatch.setattr(client, "base", lambda **_: "http://elsewhere.invalid")
        assert other._base(None) == "https://registry.invalid"
        with pytest.raises(RegistryUnreachable):
            lister.repositories()
    finally:
        lister.close()
        other.close()
        client.close()
