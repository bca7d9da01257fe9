"""What a status other than success means, and what to do about it."""

from __future__ import annotations

import pytest

from longshore.credentials import Credential
from longshore.errors import (
    AccessDenied,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    SignInFailed,
    SignInRequired,
    TlsFailed,
    UnexpectedReply,
)
from longshore.registry import failures
from longshore.registry.config import RegistryConfig

SAM = Credential("sam", "tide")
#: A sign-in that is kept as a refresh token; it may have no user name.
TOKEN = Credential("", "", "refresh-token")
ACME = RegistryConfig("acme.io")


def error_of(
    status: int, body: bytes = b"", credential: Credential | None = SAM, **more: bool
) -> LongshoreError:
    return failures.of_status(status, {}, body, ACME, subject="a/b:1", credential=credential, **more)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, AccessDenied, "sam is not allowed to do this"),
        (403, AccessDenied, "sam is not allowed to do this"),
        (404, NotInRegistry, "has no a/b:1"),
        (405, UnexpectedReply, "does not support this"),
        (407, RegistryUnreachable, "network sign-in page"),
        (409, UnexpectedReply, "not follow the registry protocol"),
        (413, UnexpectedReply, "too large"),
        (429, RateLimited, "too many requests"),
        (500, RegistryFailure, "an internal error"),
        (501, UnexpectedReply, "does not support this"),
        (502, RegistryFailure, "an internal error"),
        (504, RegistryFailure, "an internal error"),
        (507, UnexpectedReply, "no space left"),
        (511, RegistryUnreachable, "network sign-in page"),
        (599, RegistryFailure, "an internal error"),
    ],
)
def test_what_a_status_means(status: int, kind: type[LongshoreError], words: str) -> None:
    error = error_of(status)
    assert type(error) is kind
    assert words in error.message and "acme.io" in error.message
    assert (error.registry, error.subject) == ("acme.io", "a/b:1")
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


@pytest.mark.parametrize(
    ("status", "credential", "kind", "words"),
    [
        (400, None, SignInRequired, "requires you to sign in"),
        (403, None, SignInRequired, "requires you to sign in"),
        (401, SAM, SignInFailed, "refused the user name or password"),
        (400, SAM, AccessDenied, "sam is not allowed"),
        (403, SAM, AccessDenied, "sam is not allowed"),
        (400, TOKEN, SignInFailed, "has expired or was revoked"),
        (401, TOKEN, SignInFailed, "has expired or was revoked"),
        (403, TOKEN, AccessDenied, "You are not allowed"),
        (502, SAM, RegistryFailure, "an internal error"),
    ],
)
def test_what_a_token_service_refuses(
    status: int, credential: Credential | None, kind: type[LongshoreError], words: str
) -> None:
    error = error_of(status, credential=credential, token_service=True)
    assert type(error) is kind and words in error.message and "acme.io" in error.message
    assert error.detail == f"token service: HTTP {status}"


def test_what_depends_on_what_was_asked_and_by_whom() -> None:
    anything = failures.of_status(404, {}, b"", ACME, subject="", credential=SAM)
    assert anything.message == "acme.io has nothing at this address."
    assert "sign in" not in error_of(429).advice
    assert "sign in" in error_of(429, credential=None).advice


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"errors":[{"code":"DENIED","message":"no"},{"code":"X"},{"message":"y"}]}', "DENIED: no; X; y"),
        (b'{"errors":[' + b",".join([b'{"code":"X"}'] * 7) + b"]}", "X; X; X; X; X"),
        (b'{"errors":[],"details":"d","error":"e","message":"m"}', "d"),
        (b'{"error":"e","message":"m"}', "e"),
        (b'{"message":"m"}', "m"),
        (b'{"errors":[7]}', '{"errors":[7]}'),
        (b'{"errors":7}', '{"errors":7}'),
        (b"[]", "[]"),
        (b" plain words\n", "plain words"),
        (b"\n<html>no</html>", ""),
        (b"", ""),
        (b"{}", ""),
    ],
)
def test_the_words_of_the_other_side(body: bytes, words: str) -> None:
    assert failures.said(body) == words
    assert error_of(404, body).detail == ("HTTP 404: " + words if words else "HTTP 404")


