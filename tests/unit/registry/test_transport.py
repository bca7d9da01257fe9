"""One request as it goes out: its headers, its connection, its timeouts, and what becomes of idle connections."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import urllib3

from longshore import __version__
from longshore.cancellation import Cancellation, Cancelled
from longshore.registry import transport as module
from longshore.registry.allowed_addresses import AddressNotAllowedError, AllowedAddresses
from longshore.registry.config import RegistryConfig
from longshore.registry.tls import TlsFiles
from longshore.registry.transport import Transport
from longshore.secrecy import without_secrets

from .conftest import Asked, Scripted, reply


def transport_to(host: str, environ: dict[str, str] | None = None, **more: Any) -> Transport:
    config = RegistryConfig(host, insecure=more.pop("insecure", False))
    return Transport(config, environ or {}, TlsFiles(config, ()), **more)


def ports(server: Scripted) -> list[int]:
    """The client's port of each request: the same port is the same connection."""
    return [asked.handler.client_address[1] for asked in server.asked]


def ask(transport: Transport, url: str, **more: Any) -> bytes:
    with transport.send("GET", url, more.pop("headers", {}), **more) as answer:
        return answer.read(1000)[0]


def test_what_goes_out_with_every_request(serve) -> None:
    server = serve(lambda asked: reply(b"x"))
    transport = transport_to(server.host)
    assert ask(transport, f"{server.url}/v2/a?b=c") == b"x"
    ask(transport, f"{server.url}?x", headers={"User-Agent": "other", "X-More": "y"})
    first, second = server.asked
    assert (first.method, first.path) == ("GET", "/v2/a?b=c")
    assert first.headers["user-agent"] == f"longshore/{__version__}"
    assert first.headers["accept-encoding"] == "identity"
    assert (second.path, second.headers["user-agent"], second.headers["x-more"]) == ("/?x", "other", "y")
    transport.close()


def test_nothing_is_followed_or_repeated(serve) -> None:
    server = serve(lambda asked: reply({}, 302, Location="/elsewhere"))
    transport = transport_to(server.host)
    with transport.send("GET", f"{server.url}/x", {}) as answer:
        assert answer.status == 302
        answer.read(10)
    cutting = serve(lambda asked: "cut")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        transport.send("GET", f"{cutting.url}/x", {})
    assert (len(server.asked), len(cutting.asked)) == (1, 1)
    transport.close()


def test_a_connection_is_used_again_until_it_is_closed(serve) -> None:
    """Of the registry itself, and of hosts that it sends us to."""
    server, other = serve(lambda asked: reply(b"x")), serve(lambda asked: reply(b"y"))
    transport = transport_to(server.host)
    for _ in range(3):
        ask(transport, f"{server.url}/x")
        ask(transport, f"{other.url.replace('127.0.0.1', 'localhost')}/x")
    assert len(set(ports(server))) == len(set(ports(other))) == 1
    transport.close()
    ask(transport, f"{server.url}/x")
    assert len(set(ports(server))) == 2
    transport.close()


def test_a_body_that_was_not_read_is_not_waited_for(serve) -> None:
    def script(asked: Asked) -> Any:
        return reply(b"x" * (1 << 20) if "large" in asked.path else b"x")

    server = serve(script)
    transport = transport_to(server.host)
    with transport.send("GET", f"{server.url}/large", {}):
        pass
    assert ask(transport, f"{server.url}/small") == b"x"
    assert len(set(ports(server))) == 2
    transport.close()


@pytest.mark.parametrize(("given", "read", "send"), [(None, 30.0, 30.0), (60.0, 60.0, 30.0), (2.0, 2.0, 2.0)])
def test_a_longer_wait_for_the_answer_is_none_for_sending(
    serve, monkeypatch: pytest.MonkeyPatch, given: float | None, read: float, send: float
) -> None:
    found: list[tuple[float, float]] = []
    real = module.Exchange

    class Noted(real):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            found.append((self.read_seconds, self.send_seconds))

    monkeypatch.setattr(module, "Exchange", Noted)
    server = serve(lambda asked: reply(b"x"))
    transport = transport_to(server.host)
    ask(transport, f"{server.url}/x", read_seconds=given)
    assert found == [(read, send)]
    transport.close()


def test_the_usual_timeouts() -> None:
    transport = transport_to("r.example")
    assert (transport.connect_seconds, transport.read_seconds) == (10.0, 30.0)


def test_a_request_that_is_cancelled_before_sends_nothing(serve) -> None:
    server = serve(lambda asked: reply(b"x"))
    transport = transport_to(server.host)
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        transport.send("GET", f"{server.url}/x", {}, cancellation=cancellation)
    assert server.asked == []
    transport.close()


