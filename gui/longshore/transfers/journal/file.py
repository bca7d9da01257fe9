"""Opens a file with history (the journal, the tag history), whatever state it is in."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from longshore.shared_files import private_folder
from longshore.transfers.journal.schema import JOURNAL, NewerJournal, Schema, migrate

#: Seconds to wait for other programs: when opening the file, and at each attempt to write.
BUSY_SECONDS = 5.0
WRITE_SECONDS = 2.0
#: Suffixes of the files that SQLite keeps beside the database.
_BESIDE = ("-wal", "-shm")
#: SQLITE_ERROR is the code for a missing table or column: the file is a database, but not a journal.
BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file with history that could not be used as it was. *path*: its present path, None if it could not be moved."""

    path: Path | None
    reason: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A usable database. *problem*: why it is in memory only, "" if it is in its file."""

    connection: sqlite3.Connection
    set_aside: SetAside | None = None
    problem: str = ""


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction around the block; an exception undoes it. Belongs to the connection's thread."""
    # Immediate: a transaction that reads first and writes later could not wait for another instance's write.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def open_database(path: Path, patience: float = BUSY_SECONDS, schema: Schema = JOURNAL) -> Opened:
    """Open the history in *path*; waits up to *patience* seconds for other programs. Never raises.

    A broken file, or anything that is not a regular file, is renamed to ``….corrupt-<time>``, a file of a later version
    to ``….newer-<time>``; then a new file is created. If no file can be written now, the history is kept in memory.
    """
    aside: SetAside | None = None
    try:
        aside = _clear_strange(path)
        return Opened(_open_patiently(path, patience, schema), aside)
    except NewerJournal as error:
        aside = _set_aside(path, "newer", f"It was written by a later version of Longshore ({error}).")
    except sqlite3.DatabaseError as error:
        if primary_code(error) not in BROKEN:
            # Locked, read-only, no space: the file itself is intact.
            return Opened(memory_database(schema), aside, reason_of(error))
        aside = _set_aside(path, "corrupt", f"{error}.")
    except OSError as error:
        return Opened(memory_database(schema), aside, reason_of(error))
    try:
        return Opened(_open_patiently(path, patience, schema), aside)
    except (sqlite3.DatabaseError, OSError, NewerJournal) as error:
        return Opened(memory_database(schema), aside, reason_of(error))


def open_reading(path: Path) -> sqlite3.Connection:
    """The file *path*, to read only, also on a disk that can't be written. Raises sqlite3.Error."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=WRITE_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        # The -shm file, which even readers need, can't be created. Without a -wal file, nobody writes.
        if primary_code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or any(
            path.with_name(path.name + ending).exists() for ending in _BESIDE
        ):
            raise
        connection = sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None)
    return connection


def copy_in_memory(path: Path, schema: Schema = JOURNAL) -> Opened:
    """What is in *path*, which stays as it is and may not exist, in a database in memory. Never raises."""
    copy = _connect(":memory:")
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for the other end
            raise OSError(f"{path.name} is not a regular file")
        with contextlib.closing(open_reading(path)) as source:
            source.backup(copy)
        migrate(copy, schema.migrations)
    except FileNotFoundError:
        migrate(copy, schema.migrations)
    except (sqlite3.Error, OSError, NewerJournal) as error:
        copy.close()
        return Opened(memory_database(schema), None, reason_of(error))
    return Opened(copy)


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, without the extended bits; SQLITE_CORRUPT if the error has no code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF


def reason_of(error: Exception) -> str:
    """The reason why the journal cannot be written, as a sentence for users."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."
    known = {
        sqlite3.SQLITE_FULL: "The disk is full.",
        sqlite3.SQLITE_READONLY: "The file is read-only.",
        sqlite3.SQLITE_CANTOPEN: "The file can't be opened.",
        sqlite3.SQLITE_BUSY: "Another program keeps it locked.",
        sqlite3.SQLITE_IOERR: "The disk is full or reports an error.",  # of the memory-mapped file (-shm)
    }
    code = primary_code(error) if isinstance(error, sqlite3.Error) else -1
    return known.get(code, f"{error}.")


def is_gone(path: Path) -> bool:
    """Whether *path* no longer exists; False if that cannot be determined."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _open_patiently(path: Path, patience: float, schema: Schema) -> sqlite3.Connection:
    """Like :func:`_open`, but retries while another Longshore opens the file: a change to WAL fails immediately."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _open(path, schema)
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _open(path: Path, schema: Schema) -> sqlite3.Connection:
    private_folder(path.parent)
    # SQLite gives the files beside it (-wal, -shm) the same permissions.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.suppress(OSError):
        path.chmod(0o600)
    connection = _connect(str(path))
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # Committed data is on disk: a transfer begins only when its row would survive a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        migrate(connection, schema.migrations)
        for probe in schema.probes:
            connection.execute(probe).fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(name: str) -> sqlite3.Connection:
    # Whoever uses it in several threads has a lock.
    connection = sqlite3.connect(name, timeout=WRITE_SECONDS, isolation_level=None, check_same_thread=False)
    # Invalid UTF-8 damages only the text it is in, not every row that is read with it.
    connection.text_factory = lambda value: value.decode("utf-8", "replace")
    return connection


def memory_database(schema: Schema = JOURNAL) -> sqlite3.Connection:
    """A new, empty database in memory."""
    connection = _connect(":memory:")
    migrate(connection, schema.migrations)
    return connection


def _clear_strange(path: Path) -> SetAside | None:
    """Set aside folders, pipes and devices that have the name of the journal or of a file beside it."""
    found: SetAside | None = None
    for each in (path, *(path.with_name(path.name + ending) for ending in _BESIDE)):
        try:
            regular = stat.S_ISREG(each.stat().st_mode)
        except OSError:
            continue  # it does not exist
        if not regular:
            found = _set_aside(each, "corrupt", f"{each.name} is not a regular file.")
    return found


def _set_aside(path: Path, word: str, reason: str) -> SetAside:
    """Rename the file and the files beside it. *path* of the result is None if that fails."""
    target = path.with_name(f"{path.name}.{word}-{time.strftime('%Y%m%d-%H%M%S')}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.{word}-{time.strftime('%Y%m%d-%H%M%S')}-{number}")
    try:
        path.rename(target)
    except OSError as error:
        return SetAside(None, f"{reason} It can't be set aside: {error.strerror or error}.")
    for ending in _BESIDE:
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
    return SetAside(target, reason)
