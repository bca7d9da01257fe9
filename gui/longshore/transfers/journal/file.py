"""Opening the journal's file, whatever is found there."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from longshore.shared_files import private_folder
from longshore.transfers.journal.schema import NewerJournal, migrate

#: Seconds to wait for other programs: until the file is open, and at each attempt to write.
BUSY_SECONDS = 5.0
WRITE_SECONDS = 2.0
#: Endings of the files that SQLite keeps beside its own.
_BESIDE = ("-wal", "-shm")
#: SQLITE_ERROR is what a table or column that is not there gives: a database, and not a journal.
BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


@dataclass(frozen=True, slots=True)
class SetAside:
    """The journal could not be used as it was. *path*: where it lies now, None if it could not be moved."""

    path: Path | None
    reason: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal that can be used. *problem*: why it is in memory only, "" where it is in its file."""

    connection: sqlite3.Connection
    set_aside: SetAside | None = None
    problem: str = ""


def open_database(path: Path, patience: float = BUSY_SECONDS) -> Opened:
    """Open the journal in *path*; waits up to *patience* seconds for other programs. Never raises.

    A broken file is renamed to ``….corrupt-<time>``, one of a later version to ``….newer-<time>``, and a new one is
    begun; so is what is no file at all. Where none can be written now, the journal is kept in memory.
    """
    aside: SetAside | None = None
    try:
        aside = _clear_strange(path)
        return Opened(_open_patiently(path, patience), aside)
    except NewerJournal as error:
        aside = _set_aside(path, "newer", f"It was written by a later version of Longshore ({error}).")
    except sqlite3.DatabaseError as error:
        if primary_code(error) not in BROKEN:
            # Locked, read-only, no space: nothing is wrong with the file itself.
            return Opened(_in_memory(), aside, reason_of(error))
        aside = _set_aside(path, "corrupt", f"{error}.")
    except OSError as error:
        return Opened(_in_memory(), aside, reason_of(error))
    try:
        return Opened(_open_patiently(path, patience), aside)
    except (sqlite3.DatabaseError, OSError, NewerJournal) as error:
        return Opened(_in_memory(), aside, reason_of(error))


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; the rest of the code says more about it. SQLITE_CORRUPT where there is none."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF


def reason_of(error: Exception) -> str:
    """Why the journal cannot be written, as a sentence for people."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."
    known = {
        sqlite3.SQLITE_FULL: "The disk is full.",
        sqlite3.SQLITE_READONLY: "The file is read-only.",
        sqlite3.SQLITE_CANTOPEN: "The file cannot be opened.",
        sqlite3.SQLITE_BUSY: "Another program keeps it locked.",
        sqlite3.SQLITE_IOERR: "The disk is full or reports an error.",  # of the file that is mapped (-shm)
    }
    code = primary_code(error) if isinstance(error, sqlite3.Error) else -1
    return known.get(code, f"{error}.")


def is_gone(path: Path) -> bool:
    """Whether nothing is at *path* any more; False where that cannot be seen."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _open_patiently(path: Path, patience: float) -> sqlite3.Connection:
    """As :func:`_open`, also while another Longshore opens it: a change to WAL gives up at once."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _open(path)
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _open(path: Path) -> sqlite3.Connection:
    private_folder(path.parent)
    # SQLite gives the files beside it (-wal, -shm) the same rights.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.suppress(OSError):
        path.chmod(0o600)
    connection = _connect(str(path))
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # What is committed is on disk: a transfer begins only when its row would outlive a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        migrate(connection)
        connection.execute(
            "SELECT id, owner, in_queue, position, request, state, seen FROM transfers"
        ).fetchone()
        connection.execute("SELECT number, day, dropped FROM clock").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=WRITE_SECONDS, isolation_level=None)
    # Bytes that are no UTF-8 harm the text they are in, and not every row that is read with it.
    connection.text_factory = lambda value: value.decode("utf-8", "replace")
    return connection


def _in_memory() -> sqlite3.Connection:
    connection = _connect(":memory:")
    migrate(connection)
    return connection


def _clear_strange(path: Path) -> SetAside | None:
    """Set aside folders, pipes and devices that bear the name of the journal or of a file beside it."""
    found: SetAside | None = None
    for each in (path, *(path.with_name(path.name + ending) for ending in _BESIDE)):
        try:
            regular = stat.S_ISREG(each.stat().st_mode)
        except OSError:
            continue  # nothing there
        if not regular:
            found = _set_aside(each, "corrupt", f"{each.name} is not a regular file.")
    return found


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
    for ending in _BESIDE:
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
    return SetAside(target, reason)
