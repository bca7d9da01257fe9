"""What is said about TLS, proxies and hosts that a registry leads to; without a network."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool
from urllib3 import exceptions as u3
from urllib3.connection import HTTPConnection

from longshore.errors import LongshoreError, RegistryUnreachable, TlsFailed, UnexpectedReply
from longshore.registry import connecting
from longshore.registry.allowed_addresses import AddressNotAllowedError
from longshore.registry.certificate import Certificate
from longshore.registry.config import RegistryConfig
from longshore.registry.connecting import elsewhere, of_connection, of_files, refused_by_storage
from longshore.registry.tls import UnusableFiles

ACME = RegistryConfig("acme.io")
STORAGE = "https://storage.example:8443/bucket"
THERE = "storage.example:8443 (redirected from acme.io)"
CERTIFICATE = Certificate(
    "CN=acme.io",
    "CN=Some authority",
    datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    datetime(2027, 1, 2, 3, 4, tzinfo=UTC),
    tuple(f"h{number}.example" for number in range(7)),
    b"der",
)
POOL = HTTPConnectionPool("acme.io", 443)
CONNECTION = HTTPConnection("acme.io", 443)


def untrusted(code: int) -> u3.SSLError:
    inner = ssl.SSLCertVerificationError(1, "certificate verify failed")
    inner.verify_code = code
    return u3.SSLError(inner)


# -- certificates


@pytest.mark.parametrize(
    ("code", "why", "advice"),
    [
        (9, "is not valid yet", "clock"),
        (10, "has expired", "clock"),
        (18, "is self-signed", "trust it"),
        (19, "comes from an unknown authority", "trust it"),
        (20, "comes from an unknown authority", "trust it"),
        (21, "comes from an unknown authority", "trust it"),
        (62, "is for another host", "Use a name"),
        (64, "is for another address", "Use a name"),
        (23, "is not trusted", "trust it"),
    ],
)
def test_why_a_certificate_is_not_trusted(code: int, why: str, advice: str) -> None:
    for error in (untrusted(code), untrusted(code).args[0]):
        found = of_connection(error, ACME, shown=lambda url: CERTIFICATE)
        assert isinstance(found, TlsFailed)
        assert found.message == f"The certificate of acme.io {why}."
        assert advice in found.advice
        assert found.certificate == "\n".join(CERTIFICATE.lines()) and found.certificate in found.detail
        assert (found.registry, found.address) == ("acme.io", "")


def test_the_first_five_names_of_a_certificate_are_told() -> None:
    found = of_connection(untrusted(62), ACME, shown=lambda url: CERTIFICATE)
    assert "It is for h0.example, h1.example, h2.example, h3.example, h4.example. Use a name" in found.advice
    nameless = of_connection(untrusted(62), ACME, shown=lambda url: replace(CERTIFICATE, names=()))
    unseen = of_connection(untrusted(62), ACME)
    assert nameless.advice.startswith("Use a name") and unseen.advice.startswith("Use a name")
    assert isinstance(unseen, TlsFailed) and unseen.certificate == ""


def test_the_certificate_that_was_refused_is_looked_at() -> None:
    looked: list[str] = []

    def shown(url: str) -> Certificate:
        looked.append(url)
        return CERTIFICATE

    of_connection(untrusted(18), ACME, "", shown)
    of_connection(untrusted(18), RegistryConfig("docker.io"), "", shown)
    found = of_connection(untrusted(18), ACME, STORAGE, shown)
    assert looked == ["https://acme.io", "https://registry-1.docker.io", STORAGE]
    assert isinstance(found, TlsFailed) and found.address == "storage.example:8443"
    assert (
        found.message == "The certificate of storage.example:8443 (redirected from acme.io) is self-signed."
    )
    assert "/etc/docker/certs.d/acme.io/ca.crt" in found.advice


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "uses plain HTTP"),
        ("[SSL: RECORD_LAYER_FAILURE] record layer failure", "uses plain HTTP"),
        ("[SSL: HTTP_REQUEST] http request", "uses plain HTTP"),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required", "requires a client"),
        ("[SSL: TLSV1_ALERT_BAD_CERTIFICATE] bad certificate", "requires a client"),
        ("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] handshake failure", "requires a client"),
        ("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] protocol version", "The TLS connection to acme.io failed"),
    ],
)
def test_what_else_is_wrong_with_tls(text: str, words: str) -> None:
    for error in (ssl.SSLError(1, text), u3.SSLError(ssl.SSLError(1, text)), u3.SSLError(text)):
        found = of_connection(error, ACME)
        assert isinstance(found, TlsFailed) and words in found.message and text in found.detail
        assert found.certificate == "" and found.advice


def test_files_that_cannot_be_used_are_named() -> None:
    found = of_files(UnusableFiles("/x/ca.crt: no PEM"), ACME)
    assert (found.message, found.detail) == (
        "The certificate files for acme.io can't be used.",
        "/x/ca.crt: no PEM",
    )


# -- where it was


@pytest.mark.parametrize(
    ("url", "host", "other"),
    [
        ("", "acme.io", False),
        ("https://acme.io/v2/", "acme.io", False),
        ("https://acme.io:443/v2/", "acme.io", False),
        ("https://acme.io/v2/", "acme.io:443", False),
        ("http://acme.io/v2/", "acme.io:80", False),
        ("http://acme.io:80/v2/", "acme.io", False),
        ("https://acme.io:8443/v2/", "acme.io", True),
        ("https://other.io/v2/", "acme.io", True),
        ("https://registry-1.docker.io/v2/", "docker.io", False),
        ("https://auth.docker.io/token", "docker.io", True),
        ("https://[::1]:5000/v2/", "[::1]:5000", False),
    ],
)
def test_what_is_elsewhere(url: str, host: str, other: bool) -> None:
    assert elsewhere(url, RegistryConfig(host)) is other


REFUSED = u3.NewConnectionError(CONNECTION, "[Errno 111] Connection refused")
UNKNOWN = u3.NameResolutionError("x", CONNECTION, socket.gaierror(-2, "Name or service not known"))

TWICE = u3.MaxRetryError(POOL, "/", REFUSED)


@pytest.mark.parametrize(
    ("error", "at_home", "at_storage"),
    [
        (
            REFUSED,
            "Nothing is listening on acme.io.",
            f"Nothing is listening on {THERE}.",
        ),
        (
            UNKNOWN,
            "The host acme.io was not found.",
            "The host storage.example was not found (redirected from acme.io).",
        ),
        (
            socket.gaierror(-2, "x"),
            "The host acme.io was not found.",
            "The host storage.example was not found (redirected from acme.io).",
        ),
        (TimeoutError("x"), "acme.io does not respond.", f"{THERE} does not respond."),
        (
            ConnectionResetError(104, "x"),
            "The connection to acme.io failed.",
            f"The connection to {THERE} failed.",
        ),
    ],
)
def test_the_host_that_failed_is_named(error: Exception, at_home: str, at_storage: str) -> None:
    here, there = of_connection(error, ACME), of_connection(error, ACME, STORAGE)
    assert (here.message, there.message) == (at_home, at_storage)
    assert here.registry == there.registry == "acme.io"
    assert isinstance(here, RegistryUnreachable) and here.silent == isinstance(error, TimeoutError)
    if "redirected" in there.message and ("listening" in there.message or "not found" in there.message):
        assert "administrator" in there.advice and "administrator" not in here.advice


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (u3.MaxRetryError(POOL, "/", TWICE), RegistryUnreachable, "Nothing is listening"),
        (u3.MaxRetryError(POOL, "/"), RegistryUnreachable, "The connection to acme.io failed"),
        (u3.ProxySchemeUnknown("socks5"), RegistryUnreachable, "does not support the type of proxy"),
        (u3.LocationParseError("x"), RegistryUnreachable, "or of its proxy is not valid"),
        (u3.InvalidHeader("Content-Length"), UnexpectedReply, "the registry protocol: Content-Length"),
        (AddressNotAllowedError("inner", "10.0.0.1"), UnexpectedReply, "to inner (10.0.0.1), which is not"),
        (AddressNotAllowedError("10.0.0.1", "10.0.0.1"), UnexpectedReply, "to 10.0.0.1, which is not"),
    ],
)
def test_other_reasons(error: Exception, kind: type[LongshoreError], words: str) -> None:
    found = of_connection(error, ACME)
    assert type(found) is kind and words in found.message and found.advice


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError("x"), "does not respond"),
        (u3.ReadTimeoutError(POOL, "/", "x"), "does not respond"),
        (REFUSED, "can't be reached"),
        (ConnectionRefusedError(111, "x"), "can't be reached"),
        (socket.gaierror(-2, "x"), "can't be reached"),
        (OSError("Tunnel connection failed: 407"), "blocks the connection"),
    ],
)
def test_what_is_wrong_with_a_proxy(error: Exception, words: str) -> None:
    found = of_connection(u3.ProxyError("x", error), ACME)
    assert found.message == f"The proxy for acme.io {words}."
    assert "HTTPS_PROXY" in found.advice


@pytest.mark.parametrize(("status", "body", "detail"), [(403, b"", "HTTP 403"), (401, b"no", "HTTP 401: no")])
def test_a_storage_that_refuses(status: int, body: bytes, detail: str) -> None:
    found = refused_by_storage(ACME, status, STORAGE, body, "a/b:1")
    assert found.message == "storage.example:8443 (redirected from acme.io) refused access."
    assert (found.subject, found.detail) == ("a/b:1", detail)


# -- the words of libraries


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (http.client.IncompleteRead(b"abc"), "The connection ended early."),
        (http.client.IncompleteRead(b"abc", 1), "The connection ended early: 1 bytes are missing."),
        (OSError(5, "Input/output error"), "[Errno 5] Input/output error"),
        (caused(ValueError("x"), OSError(5, "Input/output error")), "[Errno 5] Input/output error"),
        (ssl.SSLError(1, "[SSL] bad"), "[SSL] bad"),
        (ValueError("HTTPSConnectionPool(host='x'): it failed"), "it failed"),
        (ValueError("first", "second"), "second"),
        (ValueError("first", ""), "first"),
        (ValueError(), ""),
    ],
)
def test_words_without_the_names_of_objects(error: Exception, words: str) -> None:
    assert connecting._words(error) == words


def test_errors_in_a_circle_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert connecting._chain(one) == [one, other]
    deep: Any = ValueError("0")
    for number in range(1, 50):
        deep = caused(ValueError(str(number)), deep)
    assert len(connecting._chain(deep)) == 20
