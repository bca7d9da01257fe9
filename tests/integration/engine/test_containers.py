"""Containers on every kind of engine: run, followed, stopped, removed, and what is refused."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import current_address
from longshore.engine.container_model import (
    Container,
    ContainerState,
    Ended,
    Mount,
    OutputPiece,
    Port,
    RunEvent,
    RunRequest,
    Started,
)
from longshore.engine.containers import Containers, by_image
from longshore.engine.engine import Engine
from longshore.errors import (
    ContainerUnknown,
    EngineFailure,
    EngineLost,
    EngineUnavailable,
    ImageUnknown,
    RunField,
    RunRefused,
)
from longshore.words.runs import advice
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.processes import wait_until
from testbed.programs import load_programs

IMAGE = "containers/tool:1"
FOREVER = ("sh", "-c", "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done")


def loaded(private: PrivateEngine) -> Iterator[Engine]:
    with contextlib.closing(private.client()) as client:
        load_programs(client, [IMAGE], {"ExposedPorts": {"8080/tcp": {}}})
    engine = Engine(current_address(private.host, {}))
    yield engine
    for each in engine.containers.all():
        engine.containers.remove(each.id, force=True)
    engine.close()


@pytest.fixture
def engine_of(any_engine: PrivateEngine) -> Iterator[Engine]:
    yield from loaded(any_engine)


@pytest.fixture
def containers(engine_of: Engine) -> Containers:
    return engine_of.containers


def run(containers: Containers, *command: str, **more: Any) -> list[RunEvent]:
    return list(containers.run(RunRequest(IMAGE, command, **more), Cancellation()))


def output(events: list[Any], *, error: bool = False) -> bytes:
    return b"".join(each.data for each in events if isinstance(each, OutputPiece) and each.error is error)


def named(containers: Containers, name: str) -> Container:
    return next(each for each in containers.all() if each.name == name)


def test_output_and_exit_code(containers: Containers, engine_of: Engine) -> None:
    events = run(containers, "sh", "-c", "echo out; echo err >&2; exit 3", name="told")
    assert isinstance(events[0], Started)
    assert events[0].name == "told"
    assert (output(events), output(events, error=True)) == (b"out\n", b"err\n")
    assert events[-1] == Ended(3)
    found = named(containers, "told")
    assert (found.id, found.state, found.exit_code) == (events[0].id, ContainerState.EXITED, 3)
    assert containers.exit_code("told") == 3
    image = engine_of.image(IMAGE)
    assert by_image(containers.all(), engine_of.images())[image.image_id] == [found]
    containers.remove("told")
    assert containers.all() == []


@pytest.mark.parametrize("remove", [False, True])
def test_many_that_end_at_once(containers: Containers, remove: bool) -> None:
    """Their output and exit codes are complete, although the engine may have forgotten them already."""
    for number in range(12):
        events = run(containers, "sh", "-c", f"echo {number}; exit {number}", remove=remove)
        assert output(events) == f"{number}\n".encode()
        assert events[-1] == Ended(number)
    assert len(containers.all()) == (0 if remove else 12)


def test_everything_that_can_be_asked(containers: Containers, tmp_path: Path) -> None:
    folder = Path("/etc")
    events = run(
        containers,
        "-c",
        "pwd; id -u; echo $GREETING; echo $EMPTY.; ls /host/passwd; echo x >/kept/new && echo written; "
        "echo x 2>/dev/null >/host/new || echo refused",
        entrypoint="sh",
        environment=(("GREETING", "good = day"), ("EMPTY", "")),
        mounts=(Mount(str(folder), "/host", read_only=True), Mount("vol-1", "/kept", volume=True)),
        working_directory="/tmp",
        user="0",
        network="none",
    )
    assert output(events).decode().splitlines() == [
        *("/tmp", "0", "good = day", ".", "/host/passwd", "written", "refused"),
    ], output(events, error=True)
    assert events[-1] == Ended(0)


def test_detached(containers: Containers) -> None:
    events = run(containers, *FOREVER, detach=True)
    assert len(events) == 1
    started = events[0]
    assert isinstance(started, Started)
    found = named(containers, started.name)
    assert found.state is ContainerState.RUNNING
    assert found.state.alive
    with pytest.raises(EngineFailure, match="is running"):
        containers.remove(started.id)
    assert containers.exit_code(started.id) is None
    containers.stop(started.id, grace=5)
    containers.stop(started.id)
    assert containers.exit_code(started.id) == 7


def test_stopped_while_it_is_followed(containers: Containers) -> None:
    events: list[RunEvent] = []
    for event in containers.run(RunRequest(IMAGE, FOREVER, remove=True), Cancellation()):
        events.append(event)
        if isinstance(event, OutputPiece) and event.data == b"ready\n":
            assert isinstance(events[0], Started)
            containers.stop(events[0].id)
    assert output(events) == b"ready\nbye\n"
    assert events[-1] == Ended(7)
    wait_until(lambda: containers.all() == [], timeout=10, what="the container to be removed")


def test_output_of_before_and_what_follows(containers: Containers) -> None:
    [started] = run(containers, *FOREVER, detach=True)
    assert isinstance(started, Started)

    def log() -> bytes:
        return output(list(containers.follow(started.id, Cancellation(), until_end=False)))

    wait_until(lambda: log() == b"ready\n", timeout=10, what="the first line")
    events: list[Any] = []
    for event in containers.follow(started.name, Cancellation()):
        events.append(event)
        if len(events) == 1:
            containers.stop(started.id)
    assert output(events) == b"ready\nbye\n"
    assert events[-1] == Ended(7)
    assert output(list(containers.follow(started.id, Cancellation(), lines=1))) == b"bye\n"


def test_the_log_of_a_terminal_has_no_frames(any_engine: PrivateEngine, containers: Containers) -> None:
    with contextlib.closing(any_engine.client()) as client:
        made = client.create_container(IMAGE, ["sh", "-c", "echo hi"], tty=True)  # type: ignore[no-untyped-call]
        client.start(made["Id"])  # type: ignore[no-untyped-call]
    events = list(containers.follow(made["Id"], Cancellation()))
    assert output(events) == b"hi\r\n"


def test_cancelling_leaves_the_container(containers: Containers, in_thread: Callable[..., Any]) -> None:
    ready = threading.Event()
    seen: list[RunEvent] = []

    def work(cancellation: Cancellation) -> None:
        for event in containers.run(RunRequest(IMAGE, FOREVER, name="goes-on"), cancellation):
            seen.append(event)
            if isinstance(event, OutputPiece):
                ready.set()

    worker = in_thread(work)
    assert ready.wait(20)
    assert worker.cancel() < 0.5
    assert isinstance(worker.error, Cancelled), worker.error
    assert named(containers, "goes-on").state is ContainerState.RUNNING

    follower = in_thread(lambda cancellation: list(containers.follow("goes-on", cancellation)))
    wait_until(lambda: len(threading.enumerate()) > 1, timeout=5, what="the follower")
    assert follower.cancel() < 0.5
    assert isinstance(follower.error, Cancelled), follower.error


def test_a_flood_is_passed_on_in_small_pieces(containers: Containers) -> None:
    size = most = 0
    # Engines log line by line, so that short lines take minutes.
    command = ("sh", "-c", f"yes {'x' * 4000} | head -c 50000000; printf '\\377\\376 no newline'")
    for event in containers.run(RunRequest(IMAGE, command, remove=True), Cancellation()):
        if isinstance(event, OutputPiece):
            size += len(event.data)
            most = max(most, len(event.data))
    assert size == 50_000_000 + 13
    assert most <= 65536


def test_a_reader_that_goes_away_early(containers: Containers) -> None:
    reading = containers.run(RunRequest(IMAGE, ("yes",), name="loud"), Cancellation())
    assert isinstance(next(reading), Started)
    next(reading)
    reading.close()
    assert named(containers, "loud").state is ContainerState.RUNNING
    containers.stop("loud", grace=0)


REFUSED: list[tuple[dict[str, Any], RunField]] = [
    ({"command": ("/nonesuch",)}, RunField.COMMAND),
    ({"command": ("/nonesuch",), "detach": True}, RunField.COMMAND),
    ({"command": ("nonesuch",)}, RunField.COMMAND),
    ({"command": ("/etc",), "remove": True}, RunField.COMMAND),
    ({"network": "nonesuch"}, RunField.NETWORK),
    ({"user": "nobodyx"}, RunField.USER),
    ({"name": "taken"}, RunField.NAME),
    ({"name": "-wrong"}, RunField.NAME),
    ({"mounts": (Mount("a b", "/x", volume=True),)}, RunField.VOLUMES),
    ({"working_directory": "relative"}, RunField.DIRECTORY),
]


def test_what_is_refused_leaves_nothing(containers: Containers) -> None:
    run(containers, "id", name="taken")
    before = containers.all()
    for more, field in REFUSED:
        with pytest.raises(RunRefused) as refused:
            list(containers.run(RunRequest(IMAGE, **{"command": ("id",), **more}), Cancellation()))
        assert refused.value.field is field, refused.value.detail
        assert [each.id for each in containers.all()] == [each.id for each in before], more


def test_an_image_that_is_not_there(containers: Containers) -> None:
    with pytest.raises(ImageUnknown):
        list(containers.run(RunRequest("containers/none:1"), Cancellation()))


def test_a_folder_that_does_not_exist(
    containers: Containers, any_engine: PrivateEngine, tmp_path: Path
) -> None:
    if any_engine.flavour == "podman":
        pytest.skip("Podman creates the folder")
    missing = tmp_path / "none such"
    with pytest.raises(RunRefused, match="does not exist") as refused:
        run(containers, "id", mounts=(Mount(str(missing), "/x"),))
    assert refused.value.field is RunField.VOLUMES
    assert not missing.exists()


def test_a_program_for_another_machine(containers: Containers, tmp_path: Path) -> None:
    """Engines refuse to start it, or it ends with the kernel's words as its output."""
    program = tmp_path / "foreign"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 200)
    program.chmod(0o755)
    mounts = (Mount(str(program), "/bin/foreign"),)
    try:
        events = run(containers, "/bin/foreign", mounts=mounts, remove=True)
    except RunRefused as refused:
        assert "another platform" in refused.message
        return
    assert isinstance(events[-1], Ended)
    said = (output(events) + output(events, error=True)).decode()
    assert advice(events[-1].exit_code, said).startswith("The image is for another platform")


