"""Builds with the real program docker buildx, against a hostile engine, and what is left when Longshore is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from longshore.errors import BuilderUnsuitable, BuildFailed, LongshoreError
from longshore.oci.layer import LayerState
from longshore.oci.reference import Reference
from longshore.transfers.builds import BUILDX, Build
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import EnginePlace, NoteKind, State, TransferSnapshot
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable
from testbed.newer_engines import BUILDX as PROGRAM
from testbed.newer_engines import find
from testbed.programs import load_programs
from transfertools import Eye, address_of, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
BASE = "builds/kit:base"


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with the plugin buildx, as Debian packs it."""
    try:
        program = find(PROGRAM) / "usr/libexec/docker/cli-plugins/docker-buildx"
    except TestbedUnavailable as problem:
        pytest.skip(str(problem))
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(program)
    monkeypatch.setenv("DOCKER_CONFIG", str(plugins.parent))
    return plugins.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "context"
    made.mkdir()
    return made


def asked(host: str, folder: Path, *tags: str, **more: Any) -> Any:
    place = EnginePlace(address_of(host))
    return Build(folder, place, tuple(Reference.parse(tag) for tag in tags), **more).request()


def built(make_queue: Make, request: Any) -> tuple[TransferSnapshot, list[str]]:
    queue, eye = make_queue()
    row = queue.add(request)
    end = eye.until(row, lambda one: one.state.finished, 60)
    return end, [line.text for line in queue.output(row)]


# RUN has no network, because the testbed's engines have no bridge, which BuildKit would use.


def test_buildx_builds(
    make_queue: Make, any_engine: PrivateEngine, folder: Path, docker_config: Path
) -> None:
    if any_engine.flavour == "podman":
        pytest.skip("Podman has no BuildKit")
    with contextlib.closing(any_engine.client()) as client:
        load_programs(client, [BASE])
        run = "RUN --network=none --mount=type=tmpfs,target=/t echo token $NPM_TOKEN\n"
        # The BuildKit of 20.10 does not know --network.
        run = "" if any_engine.flavour == "debian" else run
        (folder / "Dockerfile").write_text(
            f"FROM {BASE} AS one\nARG NPM_TOKEN\n{run}FROM one\nCOPY Dockerfile /x\n"
        )
        arguments = {"NPM_TOKEN": "s3cr3t-of-buildx"}
        request = asked(
            any_engine.host, folder, "builds/kit:1", "builds/kit:2", builder=BUILDX, arguments=arguments
        )
        end, output = built(make_queue, request)
        assert end.state is State.SUCCEEDED, end.error
        assert not run or "token ***" in output
        assert [note.text for note in end.notes if note.kind is NoteKind.BUILDER] == [
            "Docker Buildx (BuildKit)"
        ]
        assert {step.state for step in end.layers} <= {LayerState.DONE, LayerState.CACHED}
        assert any("COPY Dockerfile /x" in step.label for step in end.layers)
        ids = {client.inspect_image(f"builds/kit:{tag}")["Id"] for tag in (1, 2)}
        assert ids == {end.digest}


