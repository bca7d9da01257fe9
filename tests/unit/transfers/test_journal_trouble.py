"""The journal on a disk that is full, locked or gone, and with damaged rows: nothing is lost, and it is reported."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.transfers.journal import journal as journal_module
from longshore.transfers.journal.history import HistoryFilter
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State, TransferSnapshot
from testbed.errors import TestbedUnavailable
from transfertools import Eye, Gate, Script, pull, wait_until
from transfertools.archives import small_disk

Make = Callable[..., tuple[TransferQueue, Eye]]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A separate disk of 512 kB."""
    try:
        with small_disk(tmp_path / "disk", 512 * 1024) as folder:
            yield folder
    except TestbedUnavailable as problem:
        pytest.skip(str(problem))


def fill(disk: Path) -> Path:
    """Fill *disk* to the last byte; return the file to remove again."""
    path = disk / "fill"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            return path


def open_journal(path: Path) -> Journal:
    journal = Journal(path)
    journal.open()
    return journal


def row(number: int, state: State = State.SUCCEEDED) -> TransferSnapshot:
    return Entry(pull(f"a/b:{number}"), state=state).snapshot(0.0)


def states(path: Path) -> dict[str, str]:
    """The states in the file, by id, as another program reads them."""
    with sqlite3.connect(path) as database:
        found = dict(database.execute("SELECT id, state FROM transfers").fetchall())
    database.close()
    return found


@pytest.mark.expects_log("the journal cannot be written: The disk is full.")
def test_what_happens_on_a_full_disk_is_written_once_there_is_room(disk: Path, make_queue: Make) -> None:
    gate = Gate()
    journal = Journal(disk / "journal.sqlite3")
    queue, eye = make_queue(Script(gate.wait), journal=journal, concurrency=8)
    requests = [pull(f"a/b:{number}") for number in range(8)]
    rows = [queue.add(request) for request in requests]
    for each in rows:
        eye.until(each, State.RUNNING)
    assert journal.flush()
    filled = fill(disk)
    gate.open(*requests)
    for each in rows:
        eye.until(each, State.SUCCEEDED)
    wait_until(lambda: (eye.look(), eye.unsaved == ["The disk is full."])[1])
    # A row does not wait for a disk that is known to be full.
    gate.open(pull("a/later:1"))
    later = queue.add(pull("a/later:1"))
    eye.until(later, State.SUCCEEDED)
    assert set(states(journal.path).values()) == {"Running"}
    filled.unlink()
    wait_until(lambda: (eye.look(), eye.unsaved == ["The disk is full.", ""])[1])
    assert states(journal.path) == dict.fromkeys([*rows, later], "Succeeded")
    assert queue.shutdown(5.0)
    _, after = make_queue(Script(gate.wait), journal=Journal(journal.path))
    wait_until(lambda: (after.look(), after.wakes)[1])
    assert after.order == []


@pytest.mark.expects_log("the journal cannot be written")
def test_rows_that_wait_for_the_disk_are_one_each_however_often_they_change(disk: Path) -> None:
    journal = open_journal(disk / "journal.sqlite3")
    assert journal.flush()
    filled = fill(disk)
    for _ in range(200):
        journal.save([row(1)])
    same = row(2, State.RUNNING)
    for _ in range(200):
        journal.save([same])
        journal.save_order([same.id])
    assert not journal.flush()
    assert len(journal._pending) == 201
    filled.unlink()
    assert journal.close()
    assert len(states(journal.path)) == 201


@pytest.mark.expects_log("the journal cannot be written: The disk is full.")
@pytest.mark.expects_log("the last changes of the journal could not be written")
def test_a_full_disk_holds_up_no_end(disk: Path, make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), journal=Journal(disk / "journal.sqlite3"))
    first = queue.add(pull())
    eye.until(first, State.RUNNING)
    filled = fill(disk)
    second = queue.add(pull("a/b:2"))
    eye.until(second, State.RUNNING)
    assert queue.shutdown(5.0)
    assert eye.states() == [State.INTERRUPTED] * 2
    filled.unlink()


