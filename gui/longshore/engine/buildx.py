"""Builds with the program ``docker buildx``, which has BuildKit. Tried with buildx 0.29 and Docker 20.10 and 28.5.

Its progress as ``rawjson`` (buildx 0.13) is BuildKit's own: client/graph.go, SolveStatus. Older ones write lines.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longshore.cancellation import Cancellation, Cancelled
from longshore.credentials import program
from longshore.engine.address import EngineAddress
from longshore.engine.build_stream import (
    LONGEST_INSTRUCTION,
    BuildEvent,
    Built,
    Changed,
    Failure,
    Output,
    Step,
    classified,
)
from longshore.engine.building import LAST_LINES, BuildOptions, failed, needs_buildkit
from longshore.errors import BuilderUnsuitable, BuildFailed, LongshoreError
from longshore.oci.layer import LayerState
from longshore.secrecy import holds_sign_in, names_secret
from longshore.text import OutputLines, plain

#: Where docker looks for its plugins, after ``cli-plugins`` beside config.json (docker/cli: cli-plugins/manager).
_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_VERSION = re.compile(r"\bv?([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9]{1,6})?")
#: The first version with ``--progress=rawjson``.
_RAWJSON = (0, 13)
VERSION_SECONDS = 10.0
#: Seconds after the interrupt until the program is killed.
END_SECONDS = 5.0
_LOOK = 0.2
_CHUNK = 65536
#: Bytes of a line; longer ones are left out. Steps that are shown, and their digests that are remembered.
LONGEST_LINE = 4 * 1024 * 1024
MOST_STEPS = 1_000
#: ``[linux/arm64 base 2/4] RUN make``
_STEP = re.compile(r"\[(?:([^\]]{1,300}) )?([0-9]{1,6})/([0-9]{1,6})\] ")
_EXIT = re.compile(r"exit code: ([0-9]{1,3})(?![0-9])")
#: The words about a base image that can't be found, before any step (BuildKit's imagemetaresolver).
_NO_BASE = re.compile(r"failed to resolve source metadata for ([^\s:]{1,300}(?::[^\s:]{1,200}){0,2}): ")
_NEWER = "Add “# syntax=docker/dockerfile:1” as its first line, or change it."
_ID = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Buildx:
    """The program: the words that call it, and its version."""

    command: tuple[str, ...]
    version: tuple[int, int]


def find_buildx(environ: Mapping[str, str]) -> Buildx | None:
    """The buildx program that ``docker buildx`` would use; None if it is not installed. Blocks for a moment."""
    config = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "~")).expanduser() / ".docker")
    name = "docker-buildx.exe" if sys.platform == "win32" else "docker-buildx"
    candidates = [(str(folder / name),) for folder in (config / "cli-plugins", *map(Path, _FOLDERS))]
    found = [one for one in candidates if os.access(one[0], os.X_OK) and Path(one[0]).is_file()]
    docker = shutil.which("docker", path=environ.get("PATH"))
    for command in (*found, *([(docker, "buildx")] if docker else [])):
        try:
            result = program.run([*command, "version"], b"", environ, VERSION_SECONDS)
        except (OSError, program.TimedOut, program.TooMuchOutput):
            continue
        version = _VERSION.search(result.output.decode("utf-8", "replace")[:1000])
        if result.code == 0 and version is not None:
            return Buildx(command, (int(version[1]), int(version[2])))
    return None


def build_with_buildx(
    address: EngineAddress,
    folder: Path,
    dockerfile: Path,
    options: BuildOptions,
    cancellation: Cancellation,
    environ: Mapping[str, str] | None = None,
) -> Generator[BuildEvent]:
    """Run ``docker buildx build --load`` on *folder* for the engine at *address*.

    Cancelling interrupts the program, as Ctrl+C does, and kills it and what it started if it does not end. Raises
    BuilderUnsuitable if it is not installed, BuildFailed, Cancelled.
    """
    environ = dict(os.environ if environ is None else environ)
    buildx = find_buildx(environ)
    if buildx is None:
        raise BuilderUnsuitable(
            "The program docker buildx is not installed here.",
            advice="Install Docker's buildx plugin, or use the engine's own builder.",
        )
    with tempfile.TemporaryDirectory(prefix="longshore-") as scratch:
        result = Path(scratch) / "id"
        words, secrets = _arguments(options)
        command = [
            *(
                *buildx.command,
                "build",
                "--load",
                "--builder=default",
                f"--iidfile={result}",
                f"--file={dockerfile}",
            ),
            f"--progress={'rawjson' if buildx.version >= _RAWJSON else 'plain'}",
            *(*words, "--", str(folder)),
        ]
        status = SolveStatus()
        running = _Running(command, _environment(environ, address) | secrets, cancellation)
        with contextlib.closing(running.lines()) as lines:
            for line in lines:
                yield from status.feed(line)
            yield from status.finish()
        if running.code:
            raise status.failure(options, running.code)
        with contextlib.suppress(OSError):
            found = result.read_text("ascii", "replace")[:200].strip()
            if _ID.fullmatch(found):
                yield Built(found)


def _arguments(options: BuildOptions) -> tuple[list[str], dict[str, str]]:
    """The words for *options*, and variables with the values of secrets: other users can read words."""
    words = [f"--tag={tag}" for tag in options.tags]
    words += [f"--target={options.target}"] if options.target else []
    words += [f"--platform={options.platform}"] if options.platform is not None else []
    words += ["--no-cache"] if options.no_cache else []
    words += ["--pull"] if options.pull else []
    words += [f"--label={name}={value}" for name, value in options.labels.items()]
    secrets: dict[str, str] = {}
    for name, value in options.arguments.items():
        if value is None:
            continue
        secret = names_secret(name) or holds_sign_in(value)
        words.append(f"--build-arg={name}" if secret else f"--build-arg={name}={value}")
        if secret:
            secrets[name] = value
    return words, secrets


def _environment(environ: Mapping[str, str], address: EngineAddress) -> dict[str, str]:
    """The environment in which the program uses the engine at *address*."""
    dropped = (
        "BUILDX_BUILDER",
        "DOCKER_CONTEXT",
        "DOCKER_TLS_VERIFY",
        "DOCKER_CERT_PATH",
        "BUILDKIT_PROGRESS",
    )
    found = {name: value for name, value in environ.items() if name not in dropped}
    found |= {"DOCKER_HOST": address.url, "NO_COLOR": "1"}
    tls = address.tls
    if tls is not None and tls.ca is not None:
        found |= {"DOCKER_CERT_PATH": str(tls.ca.parent)}
        if tls.verify:
            found["DOCKER_TLS_VERIFY"] = "1"
    return found


class _Running:
    """The program while it runs. One thread."""

    def __init__(self, command: list[str], environ: Mapping[str, str], cancellation: Cancellation) -> None:
        self._program = command[0]
        self._command = [*_ends_with_us(environ), *command]
        self._environ = environ
        self._cancellation = cancellation
        self.code = 0

    def lines(self) -> Generator[bytes]:
        """The lines of its progress, which it writes as errors. Raises BuilderUnsuitable, Cancelled."""
        self._cancellation.raise_if_cancelled()
        try:
            # The words before it would start, and report what is missing in words of their own.
            Path(self._program).stat()
            process = subprocess.Popen(
                self._command,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise BuilderUnsuitable(
                "The program docker buildx can't be started.",
                advice="Check its installation, or use the engine's own builder.",
                detail=str(error),
            ) from error
        assert process.stderr is not None
        ended = False
        try:
            with process.stderr as pipe:
                yield from self._split(self._read(process, pipe.fileno()))
            self.code = process.wait()
            ended = True
        finally:
            if not ended:
                _kill(process)
        self._cancellation.raise_if_cancelled()

    def _read(self, process: subprocess.Popen[bytes], descriptor: int) -> Iterator[bytes]:
        interrupted: float | None = None
        while True:
            if self._cancellation.cancelled and interrupted is None:
                interrupted = time.monotonic()
                _signal(process, signal.SIGINT)
            if interrupted is not None and time.monotonic() - interrupted > END_SECONDS:
                raise Cancelled
            if sys.platform != "win32" and not select.select([descriptor], [], [], _LOOK)[0]:
                continue
            data = os.read(descriptor, _CHUNK)
            if not data:
                return
            yield data

    @staticmethod
    def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
        pending = b""
        skipping = False
        for piece in pieces:
            lines = (pending + piece).split(b"\n")
            pending = lines.pop()
            for line in lines:
                if not skipping:
                    yield line
                skipping = False
            if len(pending) > LONGEST_LINE:
                pending, skipping = b"", True
        if pending and not skipping:
            yield pending


def _ends_with_us(environ: Mapping[str, str]) -> list[str]:
    """The words before a command that end it when Longshore is killed; otherwise it would tag its image unrecorded.

    Linux's setpriv (util-linux 2.33). Systems without it have no such words.
    """
    found = shutil.which("setpriv", path=environ.get("PATH")) if sys.platform == "linux" else None
    return [found, "--pdeathsig=TERM", "--"] if found else []


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        elif process.poll() is None:
            os.killpg(process.pid, number)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started."""
    if sys.platform == "win32":
        process.kill()
    else:
        _signal(process, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)


