"""What ended programs left unfinished can be seen without taking it over, and taken over one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.transfers.journal.health import health_of
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State, TransferSnapshot
from transfertools import Eye, Script, pull

Open = Callable[[], Journal]


def row(name: str, state: State = State.RUNNING) -> TransferSnapshot:
    return replace(Entry(pull(name)).snapshot(0.0), state=state)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite3"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    journals: list[Journal] = []

    def make() -> Journal:
        journals.append(Journal(path))
        journals[-1].open()
        return journals[-1]

    yield make
    for journal in journals:
        assert journal.close()


def left_by_an_ended_program(opened: Open, *rows: TransferSnapshot) -> None:
    journal = opened()
    for number, one in enumerate(rows):
        journal.save([one], number)
    assert journal.flush() and journal.close()


def test_looking_takes_nothing_over(opened: Open) -> None:
    rows = [row("a/b:1"), row("a/b:2", State.QUEUED), row("a/b:3", State.INTERRUPTED)]
    left_by_an_ended_program(opened, *rows, row("a/b:4", State.SUCCEEDED))
    window, command = opened(), opened()
    living = row("c/d:1")
    window.save([living])
    assert window.flush()
    for _ in range(2):
        ended, running = command.unfinished()
        assert [one.id for one in ended] == [one.id for one in rows]
        assert {one.state for one in ended} == {State.INTERRUPTED}
        assert [(one.id, one.state) for one in running] == [(living.id, State.RUNNING)]
    # The journal itself still has them as they were.
    states = {one.id: one.state for one in command.history()}
    assert states[rows[0].id] is State.RUNNING and states[rows[1].id] is State.QUEUED


def test_only_the_chosen_rows_are_taken_over(opened: Open) -> None:
    rows = [row("a/b:1"), row("a/b:2"), row("a/b:3")]
    left_by_an_ended_program(opened, *rows)
    first, second = opened(), opened()
    living = row("c/d:1")
    second.save([living])
    assert second.flush()
    assert [one.id for one in first.adopt([rows[1].id, living.id, "unknown"])] == [rows[1].id]
    ended, running = second.unfinished()
    assert [one.id for one in ended] == [rows[0].id, rows[2].id]
    assert {one.id for one in running} == {rows[1].id, living.id}
    assert first.adopt([]) == first.adopt([rows[1].id])
    assert [one.id for one in second.adopt()] == [rows[0].id, rows[2].id]


def test_a_queue_resumes_the_chosen_rows(
    opened: Open, make_queue: Callable[..., tuple[TransferQueue, Eye]]
) -> None:
    rows = [row("a/b:1"), row("a/b:2")]
    left_by_an_ended_program(opened, *rows)
    queue, eye = make_queue(Script(lambda job, number: ""), start=False, journal=opened())
    queue.start(adopt=False)
    assert queue.adopt([rows[1].id]) == [rows[1].id]
    queue.retry([rows[1].id])
    eye.until(rows[1].id, lambda one: one.state is State.SUCCEEDED)
    ended, _ = opened().unfinished()
    assert [one.id for one in ended] == [rows[0].id]


def test_the_health_of_a_journal(opened: Open, path: Path) -> None:
    assert health_of(path, Cancellation()) == health_of(path.parent / "none", Cancellation())
    assert not path.parent.exists(), "looking creates nothing"
    left_by_an_ended_program(opened, row("a/b:1"))
    health = health_of(path, Cancellation())
    assert (health.rows, health.problem, health.set_aside) == (1, "", ())
    aside = path.with_name("journal.sqlite3.corrupt-20260101-000000")
    aside.write_bytes(b"")
    aside.with_name(f"{aside.name}-wal").write_bytes(b"")
    assert health_of(path, Cancellation()).set_aside == (aside,)
    cancelled = Cancellation()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        health_of(path, cancelled)


def test_a_damaged_journal_is_left_where_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    health = health_of(path, Cancellation())
    assert health.rows is None and "not a database" in health.problem
    path.unlink()
    path.mkdir()
    assert "not a regular file" in health_of(path, Cancellation()).problem
    assert [one.name for one in path.parent.iterdir()] == [path.name]
