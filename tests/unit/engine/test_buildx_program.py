"""The program docker buildx: how it is found, called, read and ended."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine import buildx
from longshore.engine.address import EngineAddress, TlsFiles
from longshore.engine.build_stream import BuildEvent, Built, Changed, Output
from longshore.engine.building import BuildOptions
from longshore.engine.buildx import Buildx, build_with_buildx, find_buildx
from longshore.errors import BuilderUnsuitable, BuildFailed
from longshore.oci.layer import LayerState
from waiting import wait_until

ID = "sha256:" + "a" * 64
ADDRESS = EngineAddress("x", "unix:///nowhere/docker.sock")
VERSION = "github.com/docker/buildx v0.29.1 c2f7b9d"


@pytest.fixture(autouse=True)
def no_other_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "_FOLDERS", ())


class Program:
    """A docker-buildx that prints *version* and builds with the shell commands *building*."""

    def __init__(self, folder: Path, building: str = "", version: str = VERSION) -> None:
        self.folder = folder
        self.path = folder / "cli-plugins" / "docker-buildx"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(
            "#!/bin/sh\n"
            f'if [ "$1" = version ]; then echo "{version}"; exit 0; fi\n'
            'for word; do case "$word" in --iidfile=*) id=${word#--iidfile=};; esac; done\n'
            f'printf "%s\\n" "$@" > {folder}/words; env > {folder}/environment\n{building}\n'
        )
        self.path.chmod(0o755)
        self.environ = {"DOCKER_CONFIG": str(folder), "PATH": "/usr/bin:/bin", "DOCKER_CONTEXT": "other"}

    def build(
        self,
        options: BuildOptions | None = None,
        cancellation: Cancellation | None = None,
        address: EngineAddress = ADDRESS,
    ) -> list[BuildEvent]:
        events = build_with_buildx(
            address,
            Path("/folder"),
            Path("/folder/File"),
            options or BuildOptions(),
            cancellation or Cancellation(),
            self.environ,
        )
        with contextlib.closing(events):
            return list(events)

    @property
    def words(self) -> list[str]:
        return (self.folder / "words").read_text().splitlines()

    @property
    def environment(self) -> dict[str, str]:
        lines = (self.folder / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize(
    ("version", "found"),
    [
        (VERSION, (0, 29)),
        ("buildx 0.13", (0, 13)),
        ("v12.3.4-dirty", (12, 3)),
        ("no version", None),
        ("99999.1", None),
    ],
)
def test_the_version_of_the_program(tmp_path: Path, version: str, found: tuple[int, int] | None) -> None:
    program = Program(tmp_path, version=version)
    expected = None if found is None else Buildx((str(program.path),), found)
    assert find_buildx(program.environ) == expected


def test_what_is_no_program(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.path.chmod(0o644)
    assert find_buildx(program.environ) is None
    program.path.unlink()
    program.path.mkdir()
    assert find_buildx(program.environ) is None
    program.path.rmdir()
    program.path.write_text("#!/bin/sh\necho 0.29.1; exit 1\n")
    program.path.chmod(0o755)
    assert find_buildx(program.environ) is None
    with pytest.raises(BuilderUnsuitable, match="not installed"):
        program.build()


def test_docker_itself_is_asked_last(tmp_path: Path) -> None:
    own, bin_folder = tmp_path / "own", tmp_path / "bin"
    bin_folder.mkdir()
    docker = bin_folder / "docker"
    docker.write_text('#!/bin/sh\n[ "$1 $2" = "buildx version" ] && echo v0.7.1\n')
    docker.chmod(0o755)
    environ = {"DOCKER_CONFIG": str(own), "PATH": f"{bin_folder}:/usr/bin:/bin"}
    assert find_buildx(environ) == Buildx((str(docker), "buildx"), (0, 7))
    program = Program(own)
    assert find_buildx(environ) == Buildx((str(program.path),), (0, 29))
    in_home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    Program(tmp_path / ".docker")
    found = find_buildx(in_home)
    assert found is not None
    assert found.command == (str(tmp_path / ".docker/cli-plugins/docker-buildx"),)


def test_a_build(tmp_path: Path) -> None:
    vertex = json.dumps({"vertexes": [{"digest": "a", "name": "[1/1] FROM a", "completed": "x"}]})
    program = Program(tmp_path, f"echo '{vertex}' >&2; echo words >&2; echo unseen; echo {ID} > \"$id\"")
    assert program.build(BuildOptions(arguments={"TOKEN": "t0p", "A": "1"})) == [
        Changed(1, "[1/1] FROM a", LayerState.DONE, 1.0),
        Output("words", 0),
        Built(ID),
    ]
    words = program.words
    assert words[:3] == ["build", "--load", "--builder=default"]  # the engine's own BuildKit
    assert words[4:] == [
        "--file=/folder/File",
        "--progress=rawjson",
        "--build-arg=TOKEN",
        "--build-arg=A=1",
        "--",
        "/folder",
    ]
    environment = program.environment
    assert environment["TOKEN"] == "t0p"
    assert environment["DOCKER_HOST"] == ADDRESS.url
    assert "DOCKER_CONTEXT" not in environment
    # Nothing stays of the file with the id.
    assert not Path(words[3].removeprefix("--iidfile=")).parent.exists()


@pytest.mark.parametrize(
    ("version", "progress"), [("v0.12.9", "plain"), ("v0.13.0", "rawjson"), ("v1.0.0", "rawjson")]
)
def test_the_progress_that_a_version_writes(tmp_path: Path, version: str, progress: str) -> None:
    program = Program(tmp_path, version=version)
    program.build()
    assert f"--progress={progress}" in program.words


@pytest.mark.parametrize("written", ["", "sha256:abc", f"{ID}a"])
def test_an_id_that_is_none(tmp_path: Path, written: str) -> None:
    program = Program(tmp_path, f'echo "{written}" > "$id"' if written else "")
    assert program.build() == []


def test_a_build_that_fails(tmp_path: Path) -> None:
    program = Program(tmp_path, f'echo "ERROR: unknown instruction: FRO" >&2; echo {ID} > "$id"; exit 1')
    with pytest.raises(BuildFailed, match="not valid"):
        program.build()
    program = Program(tmp_path, "exit 5")
    with pytest.raises(BuildFailed, match="exit code 5"):
        program.build()


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    running = buildx._Running([str(tmp_path / "gone")], {}, Cancellation())
    with pytest.raises(BuilderUnsuitable, match="can't be started") as caught:
        list(running.lines())
    assert "No such file" in caught.value.detail


def test_a_cancelled_build_starts_nothing(tmp_path: Path) -> None:
    program, cancellation = Program(tmp_path), Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        program.build(cancellation=cancellation)
    assert not (tmp_path / "words").exists()


def cancelled_while_running(program: Program) -> None:
    cancellation = Cancellation()
    canceller = threading.Thread(
        target=lambda: (wait_until((program.folder / "runs").exists), cancellation.cancel())
    )
    canceller.start()
    try:
        with pytest.raises(Cancelled):
            program.build(cancellation=cancellation)
    finally:
        canceller.join()


def test_a_cancelled_program_is_interrupted(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        f"trap 'touch {tmp_path}/interrupted; exit 1' INT; touch {tmp_path}/runs; while :; do sleep 0.05; done",
    )
    cancelled_while_running(program)
    assert (tmp_path / "interrupted").exists()


def test_a_program_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "END_SECONDS", 0.2)
    program = Program(
        tmp_path,
        f"trap '' INT; echo $$ > {tmp_path}/pid; touch {tmp_path}/runs; while :; do sleep 0.05; done",
    )
    cancelled_while_running(program)
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_build_that_nobody_reads_to_its_end_is_killed(tmp_path: Path) -> None:
    program = Program(tmp_path, f"echo $$ > {tmp_path}/pid; echo one >&2; while :; do sleep 0.05; done")
    events = build_with_buildx(
        ADDRESS, Path("/folder"), Path("/folder/File"), BuildOptions(), Cancellation(), program.environ
    )
    assert next(events) == Output("one", 0)
    events.close()
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        (None, {}),
        (TlsFiles(), {}),
        (TlsFiles(Path("/certs/ca.pem")), {"DOCKER_CERT_PATH": "/certs", "DOCKER_TLS_VERIFY": "1"}),
        (TlsFiles(Path("/certs/ca.pem"), verify=False), {"DOCKER_CERT_PATH": "/certs"}),
    ],
)
def test_the_engine_that_the_program_uses(tls: TlsFiles | None, expected: dict[str, str]) -> None:
    address = (
        EngineAddress("x", "tcp://h:2376") if tls is None else EngineAddress("x", "tcp://h:2376", tls=tls)
    )
    given = {
        "DOCKER_HOST": "old",
        "DOCKER_CONTEXT": "c",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/old",
        "BUILDKIT_PROGRESS": "tty",
        "OTHER": "kept",
    }
    assert (
        buildx._environment(given, address)
        == {
            "DOCKER_HOST": "tcp://h:2376",
            "NO_COLOR": "1",
            "OTHER": "kept",
        }
        | expected
    )