def test_a_container_that_is_gone(containers: Containers) -> None:
    for ask in (
        lambda: containers.stop("gone"),
        lambda: containers.remove("gone"),
        lambda: containers.exit_code("gone"),
        lambda: list(containers.follow("gone", Cancellation())),
    ):
        with pytest.raises(ContainerUnknown):
            ask()


def test_every_change_is_told(containers: Containers, in_thread: Callable[..., Any]) -> None:
    changes: list[None] = []

    def follow(cancellation: Cancellation) -> None:
        for change in containers.changes(cancellation):
            changes.append(change)

    worker = in_thread(follow)
    wait_until(lambda: len(changes) == 1, timeout=10, what="the stream to connect")
    [started] = run(containers, *FOREVER, detach=True)
    assert isinstance(started, Started)
    for change in (
        lambda: None,
        lambda: containers.stop(started.id, grace=0),
        lambda: containers.remove(started.id),
    ):
        before = len(changes)
        change()
        wait_until(lambda before=before: len(changes) > before or before > 1, timeout=10, what="an event")  # type: ignore[misc]
    worker.cancel()
    assert isinstance(worker.error, Cancelled), worker.error


@pytest.mark.parametrize("flavour", ["debian", "newer", "podman"])
def test_published_ports(flavour: Any, tmp_path: Path) -> None:
    private = PrivateEngine(tmp_path / "engine", flavour=flavour, own_network=True)
    if not private.is_ours:
        pytest.skip("needs an engine of its own")
    try:
        private.start()
    except TestbedUnavailable as problem:
        if flavour == "debian":
            require(problem)
        pytest.skip(str(problem))
    with private:
        for engine in loaded(private):
            containers = engine.containers
            port = Port(8080, 18080, "127.0.0.1")
            run(containers, *FOREVER, name="first", ports=(port, Port(53, protocol="udp")), detach=True)
            shown = named(containers, "first").ports
            assert "127.0.0.1:18080->8080/tcp" in shown
            assert any(each.endswith("->53/udp") for each in shown)
            run(containers, *FOREVER, name="second", publish_all=True, detach=True)
            assert any(each.endswith("->8080/tcp") for each in named(containers, "second").ports)
            for detach in (True, False):
                with pytest.raises(RunRefused, match="Port 18080 ") as refused:
                    run(containers, *FOREVER, name="third", ports=(port,), detach=detach)
                assert refused.value.field is RunField.PORTS
            with pytest.raises(RunRefused, match="does not have the address"):
                run(containers, *FOREVER, ports=(Port(8080, 18081, "203.0.113.9"),), detach=True)
            assert {each.name for each in containers.all()} == {"first", "second"}


def test_an_engine_that_is_killed_meanwhile(any_engine: PrivateEngine, tmp_path: Path) -> None:
    with PrivateEngine(tmp_path / "engine", flavour=any_engine.flavour) as private:
        with contextlib.closing(private.client()) as client:
            load_programs(client, [IMAGE])
        engine = Engine(current_address(private.host, {}))
        with contextlib.closing(engine), pytest.raises((EngineLost, EngineUnavailable)):
            for event in engine.containers.run(RunRequest(IMAGE, FOREVER), Cancellation()):
                if isinstance(event, OutputPiece):
                    private.kill()
