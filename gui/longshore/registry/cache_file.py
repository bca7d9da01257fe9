"""A cache in one SQLite file that several Longshores use at the same time.

It is only a convenience: with a broken, locked or full disk it is empty, and never raises.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from longshore.shared_files import private_folder

_log = logging.getLogger(__name__)
T = TypeVar("T")


class CacheFile:
    """The base of the caches. *schema*: SQL that creates its tables. *before*: a pattern of files of earlier formats,
    which are removed; "" for none.

    Any thread; blocks briefly; never raises.
    """

    def __init__(self, path: Path, schema: str, *, before: str = "") -> None:
        self._path = path
        self._schema = schema
        self._before = before
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._broken = False

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._broken = True
            if self._database is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._database.close()
                self._database = None

    def _safely(self, act: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        with self._lock:
            if self._broken:
                return otherwise
            try:
                return act(self._opened())
            except (sqlite3.Error, OSError, ValueError, OverflowError) as error:
                self._give_up(error)
                return otherwise

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            # Names of repositories may be confidential.
            private_folder(self._path.parent)
            for old in self._path.parent.glob(self._before) if self._before else ():
                old.unlink(missing_ok=True)
            self._path.touch(mode=0o600)
            self._database = sqlite3.connect(self._path, timeout=1.0, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.executescript(self._schema)
        return self._database

    def _give_up(self, error: Exception) -> None:
        """Remove a file that is not a database, so that it is created again; else stop using the cache in this run."""
        _log.info("the cache %s is not used: %s", self._path.name, error)
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
                return
        self._broken = True
