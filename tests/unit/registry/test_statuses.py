"""What a status that is not success means, and what to do."""

from __future__ import annotations

import pytest

from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    SignInFailed,
    SignInRequired,
    TlsFailed,
    UnexpectedReply,
)
from longshore.registry import failures
from longshore.registry.config import RegistryConfig

SAM = Credential("sam", "tide")
ACME = RegistryConfig("acme.io")


def error_of(
    status: int, body: bytes = b"", credential: Credential | None = SAM, **more: bool
) -> LongshoreError:
    return failures.of_status(status, {}, body, ACME, subject="a/b:1", credential=credential, **more)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, AccessDenied, "does not allow this to sam"),
        (403, AccessDenied, "does not allow this to sam"),
        (404, NotInRegistry, "has no a/b:1"),
        (405, UnexpectedReply, "does not offer this"),
        (413, UnexpectedReply, "too large"),
        (429, RateLimited, "limits how often"),
        (500, RegistryFailure, "a problem of its own"),
        (501, UnexpectedReply, "does not offer this"),
        (502, RegistryFailure, "a problem of its own"),
        (507, UnexpectedReply, "no room left"),
        (599, RegistryFailure, "a problem of its own"),
    ],
)
def test_what_a_status_means(status: int, kind: type[LongshoreError], words: str) -> None:
    error = error_of(status)
    assert type(error) is kind
    assert words in error.message and error.message.startswith("acme.io")
    assert error.detail.startswith(f"HTTP {status}")
    assert error.advice


def test_whoever_has_not_signed_in_is_asked_to() -> None:
    for status in (401, 403):
        assert type(error_of(status, credential=None)) is SignInRequired
        assert type(error_of(status, credential=None, basic=True)) is SignInRequired
    assert type(error_of(404, credential=None)) is NotInRegistry


def test_a_password_is_wrong_only_where_it_was_shown_and_not_taken() -> None:
    assert type(error_of(401, basic=True)) is SignInFailed
    assert type(error_of(403, basic=True)) is AccessDenied


def test_plain_http_to_a_tls_port_is_told_as_that() -> None:
    said = b"Client sent an HTTP request to an HTTPS server.\n"
    assert type(error_of(400, said)) is TlsFailed
    assert type(error_of(400, b"Bad request")) is UnexpectedReply


@pytest.mark.parametrize(
    ("value", "wait"), [("0", 0.0), ("7", 7.0), ("86401", 86_400.0), ("", None), ("x", None)]
)
def test_how_long_to_wait(value: str, wait: float | None) -> None:
    error = failures.of_status(429, {"Retry-After": value}, b"", ACME, subject="", credential=None)
    assert isinstance(error, RateLimited)
    assert error.retry_after == wait
    assert ("7 s" in error.message) == (value == "7")
