"""The journal loses nothing, takes nobody else's rows, and no file crashes it."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from longshore.errors import AccessDenied, RegistryFailure
from longshore.shared_files import try_lock
from longshore.transfers.journal import file, instance, schema
from longshore.transfers.journal.history import HistoryFilter
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    LibraryPlace,
    Moved,
    NoteKind,
    Operation,
    Plan,
    State,
    TransferNote,
    TransferRequest,
    TransferSnapshot,
)
from transfertools import pull, push, wait_until

Open = Callable[..., Journal]


def row(request: TransferRequest | None = None, **more: object) -> TransferSnapshot:
    return replace(Entry(request or pull()).snapshot(0.0), **more)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite3"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    journals: list[Journal] = []

    def make(where: Path = path, **more: float) -> Journal:
        journal = Journal(where, **more)  # type: ignore[arg-type]
        journal.open()
        journals.append(journal)
        return journal

    yield make
    for journal in journals:
        assert journal.close()


def test_rows_come_back_whole(opened: Open) -> None:
    full = row(
        push("app:1", "127.0.0.1:5000/app:2", image_id="sha256:" + "1" * 64),
        state=State.FAILED,
        permille=420,
        moved_bytes=42,
        total_bytes=100,
        started=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        finished=datetime(2024, 1, 2, 3, 4, 6, tzinfo=UTC),
        attempt=3,
        plan=Plan(12, 100, 3, 30, True, "sha256:" + "2" * 64, False),
        moved=Moved(42, 4, 3, 2),
        digest="sha256:" + "3" * 64,
        error=AccessDenied("no", registry="127.0.0.1:5000", advice="ask", detail="denied:\nreally"),
        notes=(TransferNote(NoteKind.TAG_MOVED, "sha256:old"),),
    )
    journal = opened()
    journal.save([full])
    (found,) = journal.history()
    assert found.error is not None
    assert full.error is not None
    assert type(found.error) is AccessDenied
    assert vars(found.error) == vars(full.error)
    assert replace(found, error=None) == replace(full, error=None)


def test_a_journal_in_memory_keeps_rows_and_writes_no_file(opened: Open, path: Path) -> None:
    journal = opened(in_memory=True)
    settled = threading.Event()
    saved = row()
    journal.save([saved], settled=settled.set)
    assert settled.wait(30)
    assert [one.id for one in journal.history()] == [saved.id]
    assert journal.problem == ""
    assert journal.flush()
    assert journal.adopt() == []
    assert journal.close()
    assert not path.parent.exists()


def test_only_we_may_read_it(opened: Open, path: Path) -> None:
    journal = opened()
    journal.save([row()])
    assert journal.flush()
    files = [file for file in path.parent.iterdir() if file.is_file()]
    assert len(files) == 3  # -wal and -shm too
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_saving_does_not_wait_for_the_disk(opened: Open, path: Path) -> None:
    journal = opened()
    assert journal.flush()
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")  # another program writes, and takes long
        done = threading.Event()
        saver = threading.Thread(target=lambda: (journal.save([row()]), done.set()))
        saver.start()
        assert done.wait(0.5)
        saver.join()
        other.execute("ROLLBACK")
    other.close()
    assert len(journal.history()) == 1


def test_filters(opened: Open) -> None:
    journal = opened()
    old = datetime.now(UTC) - timedelta(days=5)
    rows = [
        row(pull("127.0.0.1:5000/alpha:1"), state=State.SUCCEEDED, created=old),
        row(pull("other.example/beta:1"), state=State.FAILED),
        row(push("alpha:1", "127.0.0.1:5000/gamma_x:1"), state=State.SUCCEEDED),
        row(pull("127.0.0.1:50000/delta:100%"[:-1]), state=State.CANCELLED),
    ]
    journal.save(rows)

    def ids(**filters: object) -> list[int]:
        wanted = HistoryFilter(**filters)  # type: ignore[arg-type]
        found = [one.id for one in journal.history(wanted)]
        assert journal.history_count(wanted) == len(found)
        return sorted(number for number, one in enumerate(rows) if one.id in found)

    assert ids() == [0, 1, 2, 3]
    assert ids(states=(State.FAILED, State.CANCELLED)) == [1, 3]
    assert ids(operation=Operation.PUSH) == [2]
    assert ids(registry="127.0.0.1:5000") == [0, 2]
    assert ids(text="ALPHA") == [0, 2]
    assert ids(text="_") == [2]
    assert ids(text="%") == []
    assert ids(since=old + timedelta(seconds=1)) == [1, 2, 3]
    assert ids(until=old + timedelta(seconds=1)) == [0]
    assert ids(text="gamma Alpha") == [2]
    assert ids(text="other alpha") == []
    assert [one.id for one in journal.history(limit=2)] == [rows[3].id, rows[2].id]
    assert [one.id for one in journal.history(before=rows[2])] == [rows[1].id, rows[0].id]
    assert journal.registries() == ["127.0.0.1:5000", "127.0.0.1:50000", "other.example"]


def test_a_search_finds_archives_by_the_name_of_their_file(opened: Open) -> None:
    journal = opened()
    loaded = row(
        TransferRequest(
            Operation.LOAD,
            Endpoint(ArchivePlace(Path("/tmp/Backup.tar")), None),
            Endpoint(LibraryPlace(Path("/tmp/library")), None),
        )
    )
    journal.save([loaded])
    assert [one.id for one in journal.history(HistoryFilter(text="backup"))] == [loaded.id]


def test_a_search_finds_the_sentence_of_a_failure(opened: Open, path: Path) -> None:
    journal = opened()
    denied = row(state=State.FAILED, error=AccessDenied("Not allowed to pull.", registry="r.io"))
    other = row(pull("a/b:2"), state=State.FAILED)
    journal.save([denied, other])
    assert [one.id for one in journal.history(HistoryFilter(text="not ALLOWED"))] == [denied.id]
    assert (
        journal.history(HistoryFilter(text="registry")) == []
    )  # a key of our JSON is not part of the failure's text
    with sqlite3.connect(path) as database:
        database.execute("UPDATE transfers SET error = '{torn' WHERE id = ?", [other.id])
    database.close()
    assert [one.id for one in journal.history(HistoryFilter(text="not allowed"))] == [denied.id]


def test_pages_follow_each_other_through_equal_times_and_gone_rows(opened: Open) -> None:
    journal = opened()
    moment = datetime.now(UTC)
    rows = [row(pull(f"a/b:{number}"), state=State.SUCCEEDED, created=moment) for number in range(7)]
    journal.save(rows)
    seen: list[str] = []
    page = journal.history(limit=3)
    while page:
        seen += [one.id for one in page]
        page = journal.history(limit=3, before=page[-1])
    assert seen == [one.id for one in reversed(rows)]


def test_clearing_the_history_leaves_what_can_go_on(opened: Open) -> None:
    journal = opened()
    rows = {state: row(pull(f"a/b:{state.name.lower()}"), state=state) for state in State}
    journal.save(list(rows.values()))
    journal.clear_history()
    left = {one.state for one in journal.history()}
    assert left == {state for state in State if not state.finished} | {State.INTERRUPTED}
    journal.clear([rows[State.INTERRUPTED].id])  # cleared from the list: nothing resumes from there
    journal.clear_history()
    assert State.INTERRUPTED not in {one.state for one in journal.history()}


def test_a_dead_instance_leaves_its_rows_interrupted(opened: Open) -> None:
    first = opened()
    rows = [row(pull(f"a/b:{state.name.lower()}"), state=state) for state in State]
    first.save(rows)
    first.save_order([one.id for one in reversed(rows)])
    assert first.close()
    second = opened()
    found = second.adopt()
    expected = [one for one in reversed(rows) if not one.state.finished or one.state is State.INTERRUPTED]
    assert [one.id for one in found] == [one.id for one in expected]
    assert {one.state for one in found} == {State.INTERRUPTED}
    finished = {one.request.source.reference: one.state for one in second.history()}
    assert sorted(state.name for state in finished.values()) == sorted(
        ["INTERRUPTED"] * len(expected) + ["SUCCEEDED", "FAILED", "CANCELLED"]
    )


def test_a_living_instance_keeps_its_rows(opened: Open) -> None:
    first, second = opened(), opened()
    mine = row(state=State.RUNNING)
    first.save([mine])
    assert first.flush()
    assert second.adopt() == []
    (still,) = second.history()
    assert still.state is State.RUNNING
    assert first.close()
    assert [one.id for one in second.adopt()] == [mine.id]


def test_many_instances_open_a_new_journal_at_once(opened: Open) -> None:
    journals = [opened() for _ in range(6)]
    for number, journal in enumerate(journals):
        journal.save([row(pull(f"a/b:{number}"), state=State.RUNNING)])
    assert all(journal.flush() for journal in journals)
    assert [journal.set_aside for journal in journals] == [None] * 6
    assert len(journals[0].history()) == 6
    assert journals[0].adopt() == []


def test_cleared_rows_do_not_come_back(opened: Open) -> None:
    first = opened()
    one = row(state=State.INTERRUPTED)
    first.save([one])
    first.clear([one.id])
    assert first.close()
    second = opened()
    assert second.adopt() == []
    assert len(second.history()) == 1


def test_trimming_by_age_and_count_leaves_what_is_unfinished(opened: Open) -> None:
    journal = opened(max_age_days=10, max_rows=3)
    ago = datetime.now(UTC) - timedelta(days=11)
    waiting = row(state=State.QUEUED, created=ago)
    journal.save([waiting, row(state=State.SUCCEEDED, created=ago)])
    fresh = [row(state=State.SUCCEEDED) for _ in range(5)]
    journal.save(fresh)
    journal.trim()
    assert {one.id for one in journal.history()} == {waiting.id, *(one.id for one in fresh[-3:])}
    journal.set_limits(max_age_days=10, max_rows=1)
    assert {one.id for one in journal.history()} == {waiting.id, fresh[-1].id}


def test_what_is_beyond_the_limits_goes_when_the_journal_is_opened(opened: Open) -> None:
    first, rows = opened(), [row(state=State.SUCCEEDED) for _ in range(3)]
    first.save(rows)
    assert first.close()
    assert [one.id for one in opened(max_rows=1).history()] == [rows[-1].id]


def test_rows_of_a_machine_without_a_clock_are_read(opened: Open) -> None:
    """After a flat battery, the clock begins in 1970."""
    journal, begun = opened(), datetime(1970, 1, 1, tzinfo=UTC)
    journal.save([row(state=State.QUEUED, created=begun)])
    assert [one.created for one in journal.history()] == [begun]
    assert journal.damaged == 0


def test_a_sign_of_life_is_locked_before_others_can_see_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would mistake an unlocked one for that of a Longshore that has ended, and remove it."""
    folder = tmp_path / "beside" / "instances"
    seen: list[list[str]] = []

    def looked(descriptor: int) -> bool:
        seen.append(sorted(path.name for path in folder.glob("*.lock")))
        return try_lock(descriptor)

    monkeypatch.setattr(instance, "try_lock", looked)
    alive = instance.Instance(folder, "own")
    try:
        assert seen == [[]]
        assert [path.name for path in folder.iterdir()] == ["own.lock"]
    finally:
        alive.close()
    assert list(folder.iterdir()) == []


