"""run: output as it comes, the container's exit code, and what happens on Ctrl+C."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.engine.address import current_address
from longshore.engine.container_model import Container, ContainerState
from longshore.engine.engine import Engine
from testbed.engine import PrivateEngine
from testbed.processes import wait_until
from testbed.programs import load_programs
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

from .conftest import PROGRAM, Command

IMAGE = "run/tool:1"
FOREVER = ("sh", "-c", "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done")


@pytest.fixture
def engine(testbed_engine: PrivateEngine) -> Iterator[Engine]:
    """The engine of the command line, with an image that has programs; its containers are removed afterwards."""
    with contextlib.closing(testbed_engine.client()) as client:
        load_programs(client, [IMAGE])
    engine = Engine(current_address(testbed_engine.host, {}))
    yield engine
    for each in engine.containers.all():
        engine.containers.remove(each.id, force=True)
    engine.close()


def only(engine: Engine) -> Container:
    [found] = engine.containers.all()
    return found


def test_output_and_exit_code_are_passed_on(longshore: Command, engine: Engine) -> None:
    done = longshore("run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 3", code=3)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    assert engine.containers.all() == []


def test_on_every_kind_of_engine(alone: Command, any_engine: PrivateEngine) -> None:
    # Podman gives images without a registry this one.
    with contextlib.closing(any_engine.client()) as client:
        load_programs(client, ["localhost/run/any:1"])
    longshore = Command({**alone.environ, "DOCKER_HOST": any_engine.host})
    done = longshore(
        "run", "--rm", "localhost/run/any:1", "sh", "-c", "echo out; echo err >&2; exit 3", code=3
    )
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    done = longshore("run", "--rm", "localhost/run/any:1", "/nonesuch", code=127)
    assert "no program “/nonesuch”" in done.stderr
    longshore("remove", "--yes", "localhost/run/any:1")


def test_bytes_are_unchanged(longshore: Command, engine: Engine) -> None:
    arguments = ["run", "--rm", IMAGE, "sh", "-c", r"printf '\377\000\033[31m\r'"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=longshore.environ,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == b"\xff\x00\x1b[31m\r"


def test_all_options_reach_the_container(longshore: Command, engine: Engine, tmp_path: Path) -> None:
    done = longshore(
        *("run", "--rm", "--name", "full", "-e", "GREETING=good day", "-e", "HERE", "-e", "GONE"),
        *("-v", "/etc:/host:ro", "-v", "keep:/kept", "-w", "/tmp", "-u", "1000", "--network", "none"),
        *("--entrypoint", "sh", IMAGE, "-c"),
        "pwd; id -u; echo $GREETING $HERE ${GONE-unset}; ls /host/passwd; ls -d /kept",
        HERE="from here",
    )
    assert done.stdout.splitlines() == [
        *("/tmp", "1000", "good day from here unset", "/host/passwd", "/kept"),
    ]


def test_options_after_the_image_belong_to_the_command(longshore: Command, engine: Engine) -> None:
    assert longshore("run", "--rm", IMAGE, "head", "--help", "--quiet").stdout.startswith("Usage: head")


def test_detached(longshore: Command, engine: Engine) -> None:
    done = longshore("run", "-d", "--name", "quiet-1", IMAGE, *FOREVER)
    found = only(engine)
    assert done.stdout == f"{found.id}\n"
    assert (found.name, found.state) == ("quiet-1", ContainerState.RUNNING)


def test_objects(longshore: Command, engine: Engine) -> None:
    done = longshore(
        "run", "--json", "--name", "told", IMAGE, "sh", "-c", "printf 'a\\303\\251\\n'; exit 4", code=4
    )
    first, *output, last = [json.loads(line) for line in done.stdout.splitlines()]
    found = only(engine)
    assert (first["state"], first["container"], first["name"]) == ("running", found.id, "told")
    assert first["exit_code"] is None
    assert "".join(each["text"] for each in output if each["stream"] == "stdout") == "aé\n"
    assert (last["state"], last["exit_code"]) == ("exited", 4)


def reading(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "SIGTERM"])
def test_interrupted_it_stops_the_container(
    longshore: Command, engine: Engine, number: signal.Signals
) -> None:
    process = longshore.start("run", "--name", "halted", IMAGE, *FOREVER)
    reading(process, "ready\n")
    process.send_signal(number)
    rest, said = process.communicate(timeout=30)
    assert rest == "bye\n"
    assert "Press Ctrl+C again" in said
    assert process.returncode == 130
    assert (only(engine).state, only(engine).exit_code) == (ContainerState.EXITED, 7)


def test_killed_it_leaves_the_container(longshore: Command, engine: Engine) -> None:
    process = longshore.start("run", "--rm", IMAGE, *FOREVER)
    reading(process, "ready\n")
    process.kill()
    process.communicate(timeout=30)
    assert only(engine).state is ContainerState.RUNNING
    engine.containers.stop(only(engine).id)
    wait_until(lambda: engine.containers.all() == [], timeout=20, what="the container to be removed")


def test_a_reader_that_leaves_stops_the_container(longshore: Command, engine: Engine) -> None:
    process = longshore.start(
        "run", "--rm", IMAGE, "sh", "-c", "trap 'exit 0' TERM PIPE; while echo y; do :; done"
    )
    reading(process, "y\n")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.wait(60) == 1
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    wait_until(lambda: engine.containers.all() == [], timeout=20, what="the container to be removed")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((IMAGE, "/nonesuch"), 127, "The image has no program “/nonesuch”."),
        ((IMAGE, "/etc"), 126, "“/etc” in the image can't be executed."),
        (("--network", "nonesuch", IMAGE), 125, "The engine has no network “nonesuch”."),
        (("--name=-x", IMAGE), 2, "not a name for a container"),
        (("-p", "x", IMAGE), 2, "A port is a number"),
        (("-v", "/none such:/x", IMAGE), 125, "“/none such” does not exist on the engine's machine."),
        (
            ("run/none:1",),
            125,
            "The engine does not have this image. Pull it first with longshore pull, or add --pull.",
        ),
        (("Run/Bad:1",), 2, "lower"),
        ((), 2, "IMAGE"),
    ],
    ids=str,
)
def test_what_cannot_be(
    longshore: Command, engine: Engine, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = longshore("run", *arguments, code=code)
    assert done.stdout == ""
    assert words in done.stderr
    assert engine.containers.all() == []


def test_a_missing_image_is_pulled_on_request(
    longshore: Command, engine: Engine, open_registry: PrivateRegistry
) -> None:
    name = f"{open_registry.address}/run/pulled:1"
    seed_repository(open_registry.address, "run/pulled", ["1"], layers=(1000,))
    done = longshore("run", "--pull", name, "/none", code=127)
    assert f"pulling {name}" in done.stderr
    assert "no program" in done.stderr
    done = longshore("run", "--pull", name, "/none", code=127)
    assert "pulling" not in done.stderr
    done = longshore("run", "--pull", f"{open_registry.address}/run/pulled:none", code=125)
    assert "no tag" in done.stderr
    engine.remove(name)


def test_an_engine_that_is_not_running(alone: Command, tmp_path: Path) -> None:
    done = alone("run", "--engine", f"unix://{tmp_path}/none.sock", IMAGE, code=125)
    assert "socket not found" in done.stderr or "not running" in done.stderr
