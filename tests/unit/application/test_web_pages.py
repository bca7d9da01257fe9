"""Open in browser: which page belongs to which name, and why there is none."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from longshore.application.web_pages import needs_number, web_page
from longshore.errors import InvalidInput
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig


def page(name: str, make: str = "", **config: object) -> str:
    reference = Reference.parse(name)
    return web_page(reference, RegistryConfig(reference.domain, **config), make)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("docker.io/library/postgres", "https://hub.docker.com/_/postgres"),
        ("postgres:16.4", "https://hub.docker.com/_/postgres/tags?name=16.4"),
        ("grafana/loki:3.1", "https://hub.docker.com/r/grafana/loki/tags?name=3.1"),
        ("ghcr.io/owner/app:1", "https://ghcr.io/owner/app"),
        ("quay.io/keycloak/keycloak", "https://quay.io/repository/keycloak/keycloak"),
        ("quay.io/a/b:1", "https://quay.io/repository/a/b?tab=tags&tag=1"),
        ("registry.gitlab.com/group/app:1", "https://gitlab.com/group/app/container_registry"),
        ("registry.gitlab.com/group/app/image:1", "https://gitlab.com/group/app"),
        ("codeberg.org/ann/web/api:2", "https://codeberg.org/ann/-/packages/container/web%2Fapi/2"),
        ("public.ecr.aws/docker/library/redis:7", "https://gallery.ecr.aws/docker/library/redis"),
        (
            "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0",
            "https://console.cloud.google.com/artifacts/docker/google-samples/us/containers/gke%2Fhello-app",
        ),
        ("mcr.microsoft.com/dotnet/sdk", "https://mcr.microsoft.com/en-us/artifact/mar/dotnet/sdk/about"),
        ("mcr.microsoft.com/dotnet/sdk:10", "https://mcr.microsoft.com/en-us/artifact/mar/dotnet/sdk/tags"),
    ],
)
def test_hosts_that_have_pages(name: str, url: str) -> None:
    assert page(name) == url


def test_a_registry_whose_vendor_was_detected_or_chosen() -> None:
    assert page("quay.acme.io/a/b", "quay") == "https://quay.acme.io/repository/a/b"
    assert page("git.acme.io:8443/a/b", kind="gitea").startswith("https://git.acme.io:8443/a/-/")


def test_harbor_needs_the_number_of_the_project() -> None:
    reference, config = Reference.parse("harbor.acme.io/team/web/api:1"), RegistryConfig("harbor.acme.io")
    assert needs_number(config, "harbor")
    assert not needs_number(config, "quay")
    numbered = web_page(reference, config, "harbor", 7)
    assert numbered == "https://harbor.acme.io/harbor/projects/7/repositories/web%2Fapi"
    assert web_page(reference, config, "harbor") == "https://harbor.acme.io/harbor/projects"


@pytest.mark.parametrize(
    ("name", "make", "config", "reason"),
    [
        ("127.0.0.1:5000/app", "quay", {}, "on this machine"),
        ("localhost:5000/app", "harbor", {}, "on this machine"),
        ("quay.acme.io/a/b", "quay", {"insecure": True}, "without TLS"),
        ("registry.acme.io/app", "", {}, "no known web page"),
        ("registry.acme.io/app", "distribution", {}, "no known web page"),
        ("acme.azurecr.io/app", "", {}, "does not follow"),
        ("nexus.acme.io/app", "nexus", {}, "does not follow"),
        ("gitlab.acme.io/a/b", "gitlab", {}, "of this GitLab"),
        ("codeberg.org/app", "", {}, "no owner"),
        ("us-docker.pkg.dev/project/app", "", {}, "project, repository and image"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app", "", {}, "private repository"),
    ],
)
def test_why_there_is_no_page(name: str, make: str, config: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        page(name, make, **config)


def test_a_detected_vendor_never_moves_the_page_of_a_known_host() -> None:
    assert urlsplit(page("ghcr.io/a/b", "quay")).netloc == "ghcr.io"
    assert urlsplit(page("docker.io/a/b", "gitea")).netloc == "hub.docker.com"
