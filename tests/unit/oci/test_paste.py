"""What people paste where a reference is asked for."""

from __future__ import annotations

import pytest

from longshore.errors import InvalidInput, InvalidReference
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference, parse_pull_line

HEX = "0123456789abcdef" * 4

UNWRAPPED = [
    ("postgres:16", "postgres:16"),
    ("  postgres:16\n", "postgres:16"),
    ('"postgres:16"', "postgres:16"),
    ("'postgres:16'", "postgres:16"),
    ("`postgres:16`", "postgres:16"),
    ("“postgres:16”", "postgres:16"),
    ("$ postgres:16", "postgres:16"),
    ("docker pull postgres:16", "postgres:16"),
    ("$ docker pull postgres:16", "postgres:16"),
    ("# docker pull postgres:16", "postgres:16"),
    ("❯ docker pull postgres:16", "postgres:16"),
    (r"PS C:\Users\me> docker pull postgres:16", "postgres:16"),
    ("sudo docker pull postgres:16", "postgres:16"),
    ("docker image pull postgres:16", "postgres:16"),
    ("docker pull -q postgres:16", "postgres:16"),
    ("docker pull postgres:16 --quiet", "postgres:16"),
    ("docker pull --disable-content-trust=false postgres:16", "postgres:16"),
    ("docker pull 'postgres:16'", "postgres:16"),
    ("docker pull postgres:16  # the database", "postgres:16"),
    ("docker pull \\\n  postgres:16", "postgres:16"),
    ("docker --context desk -H tcp://h:1 pull postgres:16", "postgres:16"),
    ("podman pull docker.io/library/postgres:16", "postgres:16"),
    ("podman pull docker://quay.io/a/b", "quay.io/a/b"),
    ("podman pull --tls-verify=false --authfile /x/auth.json quay.io/a/b", "quay.io/a/b"),
    ("nerdctl -n k8s.io pull quay.io/a/b", "quay.io/a/b"),
    (f"docker pull x.y/a@sha256:{HEX}", f"x.y/a@sha256:{HEX}"),
    ("docker://quay.io/a/b:1", "quay.io/a/b:1"),
    ("image: postgres:16", "postgres:16"),
    ("  - image: 'postgres:16'  # comment", "postgres:16"),
    ('"image": "postgres:16",', "postgres:16"),
    ("FROM postgres:16", "postgres:16"),
    ("FROM postgres:16 AS base", "postgres:16"),
    ("https://hub.docker.com/_/postgres", "postgres"),
    ("https://hub.docker.com/_/postgres/tags?name=16", "postgres"),
    ("https://hub.docker.com/r/bitnami/redis", "bitnami/redis"),
    ("https://hub.docker.com/r/bitnami/redis/tags", "bitnami/redis"),
    ("https://hub.docker.com/repository/docker/me/app/general", "me/app"),
    ("https://hub.docker.com/layers/library/postgres/16/images/sha256-abc", "postgres:16"),
    ("https://hub.docker.com/repository/docker/me/app", "me/app"),
    ("https://hub.docker.com/layers/library/postgres/16", "postgres:16"),
    ("https://quay.io/repository/org/app?tab=tags", "quay.io/org/app"),
    ("https://github.com/Org/Repo/pkgs/container/App", "ghcr.io/org/app"),
    ("https://github.com/orgs/Org/packages/container/package/repo%2Fapp", "ghcr.io/org/repo/app"),
    ("https://registry.example.com:5000/team/app:1/", "registry.example.com:5000/team/app:1"),
]


@pytest.mark.parametrize(("text", "reference"), UNWRAPPED)
def test_unwrapped(text: str, reference: str) -> None:
    assert Reference.parse_input(text) == Reference.parse(reference)
    assert parse_pull_line(text)[1] is None


@pytest.mark.parametrize(
    "text",
    [
        "docker pull --platform linux/arm64 alpine",
        "docker pull --platform=linux/arm64 alpine",
        "docker pull alpine --platform linux/aarch64",
        "FROM --platform=linux/arm64 alpine AS build",
    ],
)
def test_the_platform_comes_along(text: str) -> None:
    assert parse_pull_line(text) == (Reference.parse("alpine"), Platform("linux", "arm64"))


def test_a_platform_option_without_its_value_is_none() -> None:
    assert parse_pull_line("docker pull alpine --platform") == (Reference.parse("alpine"), None)


def test_a_platform_that_only_a_build_knows_is_left_out() -> None:
    assert parse_pull_line("FROM --platform=$BUILDPLATFORM alpine")[1] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("a\nb", "more than one line"),
        ("docker run -it alpine sh", "“docker run” is not a pull command"),
        ("docker pull", "names no image"),
        ("docker pull -q", "names no image"),
        ("docker pull a b", "names 2 images"),
        ("docker pull -a alpine", "all tags"),
        ("docker pull --all-tags alpine", "all tags"),
        ("docker pull Alpine", "upper case"),
        ("docker pull 'alpine", "contains “'”"),
        # A lone quotation mark is not a pair.
        ("'", "contains “'”"),
        ('"', 'contains “"”'),
        ("`", "contains “`”"),
        ("image: '", "contains “'”"),
        ("''", "is empty"),
        ("FROM a b", "does not name a single image"),
        ("FROM a as", "does not name a single image"),
        ("FROM a b c", "does not name a single image"),
        ("FROM --platform=linux/arm64", "does not name a single image"),
        ("alpine edge", "space"),
        ("sha256:" + HEX, "digest alone"),
        ("@sha256:" + HEX, "digest alone"),
        ("https://hub.docker.com/search?q=x", "does not name an image"),
        ("https://github.com/org/repo", "does not name an image"),
        ("https://example.com/", "does not name an image"),
        ("https://[::1/app", "does not name an image"),
        ("https://example.com/app?x=1", "does not name an image"),
        *(
            (f"https://{page}", "does not name an image")
            for page in (
                "example.com/app#x",
                "hub.docker.com/_",
                "hub.docker.com/r/me",
                "hub.docker.com/repository/docker/me",
                "hub.docker.com/repository/other/me/app",
                "hub.docker.com/layers/library/postgres",
                "hub.docker.com/orgs/me/teams/app",
                "github.com/org/repo/pkgs/container",
                "github.com/org/repo/pkgs/npm/app",
                "github.com/orgs/org/packages/container/package",
                "github.com/teams/org/packages/container/package/app",
                "github.com/orgs/org/packages/npm/package/app",
            )
        ),
    ],
)
def test_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse_input(text)
    assert words in caught.value.message
    assert caught.value.advice


def test_an_odd_platform_is_refused() -> None:
    with pytest.raises(InvalidInput, match="“arm” is not a platform"):
        parse_pull_line("docker pull --platform arm alpine")


@pytest.mark.parametrize(
    "text",
    [
        "podman pull --creds me:hunter2 a b",
        "podman login --password hunter2 x.y",
        "docker pull a b\nexport PASSWORD=hunter2",
        "https://me:hunter2@registry.example.com/app",
        "https://registry.example.com/app?token=hunter2",
    ],
)
def test_secrets_are_not_repeated(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse_input(text)
    error = caught.value
    assert "hunter2" not in error.message + error.subject + error.advice + error.detail
