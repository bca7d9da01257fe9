"""Files of history in every state: opened, copied, set aside; what is said about each; and who else uses them."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from longshore.transfers.journal import file, instance
from longshore.transfers.journal.days import READINGS, drop_old, see_the_day
from longshore.transfers.journal.file import (
    copy_in_memory,
    is_gone,
    memory_database,
    open_database,
    open_reading,
    primary_code,
    reason_of,
)
from longshore.transfers.journal.history import ENDED, UNFINISHED, HistoryFilter, page_query
from longshore.transfers.journal.instance import Instance, running
from longshore.transfers.journal.pending import Batch, Pending, RowChange
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import Operation, State
from transfertools import pull

DAY = 86_400


def sqlite_error(code: int | None, words: str = "odd") -> sqlite3.Error:
    error = sqlite3.OperationalError(words)
    if code is not None:
        error.sqlite_errorcode = code
    return error


# -- what is said


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (sqlite_error(sqlite3.SQLITE_FULL), "The disk is full."),
        (sqlite_error(sqlite3.SQLITE_READONLY), "The file is read-only."),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), "The file can't be opened."),
        (sqlite_error(sqlite3.SQLITE_BUSY), "Another program keeps it locked."),
        (sqlite_error(sqlite3.SQLITE_BUSY | (2 << 8)), "Another program keeps it locked."),
        (sqlite_error(sqlite3.SQLITE_IOERR | (19 << 8)), "The disk is full or reports an error."),
        (sqlite_error(sqlite3.SQLITE_AUTH), "odd."),
        (sqlite_error(None), "odd."),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x: Permission denied."),
        (OSError(errno.EIO, "Input/output error"), "Input/output error."),
        (OSError("no number"), "no number."),
        (ValueError("odd"), "odd."),
    ],
)
def test_why_a_file_cannot_be_used(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def test_an_error_without_a_code_is_a_broken_file() -> None:
    assert primary_code(sqlite_error(None)) == sqlite3.SQLITE_CORRUPT
    assert primary_code(sqlite_error(sqlite3.SQLITE_BUSY | (2 << 8))) == sqlite3.SQLITE_BUSY


def test_a_file_is_gone_only_where_that_is_certain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    assert not is_gone(tmp_path / "file")
    assert is_gone(tmp_path / "none") and is_gone(tmp_path / "file" / "none")

    def refused(self: Path) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refused)
    assert not is_gone(tmp_path / "none")


# -- opening


def test_a_new_file_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.sqlite3"
    opened = open_database(path)
    assert (opened.problem, opened.set_aside) == ("", None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert opened.connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    assert opened.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    opened.connection.close()


def test_files_that_are_set_aside_at_the_same_moment_have_names_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file.time, "strftime", lambda _: "20260102-030405")
    path = tmp_path / "journal.sqlite3"
    for ending in ("", "-2", "-3"):
        path.write_bytes(b"no database at all" * 100)
        opened = open_database(path)
        opened.connection.close()
        assert opened.set_aside is not None and opened.problem == ""
        assert opened.set_aside.path == tmp_path / f"journal.sqlite3.corrupt-20260102-030405{ending}"
        assert opened.set_aside.reason.endswith(".")


def test_what_is_beside_a_broken_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    for ending in ("-wal", "-shm"):
        (tmp_path / f"journal.sqlite3{ending}").write_bytes(ending.encode())
    aside = file._set_aside(path, "corrupt", "x").path
    assert aside is not None and not list(tmp_path.glob("journal.sqlite3-*"))
    for ending in ("-wal", "-shm"):
        assert aside.with_name(aside.name + ending).read_bytes() == ending.encode()


def test_a_broken_file_that_cannot_be_moved_is_left_and_memory_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"no database at all" * 100)

    def refused(self: Path, target: Path) -> Path:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "rename", refused)
    opened = open_database(path)
    assert opened.set_aside is not None and opened.set_aside.path is None
    assert opened.set_aside.reason.endswith("It can't be set aside: Permission denied.")
    assert opened.problem
    opened.connection.execute("SELECT count(*) FROM transfers")
    opened.connection.close()


# -- reading only


def test_a_copy_in_memory_has_the_rows_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    with closing(open_database(path).connection) as connection:
        connection.execute("INSERT INTO clock (day) VALUES (7)")
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    copied = copy_in_memory(path)
    assert copied.problem == ""
    assert copied.connection.execute("SELECT day FROM clock").fetchall() == [(7,)]
    copied.connection.execute("INSERT INTO clock (day) VALUES (8)")
    copied.connection.close()
    assert path.read_bytes() == before["journal.sqlite3"]


def test_a_copy_of_nothing_is_empty_and_of_a_stranger_says_so(tmp_path: Path) -> None:
    found = copy_in_memory(tmp_path / "none")
    assert found.problem == ""
    assert found.connection.execute("SELECT count(*) FROM transfers").fetchone() == (0,)
    found.connection.close()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_bytes(b"no database at all" * 100)
    for name, words in (("pipe", "is not a regular file"), ("text", "not a database")):
        strange = copy_in_memory(tmp_path / name)
        assert words in strange.problem
        assert strange.connection.execute("SELECT count(*) FROM transfers").fetchone() == (0,)
        strange.connection.close()
    assert not list(tmp_path.glob("*corrupt*"))


def test_a_file_is_opened_to_read_only(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    open_database(path).connection.close()
    with closing(open_reading(path)) as connection:
        assert connection.execute("SELECT count(*) FROM clock").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("INSERT INTO clock (day) VALUES (7)")


# -- the clock


@pytest.fixture
def history() -> sqlite3.Connection:
    return memory_database()


def test_a_day_is_read_once(history: sqlite3.Connection) -> None:
    with closing(history):
        readings = [
            see_the_day(history, lambda second=second: second) for second in (DAY, 2 * DAY - 1, 2 * DAY)
        ]
        assert readings == [1, 1, 2]
        assert history.execute("SELECT day FROM clock ORDER BY number").fetchall() == [(1,), (2,)]
        assert see_the_day(history, lambda: DAY) == 3, "a clock that goes back is another reading"


def test_a_thousand_readings_are_kept(history: sqlite3.Connection) -> None:
    with closing(history):
        for day in range(READINGS + 5):
            see_the_day(history, lambda day=day: day * DAY)
        (first, count) = history.execute("SELECT min(day), count(*) FROM clock").fetchone()
        assert (first, count) == (5, 1000)


def test_two_hundred_rows_a_day_are_dropped_and_not_one_that_is_not_old(history: sqlite3.Connection) -> None:
    base = 20_000
    with closing(history):
        history.execute("CREATE TABLE t (seen INTEGER, at REAL, gone INTEGER)")
        for day in (base, base, base + 9, base + 10, base + 11):
            newest = see_the_day(history, lambda day=day: day * DAY)
        first = history.execute("SELECT min(number) FROM clock").fetchone()[0]
        history.executemany("INSERT INTO t VALUES (?, 0, ?)", [(first, 1)] * 250 + [(first, 0), (newest, 1)])
        for left in (52, 52):
            drop_old(history, "t", "gone = 1", "at", max_age_days=5, newest=newest)
            assert history.execute("SELECT count(*) FROM t").fetchone() == (left,)
        newest = see_the_day(history, lambda: (base + 12) * DAY)
        drop_old(history, "t", "gone = 1", "at", max_age_days=5, newest=newest)
        assert history.execute("SELECT count(*) FROM t").fetchone() == (2,)


# -- who else runs


def test_whoever_cannot_be_looked_at_may_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "instances"
    with closing(Instance(folder, "own")) as own:
        (folder / "link.lock").symlink_to("nowhere")
        assert own.others() == {"link"}

        def failing(descriptor: int) -> bool:
            raise OSError(errno.ENOLCK, "No locks available")

        (folder / "other.lock").touch()
        monkeypatch.setattr(instance, "try_lock", failing)
        assert own.others() == {"link", "other"}
        assert (folder / "other.lock").exists()
        with pytest.raises(OSError, match="No locks"):
            Instance(folder, "second")
        assert not (folder / "second.new").exists() and not (folder / "second.lock").exists()


def test_only_looking_removes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "instances"
    with closing(Instance(folder, "own")):
        (folder / "dead.lock").touch()
        (folder / "dead.lock").chmod(0o400)
        assert running(folder) == {"own"}
        assert (folder / "dead.lock").exists()
    assert running(tmp_path / "none") == set()


def test_an_instance_that_cannot_be_locked_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "try_lock", lambda descriptor: False)
    with pytest.raises(OSError, match="cannot lock"):
        Instance(tmp_path / "instances", "own")
    assert list((tmp_path / "instances").iterdir()) == []


# -- changes that wait


def change(state: State | None = None, **more: object) -> RowChange:
    found = RowChange(None if state is None else Entry(pull(), state=state).snapshot(0.0))
    for name, value in more.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize(
    ("found", "over"),
    [
        (change(), False),
        (change(in_queue=False), True),
        (change(in_queue=True), False),
        (change(State.RUNNING, in_queue=True), False),
        (change(State.SUCCEEDED, in_queue=True), True),
        (change(State.SUCCEEDED), True),
        (change(State.INTERRUPTED, in_queue=True), False),
        (change(State.INTERRUPTED, in_queue=False), True),
        (change(State.INTERRUPTED), True),
    ],
)
def test_which_rows_no_queue_can_resume(found: RowChange, over: bool) -> None:
    assert found.over is over


def test_a_later_change_keeps_what_it_does_not_say() -> None:
    told: list[int] = []
    first = change(
        State.RUNNING, first_position=1, position=2, in_queue=True, settled=[lambda: told.append(1)]
    )
    moved = first.followed_by(change(position=5, settled=[lambda: told.append(2)]))
    assert (moved.snapshot, moved.first_position, moved.position, moved.in_queue) == (
        first.snapshot,
        1,
        5,
        True,
    )
    saved = moved.followed_by(change(State.FAILED, first_position=9))
    assert saved.snapshot is not None and saved.snapshot.state is State.FAILED
    assert (saved.first_position, saved.position, saved.in_queue) == (9, 5, True)
    gone = saved.followed_by(change(forgotten=True))
    assert (gone.snapshot, gone.position, gone.in_queue, gone.forgotten) == (None, None, None, True)
    assert gone.followed_by(change(position=1)).forgotten
    assert not gone.followed_by(change(State.QUEUED)).forgotten
    Batch(rows={"x": gone}).tell()
    assert told == [1, 2]


@pytest.mark.parametrize(("most", "taken", "left"), [(0, 0, 3), (1, 1, 2), (2, 2, 1), (3, 3, 0), (4, 3, 0)])
def test_so_many_rows_are_taken_at_once(most: int, taken: int, left: int) -> None:
    pending = Pending()
    assert not pending and len(pending) == 0
    for name in "abc":
        pending.change(name, change(State.RUNNING))
    pending.clear_history()
    batch = pending.take(most)
    assert (list(batch.rows), len(pending)) == (list("abc")[:taken], left)
    assert batch.clear_history and batch
    assert bool(pending) == bool(left) and not pending.take(9).clear_history


def test_what_could_not_be_written_comes_before_what_is_newer() -> None:
    pending = Pending()
    pending.change("a", change(State.RUNNING))
    failed = pending.take(9)
    pending.change("b", change(State.RUNNING))
    pending.change("a", change(State.SUCCEEDED))
    pending.give_back(failed)
    batch = pending.take(9)
    assert list(batch.rows) == ["a", "b"]
    assert batch.rows["a"].snapshot is not None and batch.rows["a"].snapshot.state is State.SUCCEEDED
    pending.change("c", change(State.SUCCEEDED))
    failed = pending.take(9)
    pending.clear_history()
    pending.give_back(failed)
    batch = pending.take(9)
    assert batch.clear_history and batch.rows["c"].forgotten


# -- questions


def test_all_states_have_ended_or_not() -> None:
    assert {*ENDED, *UNFINISHED} == set(State) and not {*ENDED} & {*UNFINISHED}


def test_what_a_filter_asks_for() -> None:
    assert HistoryFilter().condition()[1] == []
    wanted = HistoryFilter((State.FAILED, State.CANCELLED), Operation.PULL, "acme.io", text="Two  Words")
    condition, values = wanted.condition()
    assert values == ["Failed", "Cancelled", "pull", " acme.io ", "two", "words"]
    assert condition.count("?") == len(values)
    query, more = page_query(wanted, None, 7)
    assert more == [*values, 7] and query.endswith("ORDER BY created DESC, rowid DESC LIMIT ?")
    row = Entry(pull()).snapshot(0.0)
    query, more = page_query(wanted, row, 7)
    assert more == [*values, row.created.timestamp(), row.id, 7]
