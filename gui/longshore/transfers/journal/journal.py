"""The journal: every transfer and its outcome, in an SQLite file that survives a kill at any moment.

One thread of the journal owns the connection and does all the reading and writing, so that no other thread waits for a
disk. Several Longshores may share the file: each row has an owner, and rows of a running owner are not touched. Changes
that cannot be written now are kept and written later; :attr:`Journal.problem` gives the reason meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from longshore.transfers.journal.file import (
    BROKEN,
    Opened,
    SetAside,
    copy_in_memory,
    is_gone,
    memory_database,
    open_database,
    primary_code,
    reason_of,
)
from longshore.transfers.journal.history import PAGE, HistoryFilter, page_query
from longshore.transfers.journal.instance import Instance, running
from longshore.transfers.journal.pending import Pending, RowChange
from longshore.transfers.journal.store import Store
from longshore.transfers.transfer import TransferSnapshot

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

MAX_AGE_DAYS = 90
MAX_ROWS = 5000
#: The maximum number of rows in one transaction.
BATCH = 500
#: Seconds until a failed write is retried: at first, doubling up to the second value.
RETRY = (0.25, 4.0)
#: Seconds for which the end still tries to write, and for which each try waits for other programs.
LAST_SECONDS = 0.8
_LAST_BUSY = 0.3


class Journal:
    """The journal in the file *path*, which need not exist. Nothing is read or created before :meth:`open`.

    *in_memory*: there is no file at all, for programs that keep no history. *reading*: the file is only read, once;
    this works where it can't be written.

    *clock*: seconds since 1970. *problem*: why rows are not being saved to the file at the moment, "" if they are.
    *damaged*: the number of rows that could not be read so far. *set_aside*: whether the file found could not be used.
    *another*: the file is not the one that :meth:`adopt` read; it may not have this run's rows. The journal's thread
    writes these four; any thread may read them.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_age_days: float = MAX_AGE_DAYS,
        max_rows: int = MAX_ROWS,
        clock: Callable[[], float] = time.time,
        in_memory: bool = False,
        reading: bool = False,
    ) -> None:
        self.path = path
        self._in_memory = in_memory or reading
        self._reading = reading
        self.set_aside: SetAside | None = None
        self.problem = ""
        self.damaged = 0
        self.another = False
        self._max_age = max_age_days
        self._max_rows = max_rows
        self._clock = clock
        self._watcher: Callable[[], None] = lambda: None
        self._owner = uuid.uuid4().hex
        self._condition = threading.Condition()
        self._pending = Pending()
        self._jobs: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        # The rest belongs to the thread.
        self._store: Store | None = None
        self._in_file = False  # otherwise the store is in memory
        self._instance: Instance | None = None
        self._broken = False  # the file is damaged: start a new one
        self._failing = False  # the last attempt to write failed
        self._not_before = 0.0  # when the next attempt is due (monotonic)
        self._pause = RETRY[0]

    # -- start and end

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call *watcher* in the journal's thread whenever one of the four attributes changes. Call before open."""
        self._watcher = watcher

    def open(self) -> None:
        """Open the file, creating it or setting it aside if necessary.

        Returns at once. Any thread; a second call does nothing.
        """
        with self._condition:
            if self._closed or self._thread is not None:
                return
            # Not a daemon: all requested writes are done before the program ends.
            self._thread = threading.Thread(target=self._run, name="transfers-journal")
            self._thread.start()

    def close(self, timeout: float = 2.0) -> bool:
        """Write the rest and end. Blocks up to *timeout* seconds; True if it ended. Any thread; may be called again.

        If nothing can be written, the thread ends anyway, after about a second.
        """
        with self._condition:
            self._closed = True
            thread = self._thread
            self._condition.notify_all()
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all changes so far are on disk. False after *timeout* seconds, or if they cannot be written."""
        try:
            return self._ask(lambda _: self._write(at_once=True)).result(timeout)
        except TimeoutError:
            return False

    # -- writing: any thread, returns at once

    def save(
        self,
        snapshots: Sequence[TransferSnapshot],
        position: int = 0,
        settled: Callable[[], None] | None = None,
    ) -> None:
        """Write these rows as they are, as rows of this instance's queue. *position* applies to new rows.

        *settled* is called in the journal's thread, for each row, once it is on disk or cannot be written now;
        immediately if the journal has ended.
        """
        if self._closed and settled is not None:
            settled()
        self._change(
            (one.id, RowChange(one, position, in_queue=True, settled=[settled] if settled else []))
            for one in snapshots
        )

    def save_order(self, ids: Sequence[str]) -> None:
        """Save the order of the queue."""
        self._change((row, RowChange(position=number)) for number, row in enumerate(ids))

    def clear(self, ids: Sequence[str]) -> None:
        """Mark these finished rows as history only: they left the queue."""
        self._change((row, RowChange(in_queue=False)) for row in ids)

    def forget(self, ids: Sequence[str]) -> None:
        """Delete these rows from the history."""
        self._change((row, RowChange(forgotten=True)) for row in ids)

    def clear_history(self) -> None:
        """Delete all finished rows of any instance, except those that a queue can still resume."""
        with self._condition:
            if not self._closed:
                self._pending.clear_history()
                self._condition.notify_all()

    def set_limits(self, *, max_age_days: float, max_rows: int) -> None:
        """Set new limits and drop the rows beyond them."""

        def set_and_trim() -> None:
            self._max_age, self._max_rows = max_age_days, max_rows
            self._trim()

        self._post(set_and_trim)

    def trim(self) -> None:
        """Drop history beyond the limits on age and count; rows in a queue stay."""
        self._post(self._trim)

    # -- reading: blocks until the journal's thread responds; any thread but the GUI thread

    def adopt(self, ids: Sequence[str] | None = None) -> list[TransferSnapshot]:
        """Take over the rows that ended Longshores left unfinished: now Interrupted rows of this one, in order.

        *ids*: only these; None for all. Includes rows that were already Interrupted in a queue and were not cleared.
        """
        return self._ask(lambda store: self._adopt(store, ids)).result()

    def unfinished(self) -> tuple[list[TransferSnapshot], list[TransferSnapshot]]:
        """The rows that :meth:`adopt` would take over, and those of Longshores that run. Takes over nothing."""
        return self._ask(self._looked_at).result()

    def history(
        self,
        wanted: HistoryFilter = HistoryFilter(),  # noqa: B008  (frozen)
        *,
        before: TransferSnapshot | None = None,
        limit: int = PAGE,
    ) -> list[TransferSnapshot]:
        """Rows of all instances, newest first, at most *limit*; with *before*, those that follow that row."""
        query, values = page_query(wanted, before, limit)
        return self._ask(lambda store: self._looked(store, store.read(query, values))).result()

    def history_count(self, wanted: HistoryFilter = HistoryFilter()) -> int:  # noqa: B008  (frozen)
        """The number of rows that :meth:`history` would return without a limit."""
        condition, values = wanted.condition()
        query = f"SELECT count(*) FROM transfers{condition}"
        ((count,),) = self._ask(lambda store: store.fetch(query, values)).result()
        return int(count)

    def registries(self) -> list[str]:
        """The hosts of all registries in the history, sorted."""
        found = self._ask(lambda store: store.fetch("SELECT DISTINCT registries FROM transfers")).result()
        return sorted({host for (hosts,) in found for host in str(hosts).split()})

    # -- any thread

    def _change(self, changes: Iterable[tuple[str, RowChange]]) -> None:
        with self._condition:
            if not self._closed:  # otherwise it is too late, which does no harm
                for row, change in changes:
                    self._pending.change(row, change)
                self._condition.notify_all()

    def _post(self, job: Callable[[], None]) -> None:
        with self._condition:
            if not self._closed:
                self._jobs.append(job)
                self._condition.notify_all()

    def _ask(self, question: Callable[[Store], _T]) -> Future[_T]:
        """The result of *question*, run in the journal's thread after an attempt to write all earlier changes."""
        future: Future[_T] = Future()

        def answer() -> None:
            try:
                if self._store is None:
                    raise RuntimeError("the journal is not open")
                future.set_result(question(self._store))
            except Exception as error:
                future.set_exception(error)

        with self._condition:
            if self._closed or self._thread is None:
                future.set_exception(RuntimeError("the journal is not open"))
            else:
                self._jobs.append(answer)
                self._condition.notify_all()
        return future

    # -- the journal's own thread

    def _run(self) -> None:
        try:
            self._begin()
            while self._wait():
                self._attend()
            self._finish()
        except Exception:
            _log.exception("the journal's thread ended unexpectedly")
        finally:
            self._end()

    def _begin(self) -> None:
        self._give_sign_of_life()
        if self._reading:
            opened = copy_in_memory(self.path)
        else:
            opened = Opened(memory_database()) if self._in_memory else open_database(self.path)
        self._store = Store(opened.connection, self._clock)
        self._in_file = not opened.problem
        if self._in_file:
            self._give_sign_of_life()  # the folder may have become usable just now
        self._note_set_aside(opened.set_aside)
        self._report(opened.problem)
        self._trim()

    def _give_sign_of_life(self) -> None:
        if self._instance is None and not self._in_memory:
            try:
                self._instance = Instance(self._instances, self._owner)
            except OSError as error:
                _log.info("no instance file beside the journal: %s", error)

    @property
    def _instances(self) -> Path:
        return self.path.with_name(f"{self.path.stem}-instances")

    def _wait(self) -> bool:
        """Wait for something to do. Returns False when the journal should end."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._closed or self._jobs or (self._pending and not self._failing),
                self._pause if self._failing or self.problem else None,
            )
            return not self._closed

    def _attend(self) -> None:
        """Write the pending changes, then run the requested jobs."""
        if not self._failing or time.monotonic() >= self._not_before:
            self._write()
        while True:
            with self._condition:
                if not self._jobs:
                    return
                job = self._jobs.popleft()
            try:
                job()
            except Exception:
                _log.exception("a job of the journal failed unexpectedly")

    def _finish(self) -> None:
        """Make the last attempts to write, while other programs may still free space or unlock the file."""
        assert self._store is not None
        self._store.set_patience(_LAST_BUSY)
        deadline = time.monotonic() + LAST_SECONDS
        while not self._write(at_once=True) and self._pending and time.monotonic() < deadline:
            time.sleep(0.05)
        self._not_before = float("inf")
        self._attend()
        if self._pending or not self._in_file:
            _log.warning("the last changes of the journal could not be written: %s", self.problem)

    def _end(self) -> None:
        with self._condition:
            self._closed = True
            left, self._jobs = self._jobs, deque()
            unwritten = self._pending.take(len(self._pending))
        # Nobody may wait for a disk or a response that will not come.
        unwritten.tell()
        for job in left:
            with contextlib.suppress(Exception):
                job()
        if self._store is not None:
            self._store.close()
        if self._instance is not None:
            self._instance.close()

    def _write(self, *, at_once: bool = False) -> bool:
        """Write all pending changes. Returns False, and reports the reason, if not all are in the file.

        A file that could not be opened is retried when due, or now if *at_once*.
        """
        due = at_once or time.monotonic() >= self._not_before
        problem = self._mend() if due else self.problem
        store = self._store
        assert store is not None
        while True:
            with self._condition:
                batch = self._pending.take(BATCH)
            if not batch:
                break
            try:
                store.write(batch, self._owner)
            except Exception as error:
                batch.tell()  # nobody may wait for the disk forever
                with self._condition:
                    self._pending.give_back(batch)
                if isinstance(error, sqlite3.Error):
                    self._broken = primary_code(error) in BROKEN
                elif not self._failing:
                    _log.exception("writing the journal failed unexpectedly")
                problem = reason_of(error)
                break
            batch.tell()
        self._failing = bool(batch)
        if due or problem != self.problem:
            self._report(problem)
        return not problem

    def _mend(self) -> str:
        """Start with the file again if the store is in memory, or if its file was removed, replaced or broken.

        Brings the existing rows along. Returns the reason if that is impossible now, "" if all is well.
        """
        store = self._store
        assert store is not None
        if self._in_memory:
            return self.problem
        if self._in_file and not self._broken and not is_gone(self.path):
            return ""
        self._give_sign_of_life()
        opened = open_database(self.path, patience=0.0)
        self._note_set_aside(opened.set_aside)
        if opened.problem:
            opened.connection.close()
            return opened.problem
        begun = Store(opened.connection, self._clock)
        try:
            begun.add_all(store.all_rows())
        except sqlite3.Error as error:
            begun.close()
            return reason_of(error)
        store.close()
        self._store, self._in_file, self._broken = begun, True, False
        self.another = True
        self._watcher()
        return ""

    def _report(self, problem: str) -> None:
        """Publish whether rows are being saved."""
        if problem:
            self._not_before = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, RETRY[1])
        else:
            self._not_before, self._pause = 0.0, RETRY[0]
        if problem == self.problem:
            return
        if problem:
            _log.warning("the journal cannot be written: %s", problem)
        else:
            _log.info("the journal can be written again")
        self.problem = problem
        self._watcher()

    def _note_set_aside(self, aside: SetAside | None) -> None:
        if aside is not None:
            self.set_aside = aside
            _log.warning("journal set aside to %s: %s", aside.path, aside.reason)

    def _trim(self) -> None:
        assert self._store is not None
        try:
            self._store.trim(self._max_age, self._max_rows)
        except sqlite3.Error as error:
            _log.info("the journal cannot be trimmed now: %s", error)

    def _others(self) -> list[str]:
        if self._reading:
            return sorted(running(self._instances))
        return sorted(self._instance.others()) if self._instance is not None else []

    def _looked_at(self, store: Store) -> tuple[list[TransferSnapshot], list[TransferSnapshot]]:
        ended, running = store.unfinished([self._owner, *self._others()])
        self._looked(store, [])
        return ended, running

    def _adopt(self, store: Store, ids: Sequence[str] | None) -> list[TransferSnapshot]:
        self.another = False
        found, written = store.adopt(self._owner, self._others(), ids)
        if not written:
            for number, one in enumerate(found):
                self.save([one], number)
        return self._looked(store, found)

    def _looked(self, store: Store, found: list[TransferSnapshot]) -> list[TransferSnapshot]:
        if store.damaged:
            self.damaged += store.damaged
            store.damaged = 0
            self._watcher()
        return found
