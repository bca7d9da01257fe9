"""The journal's queries and updates of its database, each in one transaction. Belongs to the journal's thread."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from longshore.transfers.journal import rows as rows
from longshore.transfers.journal.days import drop_old, see_the_day
from longshore.transfers.journal.file import transaction
from longshore.transfers.journal.history import ENDED, READABLE, SELECT, UNFINISHED, UNREADABLE
from longshore.transfers.journal.pending import Batch, RowChange
from longshore.transfers.transfer import State, TransferSnapshot

_log = logging.getLogger(__name__)

_SAVE = (
    f"INSERT INTO transfers ({', '.join(rows.COLUMNS)}, owner, in_queue, position, seen)"
    f" VALUES ({', '.join('?' * len(rows.COLUMNS))}, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*rows.COLUMNS[1:], "owner", "in_queue", "seen"))
)
_UNFINISHED = ", ".join(f"'{state.value}'" for state in UNFINISHED)
_ENDED = ", ".join(f"'{state.value}'" for state in ENDED)
#: Rows of a queue that are not done, and their order.
_LEFT = f"in_queue = 1 AND state IN ({_UNFINISHED}, '{State.INTERRUPTED.value}')"
_IN_ORDER = "ORDER BY position, created"
#: Finished rows that no queue can resume: they may be dropped.
_OVER = (
    f"((state IN ({_ENDED}) AND NOT (in_queue = 1 AND state = '{State.INTERRUPTED.value}'))"
    f" OR NOT {READABLE})"
)
#: Errors that a single row can cause: SQLite does not accept its values.
_OF_ONE_ROW = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    ValueError,
    TypeError,
    OverflowError,
    RecursionError,
)


class Store:
    """The tables of the journal in *connection*. *clock*: seconds since 1970.

    Every method raises sqlite3.Error, and then nothing was changed.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        self.connection = connection
        #: The number of unreadable rows so far.
        self.damaged = 0
        self._clock = clock

    def set_patience(self, seconds: float) -> None:
        """Wait this long for other programs from now on."""
        self.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()

    # -- writing

    def write(self, batch: Batch, owner: str) -> None:
        """Write *batch* as rows of *owner*'s queue; they are on disk when this returns."""
        with transaction(self.connection):
            seen = see_the_day(self.connection, self._clock)
            if batch.clear_history:
                self.connection.execute(f"DELETE FROM transfers WHERE {_OVER}")
            for row, change in batch.rows.items():
                try:
                    self._write_row(row, change, owner, seen)
                except _OF_ONE_ROW:
                    _log.exception("a row cannot be written into the journal")

    def _write_row(self, row: str, change: RowChange, owner: str, seen: int) -> None:
        execute = self.connection.execute
        if change.forgotten:
            execute("DELETE FROM transfers WHERE id = ?", [row])
        if change.snapshot is not None:
            position = change.first_position if change.position is None else change.position
            kept = [*rows.to_row(change.snapshot), owner, int(change.in_queue is not False), position, seen]
            execute(_SAVE, kept)
        elif change.in_queue is not None:
            execute("UPDATE transfers SET in_queue = ? WHERE id = ?", [int(change.in_queue), row])
        if change.position is not None:
            execute("UPDATE transfers SET position = ? WHERE id = ?", [change.position, row])

    def all_rows(self) -> list[dict[str, object]]:
        """Every row as it is, as a dict by column name; none if the file is broken."""
        try:
            names = [str(name) for _, name, *_ in self.fetch("PRAGMA table_info(transfers)")]
            return [
                dict(zip(names, row, strict=True))
                for row in self.fetch(f"SELECT {', '.join(names)} FROM transfers ORDER BY rowid")
            ]
        except sqlite3.Error as error:
            _log.warning("the rows of a broken journal cannot be kept: %s", error)
            return []

    def add_all(self, found: Iterable[dict[str, object]]) -> None:
        """Write rows from :meth:`all_rows` of another store."""
        with transaction(self.connection):
            seen = see_the_day(self.connection, self._clock)
            for row in found:
                row["seen"] = seen  # the numbers of readings are specific to each file
                self.connection.execute(
                    f"INSERT OR REPLACE INTO transfers ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                    list(row.values()),
                )

    def trim(self, max_age_days: float, max_rows: int) -> None:
        """Drop history beyond these limits; rows in a queue stay.

        Trusts the clock only where several days agree, and drops a limited number of rows per day.
        """
        with transaction(self.connection):
            newest = see_the_day(self.connection, self._clock)
            drop_old(self.connection, "transfers", _OVER, "created", max_age_days=max_age_days, newest=newest)
            # The order in which rows were added does not depend on a clock.
            self.connection.execute(
                f"DELETE FROM transfers WHERE {_OVER} AND rowid NOT IN"
                " (SELECT rowid FROM transfers ORDER BY rowid DESC LIMIT ?)",
                [max_rows],
            )

    def unfinished(self, alive: Sequence[str]) -> tuple[list[TransferSnapshot], list[TransferSnapshot]]:
        """The unfinished and Interrupted rows in queues, in order: those whose owner no longer runs, which are shown
        as Interrupted, and those of the running owners *alive*. Changes neither."""
        marks = ", ".join("?" * len(alive))
        query = f"{SELECT} WHERE {_LEFT} AND owner {{}} IN ({marks}) {_IN_ORDER}"
        free = self.read(query.format("NOT"), alive)
        return [_interrupted(one) for one in free], self.read(query.format(""), alive)

    def adopt(
        self, owner: str, others: Iterable[str], ids: Sequence[str] | None = None
    ) -> tuple[list[TransferSnapshot], bool]:
        """Take over rows whose owner no longer runs: Interrupted now, and of *owner*. *others*: the running owners.

        *ids*: only these rows; None for all. Returns the rows in order, and whether the change is on disk.
        """
        # Our own rows are not left over: they were queued while this waited. The others' progress is unknown: it is not
        # written at every step.
        alive = [owner, *others]
        free = f"owner NOT IN ({', '.join('?' * len(alive))})"
        chosen = "" if ids is None else " AND id IN (SELECT value FROM json_each(?))"
        named = [] if ids is None else [json.dumps(list(ids))]
        now = self._clock()
        try:
            with transaction(self.connection):
                self.connection.execute(
                    f"UPDATE transfers SET state = '{State.INTERRUPTED.value}', finished = ?, permille = NULL"
                    f" WHERE state IN ({_UNFINISHED}) AND {free}",
                    [now, *alive],
                )
                mine = f"UPDATE transfers SET owner = ? WHERE {_LEFT} AND {free}{chosen}"
                self.connection.execute(mine, [owner, *alive, *named])
            found = self.read(
                f"{SELECT} WHERE {_LEFT} AND owner = ? AND state = '{State.INTERRUPTED.value}' {_IN_ORDER}",
                [owner],
            )
        except sqlite3.Error as error:
            _log.info("what was left unfinished can only be read: %s", error)
            ended = datetime.fromtimestamp(now, UTC)
            left = self.read(f"{SELECT} WHERE {_LEFT} AND {free}{chosen} {_IN_ORDER}", [*alive, *named])
            return [_interrupted(one, ended) for one in left], False
        known = ", ".join(f"'{state.value}'" for state in State)
        self.read(
            f"{SELECT} WHERE state NOT IN ({known}) AND substr(state, 1, {len(UNREADABLE)}) <> '{UNREADABLE}'",
            (),
        )
        return found, True

    # -- reading

    def fetch(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows that *query* finds."""
        return self.connection.execute(query, values).fetchall()

    def read(self, query: str, values: Sequence[object]) -> list[TransferSnapshot]:
        """The transfers that *query* finds; it must begin with SELECT.

        Unreadable rows are left out, counted and marked, so that each is read only once.
        """
        found: list[TransferSnapshot] = []
        damaged: list[tuple[int]] = []
        for number, *row in self.fetch(query, values):
            try:
                found.append(rows.from_row(tuple(row)))
            except ValueError as error:
                _log.warning("a row of the journal cannot be read: %s", str(error)[:300])
                damaged.append((number,))
        if damaged:
            self.damaged += len(damaged)
            with contextlib.suppress(sqlite3.Error), transaction(self.connection):
                self.connection.executemany(
                    f"UPDATE transfers SET state = '{UNREADABLE}' || state, in_queue = 0 WHERE rowid = ?",
                    damaged,
                )
        return found


def _interrupted(row: TransferSnapshot, ended: datetime | None = None) -> TransferSnapshot:
    """*row* as its owner's end left it. Its progress is unknown, because it is not written at every step."""
    if row.state is State.INTERRUPTED:
        return row
    return replace(row, state=State.INTERRUPTED, finished=ended, permille=None)
