"""The journal's tables, and the migrations from earlier versions."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

#: One script per version, applied in order; ``PRAGMA user_version`` is the number of applied scripts. Never edit a
#: released script: add another.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE transfers (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,            -- the instance that has it in its queue
        in_queue INTEGER NOT NULL,      -- 0: cleared from the window, history only
        position INTEGER NOT NULL,
        operation TEXT NOT NULL,
        registries TEXT NOT NULL,       -- hosts, each with a blank before and after
        names TEXT NOT NULL,            -- what a search looks at
        request TEXT NOT NULL,          -- JSON, as are plan, moved, error and notes
        state TEXT NOT NULL,
        created REAL NOT NULL,          -- seconds since 1970
        started REAL,
        finished REAL,
        attempt INTEGER NOT NULL,
        permille INTEGER,
        moved_bytes INTEGER NOT NULL,
        total_bytes INTEGER,
        digest TEXT NOT NULL,
        plan TEXT,
        moved TEXT,
        error TEXT,
        notes TEXT NOT NULL
    );
    CREATE INDEX transfers_created ON transfers (created);
    CREATE INDEX transfers_in_queue ON transfers (in_queue, state);
    """,
    """
    CREATE TABLE clock (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        day INTEGER NOT NULL,               -- what the clock said, in days since 1970, when it said another than before
        dropped INTEGER NOT NULL DEFAULT 0  -- rows that were dropped for their age while it said so
    );
    ALTER TABLE transfers ADD COLUMN seen INTEGER NOT NULL DEFAULT 0; -- clock.number when it was written last
    """,
)


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a file with history. *migrations*: a script per version, applied in order. *probes*: queries that
    fail if the file has other tables."""

    migrations: tuple[str, ...]
    probes: tuple[str, ...]


JOURNAL = Schema(
    MIGRATIONS,
    (
        "SELECT id, owner, in_queue, position, request, state, seen FROM transfers",
        "SELECT number, day, dropped FROM clock",
    ),
)


class NewerJournal(Exception):
    """The journal was written by a later version of Longshore."""


def migrate(connection: sqlite3.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Migrate the journal to this version. Raises NewerJournal, or sqlite3.DatabaseError if it is broken.

    Each step is one transaction together with its version number: a kill leaves either the old version or the new one.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise NewerJournal(f"version {version}; this one supports up to {len(migrations)}")
    for number in range(version + 1, len(migrations) + 1):
        script = f"BEGIN IMMEDIATE; {migrations[number - 1]}; PRAGMA user_version = {number}; COMMIT;"
        try:
            connection.executescript(script)
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            # Another instance may have been faster; then the migration is done.
            (now,) = connection.execute("PRAGMA user_version").fetchone()
            if now < number:
                raise
