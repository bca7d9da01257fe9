"""Details of tags, cached on disk by digest. They stay valid because content never changes under a digest."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from longshore.oci.platform import Platform
from longshore.registry.cache_file import CacheFile
from longshore.registry.model import Parts, TagDetails

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


class DetailsCache(CacheFile):
    """A cache in one SQLite file in *folder*, at most *limit* entries (the oldest are removed first)."""

    def __init__(self, folder: Path, limit: int = 50_000) -> None:
        super().__init__(folder / FILE_NAME, _SCHEMA, before=_BEFORE)
        self._limit = max(limit, 1)
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
