"""Where a vendor's module sends credentials, and in which form."""

from __future__ import annotations

from typing import Any, cast

import pytest

from longshore.registry.config import RegistryConfig
from longshore.registry.vendors.api import bearer
from longshore.registry.vendors.gitlab import GitLabLister


@pytest.mark.parametrize(
    ("token", "sent"),
    [
        ("abc.DEF-1", {"Authorization": "Bearer abc.DEF-1"}),
        ("", {}),
        ("two\r\nlines", {}),
        ("schlüssel", {}),
    ],
)
def test_a_token_that_no_header_can_hold_is_not_sent(token: str, sent: dict[str, str]) -> None:
    assert bearer(token) == sent


@pytest.mark.parametrize(
    ("url", "insecure", "base"),
    [
        ("https://gitlab.test/jwt/auth", False, "https://gitlab.test"),
        ("http://gitlab.test/jwt/auth", False, None),
        ("http://gitlab.test/jwt/auth", True, "http://gitlab.test"),
        ("http://127.0.0.1:8080/jwt/auth", False, "http://127.0.0.1:8080"),
        ("ftp://127.0.0.1/jwt/auth", False, None),
        ("ftp://gitlab.test/jwt/auth", True, None),
        ("https://sam@gitlab.test/jwt/auth", False, None),
        ("https:///jwt/auth", False, None),
    ],
)
def test_credentials_go_only_where_they_are_safe(url: str, insecure: bool, base: str | None) -> None:
    config = RegistryConfig("gitlab.test", insecure=insecure)
    lister = GitLabLister(config, cast("Any", None), lambda host: None, environ={})
    assert lister._trusted_base(url) == base
