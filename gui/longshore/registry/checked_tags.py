"""What tags pointed to when their registries were last asked, cached on disk with the time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from longshore.oci.digest import valid_digest
from longshore.oci.reference import Reference
from longshore.registry.cache_file import CacheFile

FILE_NAME = "checked-tags-1.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tags (
  repository TEXT NOT NULL, target TEXT NOT NULL, digest TEXT NOT NULL, before TEXT NOT NULL, asked REAL NOT NULL,
  PRIMARY KEY (repository, target)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_asked ON tags (asked);
"""
#: Most tags that are remembered, and most earlier digests of one.
MOST = 20_000
MOST_BEFORE = 8
#: Tags written between two removals of the oldest ones.
_TRIM_EVERY = 500
#: Seconds by which another program's clock may be ahead of ours.
_AHEAD = 60.0
#: The last valid time, in the year 2242.
_LAST = 2.0**33


@dataclass(frozen=True, slots=True)
class CheckedTag:
    """*digest*: what the tag pointed to at *asked*, "" if there was no such tag. *before*: what it was seen to point to
    earlier, the latest first."""

    digest: str
    asked: datetime
    before: tuple[str, ...] = ()

    def older_than(self, seconds: float, now: datetime) -> bool:
        """Whether it is out of date. A time in the future says nothing: a clock was wrong."""
        return not -_AHEAD <= (now - self.asked).total_seconds() < seconds


class CheckedTags(CacheFile):
    """A cache of at most :data:`MOST` tags in *folder*; those asked longest ago are removed first."""

    def __init__(self, folder: Path, limit: int = MOST) -> None:
        super().__init__(folder / FILE_NAME, _SCHEMA)
        self._limit = max(limit, 1)
        self._since_trim = 0

    def get(self, references: Iterable[Reference]) -> dict[Reference, CheckedTag]:
        """What is known of *references*, which have a tag or a digest."""

        def read(db: sqlite3.Connection) -> dict[Reference, CheckedTag]:
            found: dict[Reference, CheckedTag] = {}
            for one in references:
                row = db.execute(
                    "SELECT digest, before, asked FROM tags WHERE repository = ? AND target = ?",
                    (one.name, one.target),
                ).fetchone()
                if row is not None and (known := _checked(*row)) is not None:
                    found[one] = known
            return found

        return self._safely(read, {})

    def put(self, found: Mapping[Reference, tuple[str, datetime]]) -> dict[Reference, CheckedTag]:
        """Cache digests ("" for no such tag) with the times when they were asked; returns what is known now.

        An answer that another Longshore got later stays, unless its time is in the future.
        """

        def write(db: sqlite3.Connection) -> dict[Reference, CheckedTag]:
            known: dict[Reference, CheckedTag] = {}
            latest = time.time() + _AHEAD
            with db:
                db.execute("BEGIN IMMEDIATE")
                for one, (digest, asked) in found.items():
                    key, at = (one.name, one.target), asked.timestamp()
                    row = db.execute(
                        "SELECT digest, before, asked FROM tags WHERE repository = ? AND target = ?", key
                    ).fetchone()
                    old = None if row is None else _checked(*row)
                    if old is not None and at < old.asked.timestamp() < latest:
                        known[one] = old
                        continue
                    known[one] = new = CheckedTag(digest, asked, _earlier(old, digest))
                    db.execute(
                        "INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?, ?)",
                        (*key, digest, " ".join(new.before), at),
                    )
                self._trim(db, len(found))
            return known

        return self._safely(write, {one: CheckedTag(digest, asked) for one, (digest, asked) in found.items()})

    def _trim(self, db: sqlite3.Connection, written: int) -> None:
        self._since_trim += written
        if self._since_trim < min(_TRIM_EVERY, self._limit):
            return
        self._since_trim = 0
        db.execute(
            "DELETE FROM tags WHERE (repository, target) IN "
            "(SELECT repository, target FROM tags ORDER BY asked DESC LIMIT -1 OFFSET ?)",
            (self._limit,),
        )


def _earlier(old: CheckedTag | None, digest: str) -> tuple[str, ...]:
    if old is None:
        return ()
    found = dict.fromkeys([*([old.digest] if old.digest else []), *old.before])
    found.pop(digest, None)
    return tuple(found)[:MOST_BEFORE]


def _checked(digest: object, before: object, asked: object) -> CheckedTag | None:
    """The values of a row; None if they are not what we write."""
    if not isinstance(digest, str) or not isinstance(before, str) or not isinstance(asked, float):
        return None
    if (digest and not valid_digest(digest)) or not 0 <= asked < _LAST:
        return None
    earlier = tuple(one for one in before.split(" ", MOST_BEFORE)[:MOST_BEFORE] if valid_digest(one))
    return CheckedTag(digest, datetime.fromtimestamp(asked, UTC), earlier)
