"""Builds as commands: the line of longshore requests the same build, and no line contains a secret."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from longshore.application.builds import (
    parse_argument,
    parse_dockerfile,
    parse_folder,
    parse_label,
    parse_tags,
)
from longshore.application.clients import Clients
from longshore.application.command_lines import command_lines
from longshore.application.terminal import Terminal
from longshore.cli import build as cli_build
from longshore.cli import main, parser
from longshore.cli.output import Output
from longshore.engine.address import current_address
from longshore.errors import InvalidInput, LongshoreError
from longshore.oci.platform import Platform
from longshore.registry.config import RegistryConfig
from longshore.transfers.builds import BUILDX, Build
from longshore.transfers.transfer import EnginePlace, TransferRequest


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a folder"
    made.mkdir()
    (made / "other.Dockerfile").write_text("FROM scratch\n")
    return made


def lines(request: TransferRequest, environ: dict[str, str], tmp_path: Path) -> dict[str, list[str]]:
    return command_lines([request], Terminal.read(environ, tmp_path / "library", RegistryConfig))


def requested(line: str, monkeypatch: pytest.MonkeyPatch) -> list[TransferRequest]:
    """What the command line requests for *line*."""
    asked: list[TransferRequest] = []

    class Run:
        """Takes requests and runs nothing."""

        def __init__(self, _session: object) -> None:
            self.cancel = self.stop = lambda: None

        def wait(self, wanted: list[TransferRequest], *_: object) -> list[Any]:
            asked.extend(wanted)
            return []

    class Engine:
        """Answers."""

        def probe(self) -> None:
            return None

    with monkeypatch.context() as patch:
        patch.setattr(cli_build, "Run", Run)
        patch.setattr(Clients, "engine", lambda *_: Engine())
        program, *words = shlex.split(line)
        assert program == "longshore"
        arguments = parser.command_parser(words).parse_args(words)
        session = main._session(arguments)
        try:
            assert arguments.run(session, arguments, Output(as_json=False, quiet=True)) == 0
        finally:
            session.close()
    return asked


def test_there_and_back(
    environ: dict[str, str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_HERE", "x")
    place = EnginePlace(current_address(None, environ))
    tags = parse_tags(["acme/web:1", "r.example:5000/web"])
    for build in (
        Build(folder, place),
        Build(folder, place, tags),
        Build(
            folder,
            place,
            tags,
            Path("other.Dockerfile"),
            "stage",
            {"A": "b c", "FROM_HERE": None},
            {"l": "v w"},
        ),
        Build(
            folder, place, platform=Platform.parse("linux/arm64"), no_cache=True, pull=True, builder=BUILDX
        ),
    ):
        request = build.request()
        (line,) = lines(request, environ, tmp_path)["longshore"]
        assert requested(line, monkeypatch) == [request], line


def test_docker(environ: dict[str, str], folder: Path, tmp_path: Path) -> None:
    place = EnginePlace(current_address(None, environ))
    build = Build(
        folder, place, parse_tags(["acme/web:1"]), target="x", platform=Platform.parse("linux/arm64")
    )
    assert lines(build.request(), environ, tmp_path)["docker"] == [
        f"docker build -t acme/web:1 --target x --platform linux/arm64 '{folder}'"
    ]
    kit = Build(folder, place, builder=BUILDX)
    assert lines(kit.request(), environ, tmp_path)["docker"] == [f"docker buildx build --load '{folder}'"]


def test_no_line_has_a_secret(environ: dict[str, str], folder: Path, tmp_path: Path) -> None:
    place = EnginePlace(current_address(None, environ))
    request = Build(folder, place, arguments={"NPM_TOKEN": "s3cr3t-value"}).request()
    found = lines(request, environ, tmp_path)
    assert found == {
        "longshore": [f"longshore build --build-arg NPM_TOKEN '{folder}'"],
        "docker": [f"docker build --build-arg NPM_TOKEN '{folder}'"],
    }


def test_what_a_line_cannot_say(environ: dict[str, str], folder: Path, tmp_path: Path) -> None:
    place = EnginePlace(current_address(None, environ))
    for build in (
        Build(folder, place, target="-x"),
        Build(folder, place, arguments={"A": "line\nbreak"}),
        Build(tmp_path / "control\x07", place),
    ):
        assert lines(build.request(), environ, tmp_path) == {}


def test_arguments_and_labels() -> None:
    assert parse_argument("A=b=c") == ("A", "b=c")
    assert parse_argument("A=") == ("A", "")
    assert parse_argument("A") == ("A", None)
    assert parse_label("a=b=c") == ("a", "b=c")
    assert parse_label("a") == ("a", "")
    for text in ("", "=", "a b=c", "1x=y"):
        with pytest.raises(InvalidInput) as raised:
            parse_argument(text + "=hidden")
        assert "hidden" not in str(raised.value) + raised.value.subject


def test_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert parse_folder(".") == folder
    assert parse_dockerfile("", folder) is None
    assert parse_dockerfile("other.Dockerfile", folder) == Path("other.Dockerfile")
    outside = folder.parent / "x.Dockerfile"
    outside.write_text("")
    assert parse_dockerfile("../x.Dockerfile", folder) == outside
    for text in ("-", "missing"):
        with pytest.raises(LongshoreError):
            parse_dockerfile(text, folder)
