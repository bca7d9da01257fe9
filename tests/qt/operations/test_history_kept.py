"""What the journal reports to the window: that it cannot save, that it saves again, and damaged rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from longshore.errors import LongshoreError
from longshore.models.transfers import TransferModel
from longshore.operations.transfers import Transfers
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State
from qt.operations.conftest import Desk
from transfertools import pull
from waiting import until

Play = Callable[[Callable[[Desk], Coroutine[Any, Any, None]]], None]


class Ear:
    """A Transfers with a journal at *path*, and its signals so far."""

    def __init__(self, desk: Desk, path: Path) -> None:
        self.desk = desk
        self.model = TransferModel()
        listing: Any = None  # needed only for pulls without a tag
        self.moving = Transfers(desk.clients, desk.tasks, desk.settings, path, listing, self.model)
        self.unsaved: list[str] = []
        self.failed: list[LongshoreError] = []
        self.moving.unsaved_changed.connect(self.unsaved.append)
        self.moving.failed.connect(self.failed.append)
        self.moving.start()

    async def close(self) -> None:
        self.moving.stop()
        assert await self.desk.tasks.call(self.desk.tasks.quick, self.moving.shutdown, 5.0)


@pytest.mark.expects_log("the journal cannot be written")
def test_that_nothing_is_saved_is_said_until_it_is(play: Play, tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        blocker = tmp_path / "blocked"
        blocker.write_text("no folder")
        ear = Ear(desk, blocker / "journal.sqlite3")
        await until(lambda: len(ear.unsaved) == 1)
        assert ear.unsaved == [
            f"The transfer history is not being saved: {blocker}: File exists. "
            "Transfers continue, and are saved as soon as possible."
        ]
        blocker.unlink()
        await until(lambda: len(ear.unsaved) == 2)
        assert ear.unsaved[1] == ""
        await ear.close()

    play(scene)


@pytest.mark.expects_log("a row of the journal cannot be read")
@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (1, "1 transfer in the history is damaged and can't be shown."),
        (2, "2 transfers in the history are damaged and can't be shown."),
    ],
)
def test_damaged_rows_are_counted(play: Play, tmp_path: Path, damaged: int, message: str) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    journal.open()
    rows = [Entry(pull(f"a/b:{number}"), state=State.RUNNING).snapshot(0.0) for number in range(3)]
    journal.save(rows)
    assert journal.close()
    with sqlite3.connect(path) as database:
        for row in rows[:damaged]:
            database.execute("UPDATE transfers SET request = ? WHERE id = ?", ["[" * 100_000, row.id])
    database.close()

    async def scene(desk: Desk) -> None:
        ear = Ear(desk, path)
        await until(lambda: bool(ear.failed) and ear.model.rowCount() == 3 - damaged)
        assert [error.message for error in ear.failed] == [message]
        await ear.close()

    play(scene)


def test_what_waits_is_not_counted_as_running(play: Play, tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        ear = Ear(desk, tmp_path / "journal.sqlite3")
        ear.moving.queue.hold()
        ear.moving.queue.add(pull())
        await until(lambda: ear.moving.unfinished == 1)
        assert ear.moving.running == 0
        await ear.close()

    play(scene)
