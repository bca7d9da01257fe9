"""Certificates and schemes, over real TLS: each refusal in its own plain words."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import Credential
from longshore.errors import RegistryUnreachable, TlsFailed
from longshore.registry.certificate import with_certificate
from longshore.registry.config import RegistryConfig
from longshore.registry.tls import TlsFiles, UnusableFiles
from longshore.registry.transport import Transport
from testbed.crypto import make_authority
from waiting import wait_until

from .conftest import Asked, reply, serve_tls

SAM = Credential("sam", "tide")


def tags(asked: Asked) -> Any:
    return reply({"tags": ["1"]}) if "tags" in asked.path else reply({})


def test_an_unknown_authority_is_refused_shown_and_then_trusted(connect, tmp_path: Path) -> None:
    with serve_tls(tmp_path, tags) as server:
        stranger = connect(server, SAM)
        with pytest.raises(TlsFailed, match="from an unknown authority") as caught:
            stranger.tags("a/b")
        assert "certs.d" in caught.value.advice
        report = stranger.certificate()
        assert report.certificate is not None and report.problem is not None and report.covers_host
        assert report.certificate.fingerprint in caught.value.certificate
        # Looking at the certificate sent no request and no secret.
        assert server.asked == []
        pinned = tmp_path / "trusted.crt"
        pinned.write_text(report.certificate.pem)
        trusting = connect(server, ca_file=pinned)
        assert trusting.tags("a/b").items == ["1"]
        assert trusting.certificate().problem is None
        assert connect(server, ca_file=tmp_path / "ca.crt").tags("a/b").items == ["1"]
        assert connect(server, insecure=True).tags("a/b").items == ["1"]


def test_a_redirect_to_https_is_followed(connect, tmp_path: Path) -> None:
    with serve_tls(tmp_path, lambda asked: reply({"tags": ["2"]})) as storage:

        def script(asked: Asked) -> Any:
            place = f"{storage.url}/bucket" if "away" in asked.path else f"{asked.path}&moved=1"
            return tags(asked) if "moved" in asked.path else reply({}, 307, Location=place)

        with serve_tls(tmp_path / "registry", script) as server:
            both = tmp_path / "both.crt"
            both.write_text("".join(one.read_text() for one in tmp_path.rglob("ca.crt")))
            client = connect(server, ca_file=both)
            assert client.tags("a/b").items == ["1"]
            assert client.tags("a/away").items == ["2"]
            client.close()


def test_a_certificate_that_was_trusted_and_is_another_now(connect, tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    with serve_tls(before, tags) as server:
        pinned = tmp_path / "trusted.crt"
        report = connect(server).certificate()
        assert report.certificate is not None
        pinned.write_text(report.certificate.pem)
    with serve_tls(after, tags) as server, pytest.raises(TlsFailed):
        connect(server, ca_file=pinned).tags("a/b")


def test_the_certificate_of_a_token_service_is_the_one_that_is_shown(connect, tmp_path: Path) -> None:
    service, registry = tmp_path / "service", tmp_path / "registry"
    with serve_tls(service, lambda asked: reply({"token": "t"})) as tokens:
        challenge = f'Bearer realm="{tokens.url}/token",service="s"'

        def script(asked: Asked) -> Any:
            return tags(asked) if asked.authorization else reply({}, 401, WWW_Authenticate=challenge)

        with serve_tls(registry, script) as server:
            client = connect(server, SAM, ca_file=registry / "ca.crt")
            with pytest.raises(TlsFailed, match="redirected from"):
                client.tags("a/b")
            report = client.certificate()
            assert report.address == tokens.host and report.certificate is not None
            assert report.can_be_trusted(datetime.now(UTC))
            both = tmp_path / "both.crt"
            both.write_text(with_certificate((registry / "ca.crt").read_text(), report, replacing=False))
            assert connect(server, SAM, ca_file=both).tags("a/b").items == ["1"]
    assert not any(asked.authorization for asked in tokens.asked[:-1])


@pytest.mark.parametrize(
    ("names", "days", "words", "advice"),
    [
        (("registry.example",), None, "is for another", "It is for registry.example."),
        (("127.0.0.1",), (-20, -5), "has expired", "clock"),
        (("127.0.0.1",), (5, 20), "is not valid yet", "clock"),
    ],
)
def test_what_trust_does_not_help_against(
    connect, tmp_path: Path, names: tuple[str, ...], days: Any, words: str, advice: str
) -> None:
    with serve_tls(tmp_path, tags, names=names, days=days) as server:
        client = connect(server, ca_file=tmp_path / "ca.crt")
        with pytest.raises(TlsFailed, match=words) as caught:
            client.tags("a/b")
        assert advice in caught.value.advice
        assert "trust it" not in caught.value.advice
        assert "Valid: " in caught.value.certificate
        assert server.asked == []


def test_plain_http_is_never_taken_silently(serve, connect, monkeypatch: pytest.MonkeyPatch) -> None:
    # Treated as another machine: on this one, engines accept plain HTTP, too.
    monkeypatch.setattr("longshore.registry.config.is_loopback", lambda name: False)

    def script(asked: Asked) -> Any:
        return tags(asked)

    server = serve(script)
    with pytest.raises((TlsFailed, RegistryUnreachable)):
        connect(server, SAM).tags("a/b")
    assert server.asked == []
    assert connect(server, insecure=True).tags("a/b").items == ["1"]


def test_plain_http_behind_https_is_said(connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.registry.config.is_loopback", lambda name: False)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    opened, _ = listener.accept()
                except OSError:
                    return
                with opened:
                    opened.recv(4096)
                    opened.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            with pytest.raises(TlsFailed, match="uses plain HTTP") as caught:
                connect(f"127.0.0.1:{listener.getsockname()[1]}").tags("a/b")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join()
        assert "insecure" in caught.value.advice


def test_tls_is_found_also_where_plain_http_is_allowed(connect, tmp_path: Path) -> None:
    with serve_tls(tmp_path, tags) as server:
        client = connect(server, insecure=True)
        assert client.check().url == server.url
        report = client.certificate()
        assert report.certificate is not None and report.problem is None


def _no_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return True
    return False


@pytest.mark.skipif(_no_ipv6(), reason="this machine has no IPv6")
def test_hosts_by_ipv6_address(serve, connect, tmp_path: Path) -> None:
    with serve_tls(tmp_path, tags, host="::1") as server:
        assert server.host.startswith("[::1]:")
        with pytest.raises(TlsFailed):
            connect(server).tags("a/b")
        client = connect(server, ca_file=tmp_path / "ca.crt")
        assert client.tags("a/b").items == ["1"]
        assert client.check().url == server.url
        report = client.certificate()
        assert report.certificate is not None and report.covers_host
        client.close()


def test_looking_at_a_certificate_can_be_cancelled(connect, tmp_path: Path) -> None:
    make_authority(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent: list[socket.socket] = []

        def accept() -> None:
            silent.append(listener.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        client, cancellation = connect("127.0.0.1:1"), Cancellation()

        def cancel() -> None:
            wait_until(lambda: bool(silent))
            cancellation.cancel()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Cancelled):
            client._transport.peer_certificate(url, seconds=30, cancellation=cancellation)
        for one in (thread, canceller):
            one.join()
        silent[0].close()


def test_a_client_certificate_and_the_mark_insecure_are_for_the_registry_alone(tmp_path: Path) -> None:
    files = TlsFiles(RegistryConfig("acme.io", client_cert=tmp_path / "gone.pem"), folders=())
    with pytest.raises(UnusableFiles):
        files.context(own=True)
    assert files.context(own=False).verify_mode is ssl.CERT_REQUIRED
    marked = TlsFiles(RegistryConfig("acme.io", insecure=True), folders=())
    assert marked.context(own=True).verify_mode is ssl.CERT_NONE
    for other in (
        marked.context(own=False),
        TlsFiles(RegistryConfig("acme.io"), folders=()).context(own=True),
    ):
        assert other.verify_mode is ssl.CERT_REQUIRED and other.check_hostname
    assert marked.context(own=False, checked=False).verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("damaged", [False, True])
def test_a_certificate_is_looked_at_without_the_files_of_authorities(
    connect, tmp_path: Path, damaged: bool
) -> None:
    """A CA file that is lost or damaged must not hide the certificate that could take its place."""
    authority = tmp_path / "lost.crt"
    if damaged:
        authority.write_text("x")
    with serve_tls(tmp_path / "server", tags) as server:
        client = connect(server, ca_file=authority)
        with pytest.raises(TlsFailed, match=r"certificate files for .* can't be used"):
            client.tags("a/b")
        shown = client._transport.peer_certificate(server.url)
        assert shown is not None and shown.covers("127.0.0.1")
        assert server.asked == []


def test_who_waits_while_another_finds_out_the_scheme_waits_for_it(serve, connect) -> None:
    found_out = threading.Event()

    def script(asked: Asked) -> Any:
        if asked.path == "/v2/":
            assert found_out.wait(10)
            return reply({})
        return tags(asked)

    server = serve(script)
    client = connect(server)
    listed: list[list[str]] = []
    threads = [threading.Thread(target=lambda: listed.append(client.tags("a/b").items)) for _ in range(3)]
    for thread in threads:
        thread.start()
    found_out.wait(0.3)  # longer than one attempt at the lock
    found_out.set()
    for thread in threads:
        thread.join(10)
    assert listed == [["1"]] * 3
    assert len([one for one in server.asked if one.path == "/v2/"]) == 1


def test_plain_http_has_a_port_of_its_own_only_where_none_is_named(
    connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is listening there. If a port is named, plain HTTP would use the same one and be refused as well."""
    asked: list[str] = []
    send = Transport.send

    def noted(self: Transport, method: str, url: str, *rest: Any, **more: Any) -> Any:
        asked.append(url)
        return send(self, method, url, *rest, **more)

    monkeypatch.setattr(Transport, "send", noted)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for host, urls in (
        (f"127.0.0.1:{port}", [f"https://127.0.0.1:{port}/v2/"]),
        ("127.77.3.9", ["https://127.77.3.9/v2/", "http://127.77.3.9/v2/"]),
    ):
        asked.clear()
        with pytest.raises(RegistryUnreachable, match="Nothing is listening"):
            connect(host).tags("a/b")
        assert asked == urls


def test_a_registry_that_is_away_has_no_certificate_to_look_at(connect) -> None:
    """The sheet would call it a connection without TLS."""
    with pytest.raises(RegistryUnreachable):
        connect("127.0.0.1:1").certificate()