@pytest.mark.expects_log("the journal cannot be written: The disk is full")
def test_a_disk_that_is_full_at_the_start(disk: Path, make_queue: Make) -> None:
    path = disk / "state" / "journal.sqlite3"
    before = open_journal(path)
    left = row(0, State.RUNNING)
    before.save([left])
    assert before.flush()
    assert before.close()
    filled = fill(disk)
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), journal=Journal(path))
    eye.until(queue.add(pull("a/b:1")), State.RUNNING)
    filled.unlink()
    eye.until(left.id, State.INTERRUPTED)  # found at the latest when the file can be used
    wait_until(lambda: (eye.look(), eye.unsaved[-1:] in ([""], []))[1])
    gate.open(pull("a/b:1"))
    eye.until(eye.order[-1], State.SUCCEEDED)
    assert queue.shutdown(5.0)
    assert states(path) == {left.id: "Interrupted", eye.order[-1]: "Succeeded"}


@pytest.mark.expects_log("the journal cannot be written: Another program keeps it locked.")
def test_a_file_that_another_program_keeps_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.transfers.journal.file.WRITE_SECONDS", 0.05)
    journal = open_journal(tmp_path / "journal.sqlite3")
    assert journal.flush()
    with sqlite3.connect(journal.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        journal.save([row(1), row(2)])
        assert not journal.flush()
        assert journal.problem == "Another program keeps it locked."
        other.execute("ROLLBACK")
    other.close()
    assert journal.flush()
    assert journal.problem == ""
    assert journal.close()
    assert len(states(journal.path)) == 2


@pytest.mark.expects_log("the journal cannot be written")
def test_a_place_that_becomes_usable_gets_what_was_kept_in_memory(make_queue: Make, tmp_path: Path) -> None:
    blocker = tmp_path / "state"
    blocker.write_text("not a folder")
    queue, eye = make_queue(Script(lambda job, number: ""), journal=Journal(blocker / "journal.sqlite3"))
    done = queue.add(pull("a/b:1"))
    eye.until(done, State.SUCCEEDED)
    wait_until(lambda: (eye.look(), eye.unsaved)[1])
    blocker.unlink()
    wait_until(lambda: (eye.look(), eye.unsaved[-1] == "")[1])
    assert states(blocker / "journal.sqlite3") == {done: "Succeeded"}


@pytest.mark.expects_log("the journal cannot be written")
def test_rows_in_a_file_that_became_usable_belong_to_the_program_that_runs_them(tmp_path: Path) -> None:
    blocker = tmp_path / "state"
    blocker.write_text("not a folder")
    journal = open_journal(blocker / "journal.sqlite3")
    journal.save([row(1, State.RUNNING)])
    wait_until(lambda: journal.problem != "")
    blocker.unlink()
    wait_until(journal.flush)
    other = open_journal(blocker / "journal.sqlite3")
    try:
        assert len(other.history()) == 1
        assert other.adopt() == [], "its program runs"
    finally:
        assert other.close()
        assert journal.close()


def test_a_place_that_becomes_usable_while_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = tmp_path / "state"
    blocker.write_text("not a folder")

    def opened_late(path: Path) -> Any:
        if blocker.is_file():
            blocker.unlink()
        return open_database(path)

    open_database = journal_module.open_database
    monkeypatch.setattr(journal_module, "open_database", opened_late)
    journal = open_journal(blocker / "journal.sqlite3")
    journal.save([row(1, State.RUNNING)])
    assert journal.flush()
    other = open_journal(blocker / "journal.sqlite3")
    try:
        assert len(other.history()) == 1
        assert other.adopt() == [], "its program runs"
    finally:
        assert other.close()
        assert journal.close()


def test_a_file_that_was_removed_meanwhile_comes_back_with_all_rows(make_queue: Make, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    journal = Journal(folder / "journal.sqlite3")
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), journal=journal)
    running, waiting = (queue.add(pull(f"a/b:{number}")) for number in range(2))
    eye.until(running, State.RUNNING)
    assert journal.flush()
    for each in folder.glob("journal.sqlite3*"):
        each.unlink()
    gate.open(pull("a/b:0"))
    eye.until(running, State.SUCCEEDED)
    assert journal.flush()
    assert states(journal.path) == {running: "Succeeded", waiting: "Running"}


