"""Connections to an engine: a unix socket, and ssh, which is a script here."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest
import requests

import longshore
from longshore.engine import transport
from longshore.engine.address import EngineAddress, TlsFiles
from longshore.engine.client import Client
from longshore.engine.transport import SshError, SshLine, UnixLine
from longshore.engine.unavailable import explain
from longshore.errors import EngineUnavailable, UnavailableCause
from testbed.crypto import make_authority, make_certificate


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Path of the program ``ssh``, to ``fill`` with a script; it records its arguments in ``words`` beside it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "ssh"


def fill(ssh: Path, code: str) -> None:
    words = (
        f"import os, signal, sys\nopen({str(ssh.with_name('words'))!r}, 'w').write('\\n'.join(sys.argv[1:]))"
    )
    ssh.write_text(f"#!{sys.executable} -IS\n{words}\n{code}\n")
    ssh.chmod(0o755)


ECHO = "while data := os.read(0, 100): os.write(1, data.upper())"


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ssh://box", "-- box docker"),
        ("ssh://box/", "-- box docker"),
        ("ssh://a%40b@box:2222/run/d.sock", "-l a@b -p 2222 -- box docker --host unix:///run/d.sock"),
        ("ssh://box/run/$(x)", "-- box docker --host 'unix:///run/$(x)'"),  # the remote shell parses it
    ],
)
def test_the_command_over_there(ssh: Path, url: str, words: str) -> None:
    fill(ssh, ECHO)
    line = SshLine(url, 60)
    assert line.socket.gettimeout() == 60
    line.socket.sendall(b"hello")
    assert line.socket.recv(5, socket.MSG_WAITALL) == b"HELLO"
    line.close()
    found = ssh.with_name("words").read_text().split("\n")
    assert " ".join(found) == f"-T -o ConnectTimeout=15 {words} system dial-stdio"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.stderr.write('Host key verification failed.\\n')", "Host key verification failed."),
        ("sys.stderr.write('Killed by signal 15.\\r\\n')", ""),
        ("", ""),
    ],
)
def test_what_it_said_when_it_ended(ssh: Path, code: str, said: str) -> None:
    fill(ssh, code)
    before = descriptors()
    line = SshLine("ssh://box", 60)
    assert line.socket.recv(1) == b"", "it has ended"
    line._process.wait(60)
    trouble = line.trouble()
    assert str(trouble or "") == said
    assert isinstance(trouble, SshError) is bool(said)
    line.close()  # a second time
    assert str(line.trouble() or "") == said
    assert descriptors() == before


def test_one_that_does_not_end_is_killed(ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SSH_END_SECONDS", 0.05)
    fill(ssh, "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'x'); signal.pause()")
    line = SshLine("ssh://box", 60)
    assert line.socket.recv(1) == b"x"
    line.close()
    assert line._process.returncode == -9


def test_nothing_is_left_where_there_is_no_ssh(ssh: Path) -> None:
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        SshLine("ssh://box", 60)
    assert descriptors() == before


def test_nothing_is_left_of_a_socket_that_is_not_there(tmp_path: Path) -> None:
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        UnixLine(str(tmp_path / "no.sock"), 60)
    assert descriptors() == before


def test_a_socket_of_this_machine(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as listening:
        listening.bind("x.sock")
        listening.listen()
        line = UnixLine("x.sock", 7)
        assert line.socket.gettimeout() == 7
        assert line.trouble() is None
        line.close()
        line.close()
        assert line.socket.fileno() == -1


# -- requests over such connections


def ask(client: Client) -> object:
    with client.exchange("GET", "/info", params={}) as response:
        return response.json()


def test_a_request_over_ssh(ssh: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"ID": "x"}'
    told = f"open({str(ssh.with_name('pid'))!r}, 'w').write(str(os.getpid()))"
    read = "while not os.read(0, 1000).endswith(b'\\r\\n\\r\\n'): pass"
    fill(ssh, f"{told}\n{read}\nos.write(1, {answer!r}); signal.pause()")
    client = Client(EngineAddress("x", "ssh://box"), "1.41", 60)
    assert ask(client) == {"ID": "x"}
    running = int(ssh.with_name("pid").read_text())
    assert os.getsid(running) == running, "our Ctrl+C does not reach it, and it is kept for the next request"
    client.close()
    with pytest.raises(ProcessLookupError):
        os.kill(running, 0)


def test_a_request_over_ssh_that_does_not_come_through(ssh: Path) -> None:
    fill(ssh, "sys.stderr.write('Host key verification failed.')")
    address = EngineAddress("x", "ssh://box")
    client = Client(address, "1.41", 60)
    with pytest.raises(requests.ConnectionError) as caught:
        ask(client)
    found = explain(address, caught.value)
    assert isinstance(found, EngineUnavailable)
    assert (found.cause, found.detail) == (UnavailableCause.TLS, "Host key verification failed.")
    client.close()


def test_no_request_without_an_ssh(ssh: Path) -> None:
    with pytest.raises(EngineUnavailable, match="ssh is not installed") as caught:
        Client(EngineAddress("x", "ssh://box"), "1.41", 60)
    assert caught.value.cause is UnavailableCause.UNSUPPORTED


def test_a_request_is_cut_from_another_thread(tmp_path: Path) -> None:
    accepted: list[socket.socket] = []
    with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as listening:
        listening.bind("x.sock")
        listening.listen()
        client = Client(EngineAddress("x", "unix://x.sock"), "1.41", 60)

        def cut() -> None:
            accepted.append(listening.accept()[0])
            accepted[0].recv(1)  # the request was sent and is waiting
            client.cut()

        thread = threading.Thread(target=cut)
        thread.start()
        with pytest.raises(requests.ConnectionError):
            ask(client)
        thread.join()
        accepted[0].close()
        client.close()


@pytest.mark.parametrize("tls", [None, TlsFiles(verify=False)], ids=["tcp", "tls"])
def test_a_request_over_the_network_is_cut_from_another_thread(tls: TlsFiles | None) -> None:
    """With TLS: during a handshake that the other side does not answer."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = EngineAddress("x", f"tcp://127.0.0.1:{listening.getsockname()[1]}", tls=tls)
        client = Client(address, "1.41", 20)

        def cut() -> None:
            accepted.append(listening.accept()[0])
            accepted[0].recv(1)
            client.cut()

        thread = threading.Thread(target=cut)
        thread.start()
        try:
            with pytest.raises(requests.ConnectionError):
                ask(client)
        finally:
            thread.join()
            accepted[0].close()
            client.close()


@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
def test_requests_over_the_network_share_a_connection_and_say_who_asks(tmp_path: Path, secure: bool) -> None:
    heads: list[bytes] = []
    certificate, key = make_certificate(tmp_path, make_authority(tmp_path), ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    tls = TlsFiles(tmp_path / "ca.crt") if secure else None

    def serve() -> None:
        opened, _ = listening.accept()
        with context.wrap_socket(opened, server_side=True) if secure else opened as opened:
            for _ in range(2):
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += opened.recv(1000)
                heads.append(head)
                opened.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        address = EngineAddress("x", f"tcp://127.0.0.1:{listening.getsockname()[1]}", tls=tls)
        client = Client(address, "1.41", 60)
        assert [ask(client), ask(client)] == [{}, {}]
        thread.join()
        client.close()
    assert all(head.startswith(b"GET /v1.41/info HTTP/1.1\r\n") for head in heads)
    assert all(f"User-Agent: longshore/{longshore.__version__}\r\n".encode() in head for head in heads)
