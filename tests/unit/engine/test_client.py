"""Our replacement for the SDK's constructor, and reading streams."""

from __future__ import annotations

import itertools
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from longshore.engine import client as client_module
from longshore.engine.address import EngineAddress, TlsFiles
from longshore.engine.client import Client, StatusError, read_lines
from longshore.engine.transport import Sockets
from longshore.errors import EngineUnavailable, UnavailableCause

SOCKET = EngineAddress("x", "unix:///nowhere/docker.sock")


def test_nothing_that_the_sdk_sets_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK that sets more in its constructor must be reviewed before it is used."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    theirs = docker.APIClient(base_url="unix:///nowhere/docker.sock", version="1.41")
    ours = Client(SOCKET, "1.41", 1.0)
    assert set(vars(theirs)) <= set(vars(ours))
    assert ours._url("/images/{0}/push", "h:1/a") == theirs._url("/images/{0}/push", "h:1/a")  # type: ignore[attr-defined]
    theirs.close()
    ours.close()


def test_nothing_of_the_users_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own constructor raises ValueError for this configuration."""
    (tmp_path / "config.json").write_text('{"auths": {"h": {"auth": ""}}, "HttpHeaders": {"X": "y"}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    client = Client(SOCKET, "1.41", 1.0)
    assert client._general_configs == {}
    assert not client.trust_env
    client.close()


class Raw:
    """A body that arrives in the given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read1(self, _: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def lines(*pieces: bytes) -> list[dict[str, Any]]:
    return list(read_lines(SimpleNamespace(raw=Raw(*pieces))))  # type: ignore[arg-type]


def test_lines_however_they_are_cut() -> None:
    text = '{"a": "ü"}\r\n{"b": 2}{"c": 3}\n\n[1]\n{"d": 4}'.encode()
    expected = [{"a": "ü"}, {"b": 2}, {"c": 3}, {"d": 4}]
    assert lines(text) == expected
    assert lines(*[text[at : at + 1] for at in range(len(text))]) == expected
    with pytest.raises(ValueError, match="Expecting"):
        lines(b'{"a": 1}\n<html>')


def test_a_line_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.engine.client.LONGEST_LINE", 100)
    with pytest.raises(ValueError, match="exceeds the size limit"):
        lines(*[b"x" * 30] * 5)


def test_sockets_are_cut_also_those_to_come() -> None:
    ours, theirs = socket.socketpair()
    late, other = socket.socketpair()
    with ours, theirs, late, other:
        sockets = Sockets()
        sockets.add(ours)
        theirs.send(b"x")
        assert ours.recv(1) == b"x", "not cut yet"
        sockets.cut()
        assert theirs.recv(1) == b""
        sockets.add(late)
        assert other.recv(1) == b""
        sockets.cut()


def test_many_objects_on_a_line_are_not_copied_over_and_over(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class Decoder(json.JSONDecoder):
        def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
            given.append(s)
            return super().raw_decode(s, idx)

    monkeypatch.setattr(client_module.json, "JSONDecoder", Decoder)
    assert len(lines(b"{} " * 20_000)) == 20_000
    assert all(each is given[0] for each in given)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_lines_that_cannot_be_read(text: bytes) -> None:
    with pytest.raises(ValueError):
        lines(text)


class Refusal:
    """A refusal whose body consists of *pieces*; a single piece is repeated without end."""

    status_code, reason = 500, "Internal Server Error"

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.given = 0

    def iter_content(self, size: int) -> Iterator[bytes]:
        for piece in itertools.cycle(self.pieces) if len(self.pieces) == 1 else self.pieces:
            self.given += len(piece)
            yield piece


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ((b'{"mess', b'age": "no such image"}'), "no such image"),
        ((b'{"cause": "denied", "response": 500', b"}"), "denied"),  # Podman, where the SDK raises KeyError
        ((b'["x"', b"]"), '["x"]'),
        ((b"<html", b">"), "<html>"),
        ((b"plain ", b"words\n"), "plain words"),
        ((b"", b""), "Internal Server Error"),
        ((b"[" * 20_000, b"]" * 20_000), "[" * 20_000 + "]" * 20_000),
    ],
)
def test_the_words_of_a_refusal(pieces: tuple[bytes, ...], text: str) -> None:
    client = Client(SOCKET, "1.41", 1.0)
    with pytest.raises(StatusError) as caught:
        client._raise_for_status(Refusal(*pieces))  # type: ignore[arg-type]
    assert (caught.value.status, caught.value.text) == (500, text)
    client.close()


