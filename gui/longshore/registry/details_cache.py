"""Details of tags, kept on disk by digest: what a digest names never changes, so nothing here grows stale."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from longshore.cancellation import Cancellation
from longshore.oci.platform import Platform
from longshore.registry.client import RegistryClient
from longshore.registry.model import TagDetails

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: Rows kept (about 300 bytes each); the longest unused go first.
MOST_ROWS = 50_000
_PRUNE_EVERY = 1000
_NAME = "tag-details.sqlite3"
#: Raised whenever the table changes; a file of another version is made anew.
_VERSION = 1
#: Seconds to wait for another Longshore that writes.
_BUSY_SECONDS = 0.5
_BY_KEY = "registry = ? AND repository = ? AND digest = ? AND platform = ?"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS details (
    registry TEXT NOT NULL, repository TEXT NOT NULL, digest TEXT NOT NULL, platform TEXT NOT NULL,
    size INTEGER, platforms TEXT NOT NULL, created TEXT, media_type TEXT NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, digest, platform)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_use ON details (used);
"""


class DetailsCache:
    """TagDetails by registry, repository, manifest digest and the platform whose size is shown.

    Thread-safe; blocks for a disk's moment: worker threads. Never fails its caller: what cannot be read or written is
    logged once and counts as not there. Several processes may share the folder. Close it at the end.
    """

    def __init__(self, folder: Path, *, most_rows: int = MOST_ROWS) -> None:
        self._path = folder / _NAME
        self._most_rows = most_rows
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._broken = False
        self._dropped = False
        self._written = 0

    def get(
        self, registry: str, repository: str, tag: str, digest: str, platform: Platform | None = None
    ) -> TagDetails | None:
        """The details of *digest*, under the name *tag*; None if they are not kept."""
        key = (registry, repository, digest, str(platform or Platform.host()))

        def work(connection: sqlite3.Connection) -> TagDetails | None:
            row = connection.execute(
                f"SELECT size, platforms, created, media_type, used FROM details WHERE {_BY_KEY}", key
            ).fetchone()
            if row is None:
                return None
            size, platforms, created, media_type, used = row
            if used != _today():
                connection.execute(f"UPDATE details SET used = ? WHERE {_BY_KEY}", (_today(), *key))
            when = datetime.fromisoformat(created).astimezone(UTC) if created else None
            return TagDetails(tag, digest, size, _platforms(platforms), when, media_type)

        return self._do(work, None)

    def put(
        self, registry: str, repository: str, details: TagDetails, platform: Platform | None = None
    ) -> None:
        """Keep *details*."""
        row = (
            registry,
            repository,
            details.digest,
            str(platform or Platform.host()),
            details.size,
            json.dumps(
                [[one.os, one.architecture, one.variant, one.os_version] for one in details.platforms]
            ),
            details.created.isoformat() if details.created else None,
            details.media_type,
            _today(),
        )

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            self._written += 1
            if self._written % min(_PRUNE_EVERY, self._most_rows) == 0:
                self._prune(connection)

        self._do(work, None)

    def knows(self, registry: str, repository: str) -> bool:
        """True if there is anything of *repository*: only then is it worth asking for digests first."""

        def work(connection: sqlite3.Connection) -> bool:
            query = "SELECT 1 FROM details WHERE registry = ? AND repository = ? LIMIT 1"
            return connection.execute(query, (registry, repository)).fetchone() is not None

        return self._do(work, False)

    def details(
        self,
        client: RegistryClient,
        registry: str,
        repository: str,
        tag: str,
        *,
        digest: str = "",
        cancellation: Cancellation | None = None,
    ) -> TagDetails:
        """The details of *tag*: from here if its digest is known here, else from the registry, and kept.

        *digest*: of the tag, if a listing told it a moment ago; saves asking. Raises what the client raises.
        """
        if not digest and self.knows(registry, repository):
            found = client.head(repository, tag, cancellation=cancellation)
            digest = found.digest if found is not None else ""
        kept = self.get(registry, repository, tag, digest) if digest else None
        if kept is not None:
            return kept
        read = client.tag_details(repository, tag, cancellation=cancellation)
        self.put(registry, repository, read)
        return read

    def close(self) -> None:
        """Close the file. Later calls find nothing and keep nothing."""
        with self._lock:
            self._broken = True
            connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    # -- the file

    def _do(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What *work* gives; *otherwise* if the file cannot be used."""
        with self._lock:
            if self._broken:
                return otherwise
            try:
                if self._connection is None:
                    self._connection = _open(self._path)
                return work(self._connection)
            except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
                self._fail(error)
                return otherwise

    def _fail(self, error: Exception) -> None:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return  # another Longshore writes; there will be a next time
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        if isinstance(error, sqlite3.OperationalError | OSError) or self._dropped:
            _log.info("Details of tags are not kept: %s", error)
            self._broken = True
        else:
            _log.info("The kept details of tags cannot be read and are dropped: %s", error)
            self._dropped = True  # once: the next call begins anew
            _drop(self._path)

    def _prune(self, connection: sqlite3.Connection) -> None:
        (rows,) = connection.execute("SELECT count(*) FROM details").fetchone()
        if rows > self._most_rows:
            connection.execute(
                "DELETE FROM details WHERE (registry, repository, digest, platform) IN "
                "(SELECT registry, repository, digest, platform FROM details ORDER BY used LIMIT ?)",
                (rows - self._most_rows * 9 // 10,),
            )


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Names of repositories can be nobody else's business.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # a cache: losing the last of it does no harm
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            connection.execute("DROP TABLE IF EXISTS details")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _drop(path: Path) -> None:
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        with contextlib.suppress(OSError):
            name.unlink()


def _today() -> int:
    """Days since 1970: fine enough to know what is unused, and few writes."""
    return int(time.time() // 86_400)


def _platforms(text: str) -> tuple[Platform, ...]:
    found = json.loads(text)
    if not all(len(parts) == 4 and all(isinstance(part, str) for part in parts) for parts in found):
        raise ValueError("not platforms")
    return tuple(Platform(*parts) for parts in found)
