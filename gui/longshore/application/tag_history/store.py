"""The tag history's file: its queries and updates, each in one transaction."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from longshore.application.tag_history.record import COLUMNS, LONGEST, TagRecord, from_row, place_key, to_row
from longshore.errors import LongshoreError
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import LARGEST_MANIFEST, Index, Manifest, parse_manifest
from longshore.transfers.journal.days import drop_old, see_the_day
from longshore.transfers.journal.file import transaction

_log = logging.getLogger(__name__)

#: Most bytes of all manifests that are kept, and most of them.
MOST_KEPT_BYTES = 64 << 20
MOST_KEPT = 1000
#: Most actions whose images without a name are counted.
MOST_LOST = 100
_SELECT = (
    "SELECT "
    + ", ".join(f"substr({name}, 1, {LONGEST})" if name in ("place", "origins") else name for name in COLUMNS)
    + " FROM changes"
)
_INSERT = (
    f"INSERT INTO changes ({', '.join(COLUMNS)}, key, seen) VALUES ({', '.join('?' * (len(COLUMNS) + 2))})"
    " ON CONFLICT (id) DO UPDATE SET before = excluded.before, after = excluded.after, open = excluded.open,"
    " undone_by = excluded.undone_by"
)


class Store:
    """The tables in *connection*. *clock*: seconds since 1970. One thread at a time.

    Every method raises sqlite3.Error, and then nothing was changed.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        self.connection = connection
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()

    # -- writing

    def write(
        self,
        records: Iterable[TagRecord],
        manifests: Iterable[Manifest | Index] = (),
        gone: Iterable[str] = (),
    ) -> None:
        """Write *records* and *manifests*, and delete the records with the ids *gone*. On disk when it returns."""
        with transaction(self.connection):
            seen = see_the_day(self.connection, self._clock)
            number = 0
            for record in records:
                row = [*to_row(record), place_key(record.place), seen]
                number = self.connection.execute(_INSERT, row).lastrowid or number
            for one in manifests:
                self.connection.execute(
                    "INSERT OR REPLACE INTO manifests (digest, media_type, raw, number) VALUES (?, ?, ?, ?)",
                    [one.digest, one.media_type, one.raw, number],
                )
            self.connection.executemany("DELETE FROM changes WHERE id = ?", [[one] for one in gone])

    def lose(self, together: str) -> None:
        """Count an image without a name that the action *together* removed."""
        with transaction(self.connection):
            self.connection.execute(
                # Replaced, so that the last action has the highest row.
                "INSERT OR REPLACE INTO lost (together, images, last)"
                " VALUES (?, 1 + coalesce((SELECT images FROM lost WHERE together = ?), 0),"
                " (SELECT coalesce(max(number), 0) FROM changes))",
                [together, together],
            )
            self.connection.execute(
                "DELETE FROM lost WHERE rowid NOT IN (SELECT rowid FROM lost ORDER BY rowid DESC LIMIT ?)",
                [MOST_LOST],
            )

    def lost_since(self, change: str) -> tuple[int, str]:
        """How many images without a name the last action removed at or after the record *change*, and which action.

        *change* "": ever. 0: none.
        """
        row: Any = self.connection.execute(
            "SELECT images, together FROM lost WHERE last >= coalesce((SELECT number FROM changes WHERE id = ?), 0)"
            " ORDER BY last DESC, rowid DESC LIMIT 1",
            [change],
        ).fetchone()
        return (row[0], str(row[1])) if row is not None and isinstance(row[0], int) else (0, "")

    def trim(self, max_age_days: float, max_rows: int) -> None:
        """Drop records and manifests beyond these limits. Trusts the clock only where several days agree."""
        with transaction(self.connection):
            newest = see_the_day(self.connection, self._clock)
            drop_old(self.connection, "changes", "1", "at", max_age_days=max_age_days, newest=newest)
            execute = self.connection.execute
            execute(
                "DELETE FROM changes WHERE number NOT IN (SELECT number FROM changes ORDER BY number DESC LIMIT ?)",
                [max_rows],
            )
            execute(
                "DELETE FROM manifests WHERE digest NOT IN (SELECT before FROM changes WHERE before IS NOT NULL)"
            )
            execute(
                "DELETE FROM manifests WHERE digest IN (SELECT digest FROM (SELECT digest,"
                " sum(length(raw)) OVER newest AS bytes, row_number() OVER newest AS place FROM manifests"
                " WINDOW newest AS (ORDER BY number DESC, digest ROWS UNBOUNDED PRECEDING))"
                " WHERE bytes > ? OR place > ?)",
                [MOST_KEPT_BYTES, MOST_KEPT],
            )

    # -- reading

    def records(self, condition: str, values: Sequence[object], limit: int) -> list[TagRecord]:
        """The latest records that match *condition*, at most *limit*, newest first. Unreadable ones are left out."""
        found = []
        query = f"{_SELECT} WHERE {condition} ORDER BY number DESC LIMIT ?"
        for row in self.connection.execute(query, [*values, limit]).fetchall():
            try:
                found.append(from_row(row))
            except ValueError as error:
                _log.warning("a record of the tag history cannot be read: %s", str(error)[:300])
        return found

    def manifest(self, digest: str) -> Manifest | Index | None:
        """The kept manifest *digest*, verified; None if it was not kept."""
        row: Any = self.connection.execute(
            "SELECT media_type, raw FROM manifests WHERE digest = ? AND length(raw) <= ?",
            [digest, LARGEST_MANIFEST],
        ).fetchone()
        if row is None or not isinstance(row[1], bytes) or sha256_of(row[1]) != digest:
            return None
        try:
            return parse_manifest(row[1], str(row[0]))
        except LongshoreError as error:
            _log.warning("a kept manifest cannot be read: %s", error)
            return None
