"""What people type as a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.errors import InvalidRegistryName
from longshore.registry.config import RegistryConfig, parse_registry, split_host


@pytest.mark.parametrize(
    ("typed", "host", "insecure"),
    [
        ("registry.acme.io", "registry.acme.io", False),
        ("  https://Registry.Acme.io/ ", "registry.acme.io", False),
        ("http://registry.acme.io", "registry.acme.io:80", True),
        ("http://registry.acme.io:5000/", "registry.acme.io:5000", True),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", False),
        ("localhost", "localhost", False),
        ("[::1]:5000", "[::1]:5000", False),
        ("https://[2001:DB8::7]/", "[2001:db8::7]", False),
        ("index.docker.io", "docker.io", False),
        ("https://hub.docker.com/", "docker.io", False),
        ("https://index.docker.io/v1/", "docker.io", False),
        ("build-1:443", "build-1:443", False),
        ("docker.io:443", "docker.io", False),
        ("docker.io:5000", "docker.io:5000", False),
        ("a.b:1", "a.b:1", False),
        ("a.b:65535", "a.b:65535", False),
        (".".join(["a" * 63] * 3 + ["b" * 61]), ".".join(["a" * 63] * 3 + ["b" * 61]), False),
    ],
)
def test_reads_hosts_and_urls(typed: str, host: str, insecure: bool) -> None:
    found = parse_registry(typed)
    assert (found.host, found.insecure, found.prefix, found.namespace) == (host, insecure, "", "")


@pytest.mark.parametrize(
    ("typed", "prefix", "namespace"),
    [
        ("https://acme.io/images/v2/", "images", ""),
        ("acme.io/v2", "", ""),
        ("ghcr.io/octo", "", "octo"),
        ("https://acme.io/team/sub/", "", "team/sub"),
        ("https://hub.docker.com/u/octo", "", "octo"),
    ],
)
def test_tells_prefixes_from_namespaces(typed: str, prefix: str, namespace: str) -> None:
    found = parse_registry(typed)
    assert (found.prefix, found.namespace) == (prefix, namespace)


@pytest.mark.parametrize(
    "typed",
    [".".join(["a" * 63] * 3 + ["b" * 62]), "a.b:65536",
     "", "  ", "registry", "ftp://a.b", "a.b:0", "a.b:99999", "a.b:", "a.b:x", "::1", "[::1", "[zz]:5000", "a b.c",
     "a.b/?x=1", "a.b/#f", "https://", "-a.b", "a..b", "a.b/../c", "a.b/\x00", "https://a.b/%2e%2e/"],
)  # fmt: skip
def test_refuses_what_cannot_be(typed: str) -> None:
    with pytest.raises(InvalidRegistryName):
        parse_registry(typed)


def test_a_host_that_no_reference_can_name_is_refused_with_the_reason() -> None:
    """regclient 933: such a host was added, and listed as empty."""
    for typed in ("my_registry:5000", "https://docker_test.example.edu/team"):
        with pytest.raises(InvalidRegistryName, match="contains “_”") as caught:
            parse_registry(typed)
        assert "-" in caught.value.advice


def test_never_repeats_a_password() -> None:
    with pytest.raises(InvalidRegistryName) as caught:
        parse_registry("https://me:geheim@acme.io")
    assert "geheim" not in repr(vars(caught.value))


def test_survives_the_settings() -> None:
    config = RegistryConfig(
        "a.b:5000", True, Path("/ca"), Path("/c"), Path("/k"), "harbor", "x", "team", "Ours"
    )
    assert RegistryConfig.from_json(config.to_json()) == config
    assert RegistryConfig.from_json({"host": "docker.io"}) == RegistryConfig("docker.io")
    plainly = {"host": "a.b", "insecure": "yes", "ca_file": "", "kind": "", "client_key": None}
    assert RegistryConfig.from_json(plainly) == RegistryConfig("a.b")
    assert RegistryConfig("a.b").to_json() == {"host": "a.b"}
    unchecked = {"host": "a.b", "checks": False}
    assert RegistryConfig("a.b", checks=False).to_json() == unchecked
    assert not RegistryConfig.from_json(unchecked).checks
    assert RegistryConfig.from_json({"host": "a.b", "checks": 0}).checks, "only false is off"
    for odd in (
        {},
        {"host": 3},
        {"host": "a.b", "ca_file": 1},
        {"host": "nodots"},
        {"host": "a.b", "prefix": "../x"},
        {"host": "a.b", "namespace": "x/../y"},
        {"host": "a.b", "client_cert": ["/c"]},
        {"host": "a.b", "client_key": 0},
        {"host": "a.b", "kind": 1},
        {"host": "a.b", "namespace": None},
        {"host": "a.b", "title": []},
    ):
        with pytest.raises((ValueError, TypeError, InvalidRegistryName)):
            RegistryConfig.from_json(odd)


def test_knows_this_machine() -> None:
    assert all(
        RegistryConfig(h).is_loopback for h in ("127.8.0.1:5", "localhost", "localhost:5000", "[::1]:5000")
    )
    assert not any(
        RegistryConfig(h).is_loopback for h in ("127.0.0.1.evil.io", "localhost.evil.io", "10.0.0.1:5000")
    )
    assert split_host("[::1]:5000") == ("::1", 5000)
    assert split_host("[::1]") == ("::1", None)
    assert split_host("a.b:5000") == ("a.b", 5000)
    assert split_host("a.b") == ("a.b", None)