@pytest.mark.expects_log("journal set aside|cannot be kept|no such table")
@pytest.mark.parametrize("table", ["transfers", "clock"])
def test_a_file_that_is_damaged_while_it_is_open_loses_no_row_of_this_run(
    make_queue: Make, tmp_path: Path, table: str
) -> None:
    journal = Journal(tmp_path / "journal.sqlite3")
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), journal=journal)
    rows = [queue.add(pull(f"a/b:{number}")) for number in range(3)]
    for each in rows:
        eye.until(each, State.RUNNING)
    assert journal.flush()
    with sqlite3.connect(journal.path) as database:
        database.execute(f"DROP TABLE {table}")
    database.close()
    gate.open(pull("a/b:0"))
    eye.until(rows[0], State.SUCCEEDED)
    wanted = {rows[0]: "Succeeded", rows[1]: "Running", rows[2]: "Running"}
    wait_until(lambda: journal.flush() and states(journal.path) == wanted)
    eye.look()
    assert eye.set_aside.path.exists()
    assert journal.problem == ""
    # The queue has read the new file once; otherwise it would read it again at every change.
    wait_until(lambda: not journal.another)


DEEP = "[" * 100_000 + "]" * 100_000
DAMAGES: dict[str, tuple[str, Any]] = {
    "deep request": ("request", DEEP),
    "deep plan": ("plan", DEEP),
    "deep error": ("error", '{"message":' + DEEP + "}"),
    "deep notes": ("notes", DEEP),
    "torn": ("request", '{"operation": "pull"'),
    "no object": ("request", "[]"),
    "a number": ("request", 17),
    "bytes": ("request", b"\xff\xfe\x00"),
    "huge": ("notes", '[["tagged", "' + "x" * 2_000_000 + '"]]'),
    "no id": ("id", b"\x00\x01"),
    "bytes moved": ("moved_bytes", "1e3x"),
    "negative": ("moved_bytes", -1),
    "time": ("created", "yesterday"),
    "time beyond": ("created", 1e300),
    "infinite": ("created", float("inf")),
    "started": ("started", -1e12),
    "attempt": ("attempt", 10**12),
    "plan of words": ("plan", '{"layers": "x", "total_bytes": 1}'),
    "plan of floats": ("plan", '{"layers": 1, "total_bytes": 1e999}'),
    "moved": ("moved", "[1]"),
    "moved beyond": ("moved", '{"bytes": 1' + "0" * 400 + "}"),
    "error list": ("error", "[]"),
    "error cause": ("error", '{"code": "engine.unavailable", "cause": {}}'),
    "notes number": ("notes", "5"),
    "notes pairs": ("notes", "[[1]]"),
    "digest": ("digest", b"sha256"),
}