def test_one_request_within_another_leaves_the_first_alone(serve) -> None:
    """A body may be read from another registry while it is sent."""
    inner, outer = serve(lambda asked: reply(b"inner")), serve(lambda asked: reply(b"outer"))
    transport = transport_to(outer.host)
    between: list[bytes] = []

    def body() -> Any:
        between.append(ask(transport, f"{inner.url}/x"))
        yield between[0]

    with transport.send("PUT", f"{outer.url}/x", {"Content-Length": "5"}, body()) as answer:
        assert answer.read(10)[0] == b"outer"
    assert (between, outer.asked[0].body) == ([b"inner"], b"inner")
    assert getattr(module.current, "exchange", None) is None
    transport.close()


# -- where it may lead


def test_the_registry_itself_teaches_its_address(serve) -> None:
    server = serve(lambda asked: reply(b"x"))
    host = server.host.replace("127.0.0.1", "localhost")
    transport = transport_to(host)
    with pytest.raises(AddressNotAllowedError):
        transport.allowed_addresses.check("x", "127.0.0.1")
    ask(transport, f"http://{host}/x")
    transport.allowed_addresses.check("x", "127.0.0.1")
    transport.close()


def test_a_guest_of_a_registry_is_judged_by_it(serve) -> None:
    """The API that a registry names is no registry: its own host is limited too."""
    server = serve(lambda asked: reply(b"x"))
    for named, fine in (("93.184.216.34", False), ("127.0.0.1", True)):
        transport = transport_to(server.host, sent_by=AllowedAddresses(named))
        if fine:
            assert ask(transport, f"{server.url}/x") == b"x"
        else:
            with pytest.raises(AddressNotAllowedError):
                ask(transport, f"{server.url}/x")
        transport.close()
    assert len(server.asked) == 1


def test_behind_a_proxy_only_others_are_judged_by_their_names(serve) -> None:
    proxy = serve(lambda asked: reply(b"x"))
    environ = {"HTTP_PROXY": proxy.url}
    transport = transport_to("10.0.0.1", environ, insecure=True)
    assert ask(transport, "http://10.0.0.1/x") == b"x"
    assert ask(transport, "http://10.0.0.2/x") == b"x"
    with pytest.raises(AddressNotAllowedError):
        ask(transport, "http://169.254.169.254/x")
    assert [asked.path for asked in proxy.asked] == ["http://10.0.0.1/x", "http://10.0.0.2/x"]
    guest = transport_to("10.0.0.1", environ, insecure=True, sent_by=AllowedAddresses("93.184.216.34"))
    with pytest.raises(AddressNotAllowedError):
        ask(guest, "http://10.0.0.1/x")
    transport.close()
    guest.close()


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("http://me:s%40fe@{host}", "me:s@fe"),
        ("http://me@{host}", "me:"),
        ("http://m%C3%BCller:x@{host}", "müller:x"),
        ("http://{host}", None),
    ],
)
def test_a_sign_in_at_the_proxy(serve, address: str, sent: str | None) -> None:
    proxy = serve(lambda asked: reply(b"x"))
    transport = transport_to("r.example", {"HTTP_PROXY": address.format(host=proxy.host)}, insecure=True)
    ask(transport, "http://r.example/x")
    header = proxy.asked[0].headers.get("proxy-authorization")
    assert header == (None if sent is None else f"Basic {base64.b64encode(sent.encode()).decode()}")
    transport.close()


# -- secrets and certificates


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_what_signs_a_request_is_in_no_text_afterwards(serve, name: str) -> None:
    server = serve(lambda asked: reply(b"x"))
    transport = transport_to(server.host)
    basic = base64.b64encode(b"sam:swordfish-17").decode()
    for value, secret in ((f"Basic {basic}", "swordfish-17"), ("Bearer token-of-sam", "token-of-sam")):
        assert secret in without_secrets(f"it said {secret}")
        ask(transport, f"{server.url}/x", headers={name: value})
        assert secret not in without_secrets(f"it said {secret}")
    ask(transport, f"{server.url}/x", headers={"Authorization": "Basic no-base64!", "X-Other": "harmless"})
    assert without_secrets("harmless") == "harmless"
    transport.close()


def test_plain_http_has_no_certificate(serve) -> None:
    server = serve(lambda asked: reply(b"x"))
    transport = transport_to(server.host)
    assert transport.peer_certificate(server.url) is None
    assert transport.peer_certificate(server.url.replace("http:", "https:"), seconds=0.5) is None
    assert server.asked == []
    transport.close()
