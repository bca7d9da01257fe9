"""Looks at the journal's file without changing it."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.transfers.journal.file import open_reading, reason_of
from longshore.transfers.journal.schema import MIGRATIONS


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a journal. *rows*: its number of transfers, None if there is no file or it can't be read.

    *problem*: why it can't be used, "" if it can. *set_aside*: earlier files that could not be used.
    """

    rows: int | None
    problem: str = ""
    set_aside: tuple[Path, ...] = ()


def health_of(path: Path, cancellation: Cancellation) -> Health:
    """The state of the journal in *path*. Blocks; any thread. Raises Cancelled."""
    aside = _set_aside(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return Health(None, "It is not a regular file.", aside)
        return Health(_rows(path, cancellation), "", aside)
    except FileNotFoundError:
        return Health(None, "", aside)
    except (OSError, sqlite3.Error) as error:
        cancellation.raise_if_cancelled()
        return Health(None, reason_of(error), aside)


def _rows(path: Path, cancellation: Cancellation) -> int | None:
    """The number of transfers; None for an empty file, as one begun on a full disk is."""
    with contextlib.closing(open_reading(path)) as connection, cancellation.waking(connection.interrupt):
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict)[:300])
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise sqlite3.DatabaseError("It was written by a later version of Longshore")
        if version == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return None
        (count,) = connection.execute("SELECT count(*) FROM transfers").fetchone()
        return int(count)


def _set_aside(path: Path) -> tuple[Path, ...]:
    """The files that were renamed because they could not be used, without those that SQLite kept beside them."""
    found = [each for word in ("corrupt", "newer") for each in path.parent.glob(f"{path.name}.{word}-*")]
    return tuple(sorted(each for each in found if not each.name.endswith(("-wal", "-shm"))))
