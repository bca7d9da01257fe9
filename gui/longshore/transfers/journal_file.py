"""Opening the journal's file, whatever is found there."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from longshore.transfers.changes import SetAside
from longshore.transfers.journal_schema import NewerJournal, migrate

BUSY_SECONDS = 5.0
#: SQLITE_ERROR is what a table or column that is not there gives: a database, and not a journal.
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def open_database(path: Path) -> tuple[sqlite3.Connection, SetAside | None]:
    """A connection to the journal in *path*, and what had to be set aside to have one.

    A broken file is renamed to ``….corrupt-<time>``, one of a later version to ``….newer-<time>``, and a new one is
    begun. Where no file can be had at all, the journal is kept in memory: transfers work, their history is lost.
    """
    try:
        return _open_patiently(path), None
    except NewerJournal as error:
        aside = _set_aside(path, "newer", f"It was written by a later version of Longshore ({error}).")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in _BROKEN:
            # Locked, read-only, no space: nothing is wrong with the file itself.
            return _in_memory(), SetAside(None, f"{path} cannot be used: {error}")
        aside = _set_aside(path, "corrupt", f"It cannot be read: {error}.")
    except OSError as error:
        return _in_memory(), SetAside(None, f"{path} cannot be written: {error.strerror or error}")
    if aside.path is None:
        return _in_memory(), aside
    try:
        return _open_patiently(path), aside
    except (sqlite3.DatabaseError, OSError) as error:
        return _in_memory(), SetAside(aside.path, f"{aside.reason} A new one cannot be written: {error}")


def _open_patiently(path: Path) -> sqlite3.Connection:
    """As :func:`_open`, also while another Longshore opens it: a change to WAL gives up at once."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _open(path)
        except sqlite3.OperationalError as error:
            # The low byte is the primary code, the rest says more about it.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives the files beside it (-wal, -shm) the same rights.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.suppress(OSError):
        path.chmod(0o600)
    connection = _connect(str(path))
    try:
        # A kill of the program loses nothing either way; a power cut may lose the last moments, never the file.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        migrate(connection)
        connection.execute(
            "SELECT id, owner, in_queue, position, request, state FROM transfers LIMIT 1"
        ).fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None)


def _in_memory() -> sqlite3.Connection:
    connection = _connect(":memory:")
    migrate(connection)
    return connection


def _set_aside(path: Path, word: str, reason: str) -> SetAside:
    """Rename the file with what belongs to it. *path* of the result is None if that cannot be."""
    target = path.with_name(f"{path.name}.{word}-{time.strftime('%Y%m%d-%H%M%S')}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.{word}-{time.strftime('%Y%m%d-%H%M%S')}-{number}")
    try:
        path.rename(target)
    except OSError as error:
        return SetAside(None, f"{reason} It cannot be set aside: {error.strerror or error}.")
    for ending in ("-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
    return SetAside(target, reason)
