"""How the vendor of a registry is detected."""

from __future__ import annotations

from typing import Any

import pytest

from longshore.errors import RegistryUnreachable
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.registry.listing import KINDS, kind_of_host, lister_for
from longshore.registry.vendors.probe import make_of


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("docker.io", "hub"),
        ("ghcr.io", "ghcr"),
        ("registry.gitlab.com", "gitlab"),
        ("quay.io", "quay"),
        ("codeberg.org", "gitea"),
        ("registry.digitalocean.com", "digitalocean"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com", "ecr"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "ecr"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "ecr"),
        ("123456789012.dkr-ecr.us-east-1.on.aws", "ecr"),
        ("public.ecr.aws", "ecr"),
        ("myreg.azurecr.io", "acr"),
        ("europe-west1-docker.pkg.dev", "google"),
        ("acme.jfrog.io", "artifactory"),
        ("evil-docker.io", "auto"),
        ("docker.io.evil.example", "auto"),
        ("myreg.azurecr.io.evil.example", "auto"),
        ("x.ghcr.io", "auto"),
        ("127.0.0.1:5000", "auto"),
        ("[::1]:5000", "auto"),
    ],
)
def test_by_host(host: str, kind: str) -> None:
    assert kind_of_host(host) == kind


def test_every_kind_makes_a_lister_of_that_kind() -> None:
    client = RegistryClient(RegistryConfig("r.example.com"), lambda _host: None, environ={})
    for kind in KINDS:
        config = RegistryConfig("r.example.com", kind=kind)
        lister = lister_for(config, client, lambda _host: None, environ={})
        assert lister.kind == kind
        lister.close()
    client.close()


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (
            {"WWW-Authenticate": 'Bearer realm="https://git.example/jwt/auth",service="container_registry"'},
            "gitlab",
        ),
        (
            {"WWW-Authenticate": 'Bearer realm="https://h.example/service/token",service="harbor-registry"'},
            "harbor",
        ),
        ({"WWW-Authenticate": 'Bearer realm="https://q.example/v2/auth",service="q.example"'}, "quay"),
        (
            {"WWW-Authenticate": 'Bearer realm="https://g.example/v2/token",service="container_registry"'},
            "gitea",
        ),
        ({"WWW-Authenticate": 'Basic realm="Sonatype Nexus Repository Manager"'}, "nexus"),
        ({"WWW-Authenticate": 'Basic realm="Artifactory Realm"'}, "artifactory"),
        ({"X-JFrog-Version": "Artifactory/7.80"}, "artifactory"),
        ({"WWW-Authenticate": 'Bearer realm="https://auth.example/token",service="r"'}, "distribution"),
        ({"WWW-Authenticate": 'Bearer realm="https://[broken/v2/auth"'}, "distribution"),
        ({"WWW-Authenticate": 'Basic realm="registry"'}, "distribution"),
    ],
)
def test_by_how_it_asks_for_a_sign_in(vendor: Any, reply: Any, headers: dict[str, str], kind: str) -> None:
    vendor.routes["/v2/"] = reply({}, 401, headers)
    assert make_of(vendor.url, RegistryConfig(vendor.host), {}, None) == kind
    assert vendor.paths() == ["/v2/"] and "authorization" not in vendor.asked[0].headers


def test_the_make_is_found_out_once(vendor: Any, reply: Any) -> None:
    vendor.routes["/v2/"] = reply(
        {}, 401, {"WWW-Authenticate": 'Basic realm="Sonatype Nexus Repository Manager"'}
    )
    vendor.routes["/v2/a/b/tags/list"] = {"name": "a/b", "tags": ["1"]}
    lister = vendor.lister("auto")
    assert lister.kind == "auto"
    assert [tag.name for tag in lister.tags("a/b").items] == ["1"]
    assert lister.kind == "nexus"
    before = vendor.paths().count("/v2/")
    lister.tags("a/b")
    assert vendor.paths().count("/v2/") == before


def test_a_registry_that_does_not_answer_is_asked_again_later(vendor: Any) -> None:
    config = RegistryConfig("127.0.0.1:1")
    client = RegistryClient(config, lambda _host: None, environ={})
    lister = lister_for(config, client, lambda _host: None, environ={})
    for _ in range(2):
        with pytest.raises(RegistryUnreachable):
            lister.repositories()
    assert lister.kind == "auto"
    lister.close()
    client.close()


def test_plain_registries_by_their_catalogue(vendor: Any, reply: Any, all_pages: Any) -> None:
    vendor.routes["/v2/"] = {}
    vendor.routes["/v2/_catalog"] = lambda asked: (
        {"repositories": ["team/b", "x"]}
        if "last" in asked.query
        else reply(
            {"repositories": ["a", "team/a", "teams/no"]}, 200, {"Link": '</v2/_catalog?last=a>; rel="next"'}
        )
    )
    lister = vendor.lister("auto", namespace="team")
    found = all_pages(lambda page: lister.repositories(page))
    assert [item.name for item in found] == ["team/a", "team/b"] and not lister.searches
    found = all_pages(lambda page: lister.repositories(page, "b"))
    assert [item.name for item in found] == ["team/b"]
