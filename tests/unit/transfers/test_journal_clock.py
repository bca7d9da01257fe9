"""Age by the clock: no single reading of it deletes anything."""

from __future__ import annotations

import random
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from longshore.transfers.journal.clock import AGREE, EARLIEST, SECONDS_A_DAY, calendar
from longshore.transfers.journal.days import DROPPED_A_DAY, READINGS
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State, TransferSnapshot
from transfertools import pull

NOW = (date(2026, 11, 27) - date(1970, 1, 1)).days
IN_2100 = (date(2100, 1, 1) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("readings", "today", "latest"),
    [
        ([], None, ()),
        ([NOW], None, (NOW,)),
        ([NOW, NOW + 1], None, (NOW, NOW + 1)),
        ([NOW, NOW + 1, NOW + 5], NOW, (NOW, NOW + 1, NOW + 5)),
        # The clock is wrong once: ahead, behind, or before Longshore existed.
        ([NOW, NOW + 1, NOW + 2, IN_2100], NOW + 1, (NOW, NOW + 1, NOW + 2, IN_2100)),
        ([NOW, IN_2100, NOW + 1, NOW + 2], NOW, (NOW, NOW + 1, NOW + 1, NOW + 2)),
        ([NOW, 0, NOW + 1, NOW + 2], NOW, (NOW, NOW + 1, NOW + 1, NOW + 2)),
        ([0, 1, 2, 3], None, (None, None, None, None)),
        ([NOW, NOW - 400, NOW + 1], None, (NOW, NOW + 1, NOW + 1)),
        # It goes back at the end: that reading counts as the latest day before it.
        ([NOW, NOW + 1, NOW + 2, NOW - 9], NOW, (NOW, NOW + 1, NOW + 2, NOW + 2)),
        # The same day again and again counts as one reading.
        ([NOW, 0, NOW, 0, NOW, 0, NOW + 1], None, (NOW, NOW, NOW, NOW, NOW, NOW + 1, NOW + 1)),
        # As many for either day: today is the earlier, a row's day the later, which deletes less.
        ([IN_2100, NOW], None, (IN_2100, IN_2100)),
        (
            [EARLIEST - 1, EARLIEST, EARLIEST + 1, EARLIEST + 2],
            EARLIEST,
            (EARLIEST, EARLIEST, EARLIEST + 1, EARLIEST + 2),
        ),
    ],
)
def test_days_that_several_readings_agree_on(
    readings: list[int], today: int | None, latest: tuple[int | None, ...]
) -> None:
    found = calendar(readings)
    assert (found.today, found.latest) == (today, latest)


def test_no_two_wrong_readings_ever_move_today_past_the_truth() -> None:
    chance = random.Random(10)
    for _ in range(500):
        true = sorted(chance.sample(range(NOW, NOW + 300), chance.randint(1, 12)))
        readings = list(true)
        for _ in range(AGREE - 1):
            wrong = chance.choice([0, 11_000, NOW - 500, NOW + 1000, IN_2100])
            readings.insert(chance.randint(0, len(readings)), wrong)
        found = calendar(readings)
        assert found.today is None or found.today <= true[-1]
        days = [day for day in found.latest if day is not None]
        assert days == sorted(days)


