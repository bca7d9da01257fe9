"""Clean-ups in worker threads: what a library has, plans, runs that are stopped, and the usage of the shown place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longshore.application.cleanup.plan import Contents, Part
from longshore.application.cleanup.rules import Rules
from longshore.application.pins import Pins
from longshore.application.states import State
from longshore.errors import InvalidInput, LongshoreError
from longshore.library.library import Library
from longshore.oci.disk_usage import DiskUsage
from longshore.operations.cleanup import CleanUps
from longshore.operations.place_watch import PlaceState, PlaceStatus
from longshore.operations.usage import ShownUsage
from longshore.transfers.tag_changes import TagChange, TagOperation
from longshore.transfers.transfer import LibraryPlace
from transfertools.layouts import NAME, image, noise, on_disk, put
from waiting import until

from .conftest import Desk, Play

BASE = noise(5000, "base")


def filled(path: Path, count: int = 3) -> Library:
    library = Library(path)
    for number in range(count):
        put(library, image(BASE, noise(100 * (number + 1), number)), NAME.with_tag(f"dev-{number}"))
    return library


def test_what_is_read_is_planned_and_removed(play: Play, tmp_path: Path) -> None:
    library = filled(tmp_path / "library")

    async def scene(desk: Desk) -> None:
        place = LibraryPlace(library.path)
        pins = Pins(desk.settings)
        pins.add([NAME.with_tag("dev-0")])
        cleanup = CleanUps(desk.clients, desk.tasks, pins)
        heard: list[Any] = []
        cleanup.read(place, heard.append)
        await until(lambda: len(heard) == 2)
        first, whole = heard
        assert isinstance(first, Contents) and first.usage is None and len(first.images) == 3
        assert whole.images == first.images and whole.usage.total == on_disk(library).bytes

        plans: list[Any] = []
        cleanup.plan([whole], Rules(names=("*:dev-*",)), plans.append)
        await until(lambda: plans)
        ((plan,),) = plans
        assert (len(plan.candidates), plan.pinned) == (2, 1)

        told: list[Any] = []
        ended: list[Any] = []
        before = on_disk(library).bytes
        cleanup.run([Part(plan, plan.candidates)], lambda *far: told.append(far), ended.append)
        await until(lambda: ended)
        ((outcome,),) = ended
        assert (outcome.removed, outcome.failures, outcome.stopped) == (2, [], False)
        assert outcome.freed == outcome.expected.bytes == before - on_disk(library).bytes
        assert {count for _, count, _ in told} == {2}
        assert [str(one.reference) for one in library.images()] == [str(NAME.with_tag("dev-0"))]

    play(scene)


def test_tags_are_recorded_before_they_go_and_undone_together(play: Play, tmp_path: Path) -> None:
    library = filled(tmp_path / "library")
    changes: list[TagChange] = []

    class Recorder:
        def announce(self, announced: Any) -> list[str]:
            changes.extend(announced)
            assert all(library.find(change.reference) is not None for change in announced), "not gone yet"
            return [str(number) for number, _ in enumerate(announced)]

        def settle(self, settled: Any) -> None:
            pass

    async def scene(desk: Desk) -> None:
        desk.clients.recorder = Recorder()  # type: ignore[assignment]
        cleanup = CleanUps(desk.clients, desk.tasks, Pins(desk.settings))
        heard: list[Any] = []
        cleanup.read(LibraryPlace(library.path), heard.append)
        await until(lambda: len(heard) == 2)
        plan = heard[1].plan(Rules(names=("*",)), ())
        ended: list[Any] = []
        cleanup.run([Part(plan, plan.candidates)], lambda *_: None, ended.append)
        await until(lambda: ended)
        assert ended[0][0].failures == []
        assert {change.operation for change in changes} == {TagOperation.CLEAN_UP}
        assert len(changes) == 3 and len({change.group for change in changes}) == 1

    play(scene)


def test_rules_that_cannot_be_used_are_said(play: Play) -> None:
    async def scene(desk: Desk) -> None:
        cleanup = CleanUps(desk.clients, desk.tasks, Pins(desk.settings))
        heard: list[Any] = []
        cleanup.plan([Contents(LibraryPlace(desk.home))], Rules(names=("!x",)), heard.append)
        await until(lambda: heard)
        assert isinstance(heard[0], InvalidInput)

    play(scene)


def test_a_place_that_cannot_be_read(play: Play, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "other.txt").write_text("x")

    async def scene(desk: Desk) -> None:
        cleanup = CleanUps(desk.clients, desk.tasks, Pins(desk.settings))
        heard: list[Any] = []
        cleanup.read(LibraryPlace(tmp_path / "taken"), heard.append)
        await until(lambda: heard)
        assert isinstance(heard[0], LongshoreError)
        await until(lambda: not desk.tasks._tasks)
        assert len(heard) == 1

    play(scene)


def test_what_was_cancelled_reports_nothing(play: Play, tmp_path: Path) -> None:
    library = filled(tmp_path / "library")

    async def scene(desk: Desk) -> None:
        cleanup = CleanUps(desk.clients, desk.tasks, Pins(desk.settings))
        heard: list[Any] = []
        cleanup.read(LibraryPlace(library.path), heard.append).cancel()
        cleanup.plan([], Rules(dangling=True), heard.append).cancel()
        await until(lambda: not desk.tasks._tasks)
        assert heard == []

    play(scene)


def test_a_stopped_run_still_has_its_result(play: Play, tmp_path: Path) -> None:
    library = filled(tmp_path / "library")

    async def scene(desk: Desk) -> None:
        place = LibraryPlace(library.path)
        cleanup = CleanUps(desk.clients, desk.tasks, Pins(desk.settings))
        heard: list[Any] = []
        cleanup.read(place, heard.append)
        await until(lambda: len(heard) == 2)
        plan = heard[1].plan(Rules(names=("*",)), ())
        ended: list[Any] = []
        part = Part(plan, plan.candidates)
        cleanup.run([part, part], lambda *_: None, ended.append).cancel()
        await until(lambda: ended)
        assert [(one.stopped, one.images, one.left) for one in ended[0]] == [(True, 3, 3)] * 2
        assert len(library.images()) == 3

    play(scene)


def test_states_come_from_the_registry(play: Play, serve: Any, tmp_path: Path) -> None:
    library = filled(tmp_path / "library", 1)

    async def scene(desk: Desk) -> None:
        cleanup = CleanUps(desk.clients, desk.tasks, Pins(desk.settings))
        heard: list[Any] = []
        cleanup.read(LibraryPlace(library.path), heard.append)
        await until(lambda: heard)
        found: list[Any] = []
        # Nothing listens there.
        cleanup.states(LibraryPlace(library.path), heard[0].images, found.append)
        await until(lambda: found)
        assert found == [{NAME.with_tag("dev-0"): State.UNKNOWN}]
        await until(lambda: not desk.tasks._tasks)

    play(scene)


def test_the_usage_of_the_shown_place_follows_its_images(
    play: Play, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("longshore.operations.usage.PAUSE", 1)
    library = filled(tmp_path / "library")
    other = filled(tmp_path / "other", 1)

    async def scene(desk: Desk) -> None:
        status = [PlaceStatus(PlaceState.CONNECTING, LibraryPlace(library.path))]
        beside: list[PlaceStatus] = []
        shown = ShownUsage(desk.clients, desk.tasks, lambda: status[0], lambda: beside)
        heard: list[DiskUsage | None] = []
        shown.changed.connect(heard.append)
        shown.look()
        await until(lambda: not shown._soon.isActive())
        assert heard == [None], "the place has not answered yet"
        status[0] = PlaceStatus(PlaceState.READY, LibraryPlace(library.path))
        shown.look()
        shown.look()
        await until(lambda: len(heard) == 2)
        assert heard[1] is not None and heard[1].total == on_disk(library).bytes
        library.remove(NAME.with_tag("dev-2"))
        shown.look()
        await until(lambda: len(heard) == 3)
        assert heard[2] is not None and heard[2].total == on_disk(library).bytes < heard[1].total
        status[0] = PlaceStatus(PlaceState.READY, LibraryPlace(other.path))
        shown.look()
        assert heard[3] is None, "what was known of the other place is dropped at once"
        await until(lambda: len(heard) == 5)
        assert heard[4] is not None and len(heard[4].images) == 1
        beside.append(PlaceStatus(PlaceState.READY, LibraryPlace(library.path)))
        beside.append(PlaceStatus(PlaceState.CONNECTING, LibraryPlace(tmp_path / "away")))
        shown.look()
        await until(lambda: len(heard) == 6)
        assert heard[5] == heard[4], "that of the current place"
        assert {place: one.total for place, one in shown.known.items()} == {
            LibraryPlace(one.path): on_disk(one).bytes for one in (other, library)
        }
        shown.look()
        shown.stop()
        await until(lambda: not desk.tasks._tasks)
        assert len(heard) == 6
        shown.deleteLater()

    play(scene)