CHILD = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from transfertools import pull
from longshore.transfers.queue.row import Entry
from longshore.transfers.journal.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal.open()
for number in range(100000):
    journal.save([Entry(pull(f"a/b:{number}")).snapshot(0.0)], number)
    assert journal.flush()
    print(number, flush=True)
"""


def test_kill_at_any_moment_loses_no_row(opened: Open, path: Path) -> None:
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), *filter(None, sys.path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                if int(line) >= 20:
                    child.send_signal(signal.SIGKILL)
                    break
            said = [int(rest) for rest in child.stdout]
        child.wait()
        written = max(said, default=20) + 1
        journal = opened()
        found = journal.adopt()
        tags = {one.request.source.reference.tag for one in found if one.request.source.reference}
        assert {str(number) for number in range(written)} <= tags
        assert journal.set_aside is None
        journal.forget([one.id for one in found])
        assert journal.close()


@pytest.mark.expects_log("journal set aside")
@pytest.mark.parametrize(
    "content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000], ids=["other", "torn"]
)
def test_a_corrupt_file_is_set_aside(opened: Open, path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    journal = opened()
    journal.save([row()])
    assert len(journal.history()) == 1
    assert journal.set_aside is not None
    assert journal.set_aside.path is not None
    assert journal.set_aside.path.name.startswith("journal.sqlite3.corrupt-")
    assert "cannot be read" not in journal.set_aside.reason  # it follows "could not be read:"
    assert journal.set_aside.path.read_bytes() == content
    assert journal.set_aside.reason


@pytest.mark.expects_log("journal set aside")
def test_a_file_that_was_damaged_inside_is_set_aside(opened: Open, path: Path) -> None:
    journal = opened()
    journal.save([row(pull(f"a/b:{number}")) for number in range(500)])
    assert journal.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\xa5" * 8192
    path.write_bytes(content)
    again = opened()
    assert again.history() == []
    assert again.set_aside is not None


@pytest.mark.expects_log("later version")
def test_a_newer_file_is_set_aside(opened: Open, path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as later:
        later.execute("CREATE TABLE marvels (x)")
        later.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    later.close()
    journal = opened()
    assert journal.history() == []
    assert journal.set_aside is not None
    assert journal.set_aside.path is not None
    assert ".newer-" in journal.set_aside.path.name


@pytest.mark.expects_log("the journal c(annot|ould not) be written")
def test_where_nothing_can_be_written_it_works_in_memory(opened: Open, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    journal = opened(blocker / "journal.sqlite3")
    journal.save([row()])
    assert len(journal.history()) == 1
    assert not journal.flush()
    assert journal.problem == f"{blocker}: File exists."
    assert journal.set_aside is None


def test_migrations_keep_rows_and_are_applied_once(
    opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened()
    first.save([row()])
    assert first.close()
    later = (*schema.MIGRATIONS, "ALTER TABLE transfers ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'")
    monkeypatch.setattr(
        file.open_database, "__defaults__", (file.BUSY_SECONDS, replace(schema.JOURNAL, migrations=later))
    )
    for _ in range(2):
        journal = opened()
        assert len(journal.history()) == 1
        assert journal.set_aside is None
        assert journal.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT mood FROM transfers").fetchall() == [("calm",)]
    database.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path, isolation_level=None)
    schema.migrate(database)
    with pytest.raises(sqlite3.Error):
        schema.migrate(database, (*schema.MIGRATIONS, "CREATE TABLE half (x); CREATE TABLE half (x)"))
    assert database.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
    assert database.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []
    database.close()


@pytest.mark.expects_log("a row of the journal cannot be read")
def test_a_row_that_makes_no_sense_harms_no_other(opened: Open, path: Path) -> None:
    journal = opened()
    good = row()
    journal.save([good, row(pull("a/b:2"))])
    assert journal.flush()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE transfers SET request = '{}' WHERE id != ?", [good.id])
    database.close()
    assert [one.id for one in journal.history()] == [good.id]


def test_closing_writes_what_is_left_and_ends_the_thread(opened: Open) -> None:
    journal = opened()
    for number in range(500):
        journal.save([row(pull(f"a/b:{number}"))])
    assert journal.close()
    wait_until(lambda: not any(thread.name == "transfers-journal" for thread in threading.enumerate()))
    journal.save([row()])  # too late, but harmless
    with pytest.raises(RuntimeError):
        journal.history()
    assert len(opened().history(limit=1000)) == 500


def test_errors_keep_their_class() -> None:
    from longshore import errors
    from longshore.transfers.errors import internal_error
    from longshore.transfers.journal import codec

    samples = [
        RegistryFailure("m", registry="r", subject="s", advice="a", detail="d"),
        errors.RateLimited("m", registry="r", retry_after=7.5),
        errors.TlsFailed("m", registry="r", certificate="subject: x"),
        errors.EngineUnavailable("m", cause=errors.UnavailableCause.TIMED_OUT, subject="unix:///x"),
        errors.TlsFailed("m", registry="r", remedy=errors.Remedy.CERTIFICATE),
        errors.CredentialsError("m", registry="r"),
        errors.EngineLost("m", remedy=errors.Remedy.LIBRARY),
        errors.DiskFull("m"),
        internal_error(KeyError("x")),
    ]
    for error in samples:
        again = codec.error_from_json(codec.error_to_json(error))
        assert type(again) is type(error)
        assert vars(again) == vars(error)
        assert again.remedy is error.remedy
    unknown = codec.error_from_json({"code": "from.the.future", "message": "m", "registry": "r"})
    assert type(unknown) is errors.LongshoreError
    assert unknown.message == "m"
    later = codec.error_from_json({"code": "registry.denied", "registry": "r", "remedy": "from the future"})
    assert later.remedy is errors.Remedy.SIGN_IN
    filled = errors.DiskFull("{host} is full.", arguments={"host": "{r}"})
    again = codec.error_from_json(codec.error_to_json(filled))
    assert (again.message, again.sentences[0]) == ("{r} is full.", "{r} is full.")
