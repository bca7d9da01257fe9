"""Containers as the window uses them: several at once, followed, left and stopped, on every kind of engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation
from longshore.engine.address import current_address
from longshore.engine.container_model import Container, ContainerState, RunRequest
from longshore.engine.engine import Engine
from longshore.errors import LongshoreError, RunRefused
from longshore.operations.containers import Containers, Run, RunState
from longshore.transfers.transfer import EnginePlace
from testbed.engine import PrivateEngine
from testbed.programs import load_programs
from waiting import until, wait_until

from .conftest import Desk, Play

IMAGE = "operations/tool:1"
FOREVER = ("sh", "-c", "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done")


@pytest.fixture
def engine(any_engine: PrivateEngine) -> Iterator[Engine]:
    with contextlib.closing(any_engine.client()) as client:
        load_programs(client, [IMAGE])
    engine = Engine(current_address(any_engine.host, {}))
    yield engine
    for each in engine.containers.all():
        with contextlib.suppress(LongshoreError):  # it may be removed by the engine right now
            engine.containers.remove(each.id, force=True)
    wait_until(lambda: not engine.containers.all())
    engine.close()


def lines(run: Run) -> list[str]:
    """The output so far; takes it."""
    shown = [""]
    while (update := run.console.take()) is not None:
        shown[-1:] = update.lines
    return shown


def running(engine: Engine) -> dict[str, ContainerState]:
    return {each.name: each.state for each in engine.containers.all()}


def test_two_that_run_at_once(play: Play, engine: Engine) -> None:
    place = EnginePlace(engine.address)

    async def scene(desk: Desk) -> None:
        containers = Containers(desk.clients, desk.tasks)
        first = containers.run(place, RunRequest(IMAGE, FOREVER, name="first", remove=True))
        second = containers.run(place, RunRequest(IMAGE, FOREVER, name="second"))
        for run in (first, second):
            run.begin()
            await until(lambda run=run: run.state is RunState.RUNNING)  # type: ignore[misc]
            await until(lambda run=run: run.console.waiting)  # type: ignore[misc]
        assert containers.attached == [first, second]
        first.stop()
        assert first.state is RunState.STOPPING
        first.stop()
        await until(lambda: first.state is RunState.REMOVED)
        assert first.exit_code == 7 and first.stopped
        assert lines(first) == ["ready", "bye", ""]
        assert containers.attached == [second]
        second.stop()
        await until(lambda: second.state is RunState.EXITED)
        second.remove()
        await until(lambda: second.state is RunState.REMOVED)
        for run in (first, second):
            containers.forget(run)
        assert containers.runs == []

    play(scene)
    assert running(engine) == {}


def test_what_is_left_goes_on(play: Play, engine: Engine) -> None:
    """Leaving one, quitting while another is followed, and starting one in the background stop nothing."""
    place = EnginePlace(engine.address)

    async def scene(desk: Desk) -> None:
        containers = Containers(desk.clients, desk.tasks)
        runs = [
            containers.run(place, RunRequest(IMAGE, FOREVER, name=name, detach=name == "detached"))
            for name in ("left", "followed", "detached")
        ]
        for run in runs:
            run.begin()
        await until(lambda: all(run.id for run in runs))
        await until(lambda: runs[2].state is RunState.LEFT)
        assert not runs[2].attached
        runs[0].leave()
        assert runs[0].state is RunState.LEFT
        assert containers.attached == [runs[1]]
        # Then everything is closed, as at the end of the program.

    play(scene)
    assert running(engine) == dict.fromkeys(("left", "followed", "detached"), ContainerState.RUNNING)


def test_what_was_not_started(play: Play, engine: Engine) -> None:
    place = EnginePlace(engine.address)

    async def scene(desk: Desk) -> None:
        containers = Containers(desk.clients, desk.tasks)
        refused: list[LongshoreError] = []
        run = containers.run(place, RunRequest(IMAGE, ("/nonesuch",)))
        run.failed.connect(refused.append)
        run.begin()
        await until(lambda: bool(refused))
        assert run.state is RunState.FAILED
        assert isinstance(refused[0], RunRefused)
        containers.forget(run)
        run = containers.run(place, RunRequest(IMAGE, ("id",), name="last", remove=True))
        run.begin()
        await until(lambda: run.state is RunState.REMOVED)
        assert not run.attached

    play(scene)


def test_cancelled_while_it_starts_it_leaves_nothing(play: Play, engine: Engine) -> None:
    place = EnginePlace(engine.address)

    async def scene(desk: Desk) -> None:
        containers = Containers(desk.clients, desk.tasks)
        for number in range(5):
            run = containers.run(place, RunRequest(IMAGE, FOREVER))
            run.begin()
            if number == 1:
                await until(lambda: bool(engine.containers.all()))
            elif number > 1:
                # At any moment until the engine has reported the start.
                await until(lambda run=run: run.id or engine.containers.all())  # type: ignore[misc]
                await asyncio.sleep(number / 20)
            containers.forget(run)
            if run.state is RunState.LEFT:
                engine.containers.remove(run.id, force=True)  # it had started before
            await until(lambda: not engine.containers.all())

    play(scene)


def test_the_list_of_an_image(play: Play, engine: Engine) -> None:
    place = EnginePlace(engine.address)
    images = engine.images()
    image_id = engine.image(IMAGE).image_id

    async def scene(desk: Desk) -> None:
        containers = Containers(desk.clients, desk.tasks)
        found: list[list[Container] | LongshoreError] = []
        watching = containers.watch(place, image_id, images, found.append)
        await until(lambda: found == [[]])
        run = containers.run(place, RunRequest(IMAGE, FOREVER, name="listed", detach=True))
        run.begin()

        def states() -> list[str]:
            last = found[-1]
            assert isinstance(last, list)
            return [each.state.value for each in last]

        await until(lambda: states() == ["running"])
        told: list[LongshoreError | None] = []
        containers.stop(place, run.id, told.append)
        await until(lambda: states() == ["exited"])
        followed = containers.follow(place, found[-1][0])  # type: ignore[index]
        assert not followed.attached
        followed.begin()
        await until(lambda: followed.state is RunState.EXITED and followed.exit_code == 7)
        await until(lambda: followed.console.waiting)
        assert lines(followed) == ["ready", "bye", ""]
        containers.remove(place, run.id, told.append)
        await until(lambda: states() == [])
        assert told == [None, None]
        containers.stop(place, run.id, told.append)
        await until(lambda: len(told) == 3)
        assert isinstance(told[2], LongshoreError)
        watching.cancel()
        known = len(found)
        list(engine.containers.run(RunRequest(IMAGE, ("id",), remove=True), Cancellation()))
        assert len(found) == known

    play(scene)


def test_a_flood_that_nobody_reads_needs_little_memory(play: Play, engine: Engine) -> None:
    place = EnginePlace(engine.address)
    command = ("sh", "-c", f"yes {'x' * 4000} | head -c 40000000; echo; echo THE END")

    async def scene(desk: Desk) -> None:
        containers = Containers(desk.clients, desk.tasks)
        run = containers.run(place, RunRequest(IMAGE, command, remove=True))
        run.begin()
        await until(lambda: run.state is RunState.REMOVED)
        assert run.console._bytes < 3_000_000
        assert lines(run)[-2:] == ["THE END", ""]

    play(scene)


def test_an_engine_that_is_killed_meanwhile(play: Play, tmp_path: Path) -> None:
    with PrivateEngine(tmp_path / "engine") as private:
        if not private.is_ours:
            pytest.skip("needs an engine of its own")
        with contextlib.closing(private.client()) as client:
            load_programs(client, [IMAGE])
        place = EnginePlace(current_address(private.host, {}))

        async def scene(desk: Desk) -> None:
            containers = Containers(desk.clients, desk.tasks)
            lost: list[LongshoreError] = []
            run = containers.run(place, RunRequest(IMAGE, FOREVER))
            run.failed.connect(lost.append)
            run.begin()
            await until(lambda: run.console.waiting)
            found: list[list[Container] | LongshoreError] = []
            containers.watch(place, "sha256:none", [], found.append)
            await until(lambda: bool(found))
            private.kill()
            await until(lambda: bool(lost))
            assert run.state is RunState.LEFT
            assert not run.attached
            await until(lambda: isinstance(found[-1], LongshoreError))
            run.stop()
            assert run.state is RunState.LEFT
            before = run.console
            run.again()
            assert run.state is RunState.RETURNING
            await until(lambda: len(lost) == 2)
            assert run.state is RunState.LEFT, "it can be tried once more"
            assert run.console is not before

        play(scene)


def test_a_container_that_was_left_is_followed_again(play: Play, engine: Engine) -> None:
    place = EnginePlace(engine.address)

    async def scene(desk: Desk) -> None:
        containers = Containers(desk.clients, desk.tasks)
        run = containers.run(place, RunRequest(IMAGE, FOREVER, name="left"))
        begun: list[None] = []
        run.started.connect(lambda: begun.append(None))
        run.begin()
        await until(lambda: run.console.waiting)
        run.leave()
        assert run.state is RunState.LEFT
        await until(lambda: run._read)
        run.again()
        await until(lambda: run.state is RunState.RUNNING)
        await until(lambda: run.console.waiting)
        run.stop()
        await until(lambda: run.state is RunState.EXITED)
        assert run.exit_code == 7
        assert lines(run) == ["ready", "bye", ""]
        assert len(begun) == 1, "it was started once"
        run.again()
        assert run.state is RunState.EXITED

    play(scene)


def test_a_container_that_was_removed_meanwhile_is_not_found_again(play: Play, engine: Engine) -> None:
    place = EnginePlace(engine.address)

    async def scene(desk: Desk) -> None:
        containers = Containers(desk.clients, desk.tasks)
        run = containers.run(place, RunRequest(IMAGE, FOREVER, name="gone"))
        run.begin()
        await until(lambda: run.state is RunState.RUNNING)
        run.leave()
        await until(lambda: run._read)
        engine.containers.remove(run.id, force=True)
        run.again()
        await until(lambda: run.state is RunState.REMOVED)

    play(scene)
