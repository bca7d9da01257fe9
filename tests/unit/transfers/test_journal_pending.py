"""Changes that wait to be written: written together, they have the same result as one after the other."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from longshore.transfers.journal import pending as pending_module
from longshore.transfers.journal.pending import Pending, RowChange
from longshore.transfers.journal.schema import migrate
from longshore.transfers.journal.store import Store
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State, TransferSnapshot
from transfertools import pull

Change = Callable[[Pending], None]


def row(number: int, state: State = State.QUEUED) -> TransferSnapshot:
    return replace(Entry(pull(f"a/b:{number}"), state=state).snapshot(0.0), id=str(number))


@pytest.fixture
def stores() -> Iterator[tuple[Store, Store]]:
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as one,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as other,
    ):
        migrate(one)
        migrate(other)
        yield Store(one), Store(other)


def content(store: Store, *, positions: bool) -> list[tuple[object, ...]]:
    position = "position" if positions else "0"
    return store.fetch(f"SELECT id, state, in_queue, {position}, attempt FROM transfers ORDER BY id")


def some_changes(chance: random.Random) -> list[Change]:
    """Changes that a queue and a history window may request, in a possible order."""
    changes: list[Change] = []
    known: dict[str, TransferSnapshot] = {}
    queued: list[str] = []

    def change(name: str, what: RowChange) -> None:
        changes.append(lambda pending: pending.change(name, replace(what, settled=[])))

    for step in range(40):
        ended = [name for name in queued if known[name].state.finished]
        match chance.randrange(7):
            case 0:
                name = str(len(known))
                known[name] = row(len(known))
                queued.append(name)
                change(name, RowChange(known[name], first_position=int(name), in_queue=True))
            case 1 | 2 if queued:
                name = chance.choice(queued)
                known[name] = replace(known[name], state=chance.choice(list(State)), attempt=step)
                change(name, RowChange(known[name], first_position=int(name), in_queue=True))
            case 3 if ended:
                name = chance.choice(ended)
                queued.remove(name)
                change(name, RowChange(in_queue=False))
            case 4 if set(known) - set(queued):
                change(chance.choice(sorted(set(known) - set(queued))), RowChange(forgotten=True))
            case 5 if queued:
                chance.shuffle(queued)
                for number, name in enumerate(queued):
                    change(name, RowChange(position=100 + number))
            case 6 if chance.random() < 0.3:
                changes.append(Pending.clear_history)
    return changes


@pytest.mark.parametrize("seed", range(150))
def test_together_as_one_after_the_other(seed: int, stores: tuple[Store, Store]) -> None:
    chance = random.Random(seed)
    at_once, late = stores
    waiting = Pending()
    changes = some_changes(chance)
    for change in changes:
        now = Pending()
        change(now)
        at_once.write(now.take(1000), "me")
        change(waiting)
        match chance.randrange(6):
            case 0:
                late.write(waiting.take(chance.randint(1, 5)), "me")
            case 1 | 2:
                failed = waiting.take(chance.randint(1, 5))
                if chance.random() < 0.5:  # more changes arrive during the attempt
                    change(waiting)
                waiting.give_back(failed)
    while waiting:
        late.write(waiting.take(3), "me")
    # A row that is cleared and then queued again may keep the position that it had in between.
    positions = Pending.clear_history not in changes
    assert content(late, positions=positions) == content(at_once, positions=positions)


def test_whoever_waits_for_a_row_is_told_once_even_if_it_is_forgotten() -> None:
    told: list[str] = []
    pending = Pending()
    for name in "abc":
        pending.change(name, RowChange(row(1), settled=[lambda name=name: told.append(name)]))  # type: ignore[misc]
        pending.change(name, RowChange(row(1), settled=[lambda name=name: told.append(name + "2")]))  # type: ignore[misc]
    pending.change("b", RowChange(forgotten=True))
    batch = pending.take(100)
    batch.tell()
    batch.tell()
    assert told == ["a", "a2", "b", "b2", "c", "c2"]
    assert not pending


def test_what_is_kept_for_a_disk_that_stays_full_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_module, "MOST", 10)
    pending = Pending()
    running = [str(number) for number in range(6)]
    for number in range(30):
        state = State.RUNNING if number < 6 else State.SUCCEEDED
        pending.change(str(number), RowChange(row(number, state), in_queue=True))
        pending.give_back(pending.take(1000))
    assert len(pending) == 10
    kept = pending.take(1000).rows
    # Running rows are never dropped; of the others, the latest are kept.
    assert list(kept) == [*running, "26", "27", "28", "29"]


def test_a_row_that_somebody_waits_for_is_kept_on_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_module, "MOST", 1)
    pending, told = Pending(), [lambda: None]
    for number in range(3):
        change = RowChange(row(number, State.SUCCEEDED), settled=told if number == 0 else [])
        pending.change(str(number), change)
    pending.give_back(pending.take(1000))
    assert [(name, kept.settled) for name, kept in pending.take(1000).rows.items()] == [("0", told)]


def test_what_can_only_be_read_is_interrupted_now_or_was_before(stores: tuple[Store, Store]) -> None:
    store, _ = stores
    ended = datetime(2024, 5, 6, tzinfo=UTC)
    pending = Pending()
    for number, state in enumerate((State.INTERRUPTED, State.RUNNING)):
        one = replace(row(number, state), permille=300, finished=ended if state.finished else None)
        pending.change(one.id, RowChange(one, first_position=number, in_queue=True))
    store.write(pending.take(100), "gone")
    store.connection.execute("PRAGMA query_only = 1")
    found, written = store.adopt("here", [])
    assert not written
    assert [one.state for one in found] == [State.INTERRUPTED] * 2
    before, now = found
    assert (before.finished, before.permille) == (ended, 300)
    assert now.finished is not None and now.finished > ended
    assert now.permille is None  # its progress is unknown