@pytest.mark.parametrize(
    ("kind", "body", "page"),
    [
        ("text/html", b"", True),
        ("Text/HTML; charset=utf-8", b"{}", True),
        ("", b" \n<!doctype html>", True),
        ("application/json", b'{"a": "<"}', False),
        ("", b"", False),
    ],
)
def test_a_web_page(kind: str, body: bytes, page: bool) -> None:
    assert failures.html(kind, body) is page


def test_plain_http_to_a_tls_port_is_told_as_that() -> None:
    said = b"Client sent an HTTP request to an HTTPS server.\n"
    assert type(error_of(400, said)) is TlsFailed
    assert type(error_of(400, b"Bad request")) is UnexpectedReply


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("86401", 86_400.0),
        ("9" * 5000, 86_400.0),
        ("", None),
        ("x", None),
        ("-7", None),
        ("²", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
    ],
)
def test_how_long_to_wait(value: str, wait: float | None) -> None:
    error = failures.of_status(429, {"Retry-After": value}, b"", ACME, subject="", credential=None)
    assert isinstance(error, RateLimited)
    assert error.retry_after == wait
    assert ("7 s" in error.message) == (value.strip() == "7")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"errors":[{"code":"X","message":"m"},{"code":"","message":"n"}]}', "X: m; n"),
        (b'{"errors":[{"code":7,"detail":"d"}]}', "7"),
        (b'{"errors":[{}]}', ""),
        (b'{"errors":{"a":1}}', '{"errors":{"a":1}}'),
        (b"x" * 2000, "x" * 1000),
        (b"<" + b"x" * 2000, ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * 1000),
    ],
)
def test_words_are_bounded_and_readable(body: bytes, words: str) -> None:
    assert failures.said(body) == words


def test_only_the_beginning_of_an_error_is_looked_at() -> None:
    page = b" " * 255 + b"<html>"
    assert failures.html("", page) and not failures.html("", b" " + page)
    plain_http = b"HTTP request to an HTTPS server"
    assert type(error_of(400, b" " * (failures.LARGEST_ERROR - len(plain_http)) + plain_http)) is TlsFailed
    late = b" " * (failures.LARGEST_ERROR - len(plain_http) + 1) + plain_http
    assert type(error_of(400, late)) is UnexpectedReply


def test_a_date_is_as_long_as_a_date() -> None:
    def wait(value: str) -> float | None:
        return failures.retry_after({"Retry-After": value})

    date = "Thu, 01 Jan 1970 00:00:00 GMT"
    assert wait(date + " " * 100) == 0.0
    assert wait(f"{date} ({'x' * (62 - len(date))})") == 0.0
    assert wait("0" * 9 + "7") == 0.0, "nine digits are read"


def test_of_429_the_wait_is_told_in_seconds() -> None:
    for header, words in (("0", "from here."), ("90", "next one in 90 s.")):
        for credential in (SAM, None):
            error = failures.of_status(
                429, {"Retry-After": header}, b"", ACME, subject="", credential=credential
            )
            assert error.message.endswith(words)
            assert ("sign in" in error.advice) == (credential is None)


@pytest.mark.parametrize(
    ("what", "words"), [("answer", "received the data"), ("sending", "stopped accepting")]
)
def test_a_silent_upload(what: str, words: str) -> None:
    error = failures.silent_upload(ACME, "a/b@x", what)
    assert words in error.message and (error.subject, error.registry) == ("a/b@x", "acme.io")


def test_an_answer_that_is_no_json() -> None:
    page = failures.no_json(ACME, {"Content-Type": "text/html"}, b"", ValueError("x"), "a/b")
    other = failures.no_json(ACME, {}, b"{", ValueError("line 1"), "a/b")
    assert "web page" in page.message and (page.subject, page.detail) == ("a/b", "")
    assert "not JSON" in other.message and (other.subject, other.detail) == ("a/b", "line 1")


def test_parts_that_were_just_stored_are_found_a_moment_later() -> None:
    missing = UnexpectedReply("x", registry="acme.io", detail="HTTP 400: MANIFEST_BLOB_UNKNOWN: y")
    found = failures.of_parts(missing, ACME, "a/b:1")
    assert type(found) is RegistryFailure and (found.subject, found.detail) == ("a/b:1", missing.detail)
    other = UnexpectedReply("x", registry="acme.io", detail="HTTP 400: MANIFEST_INVALID: y")
    assert failures.of_parts(other, ACME, "a/b:1") is other