def test_a_refusal_without_end() -> None:
    client, endless = Client(SOCKET, "1.41", 1.0), Refusal(b"x" * 1000)
    with pytest.raises(StatusError) as caught:
        client._raise_for_status(endless)  # type: ignore[arg-type]
    assert len(caught.value.text) == 65536
    assert endless.given == 66_000
    client.close()


def test_a_refusal_as_long_as_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LONGEST_REFUSAL", 5000)
    client, endless = Client(SOCKET, "1.41", 1.0), Refusal(b"x" * 1000)
    with pytest.raises(StatusError):
        client._raise_for_status(endless)  # type: ignore[arg-type]
    assert endless.given == 5000
    client.close()


def test_the_version_that_is_spoken() -> None:
    client = Client(SOCKET, "", 1.0)
    client.speak("1.44")
    assert client._url("/images/json") == "http+docker://localhost/v1.44/images/json"  # type: ignore[attr-defined]
    client.close()


def test_an_answer_that_is_no_refusal() -> None:
    client, answer = Client(SOCKET, "1.41", 1.0), Refusal(b"x")
    answer.status_code = 399
    client._raise_for_status(answer)  # type: ignore[arg-type]
    assert answer.given == 0
    answer.status_code = 400
    with pytest.raises(StatusError):
        client._raise_for_status(answer)  # type: ignore[arg-type]
    client.close()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"message": "m", "cause": "c", "error": "e"}', "m"),
        (b'{"message": "", "cause": "c", "error": "e"}', "c"),
        (b'{"error": "e"}', "e"),
        (b'{"other": "o"}', '{"other": "o"}'),
    ],
)
def test_whose_words_of_a_refusal_come_first(body: bytes, text: str) -> None:
    client = Client(SOCKET, "1.41", 1.0)
    with pytest.raises(StatusError) as caught:
        client._raise_for_status(Refusal(body, b""))  # type: ignore[arg-type]
    assert caught.value.text == text
    client.close()


@pytest.mark.parametrize(
    ("tls", "verify", "cert"),
    [
        (TlsFiles(), True, None),
        (TlsFiles(verify=False), False, None),
        (TlsFiles(Path("ca"), verify=False), False, None),
        (TlsFiles(Path("ca"), Path("cert"), Path("key")), "ca", ("cert", "key")),
        (TlsFiles(cert=Path("cert")), True, None),
        (TlsFiles(key=Path("key")), True, None),
    ],
)
def test_the_certificates_that_are_used(tls: TlsFiles, verify: object, cert: object) -> None:
    client = Client(EngineAddress("x", "tcp://h:2376", tls=tls), "1.41", 1.0)
    assert (client.verify, client.cert) == (verify, cert)
    assert client.base_url == "https://h:2376"
    client.close()
    plain = Client(EngineAddress("x", "tcp://h:2375"), "1.41", 1.0)
    assert plain.base_url == "http://h:2375"
    plain.close()


@pytest.mark.parametrize("kind", ["ca", "cert", "key"])
@pytest.mark.parametrize("odd", ["pipe", "device", "huge"])
def test_what_is_no_file_of_certificates_keeps_nobody_waiting(tmp_path: Path, kind: str, odd: str) -> None:
    """OpenSSL would wait for the other end of the pipe, and read the device for ever."""
    path = tmp_path / "odd.pem"
    if odd == "pipe":
        os.mkfifo(path)
    elif odd == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, client_module.LARGEST_PEM + 1)
    address = EngineAddress("x", "tcp://h:2376", tls=TlsFiles(**{kind: path}))
    with pytest.raises(EngineUnavailable) as caught:
        Client(address, "1.41", 1.0)
    assert caught.value.cause is UnavailableCause.TLS
    assert str(path) in caught.value.detail


def test_a_ca_file_that_is_not_used_may_be_anything(tmp_path: Path) -> None:
    """Without a check of the engine's certificate, nobody opens the file."""
    path = tmp_path / "ca.pem"
    os.mkfifo(path)
    client = Client(EngineAddress("x", "tcp://h:2376", tls=TlsFiles(path, verify=False)), "1.41", 1.0)
    assert client.verify is False
    client.close()