@pytest.mark.expects_log("a row of the journal cannot be read")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_harms_itself_only_and_is_said(make_queue: Make, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "journal.sqlite3"
    before = open_journal(path)
    good, bad, ended = row(0, State.RUNNING), row(1, State.RUNNING), row(2)
    before.save([good])
    before.save([bad], 1)
    before.save([ended], 2)
    assert before.flush()
    assert before.close()
    column, value = DAMAGES[damage]
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE transfers SET {column} = ? WHERE id = ?", [value, bad.id])
    database.close()
    script = Script(lambda job, number: "")
    queue, eye = make_queue(script, journal=Journal(path))
    eye.until(good.id, State.INTERRUPTED)
    eye.look()
    assert eye.order == [good.id]
    assert eye.damaged == 1
    queue.retry([good.id])
    eye.until(good.id, State.SUCCEEDED)
    assert queue.shutdown(5.0)
    # The damaged row is reported once, harms no page of the history, and is not deleted.
    journal = open_journal(path)
    assert journal.adopt() == []
    assert {one.id for one in journal.history()} == {good.id, ended.id}
    assert journal.history_count(HistoryFilter(tuple(state for state in State))) == 2
    assert journal.damaged == 0
    assert journal.close()
    assert len(states(path)) == 3


@pytest.mark.expects_log("a row of the journal cannot be read")
@pytest.mark.parametrize("permille", ["many", 5000, -1, 0.5])
def test_a_bar_that_cannot_be(tmp_path: Path, permille: object) -> None:
    journal = open_journal(tmp_path / "journal.sqlite3")
    rows = row(0), row(1)
    journal.save(rows)
    assert journal.flush()
    with sqlite3.connect(journal.path) as database:
        database.execute("UPDATE transfers SET permille = ? WHERE id = ?", [permille, rows[0].id])
        database.execute("UPDATE transfers SET permille = 1000 WHERE id = ?", [rows[1].id])
    database.close()
    assert [one.id for one in journal.history()] == [rows[1].id]
    assert journal.close()


def test_text_that_is_no_utf_8_is_shown_as_far_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = open_journal(path)
    rows = row(0), row(1)
    journal.save(rows)
    assert journal.flush()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE transfers SET digest = CAST(x'ff41' AS TEXT) WHERE id = ?", [rows[0].id])
        database.execute(
            "UPDATE transfers SET registries = CAST(x'20fe20' AS TEXT) WHERE id = ?", [rows[1].id]
        )
    database.close()
    assert {one.digest for one in journal.history()} == {"\ufffdA", ""}
    assert len(journal.registries()) == 2
    assert journal.close()


@pytest.mark.expects_log("a row of the journal cannot be read")
def test_an_unknown_state_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = open_journal(path)
    rows = row(0), row(1)
    journal.save(rows)
    assert journal.flush()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE transfers SET state = 'Confused' WHERE id = ?", [rows[0].id])
    database.close()
    assert journal.adopt() == []
    assert journal.damaged == 1
    assert journal.close()


@pytest.mark.expects_log("a row cannot be written into the journal")
def test_a_row_that_cannot_be_written_harms_itself_only(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite3")
    settled = threading.Event()
    good = row(0)
    impossible = Entry(pull("a/b:1"), attempt=2**70).snapshot(0.0)
    journal.save([impossible], settled=settled.set)
    journal.save([good])
    assert journal.flush()
    assert settled.is_set()
    assert [one.id for one in journal.history()] == [good.id]
    assert journal.close()


def test_names_of_files_with_bytes_that_are_no_text(tmp_path: Path) -> None:
    from longshore.transfers.transfer import ArchivePlace, Endpoint, LibraryPlace, Operation, TransferRequest

    request = TransferRequest(
        Operation.LOAD,
        Endpoint(ArchivePlace(Path(os.fsdecode(b"/tmp/\xff.tar"))), None),
        Endpoint(LibraryPlace(tmp_path), None),
    )
    journal = open_journal(tmp_path / "journal.sqlite3")
    journal.save([Entry(request).snapshot(0.0)])
    assert journal.flush()
    (found,) = journal.history()
    assert found.request == request
    assert journal.close()


@pytest.mark.expects_log("journal set aside")
@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "link to a device"])
def test_what_is_no_file_is_set_aside(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / "journal.sqlite3"
    strange = tmp_path / f"journal.sqlite3{ending}"
    if kind == "pipe":
        os.mkfifo(strange)
    elif kind == "folder":
        (strange / "within").mkdir(parents=True)
    else:
        strange.symlink_to("/dev/zero")
    journal = open_journal(path)
    journal.save([row(0)])
    assert journal.flush()
    assert journal.set_aside is not None
    assert journal.set_aside.path is not None
    assert journal.set_aside.path.is_symlink() or journal.set_aside.path.exists()
    assert journal.close()
    assert len(states(path)) == 1


def test_a_pipe_among_the_signs_of_life(tmp_path: Path) -> None:
    folder = tmp_path / "journal-instances"
    folder.mkdir()
    os.mkfifo(folder / "stranger.lock")
    (folder / "link.lock").symlink_to("/dev/zero")
    journal = open_journal(tmp_path / "journal.sqlite3")
    assert journal.adopt() == []
    assert journal.close()


@pytest.mark.expects_log("unexpectedly")
@pytest.mark.expects_log("the journal cannot be read")
def test_a_journal_that_cannot_even_begin_holds_nothing_up(
    make_queue: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> Any:
        raise KeyError("oops")

    monkeypatch.setattr(journal_module, "open_database", broken)
    queue, eye = make_queue(Script(lambda job, number: ""), start=False)
    before = queue.add(pull("a/b:1"))
    queue.start()
    eye.until(before, State.SUCCEEDED)
    eye.until(queue.add(pull("a/b:2")), State.SUCCEEDED)


@pytest.mark.expects_log("unexpectedly")
@pytest.mark.expects_log("the journal (cannot|could not) be written")
def test_a_write_that_fails_unexpectedly_holds_nothing_up(
    make_queue: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(store: object, batch: object, owner: str) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("longshore.transfers.journal.store.Store.write", broken)
    queue, eye = make_queue(Script(lambda job, number: ""))
    eye.until(queue.add(pull("a/b:1")), State.SUCCEEDED)
    wait_until(lambda: (eye.look(), eye.unsaved)[1])
    assert queue.shutdown(5.0)


def test_the_pauses_between_attempts_are_bounded() -> None:
    assert 0 < journal_module.RETRY[0] < journal_module.RETRY[1] <= 10
