"""Addresses that a registry names for its uploads: followed, moved to the registry's own host, or refused."""

from __future__ import annotations

import pytest

from longshore.errors import InvalidReference
from longshore.registry.addresses import (
    at_home,
    joined,
    manifest_path,
    origin,
    repository_path,
    upload_address,
    usable_name,
    usable_tag,
    with_query,
)

SESSION = "/v2/a/b/blobs/uploads/1?state=x"


@pytest.mark.parametrize(
    ("base", "link", "wanted"),
    [
        ("https://r.example/v2/", SESSION, (f"https://r.example{SESSION}", False)),
        (
            "https://r.example/v2/",
            f"https://r.example:443{SESSION}",
            (f"https://r.example:443{SESSION}", False),
        ),
        ("https://r.example/v2/", f"https://inside:5000{SESSION}", (f"https://r.example{SESSION}", True)),
        ("https://r.example/v2/", f"http://inside:5000{SESSION}", (f"https://r.example{SESSION}", True)),
        # Behind a proxy that terminates TLS, a registry believes that it serves plain HTTP.
        ("https://r.example/v2/", "http://r.example/x", ("https://r.example/x", False)),
        ("https://r.example/v2/", "http://r.example:443/x", ("https://r.example/x", False)),
        ("https://r.example/v2/", "https://storage.example/x", ("https://storage.example/x", True)),
        ("http://localhost:5000/v2/", "http://localhost:9000/x", ("http://localhost:9000/x", True)),
        ("http://localhost:5000/v2/", "https://storage.example/x", ("https://storage.example/x", True)),
        # Paths that are only half of an upload's belong to a storage, not to the registry behind a gateway.
        ("https://r.example/v2/", "https://inside/v2/bucket", ("https://inside/v2/bucket", True)),
        ("https://r.example/v2/", "https://inside/blobs/uploads/1", ("https://inside/blobs/uploads/1", True)),
    ],
)
def test_an_upload_continues_where_the_registry_says(base: str, link: str, wanted: tuple[str, bool]) -> None:
    assert upload_address(base, link) == wanted


@pytest.mark.parametrize("link", ["http://storage.example/x", "http://r.example:5000/x"])
def test_an_upload_never_continues_without_encryption(link: str) -> None:
    with pytest.raises(ValueError, match="not encrypted"):
        upload_address("https://r.example/v2/", link)


def test_a_session_elsewhere_is_followed_where_the_registry_means_it() -> None:
    link = f"https://inside:5000{SESSION}"
    assert upload_address("https://r.example/v2/", link, at_home=False) == (link, True)
    with pytest.raises(ValueError, match="not encrypted"):
        upload_address("https://r.example/v2/", f"http://inside:5000{SESSION}", at_home=False)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("http://r.example/x", "https://r.example/x"),
        ("http://r.example:443/x", "https://r.example/x"),
        ("http://r.example:8443/x", "http://r.example:8443/x"),
        ("http://other.example/x", "http://other.example/x"),
        ("/v2/a!b~c", "https://r.example/v2/a!b~c"),
    ],
)
def test_plain_http_becomes_https_only_where_the_registry_itself_is(link: str, target: str) -> None:
    assert joined("https://r.example/v2/", link) == target


@pytest.mark.parametrize("char", ["\0", "\t", "\x1f", " ", "\x7f"])
def test_spaces_and_control_characters_make_a_link_unusable(char: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        joined("https://r.example/v2/", f"/v2/a{char}b")


@pytest.mark.parametrize(
    "url", ["https:///x", "https://u:p@r.example/", "https://@r.example/", "ftp://r.example/", "//r.example/"]
)
def test_addresses_without_an_origin(url: str) -> None:
    with pytest.raises(ValueError, match="not a usable address"):
        origin(url)


def test_an_origin_has_the_port_of_its_scheme() -> None:
    assert origin("http://R.example/x") == ("http", "r.example", 80)
    assert origin("https://r.example/x") == ("https", "r.example", 443)
    assert origin("https://[::1]:5000/x") == ("https", "::1", 5000)


def test_an_address_of_the_registry_itself_is_not_rewritten() -> None:
    assert at_home("https://r.example:443/v2/a", "https://r.example/v2/") == "https://r.example:443/v2/a"


def test_names_may_have_255_characters_and_tags_128() -> None:
    assert repository_path("a" * 255) == "a" * 255
    assert usable_name("a" * 255) and not usable_name("a" * 256)
    with pytest.raises(InvalidReference, match="name of a repository"):
        repository_path("a" * 256)
    assert usable_tag("a" * 128) and not usable_tag("a" * 129)
    assert manifest_path("a/b", "a" * 128) == f"a/b/manifests/{'a' * 128}"
    with pytest.raises(InvalidReference, match="neither a tag nor a digest"):
        manifest_path("a/b", "a" * 129)


def test_a_digest_stays_readable_in_a_path() -> None:
    digest = "sha256:" + "0" * 64
    assert manifest_path("a/b", digest) == f"a/b/manifests/{digest}"


def test_a_query_is_added_to_the_one_that_is_there() -> None:
    assert with_query("https://r.example/u", "digest=x") == "https://r.example/u?digest=x"
    assert with_query("https://r.example/u?_state=y", "digest=x") == "https://r.example/u?_state=y&digest=x"