@dataclass(slots=True)
class _Vertex:
    number: int
    text: str
    state: LayerState
    lines: OutputLines
    last: deque[str]
    error: str = ""


class SolveStatus:
    """Converts BuildKit's progress, one JSON object a line, to ours. Everything in it is foreign. One thread."""

    def __init__(self) -> None:
        self._vertices: dict[str, _Vertex] = {}
        self._words: deque[str] = deque(maxlen=LAST_LINES)

    def feed(self, line: bytes) -> Iterator[BuildEvent]:
        """Our events for a line; what is no JSON object is a line of output."""
        found = _object(line)
        if found is None:
            for text in (*(words := OutputLines()).feed(line), *words.finish()):
                self._words.append(text)
                yield Output(text, 0)
            return
        for one in _in_order(_list(found.get("vertexes"))):
            yield from self._vertex(one)
        for one in _list(found.get("logs")):
            yield from self._log(one)

    def finish(self) -> Iterator[BuildEvent]:
        """The output without an end."""
        for vertex in self._vertices.values():
            for text in vertex.lines.finish():
                vertex.last.append(text)
                yield Output(text, vertex.number)

    def failure(self, options: BuildOptions, code: int) -> LongshoreError:
        """The error after the program has ended with *code*."""
        broken = next((one for one in self._vertices.values() if one.error), None)
        words = [text for text in self._words if text.startswith("ERROR: ")] or list(self._words)
        message = words[-1].removeprefix("ERROR: ") if words else ""
        position = None if broken is None else _STEP.match(broken.text)
        if broken is None or position is None:
            message = message or ("" if broken is None else broken.error)
            if not message:
                return BuildFailed(
                    "The program docker buildx ended with exit code {code}.",
                    advice="Run it in a terminal to see more.",
                    arguments={"code": code},
                )
            if needs_buildkit(message):
                return BuilderUnsuitable(
                    "The Dockerfile needs a newer BuildKit than the engine has.",
                    advice=_NEWER,
                    detail=message,
                )
            image = _NO_BASE.search(message)
            missing = classified(message, image[1]) if image is not None else None
            return missing or failed(Failure(message, None), None, options)
        exited = _EXIT.search(broken.error)
        return failed(
            Failure(broken.error, int(exited[1]) if exited is not None else None),
            Step(broken.number, len(self._vertices), broken.text[position.end() :]),  # as the row is numbered
            options,
            output="\n".join(broken.last),
            need_buildkit=_NEWER,
        )

    def _vertex(self, one: Mapping[str, Any]) -> Iterator[BuildEvent]:
        digest, name = one.get("digest"), one.get("name")
        if not isinstance(digest, str) or not isinstance(name, str):
            return
        vertex = self._vertices.get(digest)
        if vertex is None:
            if name.startswith("[internal]") or len(self._vertices) >= MOST_STEPS:
                return
            vertex = self._vertices[digest] = _Vertex(
                len(self._vertices) + 1,
                plain(name, LONGEST_INSTRUCTION, least=1),
                LayerState.WAITING,
                OutputLines(),
                deque(maxlen=LAST_LINES),
            )
        error = one.get("error")
        if isinstance(error, str) and error and "context canceled" not in error:
            vertex.state, vertex.error = LayerState.FAILED, error[:8_000]
        elif one.get("cached") is True:
            vertex.state = LayerState.CACHED
        elif one.get("completed"):
            vertex.state = LayerState.DONE
        elif one.get("started") and not vertex.state.finished:
            vertex.state = LayerState.RUNNING
        done = sum(each.state.finished for each in self._vertices.values())
        yield Changed(vertex.number, vertex.text, vertex.state, done / len(self._vertices))

    def _log(self, one: Mapping[str, Any]) -> Iterator[BuildEvent]:
        vertex, data = self._vertices.get(str(one.get("vertex"))), one.get("data")
        if vertex is None or not isinstance(data, str):
            return
        try:
            raw = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            return
        for text in vertex.lines.feed(raw):
            vertex.last.append(text)
            yield Output(text, vertex.number)


def _in_order(found: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Steps that become known together, stage by stage: they come in the order of a map, and the numbers in their names
    begin again with each stage."""
    stages: dict[str, int] = {}

    def position(one: Mapping[str, Any]) -> tuple[int, int]:
        name = one.get("name")
        step = _STEP.match(name) if isinstance(name, str) else None
        if step is None:
            return -1, 0
        return stages.setdefault(step[1] or "", len(stages)), int(step[2])

    return sorted(found, key=position)


def _object(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _list(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
