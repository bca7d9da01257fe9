"""Details of tags, cached on disk by digest. They stay valid because content never changes under a digest.

The cache is only a convenience: with a broken, locked or full disk it is empty, and never raises.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from longshore.oci.platform import Platform
from longshore.registry.model import Parts, TagDetails
from longshore.shared_files import private_folder

_log = logging.getLogger(__name__)
T = TypeVar("T")

FILE_NAME = "tag-details-3.sqlite"
#: Files of earlier formats, which are removed.
_BEFORE = "tag-details-[12].sqlite*"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS details (
  digest TEXT NOT NULL, wanted TEXT NOT NULL, size INTEGER, platforms TEXT NOT NULL, created REAL,
  media_type TEXT NOT NULL, images TEXT NOT NULL, config TEXT NOT NULL, kept REAL NOT NULL,
  PRIMARY KEY (digest, wanted)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS details_kept ON details (kept);
CREATE TABLE IF NOT EXISTS parts (
  digest TEXT PRIMARY KEY, blobs TEXT NOT NULL, children TEXT NOT NULL, kept REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS repositories (
  host TEXT NOT NULL, repository TEXT NOT NULL, kept REAL NOT NULL, PRIMARY KEY (host, repository)) WITHOUT ROWID;
"""


#: Most manifests whose parts are cached: each takes up to some KB.
_MOST_PARTS = 5_000
#: Most repositories whose tags are remembered in memory.
_MOST_FRESH = 200


@dataclass(frozen=True, slots=True)
class Known:
    """Details without the tag that pointed to them."""

    details: TagDetails

    def as_tag(self, tag: str) -> TagDetails:
        """The details with the tag *tag*."""
        return replace(self.details, tag=tag)


class DetailsCache:
    """A cache in one SQLite file in *folder*, at most *limit* entries (the oldest are removed first).

    Any thread; blocks briefly; never raises.
    """

    def __init__(self, folder: Path, limit: int = 50_000) -> None:
        self._path = folder / FILE_NAME
        self._limit = max(limit, 1)
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._broken = False
        self._since_trim = 0
        #: Repositories without entries before this run, and their tags that were cached since.
        self._fresh: dict[tuple[str, str], set[str]] = {}

    def knows(self, host: str, repository: str, tag: str) -> bool:
        """True if *tag* is probably cached, so that it is worth requesting only its digest first.

        From earlier runs only repositories are known. While a repository is read for the first time, its tags are
        tracked: otherwise, after the first tag was cached, each of the others would cost an extra request.
        """

        def look(db: sqlite3.Connection) -> bool:
            fresh = self._fresh.get((host, repository))
            return (fresh is None or tag in fresh) and _has(db, host, repository)

        return self._safely(look, False)

    def get(self, digest: str, wanted: Platform) -> Known | None:
        """The details of the manifest *digest* for the platform *wanted*, None if they are not cached."""

        def read(db: sqlite3.Connection) -> Known | None:
            row = db.execute(
                "SELECT size, platforms, created, media_type, images, config FROM details "
                "WHERE digest = ? AND wanted = ?",
                (digest, str(wanted)),
            ).fetchone()
            if row is None:
                return None
            size, platforms, created, media_type, images, config = row
            return Known(
                TagDetails(
                    "",
                    digest,
                    size,
                    tuple(_platform(text) for text in platforms.split(" ") if text),
                    None if created is None else datetime.fromtimestamp(created, UTC),
                    media_type,
                    tuple(images.split()),
                    config,
                )
            )

        return self._safely(read, None)

    def put(self, host: str, repository: str, found: TagDetails, wanted: Platform) -> None:
        """Cache *found*. Incomplete details (only a digest) are not cached."""
        if found.size is None:
            return

        def write(db: sqlite3.Connection) -> None:
            now = time.time()
            if not _has(db, host, repository):
                if len(self._fresh) >= _MOST_FRESH:
                    self._fresh.clear()
                self._fresh[host, repository] = set()
            if (fresh := self._fresh.get((host, repository))) is not None and len(fresh) < self._limit:
                fresh.add(found.tag)
            platforms = " ".join(_text(one) for one in found.platforms)
            created = None if found.created is None else found.created.timestamp()
            images = " ".join(found.images)
            db.execute(
                "INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    found.digest,
                    str(wanted),
                    found.size,
                    platforms,
                    created,
                    found.media_type,
                    images,
                    found.config,
                    now,
                ),
            )
            db.execute("INSERT OR REPLACE INTO repositories VALUES (?, ?, ?)", (host, repository, now))
            self._trim(db)
            db.commit()

        self._safely(write, None)

    def parts(self, digest: str) -> Parts | None:
        """The parts of the manifest *digest*, None if they are not cached."""

        def read(db: sqlite3.Connection) -> Parts | None:
            row = db.execute("SELECT blobs, children FROM parts WHERE digest = ?", (digest,)).fetchone()
            if row is None:
                return None
            words = row[0].split()
            blobs = tuple(zip(words[::2], map(int, words[1::2]), strict=True))
            return Parts(blobs, tuple(row[1].split()))

        return self._safely(read, None)

    def put_parts(self, digest: str, found: Parts) -> None:
        """Cache *found*, the parts of the manifest *digest*."""

        def write(db: sqlite3.Connection) -> None:
            blobs = " ".join(f"{blob} {size}" for blob, size in found.blobs)
            row = (digest, blobs, " ".join(found.children), time.time())
            db.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", row)
            self._trim(db)
            db.commit()

        self._safely(write, None)

    def _trim(self, db: sqlite3.Connection) -> None:
        """Now and then, remove the oldest entries above the limit."""
        self._since_trim += 1
        if self._since_trim < min(500, self._limit):
            return
        self._since_trim = 0
        for table, key, limit in (
            ("details", "digest, wanted", self._limit),
            ("repositories", "host, repository", self._limit),
            ("parts", "digest", min(self._limit, _MOST_PARTS)),
        ):
            db.execute(
                f"DELETE FROM {table} WHERE ({key}) IN "
                f"(SELECT {key} FROM {table} ORDER BY kept DESC LIMIT -1 OFFSET ?)",
                (limit,),
            )

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
            for old in self._path.parent.glob(_BEFORE):
                old.unlink(missing_ok=True)
            self._path.touch(mode=0o600)
            self._database = sqlite3.connect(self._path, timeout=1.0, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.executescript(_SCHEMA)
        return self._database

    def _give_up(self, error: Exception) -> None:
        """Remove a file that is not a database, so that it is created again; else stop using the cache in this run."""
        _log.info("the cache of tag details is not used: %s", error)
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
                return
        self._broken = True


def _has(db: sqlite3.Connection, host: str, repository: str) -> bool:
    query = "SELECT 1 FROM repositories WHERE host = ? AND repository = ?"
    return db.execute(query, (host, repository)).fetchone() is not None


def _text(platform: Platform) -> str:
    return "|".join((platform.os, platform.architecture, platform.variant, platform.os_version)).replace(
        " ", ""
    )


def _platform(text: str) -> Platform:
    parts = [*text.split("|"), "", "", ""][:4]
    return Platform(*parts)
