"""Docker Buildx: its progress, its words and variables, and a program that does not behave."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine import buildx
from longshore.engine.address import EngineAddress, TlsFiles
from longshore.engine.build_stream import Built, Changed, Output
from longshore.engine.building import BuildOptions
from longshore.engine.buildx import SolveStatus, build_with_buildx, find_buildx
from longshore.errors import BuilderUnsuitable, BuildFailed
from longshore.oci.layer import LayerState
from longshore.oci.reference import Reference
from waiting import wait_until

ADDRESS = EngineAddress("here", "unix:///run/docker.sock")


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def vertex(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"digest": f"sha256:{number:064}", "name": name, **more}


def log(number: int, data: bytes) -> dict[str, Any]:
    return {"vertex": f"sha256:{number:064}", "stream": 1, "data": base64.b64encode(data).decode()}


def test_steps_and_output() -> None:
    status = SolveStatus()
    new = line(
        vertexes=[vertex(2, "[2/2] RUN make"), vertex(9, "[internal] load"), vertex(1, "[1/2] FROM base")]
    )
    assert list(status.feed(new)) == [
        Changed(1, "[1/2] FROM base", LayerState.WAITING, 0.0),
        Changed(2, "[2/2] RUN make", LayerState.WAITING, 0.0),
    ]
    assert list(
        status.feed(line(vertexes=[vertex(1, "[1/2] FROM base", started="t", completed="t", cached=True)]))
    ) == [Changed(1, "[1/2] FROM base", LayerState.CACHED, 0.5)]
    assert list(status.feed(line(vertexes=[vertex(2, "[2/2] RUN make", started="t")]))) == [
        Changed(2, "[2/2] RUN make", LayerState.RUNNING, 0.5)
    ]
    assert list(status.feed(line(logs=[log(2, b"one\ntw"), log(2, b"o"), log(7, b"unknown\n")]))) == [
        Output("one", 2)
    ]
    error = 'process "/bin/sh -c make" did not complete successfully: exit code: 2'
    failed = list(
        status.feed(line(vertexes=[vertex(2, "[2/2] RUN make", started="t", completed="t", error=error)]))
    )
    assert failed == [Changed(2, "[2/2] RUN make", LayerState.FAILED, 1.0)]
    assert list(status.finish()) == [Output("two", 2)]
    problem = status.failure(BuildOptions(), 1)
    assert problem.message == "Step 2 of 2 failed: “RUN make” returned exit code 2."
    assert problem.detail == "one\ntwo"


def test_a_failure_without_a_step() -> None:
    status = SolveStatus()
    assert list(
        status.feed(b"ERROR: failed to solve: dockerfile parse error line 6: unknown instruction: X")
    ) == [Output("ERROR: failed to solve: dockerfile parse error line 6: unknown instruction: X", 0)]
    assert status.failure(BuildOptions(), 1).message == "The Dockerfile is not valid."
    assert (
        SolveStatus().failure(BuildOptions(), 3).message
        == "The program docker buildx ended with exit code 3."
    )


@pytest.mark.parametrize(
    "hostile",
    [
        b"{",
        b'{"vertexes": 5, "logs": {}}',
        b'{"vertexes": [1, null, {"digest": 5}, {"digest": "a", "name": 7}]}',
        b'{"logs": [{"vertex": [], "data": "x"}, {"vertex": "a", "data": "%%%"}]}',
        b'{"vertexes": ' + b"[" * 100_000,
    ],
)
def test_hostile_progress(hostile: bytes) -> None:
    assert [one for one in SolveStatus().feed(hostile) if not isinstance(one, Output)] == []


def test_endless_steps_are_bounded() -> None:
    status = SolveStatus()
    for number in range(3_000):
        list(status.feed(line(vertexes=[vertex(number, "x" * 1000)])))
    assert len(status._vertices) == buildx.MOST_STEPS


def program(
    folder: Path, script: str, version: str = "github.com/docker/buildx v0.29.1 abc"
) -> dict[str, str]:
    """A stand-in for the plugin; the environment in which it is found."""
    plugin = folder / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(f'#!/bin/sh\nif [ "$1" = version ]; then echo "{version}"; exit; fi\n{script}\n')
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_CONFIG": str(folder)}


def run(
    environ: dict[str, str], options: BuildOptions | None = None, cancellation: Cancellation | None = None
) -> list[Any]:
    return list(
        build_with_buildx(
            ADDRESS,
            Path("/src"),
            Path("/src/Dockerfile"),
            options or BuildOptions(),
            cancellation or Cancellation(),
            environ,
        )
    )


def test_words_and_variables(tmp_path: Path) -> None:
    script = 'for word in "$@"; do echo "$word"; done >&2; echo "$DOCKER_HOST $NPM_TOKEN ${DOCKER_CONTEXT-none}" >&2'
    environ = program(tmp_path, script) | {"DOCKER_CONTEXT": "other"}
    options = BuildOptions(
        (Reference.parse("a/b:1"),),
        target="t",
        arguments={"V": "1", "NPM_TOKEN": "s3", "N": None},
        no_cache=True,
        pull=True,
    )
    words = [one.line for one in run(environ, options)]
    assert words[0] == "build"
    assert {
        "--tag=docker.io/a/b:1",
        "--target=t",
        "--build-arg=V=1",
        "--build-arg=NPM_TOKEN",
        "--no-cache",
        "--pull",
    } <= set(words)
    assert "--progress=rawjson" in words
    assert words[-3:] == ["--", "/src", "unix:///run/docker.sock s3 none"]
    assert not any("s3" in word for word in words[:-1])


def test_an_older_program_writes_lines(tmp_path: Path) -> None:
    environ = program(tmp_path, 'echo "$@" >&2', "github.com/docker/buildx v0.12.0 abc")
    (found,) = run(environ)
    assert "--progress=plain" in found.line


def test_certificates_are_passed_on() -> None:
    address = EngineAddress(
        "x", "tcp://h:2376", tls=TlsFiles(Path("/c/ca.pem"), Path("/c/cert.pem"), Path("/c/key.pem"))
    )
    found = buildx._environment({"DOCKER_CONTEXT": "a", "A": "b"}, address)
    assert (found["DOCKER_HOST"], found["DOCKER_CERT_PATH"], found["DOCKER_TLS_VERIFY"]) == (
        "tcp://h:2376",
        "/c",
        "1",
    )
    assert "DOCKER_CONTEXT" not in found


def test_the_id_is_read(tmp_path: Path) -> None:
    script = f'for word in "$@"; do case "$word" in --iidfile=*) echo sha256:{"1" * 64} > "${{word#*=}}";; esac; done'
    assert run(program(tmp_path, script)) == [Built("sha256:" + "1" * 64)]


def test_a_failing_program(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="could not build the image") as raised:
        run(program(tmp_path, "echo 'ERROR: no builder' >&2; exit 1"))
    assert raised.value.detail == "no builder"


def test_no_program(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    if find_buildx(environ) is not None:
        pytest.skip("docker buildx is installed on this machine")
    with pytest.raises(BuilderUnsuitable, match="not installed"):
        run(environ)


def test_a_program_that_is_no_buildx(tmp_path: Path) -> None:
    environ = program(tmp_path, "exit 0", "something else")
    found = find_buildx(environ)
    assert found is None or found.command != (str(tmp_path / "cli-plugins" / "docker-buildx"),)


def test_an_endless_line_is_left_out(tmp_path: Path) -> None:
    found = run(program(tmp_path, "head -c 20000000 /dev/zero | tr '\\\\0' x >&2; echo >&2; echo after >&2"))
    assert [one.line for one in found] == ["after"]


@pytest.mark.parametrize("stubborn", ["", "trap '' INT; "])
def test_cancelling_ends_the_program_and_its_children(
    tmp_path: Path, stubborn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buildx, "END_SECONDS", 0.3)
    marker = tmp_path / "pid"
    environ = program(tmp_path, f"{stubborn}echo $$ > {marker}; echo begun >&2; sleep 300 & wait; sleep 300")
    cancellation = Cancellation()
    raised: list[BaseException] = []

    def build() -> None:
        try:
            run(environ, cancellation=cancellation)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    wait_until(lambda: marker.exists() and marker.read_text().strip(), "the program to have started")
    cancellation.cancel()
    thread.join(20)
    assert not thread.is_alive()
    assert [type(error) for error in raised] == [Cancelled]
    assert not Path(f"/proc/{marker.read_text().strip()}").exists()


#: Starts a build and waits for it, with the folder of the program and of the build as arguments.
BUILD = """
import os, sys
from pathlib import Path
from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.engine.building import BuildOptions
from longshore.engine.buildx import build_with_buildx
folder = Path(sys.argv[1])
address = EngineAddress("here", "unix:///run/docker.sock")
for _ in build_with_buildx(address, folder, folder / "Dockerfile", BuildOptions(), Cancellation(), os.environ):
    pass
"""


@pytest.mark.skipif(
    not shutil.which("setpriv"), reason="without util-linux nothing ties a program to another"
)
def test_a_killed_longshore_ends_the_program(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    environ = program(tmp_path, f"echo $$ > {marker}; exec sleep 300")
    with subprocess.Popen(
        [sys.executable, "-c", BUILD, str(tmp_path)], env={**os.environ, **environ}
    ) as ours:
        wait_until(lambda: marker.exists() and marker.read_text().strip(), "the program to have started")
        child = Path(f"/proc/{marker.read_text().strip()}")
        assert child.exists()
        ours.kill()
    wait_until(lambda: not child.exists(), "the program to have ended")
