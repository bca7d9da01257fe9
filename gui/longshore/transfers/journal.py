"""The journal: every transfer and its outcome, in an SQLite file that a kill at any moment leaves whole.

One thread of the journal's own has the connection and does all the reading and writing, so that nobody else waits for
a disk. Several Longshores may share the file: each row has an owner, and an owner that lives is left alone.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from longshore.oci.errors import LongshoreError
from longshore.transfers import journal_rows as rows
from longshore.transfers.changes import SetAside
from longshore.transfers.instance import Instance
from longshore.transfers.journal_file import open_database
from longshore.transfers.journal_history import ENDED, PAGE, SELECT, UNFINISHED, HistoryFilter, page_query
from longshore.transfers.transfer import State, TransferSnapshot

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

MAX_AGE_DAYS = 90
MAX_ROWS = 5000
#: The most jobs in one transaction.
BATCH = 200
_UNFINISHED = [state.value for state in UNFINISHED]
_SAVE = (
    f"INSERT INTO transfers ({', '.join(rows.COLUMNS)}, owner, in_queue, position)"
    f" VALUES ({', '.join('?' * len(rows.COLUMNS))}, ?, 1, ?) ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*rows.COLUMNS[1:], "owner", "in_queue"))
)
#: Rows that have ended and that no queue takes up again: what may be dropped.
_SETTLED = f"state IN ({', '.join('?' * len(ENDED))}) AND NOT (in_queue = 1 AND state = ?)"
_SETTLED_VALUES = [*(state.value for state in ENDED), State.INTERRUPTED.value]


class Journal:
    """The journal in the file *path*, which need not exist. Nothing is read or made before :meth:`open`.

    ``set_aside`` tells, once it is open, whether the file found there could not be used.
    """

    def __init__(self, path: Path, *, max_age_days: float = MAX_AGE_DAYS, max_rows: int = MAX_ROWS) -> None:
        self.path = path
        self.set_aside: SetAside | None = None
        self._max_age = max_age_days * 86400.0
        self._max_rows = max_rows
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._connection: sqlite3.Connection | None = None  # belongs to the thread
        self._instance: Instance | None = None  # belongs to the thread
        self._owner = uuid.uuid4().hex
        self._answers: list[Callable[[Exception | None], None]] = []  # belongs to the thread
        self._complained = False

    # -- life

    def open(self) -> None:
        """Open it, making or setting aside the file as need be. Returns at once. Any thread; again does nothing."""
        with self._lock:
            if self._closed or self._thread is not None:
                return
            # Not a daemon: what was asked to be written is written before the program ends.
            self._thread = threading.Thread(target=self._run, name="transfers-journal")
            self._thread.start()

    def close(self, timeout: float = 2.0) -> bool:
        """Write what is left and end. Blocks up to *timeout* seconds; True if it ended. Any thread, also again."""
        with self._lock:
            first = not self._closed
            self._closed = True
            thread = self._thread
        if thread is None:
            return True
        if first:
            self._jobs.put(None)
        thread.join(timeout)
        return not thread.is_alive()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was asked for up to now is on disk; False after *timeout* seconds."""
        try:
            self._ask(lambda: None).result(timeout)
        except TimeoutError:
            return False
        return True

    # -- writing: any thread, returns at once

    def save(self, snapshots: Sequence[TransferSnapshot], position: int = 0) -> None:
        """Write these rows as they stand, as rows of this instance's queue. *position* counts for new ones."""

        def write() -> None:
            owner = self._owner
            self._write(_SAVE, [(*rows.to_row(one), owner, position) for one in snapshots])

        self._post(write)

    def save_order(self, ids: Sequence[str]) -> None:
        """Keep the order of the queue."""
        values = [(number, row) for number, row in enumerate(ids)]
        self._post(lambda: self._write("UPDATE transfers SET position = ? WHERE id = ?", values))

    def clear(self, ids: Sequence[str]) -> None:
        """These rows left the queue: they are history only."""
        values = [(row,) for row in ids]
        self._post(lambda: self._write("UPDATE transfers SET in_queue = 0 WHERE id = ?", values))

    def forget(self, ids: Sequence[str]) -> None:
        """Delete these rows from the history."""
        values = [(row,) for row in ids]
        self._post(lambda: self._write("DELETE FROM transfers WHERE id = ?", values))

    def clear_history(self) -> None:
        """Delete all that has ended, whoever moved it; what a queue can still take up again stays."""
        self._post(lambda: self._write(f"DELETE FROM transfers WHERE {_SETTLED}", [tuple(_SETTLED_VALUES)]))

    def set_limits(self, *, max_age_days: float, max_rows: int) -> None:
        """Keep no more than this from now on."""

        def set_and_trim() -> None:
            self._max_age, self._max_rows = max_age_days * 86400.0, max_rows
            self._trim()

        self._post(set_and_trim)

    def trim(self) -> None:
        """Drop history beyond the limits on age and count; what stands in a queue stays."""
        self._post(self._trim)

    # -- reading: blocks until the journal's thread has answered; any thread but the window's

    def adopt(self) -> list[TransferSnapshot]:
        """Take over what a Longshore that lives no longer left unfinished: now Interrupted rows of this one, in order.

        What stood Interrupted in a queue before, and was not cleared, comes along.
        """
        return self._ask(self._adopt).result()

    def history(
        self,
        wanted: HistoryFilter = HistoryFilter(),  # noqa: B008  (frozen)
        *,
        before: TransferSnapshot | None = None,
        limit: int = PAGE,
    ) -> list[TransferSnapshot]:
        """Rows of all instances, newest first, at most *limit*; with *before* those that follow that row."""
        query, values = page_query(wanted, before, limit)
        return self._ask(lambda: self._read(query, values)).result()

    def history_count(self, wanted: HistoryFilter = HistoryFilter()) -> int:  # noqa: B008  (frozen)
        """How many rows :meth:`history` would give without a limit."""
        condition, values = wanted.condition()
        query = f"SELECT count(*) FROM transfers{condition}"
        ((count,),) = self._ask(lambda: self._fetch(query, values)).result()
        return int(count)

    def registries(self) -> list[str]:
        """The hosts of all registries in the history, in order."""
        found = self._ask(lambda: self._fetch("SELECT DISTINCT registries FROM transfers", ())).result()
        return sorted({host for (hosts,) in found for host in str(hosts).split()})

    # -- the journal's own thread

    def _run(self) -> None:
        try:
            self._open()
            while (job := self._jobs.get()) is not None:
                self._work(job)
        finally:
            # Nobody may wait for an answer that will not come.
            while not self._jobs.empty():
                if (job := self._jobs.get()) is not None:
                    self._work(job)
            if self._connection is not None:
                self._connection.close()
            if self._instance is not None:
                self._instance.close()

    def _open(self) -> None:
        try:
            self._instance = Instance(self.path.with_name(f"{self.path.stem}-instances"), self._owner)
        except OSError as error:
            _log.info("no sign of life beside the journal: %s", error)
        self._connection, self.set_aside = open_database(self.path)
        if self.set_aside is not None:
            _log.warning("journal set aside to %s: %s", self.set_aside.path, self.set_aside.reason)
        self._work(self._trim)

    def _work(self, job: Callable[[], None]) -> None:
        """Do *job* and all that has come meanwhile in one transaction, then give the answers."""
        connection = self._connection
        assert connection is not None
        failure: Exception | None = None
        try:
            # Immediate: a reader that turns writer later could not wait for another instance's write.
            connection.execute("BEGIN IMMEDIATE")
            job()
            for _ in range(BATCH):
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._jobs.put(None)
                    break
                following()
            connection.commit()
            self._complained = False
        except Exception as error:
            failure = error
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            if not isinstance(error, sqlite3.Error):
                _log.exception("the journal could not do its work")
            elif not self._complained:
                _log.warning("the journal cannot be written: %s", error)
                self._complained = True
        answers, self._answers = self._answers, []
        for answer in answers:
            answer(failure)

    def _post(self, job: Callable[[], None]) -> None:
        with self._lock:
            if not self._closed:
                self._jobs.put(job)

    def _ask(self, question: Callable[[], _T]) -> Future[_T]:
        """What *question* gives in the journal's thread, once all that was written before it is on disk."""
        future: Future[_T] = Future()

        def ask() -> None:
            given: list[_T] = []

            def answer(failure: Exception | None) -> None:
                if given:
                    future.set_result(given[0])
                else:
                    future.set_exception(failure or RuntimeError("the journal gave no answer"))

            self._answers.append(answer)
            given.append(question())

        with self._lock:
            if self._closed or self._thread is None:
                future.set_exception(RuntimeError("the journal is not open"))
            else:
                self._jobs.put(ask)
        return future

    def _write(self, statement: str, values: Sequence[tuple[object, ...]]) -> None:
        assert self._connection is not None
        self._connection.executemany(statement, values)

    def _fetch(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        assert self._connection is not None
        return self._connection.execute(query, values).fetchall()

    def _read(self, query: str, values: Sequence[object]) -> list[TransferSnapshot]:
        found = []
        for row in self._fetch(query, values):
            try:
                found.append(rows.from_row(row))
            except (ValueError, LongshoreError) as error:
                _log.warning("a row of the journal cannot be read: %s", error)
        return found

    def _adopt(self) -> list[TransferSnapshot]:
        assert self._connection is not None
        # Our own rows are none that anybody left: they were queued while this waited. How far the others were is not
        # known: what moves is not written down at every step.
        others = [self._owner, *sorted(self._instance.others() if self._instance is not None else ())]
        unfinished = ", ".join("?" * len(_UNFINISHED))
        free = f"owner NOT IN ({', '.join('?' * len(others))})"
        now = time.time()
        self._connection.execute(
            f"UPDATE transfers SET state = ?, finished = ?, permille = NULL WHERE state IN ({unfinished}) AND {free}",
            [State.INTERRUPTED.value, now, *_UNFINISHED, *others],
        )
        mine = f"in_queue = 1 AND state = ? AND {free}"
        self._connection.execute(
            f"UPDATE transfers SET owner = ? WHERE {mine}", [self._owner, State.INTERRUPTED.value, *others]
        )
        query = f"{SELECT} WHERE in_queue = 1 AND state = ? AND owner = ? ORDER BY position, created"
        return self._read(query, [State.INTERRUPTED.value, self._owner])

    def _trim(self) -> None:
        self._write(
            f"DELETE FROM transfers WHERE {_SETTLED} AND created < ?",
            [(*_SETTLED_VALUES, time.time() - self._max_age)],
        )
        self._write(
            f"DELETE FROM transfers WHERE {_SETTLED} AND id NOT IN"
            " (SELECT id FROM transfers ORDER BY created DESC, rowid DESC LIMIT ?)",
            [(*_SETTLED_VALUES, self._max_rows)],
        )