class Days:
    """A clock that a test sets. To the file, each start of the journal looks like a new process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.day = NOW

    def __call__(self) -> float:
        return self.day * SECONDS_A_DAY + 3600.0

    def start(self, day: int, *save: TransferSnapshot, **more: float) -> list[str]:
        """Start and end on *day*; return the ids that are in the history then."""
        self.day = day
        journal = Journal(self.path, clock=self, **more)  # type: ignore[arg-type]
        journal.open()
        try:
            journal.save(save)
            assert journal.flush()
            return [one.id for one in journal.history(limit=10_000)]
        finally:
            assert journal.close()

    def row(self, day: int | None = None, number: int = 0) -> TransferSnapshot:
        """A transfer that succeeded on *day*."""
        day = self.day if day is None else day
        entry = Entry(pull(f"a/b:{number}"), state=State.SUCCEEDED)
        entry.created = datetime.fromtimestamp(day * SECONDS_A_DAY, UTC)
        return entry.snapshot(0.0)


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(tmp_path / "journal.sqlite3")


@pytest.mark.parametrize("wrong", [IN_2100, 0, -5, NOW - 4000, NOW + 91], ids=str)
def test_a_start_with_a_wrong_clock_deletes_nothing(days: Days, wrong: int) -> None:
    for number in range(4):
        days.start(NOW + number, days.row(NOW + number))
    assert len(days.start(wrong)) == 4
    assert len(days.start(wrong)) == 4
    assert len(days.start(NOW + 5)) == 4


def test_what_is_old_by_three_days_goes(days: Days) -> None:
    old = days.row(NOW)
    assert days.start(NOW, old) == [old.id]
    later = days.row(NOW + 91)
    assert len(days.start(NOW + 91, later)) == 2
    assert len(days.start(NOW + 92)) == 2
    # Now three days agree that more than ninety have passed.
    assert days.start(NOW + 93) == [later.id]
    assert days.start(NOW + 93) == [later.id]


def test_exactly_as_old_as_may_be_stays(days: Days) -> None:
    days.start(NOW, days.row())
    for number in range(3):
        assert len(days.start(NOW + 90 + number)) == 1
    assert days.start(NOW + 93) == []


@pytest.mark.parametrize("wrong", [0, NOW - 3000], ids=["1970", "years ago"])
def test_rows_of_a_clock_that_was_behind_do_not_look_old(days: Days, wrong: int) -> None:
    days.start(NOW, days.row())
    days.day = wrong
    fresh = days.row(wrong)
    assert fresh.id in days.start(wrong, fresh)
    for number in range(1, 6):
        assert fresh.id in days.start(NOW + number)
    for number in range(3):
        found = days.start(NOW + 100 + number)
    assert found == []


def test_one_day_drops_a_bounded_number_of_rows(days: Days) -> None:
    days.start(NOW, *(days.row(number=number) for number in range(2 * DROPPED_A_DAY + 10)))
    days.start(NOW + 200)
    days.start(NOW + 201)
    assert len(days.start(NOW + 202)) == DROPPED_A_DAY + 10
    assert len(days.start(NOW + 202)) == DROPPED_A_DAY + 10  # another start on the same day
    assert len(days.start(NOW + 203)) == 10
    assert len(days.start(NOW + 204)) == 0


def test_the_limit_of_rows_drops_the_ones_that_came_first_whatever_their_times(days: Days) -> None:
    first = [days.row(IN_2100, number) for number in range(3)]
    last = [days.row(0, number) for number in range(3)]
    days.start(NOW, *first, *last)
    assert set(days.start(NOW + 1, max_rows=3)) == {one.id for one in last}


def test_rows_of_an_earlier_version_count_by_their_own_times(days: Days) -> None:
    old, wrong, late = days.row(NOW - 100, 1), days.row(0, 2), days.row(IN_2100, 3)
    days.start(NOW, old, wrong, late)
    with sqlite3.connect(days.path) as database:
        database.execute("UPDATE transfers SET seen = 0")
    database.close()
    days.start(NOW + 1)
    assert set(days.start(NOW + 2)) == {wrong.id, late.id}


def test_readings_are_bounded(days: Days, tmp_path: Path) -> None:
    days.day = NOW
    journal = Journal(days.path, clock=days)
    journal.open()
    row = days.row()
    for number in range(READINGS + 20):
        days.day = NOW + number % 2
        journal.save([row])
        assert journal.flush()
    assert journal.close()
    with sqlite3.connect(days.path) as database:
        ((count,),) = database.execute("SELECT count(*) FROM clock").fetchall()
    database.close()
    assert count == READINGS
