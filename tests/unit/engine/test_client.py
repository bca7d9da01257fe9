"""Our way around the SDK's constructor, and the reading of streams."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from longshore.engine.address import EngineAddress
from longshore.engine.client import Client, StatusError, read_lines
from longshore.engine.transport import Sockets

SOCKET = EngineAddress("x", "unix:///nowhere/docker.sock")


def test_nothing_that_the_sdk_sets_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK that sets more in its constructor must be looked at before it is used."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    theirs = docker.APIClient(base_url="unix:///nowhere/docker.sock", version="1.41")
    ours = Client(SOCKET, "1.41", 1.0)
    assert set(vars(theirs)) <= set(vars(ours))
    assert ours._url("/images/{0}/push", "h:1/a") == theirs._url("/images/{0}/push", "h:1/a")  # type: ignore[attr-defined]
    theirs.close()
    ours.close()


def test_nothing_of_the_users_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own constructor raises ValueError for this one."""
    (tmp_path / "config.json").write_text('{"auths": {"h": {"auth": ""}}, "HttpHeaders": {"X": "y"}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    client = Client(SOCKET, "1.41", 1.0)
    assert client._general_configs == {}
    assert not client.trust_env
    client.close()


class Raw:
    """A body that comes in the given pieces."""

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
    with pytest.raises(ValueError, match="does not end"):
        lines(*[b"x" * 30] * 5)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"message": "no such image"}', "no such image"),
        ('{"cause": "denied", "response": 500}', "denied"),  # Podman, where the SDK raises KeyError
        ('["x"]', '["x"]'),
        ("", "Internal Server Error"),
        ("<html>", "<html>"),
    ],
)
def test_what_refusals_say(body: str, text: str) -> None:
    client = Client(SOCKET, "1.41", 1.0)
    answer: Any = SimpleNamespace(status_code=500, text=body, reason="Internal Server Error")
    with pytest.raises(StatusError) as caught:
        client._raise_for_status(answer)
    assert caught.value.text == text
    client.close()


def test_sockets_are_cut_also_those_to_come() -> None:
    ours, theirs = socket.socketpair()
    late, other = socket.socketpair()
    with ours, theirs, late, other:
        sockets = Sockets()
        sockets.add(ours)
        sockets.cut()
        assert theirs.recv(1) == b""
        sockets.add(late)
        assert other.recv(1) == b""
        sockets.cut()
