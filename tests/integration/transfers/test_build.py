"""Builds from folders on every engine: success, failure, cancel, what is sent, and what is left behind."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.errors import BuilderUnsuitable, BuildFailed, BuildFolderError, VerificationFailed
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.builds import Build
from longshore.transfers.journal.history import HistoryFilter
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import (
    EnginePlace,
    NoteKind,
    Operation,
    State,
    TransferRequest,
    TransferSnapshot,
)
from testbed.engine import PrivateEngine
from testbed.programs import load_programs
from testbed.registry import PrivateRegistry
from transfertools import Eye, address_of, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
BASE = "builds/base:1"
SECONDS = 60.0


@pytest.fixture
def engine(any_engine: PrivateEngine) -> PrivateEngine:
    """Each engine in turn, with the image ``BASE``, which has a shell."""
    with contextlib.closing(any_engine.client()) as client:
        load_programs(client, [BASE])
    return any_engine


@pytest.fixture
def client(engine: PrivateEngine) -> Iterator[Any]:
    with contextlib.closing(engine.client()) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "context"
    made.mkdir()
    return made


def write(folder: Path, dockerfile: str, **files: str) -> None:
    """Write a Dockerfile and other files."""
    (folder / "Dockerfile").write_text(dockerfile)
    for name, text in files.items():
        (folder / name).write_text(text)


def asked(engine: PrivateEngine, folder: Path, *tags: str, **more: Any) -> TransferRequest:
    """The request of a build."""
    place = EnginePlace(address_of(engine.host))
    return Build(folder, place, tuple(Reference.parse(tag) for tag in tags), **more).request()


def built(make_queue: Make, request: TransferRequest) -> tuple[TransferSnapshot, list[str]]:
    """The end of a build, and its output."""
    queue, eye = make_queue()
    row = queue.add(request)
    end = eye.until(row, lambda one: one.state.finished, SECONDS)
    return end, [line.text for line in queue.output(row)]


def steps(end: TransferSnapshot) -> list[tuple[str, LayerState]]:
    return [(step.label, step.state) for step in end.layers]


def test_an_image_is_built(make_queue: Make, engine: PrivateEngine, client: Any, folder: Path) -> None:
    write(
        folder,
        f"FROM {BASE}\nARG WHO=world\nCOPY file /file\nRUN echo hello $WHO && cat /file\nLABEL a=b\n",
        file="content\n",
    )
    request = asked(
        engine,
        folder,
        "builds/app:1",
        "builds/app:latest",
        arguments={"WHO": "me"},
        labels={"made.by": "a test"},
        platform=Platform.parse("linux/amd64") if engine.flavour == "debian" else None,
    )
    end, output = built(make_queue, request)
    assert end.state is State.SUCCEEDED, end.error
    assert {"hello me", "content"} <= set(output)
    assert [label.split()[0] for label, _ in steps(end)][:5] == ["FROM", "ARG", "COPY", "RUN", "LABEL"]
    assert {state for _, state in steps(end)} == {LayerState.DONE}
    assert all(step.seconds is not None for step in end.layers)
    one, two = (client.inspect_image(f"builds/app:{tag}") for tag in ("1", "latest"))
    assert one["Id"] == two["Id"] == end.digest == end.image_id
    assert (one["Config"]["Labels"]["a"], one["Config"]["Labels"]["made.by"]) == ("b", "a test")
    (builder,) = [note.text for note in end.notes if note.kind is NoteKind.BUILDER]
    assert builder == ("Podman (Buildah)" if engine.flavour == "podman" else "Docker's classic builder")
    # The same again has everything cached, and moves the tag of another image.
    (folder / "file").write_text("other\n")
    again, _ = built(make_queue, request)
    assert again.state is State.SUCCEEDED
    states = [state for _, state in steps(again)]
    assert states[1] is LayerState.CACHED or engine.flavour == "podman"
    assert states[3] is LayerState.DONE
    assert [note.text for note in again.notes if note.kind is NoteKind.TAG_MOVED] == [one["Id"]]


def test_a_step_that_fails(make_queue: Make, engine: PrivateEngine, client: Any, folder: Path) -> None:
    write(folder, f"FROM {BASE}\nRUN echo one && echo two >&2 && exit 7\nRUN echo never\n")
    before = containers(client)
    end, output = built(make_queue, asked(engine, folder, "builds/failing:1"))
    assert end.state is State.FAILED
    assert isinstance(end.error, BuildFailed)
    instruction = "RUN echo one && echo two >&2 && exit 7"
    assert end.error.message == f"Step 2 of 3 failed: “{instruction}” returned exit code 7."
    assert {"one", "two"} <= set(end.error.detail.splitlines())
    assert "never" not in output
    assert steps(end)[1] == (instruction, LayerState.FAILED)
    assert client.images("builds/failing") == []
    assert containers(client) == before


def test_a_file_that_is_not_there(make_queue: Make, engine: PrivateEngine, folder: Path) -> None:
    write(folder, f"FROM {BASE}\nCOPY missing /x\n")
    end, _ = built(make_queue, asked(engine, folder))
    assert isinstance(end.error, BuildFailed)
    assert end.error.message == "Step 2 of 2 failed: “COPY missing /x”."
    assert end.error.advice.startswith("Check the path")


def test_a_dockerfile_that_is_not_valid(make_queue: Make, engine: PrivateEngine, folder: Path) -> None:
    write(folder, f"FROM {BASE}\nNONSENSE here\n")
    end, _ = built(make_queue, asked(engine, folder))
    assert isinstance(end.error, BuildFailed)
    assert end.error.message in ("The Dockerfile is not valid.", "Step 2 of 2 failed: “NONSENSE here”.")
    assert "nonsense" in end.error.detail.lower()


def test_a_stage_that_is_not_there(make_queue: Make, engine: PrivateEngine, folder: Path) -> None:
    write(folder, f"FROM {BASE} AS one\nRUN echo stage one\nFROM one AS two\nRUN echo stage two\n")
    end, _ = built(make_queue, asked(engine, folder, target="three"))
    assert isinstance(end.error, BuildFailed)
    assert end.error.message == "The Dockerfile has no stage “three”."
    end, output = built(make_queue, asked(engine, folder, target="one"))
    assert end.state is State.SUCCEEDED
    assert "stage one" in output
    assert "stage two" not in output


def test_a_base_image_that_no_registry_has(
    make_queue: Make, engine: PrivateEngine, folder: Path, open_registry: PrivateRegistry
) -> None:
    write(folder, f"FROM {open_registry.address}/builds/nothing:1\nRUN echo never\n")
    end, _ = built(make_queue, asked(engine, folder))
    assert end.state is State.FAILED
    assert end.error is not None
    assert "builds/nothing" in end.error.message
    assert end.error.code == ("registry.not-found" if engine.flavour != "podman" else end.error.code)


def test_what_only_buildkit_understands(
    make_queue: Make, engine: PrivateEngine, client: Any, folder: Path
) -> None:
    write(folder, f"FROM {BASE}\nRUN --mount=type=cache,target=/c echo mounted\n")
    end, output = built(make_queue, asked(engine, folder, "builds/kit:1"))
    heredoc = folder / "here.Dockerfile"
    heredoc.write_text(f"# syntax=docker/dockerfile:1\nFROM {BASE}\nRUN <<EOF\necho from here\nEOF\n")
    second, more = built(
        make_queue, asked(engine, folder, "builds/here:1", dockerfile=Path("here.Dockerfile"))
    )
    if engine.flavour == "podman":
        assert (end.state, second.state) == (State.SUCCEEDED, State.SUCCEEDED)
        assert "mounted" in output
        assert "from here" in more
        return
    assert isinstance(end.error, BuilderUnsuitable)
    assert end.error.message == "The Dockerfile uses RUN --mount at line 2, which needs BuildKit."
    assert "Buildx" in end.error.advice
    # The classic builder of 28.5 would run an empty command here, and report success.
    assert isinstance(second.error, BuilderUnsuitable)
    assert second.error.message == "The Dockerfile has a here-document at line 3, which needs BuildKit."
    assert client.images("builds/here") == []


def test_cancelling_stops_the_step(
    make_queue: Make, engine: PrivateEngine, client: Any, folder: Path
) -> None:
    mark = f"98765{os.getpid()}"
    seconds = "3" if engine.flavour == "podman" else "600"
    write(folder, f"FROM {BASE}\nRUN echo begun; sleep {seconds}; : {mark}\nRUN echo never\n")
    before = containers(client)
    queue, eye = make_queue()
    row = queue.add(asked(engine, folder, "builds/cancelled:1"))
    wait_until(lambda: any(line.text == "begun" for line in queue.output(row)), 30)
    queue.cancel([row])
    end = eye.until(row, State.CANCELLED)
    assert steps(end)[1][1] is LayerState.STOPPED
    wait_until(lambda: not running(mark), 30)
    wait_until(lambda: containers(client) == before, 30)
    assert client.images("builds/cancelled") == []
    assert not any("never" in line.text for line in queue.output(row) if line.step > 2)
    told = [note.kind for note in end.notes]
    assert (NoteKind.STEP_CONTINUES in told) == (engine.flavour == "podman")


def test_what_is_sent(make_queue: Make, engine: PrivateEngine, folder: Path) -> None:
    """Names, links, modes and what .dockerignore says, as the engine finds them."""
    write(folder, f"FROM {BASE}\nCOPY . /in/\nRUN cd /in && ls -lR && cat 'a name'\n")
    (folder / ".dockerignore").write_text(
        "# comment\n*.log\n/secret\nnode_modules\n!keep.log\n**/*.tmp\nDockerfile\n"
    )
    for name in ("one.log", "keep.log", "secret", "a.tmp"):
        (folder / name).write_text(name)
    for name in ("node_modules", "src", "src/secret", "empty"):
        (folder / name).mkdir()
    (folder / "src" / "b.tmp").write_text("b")
    (folder / "src" / "run.sh").write_text("run")
    (folder / "src" / "run.sh").chmod(0o755)
    (folder / "node_modules" / "x").write_text("x")
    (folder / "a name").write_text("with a space\n")
    (folder / "line\nbreak").write_text("n")
    (folder / "ünï").write_text("u")
    (folder / "outside").symlink_to("/etc/passwd")
    (folder / "inside").symlink_to("src")
    (folder / "loop").symlink_to(".")
    (folder / "hard").hardlink_to(folder / "src" / "run.sh")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "sock"))
    end, output = built(make_queue, asked(engine, folder))
    assert end.state is State.SUCCEEDED, end.error
    text = "\n".join(output)
    for name in ("keep.log", "a name", "run.sh", "empty", "hard"):
        assert name in text, name
    for name in ("one.log", "node_modules", "a.tmp", "b.tmp", "pipe", "sock", "Dockerfile"):
        assert name not in text, name
    # The folder src/secret is not /secret, which is left out.
    assert next(line for line in output if line.endswith(" secret")).startswith("d")
    assert any("outside -> /etc/passwd" in line for line in output)
    assert any("loop -> ." in line for line in output)
    assert any(line.startswith("-rwxr-xr-x") and line.endswith("run.sh") and " 0 " in line for line in output)
    assert "with a space" in output
    (special,) = [note.text for note in end.notes if note.kind is NoteKind.SPECIAL_FILES]
    assert special == "pipe, sock"


def test_a_dockerfile_outside_the_folder(make_queue: Make, engine: PrivateEngine, folder: Path) -> None:
    outside = folder.parent / "other.Dockerfile"
    outside.write_text(f"FROM {BASE}\nCOPY . /in\nRUN ls -a /in\n")
    (folder / "seen").write_text("x")
    end, output = built(make_queue, asked(engine, folder, dockerfile=outside))
    assert end.state is State.SUCCEEDED, end.error
    assert "seen" in output
    assert not any(".dockerfile" in line for line in output)


def test_an_ignore_file_beside_the_dockerfile_comes_first(
    make_queue: Make, engine: PrivateEngine, folder: Path
) -> None:
    write(folder, f"FROM {BASE}\nCOPY . /in\nRUN ls /in\n", one="1", two="2")
    (folder / ".dockerignore").write_text("one\n")
    (folder / "Dockerfile.dockerignore").write_text("two\nDockerfile*\n")
    end, output = built(make_queue, asked(engine, folder))
    assert end.state is State.SUCCEEDED, end.error
    assert "one" in output
    assert "two" not in output
    assert "Dockerfile" not in output


def test_ten_thousand_files(make_queue: Make, engine: PrivateEngine, folder: Path) -> None:
    # Copying them all takes some engines a minute.
    write(folder, f"FROM {BASE}\nCOPY many/09999 /last\nRUN cat /last\n")
    (folder / "many").mkdir()
    for number in range(10_000):
        (folder / "many" / f"{number:05}").write_text(f"file {number}\n")
    end, output = built(make_queue, asked(engine, folder))
    assert end.state is State.SUCCEEDED, end.error
    assert "file 9999" in output
    assert end.plan is not None
    assert end.plan.total_bytes > 90_000


def test_a_platform_that_the_base_image_does_not_have(
    make_queue: Make, engine: PrivateEngine, folder: Path, open_registry: PrivateRegistry
) -> None:
    """A classic engine takes the image that it has, whatever its platform; others ask the registry."""
    base = f"{open_registry.address}/builds/gone:1"
    with contextlib.closing(engine.client()) as client:
        load_programs(client, [base])
    write(folder, f"FROM {base}\nLABEL a=b\n")
    end, _ = built(make_queue, asked(engine, folder, "builds/arm:1", platform=Platform.parse("linux/arm64")))
    if engine.flavour == "newer":
        assert end.state in (State.SUCCEEDED, State.FAILED)
        return
    assert end.state is State.FAILED
    if engine.flavour == "debian":
        assert isinstance(end.error, VerificationFailed)
        assert end.error.message == "The image was built for linux/amd64, not for linux/arm64."


def test_secret_arguments_reach_neither_journal_nor_output(
    make_queue: Make, engine: PrivateEngine, folder: Path, tmp_path: Path
) -> None:
    secret = "s3cr3t-value-of-a-test"
    write(folder, f"FROM {BASE}\nARG NPM_TOKEN\nARG OTHER\nRUN echo token $NPM_TOKEN other $OTHER\n")
    end, output = built(make_queue, asked(engine, folder, arguments={"NPM_TOKEN": secret, "OTHER": "plain"}))
    assert end.state is State.SUCCEEDED, end.error
    assert "token *** other plain" in output
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").glob("*.sqlite3*"))
    assert secret.encode() not in kept
    assert b"NPM_TOKEN" in kept


def test_a_retry_without_its_secrets_says_so(
    make_queue: Make, testbed_engine: PrivateEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart: the journal has the names of secret arguments, and not their values."""
    write(folder, "FROM scratch\nARG NPM_TOKEN\nLABEL a=b\n")
    request = asked(testbed_engine, folder, arguments={"NPM_TOKEN": "s3cr3t-value", "A": "1"})
    monkeypatch.setattr("longshore.transfers.builds._kept", {})
    end, _ = built(make_queue, request)
    assert isinstance(end.error, BuildFailed)
    assert end.error.message == "The values of secret arguments and labels are not saved: NPM_TOKEN."
    assert end.error.advice == "Build the folder again and enter them."


