"""Undo in the window: what is undone next, and a history that cannot be saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.application.tag_history.history import TagHistory
from longshore.oci.reference import Reference
from longshore.operations.undo import Undoing
from longshore.transfers.tag_changes import TagChange, TagOperation
from longshore.transfers.transfer import LibraryPlace
from waiting import until

from .conftest import Desk, Play

A, B = ("sha256:" + letter * 64 for letter in "ab")
DEV = Reference.parse("acme.io/team/web:dev")


def test_a_change_that_was_put_back_is_not_next(play: Play, tmp_path: Path) -> None:
    place = LibraryPlace(tmp_path / "library")
    history = TagHistory(tmp_path / "tags.sqlite3")

    async def scene(desk: Desk) -> None:
        undo = Undoing(desk.clients, desk.tasks, history, lambda: place, lambda requests: None)
        for tag, before, after in (("removed", A, ""), ("new", "", B)):
            (key,) = history.announce(
                [TagChange(place, DEV.with_tag(tag), TagOperation.TAG, before, after)],
            )
            history.settle({key: after})
        heard: list[list[str]] = []
        undo.last_in_force(lambda records: heard.append([record.tag for record in records]))
        await until(lambda: bool(heard))
        assert heard == [["removed"]]  # the library has no tag "new" any more
        undo.stop()

    play(scene)
    history.close()


@pytest.mark.expects_log("tag history|changes of tags")
def test_a_history_that_cannot_be_saved_is_told_once(play: Play) -> None:
    history = TagHistory(Path("/proc/none/tags.sqlite3"))

    async def scene(desk: Desk) -> None:
        undo = Undoing(desk.clients, desk.tasks, history, lambda: LibraryPlace(Path("/l")), lambda _: None)
        told: list[str] = []
        undo.unsaved_changed.connect(told.append)
        for _ in range(2):
            history.announce([TagChange(LibraryPlace(Path("/l")), DEV, TagOperation.TAG, A, B)])
        heard: list[bool] = []
        undo.next_changed.connect(lambda: heard.append(True))
        for looks in (1, 2):
            undo.next = []
            undo.look()
            await until(lambda wanted=looks: len(heard) >= wanted)
        assert len(told) == 1 and told[0]
        undo.stop()

    play(scene)
    history.close()