def test_a_dockerfile_that_is_too_new_for_the_engine(
    make_queue: Make, testbed_engine: PrivateEngine, folder: Path, docker_config: Path
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        load_programs(client, [BASE])
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN --network=none echo\n")
    end, _ = built(make_queue, asked(testbed_engine.host, folder, builder=BUILDX))
    assert isinstance(end.error, BuilderUnsuitable)
    assert end.error.message == "The Dockerfile needs a newer BuildKit than the engine has."


def test_buildx_fails_and_is_cancelled(
    make_queue: Make, containerd_engine: PrivateEngine, folder: Path, docker_config: Path
) -> None:
    with contextlib.closing(containerd_engine.client()) as client:
        load_programs(client, [BASE])
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN --network=none <<EOF\necho why\nexit 5\nEOF\n")
    end, _ = built(make_queue, asked(containerd_engine.host, folder, builder=BUILDX))
    assert isinstance(end.error, BuildFailed)
    assert end.error.message.startswith("Step 2 of 2 failed: “RUN --network=none <<EOF")
    assert end.error.message.endswith("returned exit code 5.")
    assert end.error.detail == "why"
    mark = f"6543{os.getpid()}"
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN --network=none echo begun; sleep 600; : {mark}\n")
    queue, eye = make_queue()
    row = queue.add(asked(containerd_engine.host, folder, builder=BUILDX))
    wait_until(lambda: any(line.text == "begun" for line in queue.output(row)), 30)
    queue.cancel([row])
    eye.until(row, State.CANCELLED)
    wait_until(lambda: not running(mark), 30)


def test_buildx_is_not_installed(
    make_queue: Make, testbed_engine: PrivateEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore.engine.buildx.find_buildx", lambda environ: None)
    (folder / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    end, _ = built(make_queue, asked(testbed_engine.host, folder, builder=BUILDX))
    assert isinstance(end.error, BuilderUnsuitable)
    assert end.error.message == "The program docker buildx is not installed here."


def test_killing_longshore_stops_the_step(
    testbed_engine: PrivateEngine, folder: Path, tmp_path: Path
) -> None:
    mark = f"7654{os.getpid()}"
    with contextlib.closing(testbed_engine.client()) as client:
        load_programs(client, [BASE])
        before = {one["Id"] for one in client.containers(all=True)}
        (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo begun; sleep 600; : {mark}\n")
        command = [sys.executable, "-m", "longshore", "build", str(folder), "-t", "builds/killed:1"]
        environ = {**os.environ, "DOCKER_HOST": testbed_engine.host, "HOME": str(tmp_path)}
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            while (line := program.stdout.readline()) and line.strip() != "begun":
                pass
            program.send_signal(signal.SIGKILL)
        wait_until(lambda: not running(mark), 30)
        wait_until(lambda: {one["Id"] for one in client.containers(all=True)} == before, 30)
        assert client.images("builds/killed") == []


class HostileEngine:
    """An engine that answers a build with *body*, in pieces, and everything else like a small engine."""

    def __init__(self, pieces: Iterator[bytes] | list[bytes]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                if self.path.endswith("/version"):
                    self._json({"ApiVersion": "1.41", "Version": "20.10"})
                elif self.path.endswith("/info"):
                    self._json(
                        {"OSType": "linux", "Architecture": "x86_64", "Name": "n", "Driver": "overlay2"}
                    )
                else:
                    self._json({"message": "no such image"}, 404)

            def do_POST(self) -> None:
                while (size := int(self.rfile.readline().split(b";")[0] or b"0", 16)) or False:
                    self.rfile.read(size + 2)
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(OSError):
                    for piece in pieces:
                        self.wfile.write(piece)

            def _json(self, value: object, status: int = 200) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.host = f"tcp://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> HostileEngine:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def lines(*events: object) -> list[bytes]:
    return [json.dumps(event).encode() + b"\n" for event in events]


@pytest.mark.parametrize(
    ("pieces", "state"),
    [
        pytest.param([b"x" * 1_000_000] * 40, State.FAILED, id="endless line"),
        pytest.param([b"[" * 2_000_000 + b"\n"], State.FAILED, id="deep JSON"),
        pytest.param([b"\xff\xfe\x00 not JSON\n"], State.FAILED, id="no JSON"),
        pytest.param(
            lines({"stream": "Step 1/1 : FROM scratch"}, {"aux": {"ID": "sha256:" + "1" * 64}}),
            State.FAILED,
            id="an image that is not there",
        ),
        pytest.param(
            lines(*[{"stream": f"Step {n}/999999 : RUN \x1b[31m\u202e\x07{n}"} for n in range(1, 5_000)]),
            State.FAILED,
            id="many steps",
        ),
        pytest.param(
            lines(*[{"stream": "\x1b]0;" + "y" * 50_000}] * 200), State.FAILED, id="control characters"
        ),
        pytest.param(
            lines({"errorDetail": {"message": "\x1b[2J" + "z" * 3_000_000, "code": "9" * 50}}),
            State.FAILED,
            id="a huge error",
        ),
        pytest.param([], State.FAILED, id="nothing"),
    ],
)
def test_a_hostile_engine(make_queue: Make, folder: Path, pieces: list[bytes], state: State) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    with HostileEngine(pieces) as engine:
        queue, eye = make_queue()
        row = queue.add(asked(engine.host, folder, "hostile/x:1"))
        end = eye.until(row, lambda one: one.state.finished or one.waiting_for is not None, 60)
        queue.cancel([row])
        assert end.state in (state, State.QUEUED)
        assert isinstance(end.error, LongshoreError)
        kept = queue.output(row)
    assert len(end.error.message) <= 500
    assert len(end.layers) <= 1_000
    shown = [
        end.error.message,
        end.error.detail,
        *(step.label for step in end.layers),
        *(line.text for line in kept),
    ]
    assert not any(control in text for text in shown for control in ("\x1b", "\x07", "\u202e"))
    assert sum(map(len, shown)) < 3_000_000


def running(mark: str) -> bool:
    """Whether a process of this machine has *mark* in its words."""
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in status.read_bytes():
                return True
    return False