def test_a_value_from_the_environment(
    make_queue: Make, engine: PrivateEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILD_VERSION", "1.2.3")
    write(folder, f"FROM {BASE}\nARG BUILD_VERSION=none\nRUN echo version $BUILD_VERSION\n")
    end, output = built(make_queue, asked(engine, folder, arguments={"BUILD_VERSION": None}))
    assert end.state is State.SUCCEEDED, end.error
    assert "version 1.2.3" in output


def test_a_folder_without_a_dockerfile(make_queue: Make, testbed_engine: PrivateEngine, folder: Path) -> None:
    end, _ = built(make_queue, asked(testbed_engine, folder))
    assert isinstance(end.error, BuildFolderError)
    assert end.error.message == "The folder has no Dockerfile."


def test_the_journal_has_the_build(
    make_queue: Make, testbed_engine: PrivateEngine, folder: Path, tmp_path: Path
) -> None:
    write(folder, "FROM scratch\nCOPY Dockerfile /\n")
    request = asked(
        testbed_engine,
        folder,
        "builds/journal:1",
        "builds/journal:2",
        arguments={"A": "1", "B": None},
        pull=True,
    )
    queue, eye = make_queue()
    queue.add(request)
    wait_until(lambda: eye.states() == [State.SUCCEEDED], SECONDS)
    queue.clear_finished()
    assert queue.shutdown()
    journal = Journal(tmp_path / "state" / "journal.sqlite3", reading=True)
    journal.open()
    try:
        (row,) = journal.history(HistoryFilter(), limit=10)
    finally:
        journal.close()
    assert row.request == request
    assert row.request.operation is Operation.BUILD
    assert row.moved is not None
    assert (row.moved.layers_moved + row.moved.layers_skipped) == 2


def containers(client: Any) -> set[str]:
    return {one["Id"] for one in client.containers(all=True)}


def running(mark: str) -> bool:
    """Whether a process of this machine has *mark* in its words."""
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in status.read_bytes():
                return True
    return False
