"""Through a proxy: plain requests, tunnels, its own sign-in, and the error when it refuses."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.errors import RegistryUnreachable, TlsFailed

from .conftest import Asked, reply, serve_tls


def tags(asked: Asked) -> Any:
    return reply({"tags": ["1"]}) if "tags" in asked.path else reply({})


_REFUSAL = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Opens tunnels (RFC 9110, 9.3.6) to any host; refuses clients without the right *password*."""

    def __init__(self, password: str | None = None) -> None:
        self.wanted: list[str] = []
        self._allowed = ""
        if password is not None:
            self._allowed = "Basic " + base64.b64encode(f"me:{password}".encode()).decode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    return
                head += piece
            line, *headers = head.decode("latin-1").split("\r\n")
            self.wanted.append(line)
            given = {name.lower(): value for name, _, value in (one.partition(": ") for one in headers)}
            if self._allowed and given.get("proxy-authorization") != self._allowed:
                client.sendall(_REFUSAL)
                return
            method, target, _ = line.split(" ", 2)
            if method != "CONNECT":
                client.sendall(_REFUSAL)
                return
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port)), 5) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                ends = {client: server, server: client}
                while True:
                    for one in select.select(list(ends), [], [], 5)[0]:
                        data = one.recv(65536)
                        if not data:
                            return
                        ends[one].sendall(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treats 127.0.0.1 as another machine: requests to this one never go through a proxy."""
    monkeypatch.setattr("longshore.registry.proxies.is_loopback", lambda name: False)
    monkeypatch.setattr("longshore.registry.config.is_loopback", lambda name: False)


@contextlib.contextmanager
def proxy(password: str | None = None) -> Iterator[Proxy]:
    made = Proxy(password)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.usefixtures("elsewhere")
def test_a_tunnel_with_a_sign_in_at_the_proxy(connect, tmp_path: Path) -> None:
    with proxy("p@ss:wörd") as way, serve_tls(tmp_path, tags) as server:
        environ = {"HTTPS_PROXY": f"http://me:p%40ss%3Aw%C3%B6rd@{way.host}"}
        client = connect(server, ca_file=tmp_path / "ca.crt", environ=environ)
        assert client.tags("a/b").items == ["1"]
        assert {line.rpartition(" ")[0] for line in way.wanted} == {f"CONNECT {server.host}"}
        # The registry does not see the credentials for the proxy.
        assert all("proxy-authorization" not in asked.headers for asked in server.asked)
        client.close()
        stranger = connect(server, environ=environ)
        with pytest.raises(TlsFailed, match="unknown authority") as caught:
            stranger.tags("a/b")
        assert "SHA-256" in caught.value.certificate, "the certificate is fetched through the proxy, too"
        stranger.close()


@pytest.mark.usefixtures("elsewhere")
def test_a_proxy_that_knows_a_user_without_a_password(connect, tmp_path: Path) -> None:
    with proxy("") as way, serve_tls(tmp_path, tags) as server:
        client = connect(
            server, ca_file=tmp_path / "ca.crt", environ={"HTTPS_PROXY": f"http://me@{way.host}"}
        )
        assert client.tags("a/b").items == ["1"]
        client.close()


@pytest.mark.usefixtures("elsewhere")
def test_a_proxy_that_refuses_is_named_as_the_cause(connect, tmp_path: Path) -> None:
    with proxy("right") as way, serve_tls(tmp_path, tags) as server:
        for environ in (
            {"https_proxy": way.host},
            {"HTTPS_PROXY": f"http://me:wrong@{way.host}"},
        ):
            with pytest.raises(RegistryUnreachable, match="proxy") as caught:
                connect(server, environ=environ).tags("a/b")
            assert "wrong" not in repr(vars(caught.value))
        assert server.asked == []


@pytest.mark.usefixtures("elsewhere")
def test_a_proxy_that_wants_a_sign_in_for_plain_requests(connect) -> None:
    with proxy("right") as way:
        client = connect("registry.invalid:80", insecure=True, environ={"ALL_PROXY": way.host})
        with pytest.raises(RegistryUnreachable, match="A network sign-in page"):
            client.tags("a/b")
        client.close()
        assert any(line.startswith("GET http://registry.invalid") for line in way.wanted)


@pytest.mark.usefixtures("elsewhere")
def test_kinds_of_proxies_that_cannot_be_used_are_said(connect) -> None:
    with pytest.raises(RegistryUnreachable, match="does not support the type of proxy"):
        connect("registry.invalid", environ={"ALL_PROXY": "socks5://127.0.0.1:1"}).tags("a/b")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("odd", ["http://me:geheim@way:port", "http://me:geheim@[::1", "me:geheim@way:1:2"])
def test_an_address_of_a_proxy_that_cannot_be_is_said_without_its_password(connect, odd: str) -> None:
    with pytest.raises(RegistryUnreachable, match="proxy") as caught:
        connect("registry.invalid", environ={"HTTPS_PROXY": odd}).tags("a/b")
    seen: BaseException | None = caught.value
    assert "geheim" not in repr(vars(seen))


@pytest.mark.usefixtures("elsewhere")
def test_who_is_named_in_no_proxy_is_asked_directly(connect, tmp_path: Path) -> None:
    with proxy() as way, serve_tls(tmp_path, tags) as server:
        environ = {"HTTPS_PROXY": way.host, "NO_PROXY": "127.0.0.0/8"}
        client = connect(server, ca_file=tmp_path / "ca.crt", environ=environ)
        assert client.tags("a/b").items == ["1"]
        client.close()
        assert way.wanted == []
