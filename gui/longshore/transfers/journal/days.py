"""Ages of rows by the readings of the clock, for every table that keeps history. Belongs to the connection's thread.

The database has the table ``clock`` of the journal's schema; a table of history has a column with the number of the
reading at which its row was
written last.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from longshore.transfers.journal.clock import EARLIEST, SECONDS_A_DAY, Calendar, calendar

#: The maximum number of rows dropped for their age per day of the clock: this limits the damage of a wrong clock.
DROPPED_A_DAY = 200
#: The number of clock readings kept.
READINGS = 1000


def see_the_day(connection: sqlite3.Connection, clock: Callable[[], float]) -> int:
    """Record the day of *clock* (seconds since 1970) if it changed. Returns the number of the reading.

    In a transaction of the caller.
    """
    day = int(clock() // SECONDS_A_DAY)
    last = connection.execute("SELECT number, day FROM clock ORDER BY number DESC LIMIT 1").fetchall()
    if last and last[0][1] == day:
        return int(last[0][0])
    number = connection.execute("INSERT INTO clock (day) VALUES (?)", [day]).lastrowid or 0
    connection.execute("DELETE FROM clock WHERE number <= ?", [number - READINGS])
    return number


def drop_old(
    connection: sqlite3.Connection, table: str, droppable: str, time: str, *, max_age_days: float, newest: int
) -> None:
    """Drop rows of *table* that are older than *max_age_days*, at most DROPPED_A_DAY per day of the clock.

    *droppable*: the condition for a row to be dropped. *time*: its column with the clock's time. *newest*: the number
    of the latest reading. In a transaction of the caller. Trusts the clock only where several days agree.
    """
    readings = connection.execute("SELECT number, day, dropped FROM clock ORDER BY number").fetchall()
    days: Calendar = calendar([day for _, day, _ in readings])
    left = DROPPED_A_DAY - readings[-1][2]
    if days.today is None or left <= 0:
        return
    first_kept = days.today - max_age_days
    old = [
        number
        for (number, _, _), day in zip(readings, days.latest, strict=True)
        if day is not None and day < first_kept
    ]
    # Rows without a reading have only the clock's time; it counts if it is plausible.
    dropped = connection.execute(
        f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {droppable}"
        f" AND ((seen > 0 AND seen <= ?) OR (seen = 0 AND {time} >= ? AND {time} < ?))"
        " ORDER BY rowid LIMIT ?)",
        [max(old, default=0), EARLIEST * SECONDS_A_DAY, first_kept * SECONDS_A_DAY, left],
    ).rowcount
    connection.execute("UPDATE clock SET dropped = dropped + ? WHERE number = ?", [dropped, newest])
