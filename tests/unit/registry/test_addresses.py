"""Addresses that a registry names for its uploads: followed, moved to the registry's own host, or refused."""

from __future__ import annotations

import pytest

from longshore.registry.addresses import upload_address

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
