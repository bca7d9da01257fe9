"""Whether a registry speaks TLS: when that is asked, and what each kind of failure means."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

import pytest
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from longshore.registry.config import RegistryConfig
from longshore.registry.scheme import Scheme, may_be_plain, was_cut

UNTRUSTED = ssl.SSLCertVerificationError("certificate verify failed")
NO_TLS = SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"))
HANDSHAKE = SSLError(ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] handshake failure"))
CUT = ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
CUT_IN_TLS = SSLError(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))
SILENT = ReadTimeoutError(None, "/", "Read timed out.")  # type: ignore[arg-type]
REFUSED = NewConnectionError(None, "refused")  # type: ignore[arg-type]


class Network:
    """A transport with an outcome for each scheme: an error, or status and body."""

    read_seconds = 30.0

    def __init__(self, **outcomes: Any) -> None:
        self.outcomes = outcomes
        self.asked: list[tuple[str, str, Any, Any]] = []

    def send(self, method: str, url: str, headers: Any, **more: Any) -> Any:
        assert (method, headers) == ("GET", {})
        self.asked.append((url, method, more.get("connect_seconds"), more.get("read_seconds")))
        outcome = self.outcomes[url.partition(":")[0]]
        if isinstance(outcome, Exception):
            raise outcome
        return Response(*outcome)


class Response(contextlib.AbstractContextManager[Any]):
    def __init__(self, status: int = 200, said: bytes = b"") -> None:
        self.status, self.said = status, said

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def read(self, limit: int) -> tuple[bytes, bool]:
        return self.said[:limit], False


def scheme_of(network: Any, host: str = "127.0.0.1:5000", **config: Any) -> Scheme:
    return Scheme(RegistryConfig(host, **config), network, lambda base: f"{base}/v2/")


def probed(host: str = "127.0.0.1:5000", **outcomes: Any) -> str:
    return scheme_of(Network(**outcomes), host).settled(None).partition(":")[0]


@pytest.mark.parametrize(
    ("host", "insecure", "maybe"),
    [
        ("r.example", False, False),
        ("r.example", True, True),
        ("127.0.0.1:5000", False, True),
        ("[::1]", False, True),
    ],
)
def test_who_may_use_plain_http(host: str, insecure: bool, maybe: bool) -> None:
    assert may_be_plain(RegistryConfig(host, insecure=insecure)) is maybe
    network = Network(https=(200,), http=(200,))
    scheme = scheme_of(network, host, insecure=insecure)
    assert scheme.base == ("" if maybe else f"https://{host}")
    assert scheme.settled(None) == scheme.base == f"https://{host}"
    assert len(network.asked) == int(maybe)


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_any_answer_over_tls_settles_it(status: int) -> None:
    network = Network(https=(status,))
    scheme = scheme_of(network)
    for _ in range(2):
        assert scheme.settled(None) == "https://127.0.0.1:5000"
    assert network.asked == [("https://127.0.0.1:5000/v2/", "GET", 2.0, 2.0)]
    scheme.unsettle()
    scheme.settled(None)
    assert len(network.asked) == 2


def test_what_needs_no_probe_is_never_unsettled() -> None:
    scheme = scheme_of(Network(), "r.example")
    scheme.unsettle()
    assert scheme.base == "https://r.example"


def test_a_probe_takes_no_longer_than_a_read_may() -> None:
    network = Network(https=(200,))
    network.read_seconds = 0.5
    scheme_of(network).settled(None)
    assert network.asked[0][2:] == (0.5, 0.5)


@pytest.mark.parametrize("error", [UNTRUSTED, SSLError(UNTRUSTED)])
def test_an_untrusted_certificate_never_leads_to_plain_http(error: Exception) -> None:
    network = Network(https=error, http=(200,))
    assert scheme_of(network).settled(None) == "https://127.0.0.1:5000"
    assert len(network.asked) == 1


@pytest.mark.parametrize("error", [NO_TLS, HANDSHAKE, CUT, CUT_IN_TLS, SILENT, OSError("x"), SSLError()])
def test_plain_http_is_tried_where_tls_fails(error: Exception) -> None:
    network = Network(https=error, http=(401,))
    assert scheme_of(network).settled(None) == "http://127.0.0.1:5000"
    assert [one[0] for one in network.asked] == ["https://127.0.0.1:5000/v2/", "http://127.0.0.1:5000/v2/"]


@pytest.mark.parametrize(
    ("answer", "scheme"),
    [
        ((400, b"Client sent an HTTP request to an HTTPS server."), "https"),
        ((400, b"Bad request"), "http"),
        ((200, b"HTTPS server"), "http"),
    ],
)
def test_a_slow_tls_server_says_so_over_plain_http(answer: tuple[int, bytes], scheme: str) -> None:
    assert probed(https=SILENT, http=answer) == scheme


@pytest.mark.parametrize(
    ("error", "told"),
    [(NO_TLS, "http"), (CUT, "http"), (CUT_IN_TLS, "http"), (SILENT, "http"), (HANDSHAKE, "https")],
)
def test_if_both_fail_the_one_that_it_speaks_is_told(error: Exception, told: str) -> None:
    plain = ProtocolError("plain HTTP failed")
    with pytest.raises(type(error) if told == "https" else ProtocolError) as caught:
        probed(https=error, http=plain)
    assert caught.value is (error if told == "https" else plain)


@pytest.mark.parametrize(
    ("host", "tried"),
    [
        ("127.0.0.1:5000", False),
        ("127.0.0.1", True),
        ("[::1]:5000", False),
        ("[::1]", True),
        ("localhost", True),
    ],
)
def test_a_refused_port_is_not_tried_twice(host: str, tried: bool) -> None:
    network = Network(https=REFUSED, http=(200,))
    if tried:
        assert scheme_of(network, host).settled(None) == f"http://{host}"
    else:
        with pytest.raises(NewConnectionError):
            scheme_of(network, host).settled(None)
    assert len(network.asked) == 1 + tried


@pytest.mark.parametrize(
    ("error", "cut"),
    [
        (CUT, True),
        (ConnectionResetError(104, "reset"), True),
        (CUT_IN_TLS, True),
        (SSLError(ssl.SSLZeroReturnError(6, "closed")), True),
        (NO_TLS, False),
        (SSLError(), False),
        (SILENT, False),
        (ConnectTimeoutError(None, "x"), False),
        (ssl.SSLEOFError(8, "EOF"), False),
        (OSError("x"), False),
    ],
)
def test_which_connections_ended_before_their_response(error: Exception, cut: bool) -> None:
    assert was_cut(error) is cut
