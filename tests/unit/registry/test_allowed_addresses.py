"""Where a registry may send us: never nearer than it is itself, never from https to http; and what failed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.credentials import Credential
from longshore.errors import LongshoreError, RegistryUnreachable, UnexpectedReply
from longshore.registry import allowed_addresses
from longshore.registry.allowed_addresses import AddressNotAllowedError, AllowedAddresses, Nearness, nearness
from longshore.registry.config import RegistryConfig
from longshore.registry.listing import lister_for

from .conftest import Asked, Scripted, reply, serve_tls

ANN = Credential("ann", "s3cret", "")
DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("93.184.216.34", Nearness.PUBLIC),
        ("2606:2800:220:1::1", Nearness.PUBLIC),
        ("64:ff9b::5db8:d822", Nearness.PUBLIC),
        ("10.1.2.3", Nearness.PRIVATE),
        ("172.31.0.1", Nearness.PRIVATE),
        ("192.168.1.1", Nearness.PRIVATE),
        ("100.64.0.1", Nearness.PRIVATE),
        ("fd00::1", Nearness.PRIVATE),
        ("::ffff:10.0.0.1", Nearness.PRIVATE),
        ("127.0.0.1", Nearness.LOOPBACK),
        ("127.9.9.9", Nearness.LOOPBACK),
        ("0.0.0.0", Nearness.LOOPBACK),
        ("0.1.2.3", Nearness.LOOPBACK),
        ("::1", Nearness.LOOPBACK),
        ("::", Nearness.LOOPBACK),
        ("::ffff:127.0.0.1", Nearness.LOOPBACK),
        ("::127.0.0.1", Nearness.LOOPBACK),
        ("::2", Nearness.LOOPBACK),  # 0.0.0.2
        ("2002:7f00:1::", Nearness.LOOPBACK),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", Nearness.LOOPBACK),  # Teredo: the client is 127.0.0.1
        ("64:ff9b::7f00:1", Nearness.LOOPBACK),
        ("64:ff9b:1::7f00:1", Nearness.LOOPBACK),
        ("192.0.0.192", Nearness.METADATA),
        ("fd00:ec2::23", Nearness.METADATA),
        ("169.254.1.1", Nearness.LINK_LOCAL),
        ("fe80::1", Nearness.LINK_LOCAL),
        ("169.254.169.254", Nearness.METADATA),
        ("::ffff:169.254.169.254", Nearness.METADATA),
        ("64:ff9b::a9fe:a9fe", Nearness.METADATA),
        ("fd00:ec2::254", Nearness.METADATA),
        ("100.100.100.200", Nearness.METADATA),
        ("168.63.129.16", Nearness.METADATA),
        ("224.0.0.1", Nearness.NOWHERE),
        ("255.255.255.255", Nearness.NOWHERE),
        ("ff02::1", Nearness.NOWHERE),
    ],
)
def test_how_near_an_address_is(address: str, near: Nearness) -> None:
    assert nearness(ipaddress.ip_address(address)) is near


@pytest.mark.parametrize(
    ("own", "allowed"),
    [
        ("93.184.216.34", "public"),
        ("10.0.0.1", "public private"),
        ("127.0.0.1", "public private loopback"),
        ("169.254.7.7", "public private link-local"),
        ("169.254.169.254", "public private metadata"),
        ("registry.example.com", "public"),
    ],
)
def test_a_registry_leads_no_nearer_than_it_is_itself(own: str, allowed: str) -> None:
    targets = {
        "public": "8.8.8.8",
        "private": "10.9.9.9",
        "loopback": "127.0.0.1",
        "link-local": "169.254.1.1",
        "metadata": "169.254.169.254",
        "nowhere": "224.0.0.1",
    }
    found = []
    for name, address in targets.items():
        try:
            AllowedAddresses(own).check("x", address)
        except AddressNotAllowedError:
            continue
        found.append(name)
    assert " ".join(found) == allowed


def test_an_address_is_learned_and_names_are_left_to_who_resolves_them() -> None:
    known = AllowedAddresses("registry.example.com")
    known.check("storage.example.com", "storage.example.com")
    for nearby in ("localhost", "LocalHost.", "10.0.0.2", "fe80::1%eth0"):
        with pytest.raises(AddressNotAllowedError):
            known.check("x", nearby)
    known.learn("10.0.0.1")
    known.check("x", "10.0.0.2")
    known.learn("93.184.216.34")
    known.learn("registry.example.com")  # behind a proxy
    known.check("x", "10.0.0.2")
    with pytest.raises(AddressNotAllowedError) as caught:
        known.check("storage", "127.0.0.1")
    assert (caught.value.host, caught.value.address) == ("storage", "127.0.0.1")


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[Asked], Any]], Scripted]]:
    """Servers on 127.0.0.2, which counts as a public address here; other addresses are not affected."""
    real = allowed_addresses.nearness

    def pretended(address: Any) -> Nearness:
        return Nearness.PUBLIC if str(address) == "127.0.0.2" else real(address)

    monkeypatch.setattr(allowed_addresses, "nearness", pretended)
    servers: list[Scripted] = []

    def make(script: Callable[[Asked], Any]) -> Scripted:
        servers.append(Scripted(script, host="127.0.0.2"))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def refused(call: Callable[[], object]) -> LongshoreError:
    with pytest.raises(UnexpectedReply, match=r"redirects to .*, which is not a public address") as caught:
        call()
    assert "for a public address" in caught.value.advice
    return caught.value


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_redirect_to_this_machine_is_not_followed(serve, public, connect, name: str) -> None:
    inside = serve(lambda asked: reply({"tags": ["1"]}))
    target = inside.url.replace("127.0.0.1", name)
    registry = public(lambda asked: reply({}, 302, Location=f"{target}/x"))
    client = connect(registry)
    refused(lambda: client.tags("a/b"))
    refused(lambda: client.blob_size("a/b", DIGEST))
    assert inside.asked == []


def test_a_token_service_on_this_machine_is_not_asked(serve, public, connect) -> None:
    inside = serve(lambda asked: reply({"token": "x"}))
    challenge = f'Bearer realm="{inside.url}/token",service="x"'
    client = connect(public(lambda asked: reply({}, 401, WWW_Authenticate=challenge)), ANN)
    refused(lambda: client.tags("a/b"))
    assert inside.asked == []


def test_an_upload_is_not_sent_to_this_machine(serve, public, connect) -> None:
    inside = serve(lambda asked: reply({}, 201))
    registry = public(lambda asked: reply({}, 202, Location=f"{inside.url}/upload/1"))
    client = connect(registry)
    upload = client.start_upload("a/b")
    refused(lambda: client.finish_upload(upload, DIGEST, [b"x"], 1))
    assert inside.asked == []


def test_an_api_that_the_registry_names_is_not_asked_on_this_machine(serve, public, connect) -> None:
    inside = serve(lambda asked: reply([]))

    def script(asked: Asked) -> Any:
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{inside.url}/jwt/auth"')

    registry = public(script)
    config = RegistryConfig(registry.host, kind="gitlab", namespace="team", insecure=True)
    client = connect(registry, None)
    lister = lister_for(config, client, lambda _host: None, environ={})
    try:
        refused(lister.repositories)
    finally:
        lister.close()
    assert inside.asked == []


def test_the_metadata_of_a_cloud_is_asked_of_nobody(serve, connect) -> None:
    # Even a registry on this machine itself must not lead there.
    for target in ("http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/latest"):
        registry = serve(lambda asked, target=target: reply({}, 302, Location=target))
        refused(lambda registry=registry: connect(registry).tags("a/b"))


def test_behind_a_proxy_addresses_are_judged_as_they_are_written(serve, connect) -> None:
    proxy = serve(lambda asked: reply({}, 302, Location="http://169.254.169.254/x"))
    client = connect("registry.example.com:5000", environ={"HTTP_PROXY": proxy.url}, insecure=True)
    client._session._scheme._base = "http://registry.example.com:5000"
    refused(lambda: client.tags("a/b"))
    assert len(proxy.asked) == 1


# -- never from https to http


def test_https_is_never_left(serve, connect, tmp_path: Path) -> None:
    bare = serve(lambda asked: reply({"token": "x", "tags": ["1"]}))

    def script(asked: Asked) -> Any:
        if "redirect" in asked.path:
            return reply({}, 307, Location=f"{bare.url}/bucket")
        return reply({}, 401, WWW_Authenticate=f'Bearer realm="{bare.url}/token",service="x"')

    with serve_tls(tmp_path / "ca", script) as registry:
        client = connect(registry, ANN, ca_file=tmp_path / "ca" / "ca.crt")
        for repository in ("redirect", "token"):
            with pytest.raises(UnexpectedReply, match=f"unencrypted .*: {bare.host}") as caught:
                client.tags(repository)
            assert "external address to https" in caught.value.advice
    assert bare.asked == []


def test_a_gateway_that_names_itself_with_http_is_asked_by_https(connect, tmp_path: Path) -> None:
    def script(asked: Asked) -> Any:
        host = asked.headers["host"]
        if asked.path.startswith("/token"):
            return reply({"token": "good"})
        if asked.authorization != "Bearer good":
            return reply({}, 401, WWW_Authenticate=f'Bearer realm="http://{host}/token",service="x"')
        if "last" in asked.path:
            return reply({"tags": ["2"]})
        return reply({"tags": ["1"]}, Link=f'<http://{host}/v2/a/b/tags/list?last=1>; rel="next"')

    with serve_tls(tmp_path / "ca", script) as registry:
        client = connect(registry, ANN, ca_file=tmp_path / "ca" / "ca.crt")
        first = client.tags("a/b")
        assert first.items == ["1"] and client.tags("a/b", first.next).items == ["2"]
        client.close()


@pytest.mark.parametrize("inner", ["http://registry.invalid:5000", "http://127.0.0.1", "http://10.255.255.1"])
def test_a_registry_that_names_its_inner_host_is_asked_where_it_was(serve, connect, inner: str) -> None:
    """distribution 2862: behind a gateway, Location and Link name the inner host and port."""
    sent = []

    def script(asked: Asked) -> Any:
        if asked.method == "POST":
            return reply({}, 202, Location=f"{inner}/v2/a/b/blobs/uploads/1?_state=x")
        if asked.method == "PUT":
            sent.append(asked.body)
            return reply({}, 201)
        if "last" in asked.path:
            return reply({"tags": ["2"]})
        return reply({"tags": ["1"]}, Link=f'<{inner}/v2/a/b/tags/list?last=1>; rel="next"')

    server = serve(script)
    client = connect(server)
    client.finish_upload(client.start_upload("a/b"), DIGEST, [b"blob"], 4)
    assert sent == [b"blob"] and server.asked[-1].path.startswith("/v2/a/b/blobs/uploads/1?_state=x&digest=")
    first = client.tags("a/b")
    assert client.tags("a/b", first.next).items == ["2"]


# -- what failed is named


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_the_host_that_does_not_listen_is_named_and_not_the_registry(serve, connect) -> None:
    storage = f"127.0.0.1:{free_port()}"
    registry = serve(lambda asked: reply({}, 307, Location=f"http://{storage}/bucket"))
    with pytest.raises(RegistryUnreachable) as caught:
        connect(registry).tags("a/b")
    assert caught.value.message == f"Nothing is listening on {storage} (redirected from {registry.host})."
    assert "administrator" in caught.value.advice and caught.value.registry == registry.host


def test_a_storage_that_is_silent_or_cut_is_named(serve, connect) -> None:
    for how, words in (("silent", "does not respond"), ("cut", "The connection to .* failed")):
        storage = serve(lambda asked, how=how: how)
        registry = serve(lambda asked, storage=storage: reply({}, 307, Location=f"{storage.url}/bucket"))
        with pytest.raises(RegistryUnreachable, match=words) as caught:
            connect(registry, read_seconds=0.3).tags("a/b")
        assert caught.value.silent is (how == "silent")
        assert f"{storage.host} (redirected from {registry.host})" in caught.value.message
        storage.ending.set()


def test_a_storage_that_breaks_off_in_its_answer_is_named(serve, connect) -> None:
    def broken(asked: Asked) -> Any:
        answer = reply({"tags": ["1"]})
        answer.length = 5000
        return answer

    storage = serve(broken)
    registry = serve(lambda asked: reply({}, 307, Location=f"{storage.url}/bucket"))
    with pytest.raises(RegistryUnreachable) as caught:
        connect(registry).tags("a/b")
    assert storage.host in caught.value.message


def test_the_registry_itself_is_named_where_it_does_not_listen(connect) -> None:
    host = f"127.0.0.1:{free_port()}"
    with pytest.raises(RegistryUnreachable) as caught:
        connect(host).tags("a/b")
    assert caught.value.message == f"Nothing is listening on {host}."
    assert caught.value.advice == "Is the registry running? Check host and port."
