"""The tag history: records changes of tags before they are made, and answers what each tag pointed to.

Several Longshores share the file. What cannot be written now is kept in memory and written with the next change that
can; :attr:`TagHistory.problem` gives the reason meanwhile.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application.tag_history.record import TagRecord, place_key
from longshore.transfers.tag_changes import TagChange, TagOperation
from longshore.transfers.transfer import Place

if TYPE_CHECKING:
    from longshore.application.tag_history.store import Store
    from longshore.oci.manifest import Index, Manifest
    from longshore.oci.reference import Reference
    from longshore.transfers.journal.file import SetAside

_log = logging.getLogger(__name__)

#: Limits unless the user chooses others: as for the history of transfers.
MAX_AGE_DAYS = 90
MAX_ROWS = 5000
#: Records that one question returns at most.
MOST = 1000
#: Announced changes between two trims.
TRIM_EVERY = 200
#: Most bytes of a manifest that is kept.
LARGEST_KEPT = 4 << 20
#: Most manifests that are kept in memory while nothing can be written.
_MOST_UNSAVED = 50
#: Changes that an undo of the latest change may mean: those by the user, which undid nothing and are not undone.
_OWN = f"operation <> '{TagOperation.SEEN.value}' AND undoes = '' AND undone_by = ''"
#: Seconds until the file is tried again after it could not be opened.
_PAUSE = 2.0


class TagHistory:
    """The tag history in the file *path*, which is opened (or created) at the first use. Thread-safe; calls may block.

    *user_of*: the user who is signed in to a registry, "" for nobody; called for places of changes that are recorded.
    *path* None: nothing is written to disk. *limits*: the maximum age in days and number of records. *problem*: why
    records are not being saved at the moment, "" if they are. *set_aside*: whether the file found could not be used. It
    is a :class:`TagRecorder`.
    """

    def __init__(
        self,
        path: Path | None,
        user_of: Callable[[Place], str] = lambda place: "",
        *,
        limits: Callable[[], tuple[float, int]] = lambda: (MAX_AGE_DAYS, MAX_ROWS),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.problem = ""
        self.set_aside: SetAside | None = None
        self._user_of = user_of
        self._limits = limits
        self._clock = clock
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._in_file = False
        self._not_before = 0.0  # when the file is tried again (monotonic)
        self._unsaved: dict[str, TagRecord] = {}
        self._unsaved_manifests: dict[str, Manifest | Index] = {}
        self._gone: set[str] = set()
        #: What was announced here and is not settled: another program may have dropped it as given up.
        self._announced_here: dict[str, TagRecord] = {}
        self._announced = 0
        #: When tags were changed by this program (monotonic), by their places and names; the latest MOST.
        self._settled: dict[tuple[str, Reference], float] = {}
        self._watchers: list[Callable[[], None]] = []

    @property
    def unsaved(self) -> bool:
        """Whether changes of this program are not on disk, for the reason :attr:`problem`."""
        return self.path is not None and bool(self.problem) and bool(self._unsaved)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call *watcher* in any thread after each change of the records by this program."""
        self._watchers.append(watcher)

    # -- recording

    def announce(self, changes: Sequence[TagChange]) -> list[str]:
        """See TagRecorder."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        users = {place: self._user(place) for place in dict.fromkeys(change.place for change in changes)}
        records = [
            TagRecord(
                uuid.uuid4().hex,
                now,
                change.place,
                change.reference.with_digest(None).with_default_tag(),
                change.operation,
                change.before,
                change.after,
                open=True,
                by=users[change.place],
                transfer=change.transfer,
                group=change.group or change.transfer,
                undoes=change.undoes,
                origins=change.origins,
            )
            for change in changes
        ]
        manifests = [change.manifest for change in changes if change.manifest is not None]
        self._write([*self._superseded(records), *records], manifests)
        self._announced += len(records)
        self._announced_here |= {record.id: record for record in records}
        while len(self._announced_here) > MOST:
            del self._announced_here[next(iter(self._announced_here))]
        if self._announced >= TRIM_EVERY:
            self._announced = 0
            self.trim()
        return [record.id for record in records]

    def settle(self, found: Mapping[str, str | None]) -> None:
        """See TagRecorder. Also marks the change that a settled undo undid."""
        known = {record.id: record for record in self._by_ids(found)}
        changed: list[TagRecord] = []
        gone: list[str] = []
        for key, now in found.items():
            announced = self._announced_here.pop(key, None)
            record = known.get(key, announced)
            if record is None or now is None:
                continue
            if now == record.before:
                gone.append(key)
                continue
            changed.append(replace(record, after=now, open=False))
            self._settled[place_key(record.place), record.reference] = time.monotonic()
            if record.undoes:
                changed += self._undone(record)
        while len(self._settled) > MOST:
            del self._settled[next(iter(self._settled))]
        self._write(changed, gone=gone)

    def saw(self, place: Place, found: Mapping[Reference, str], asked: float) -> None:
        """See TagRecorder. One query; nothing is recorded of tags that no change was recorded of."""
        if not found:
            return
        latest: dict[Reference, TagRecord] = {}
        names = json.dumps(sorted({reference.name for reference in found}))
        condition = "key = ? AND repository IN (SELECT value FROM json_each(?))"
        for record in self._select(condition, [place_key(place), names], MOST):
            latest.setdefault(record.reference, record)
        now = datetime.fromtimestamp(self._clock(), UTC)
        news: list[TagRecord] = []
        for reference, digest in found.items():
            name = reference.with_digest(None).with_default_tag()
            last = latest.get(name)
            if last is None or self._settled.get((place_key(place), name), -inf) >= asked:
                continue
            if last.open:
                # Not dropped if nothing changed: it may be about to be made. Anything else may be somebody else's.
                if digest == last.after:
                    news.append(replace(last, after=digest, open=False))
            elif last.after not in (None, digest):
                news.append(
                    TagRecord(uuid.uuid4().hex, now, place, name, TagOperation.SEEN, last.after, digest)
                )
        self._write(news)

    def lost(self, group: str) -> None:
        """See TagRecorder."""
        with self._lock, self._trouble():
            self._opened().lose(group)

    def _undone(self, undo: TagRecord) -> list[TagRecord]:
        """The records that change because *undo* was carried out: what it undid, and what that had undone."""
        changed = []
        for record in self._by_ids([undo.undoes]):
            # An action that changed a tag several times is undone as a whole.
            for one in self.group_of(record):
                if (one.place, one.reference) == (record.place, record.reference):
                    changed.append(replace(one, undone_by=undo.id))
            if record.undoes:  # an undo was undone: what that undid is in force again
                in_force = self._select("undone_by = ?", [record.id], MOST)
                changed += [replace(one, undone_by="") for one in in_force]
        return changed

    def _superseded(self, records: Iterable[TagRecord]) -> list[TagRecord]:
        """Earlier changes of the same tags that nobody settled and that were made, as the tags are found now."""
        changed = []
        for record in records:
            if not record.before:
                continue
            for one in self.of_tag(record.place, record.reference, limit=10):
                if one.open and one.before != one.after == record.before:
                    changed.append(replace(one, after=record.before, open=False))
        return changed

    def _user(self, place: Place) -> str:
        try:
            return self._user_of(place) or getpass.getuser()
        except Exception as error:
            _log.info("the user is not known: %r", error)
            return ""

    # -- questions; worker threads

    def starting_with(self, start: str) -> list[TagRecord]:
        """The records whose ids begin with *start*, at most two: more than one is not one."""
        pattern = f"{start}*"
        return self._select("id GLOB ?", [pattern], 2) if start.isalnum() else []

    def latest(self, limit: int = MOST) -> list[TagRecord]:
        """All records, newest first."""
        return self._select("1", [], limit)

    def of_tag(self, place: Place, reference: Reference, limit: int = MOST) -> list[TagRecord]:
        """The records of one tag, newest first."""
        name = reference.with_default_tag()
        return self._select(
            "key = ? AND repository = ? AND tag = ?", [place_key(place), name.name, name.tag], limit
        )

    def of_repository(self, place: Place, repository: Reference, limit: int = MOST) -> list[TagRecord]:
        """The records of a repository's tags, newest first."""
        return self._select("key = ? AND repository = ?", [place_key(place), repository.name], limit)

    def of_transfer(self, transfer: str) -> list[TagRecord]:
        """The records of one transfer, newest first."""
        return self._select("transfer = ?", [transfer], MOST) if transfer else []

    def with_digest(self, digest: str, limit: int = 50) -> list[TagRecord]:
        """Records of tags that pointed to *digest* before or afterwards, newest first."""
        return self._select("before = ? OR after = ?", [digest, digest], limit)

    def group_of(self, record: TagRecord) -> list[TagRecord]:
        """The records that are undone together with *record*, newest first, without those that are undone."""
        if not record.group:
            return [record]
        found = self._select("together = ?", [record.group], MOST)
        return [one for one in found if not one.undone_by and bool(one.undoes) == bool(record.undoes)]

    def last(self, skipped: Iterable[TagRecord] = ()) -> list[TagRecord]:
        """The latest change by the user here that is not undone, with those of its group; empty for none.

        *skipped*: changes that are not meant.
        """
        ids = json.dumps([record.id for record in skipped])
        found = self._select(f"{_OWN} AND id NOT IN (SELECT value FROM json_each(?))", [ids], 1)
        return self.group_of(found[0]) if found else []

    def lost_since(self, records: Sequence[TagRecord]) -> tuple[int, bool]:
        """The number of images without a name that the last action removed, if it was not before *records*.

        And whether *records* (newest first) are of the same action.
        """
        with self._lock, self._trouble():
            images, group = self._opened().lost_since(records[0].id if records else "")
            return images, bool(group) and any(record.group == group for record in records)
        return 0, False

    def manifest(self, digest: str) -> Manifest | Index | None:
        """The manifest *digest*, if it was kept when a registry deleted it."""
        with self._lock:
            for _ in range(2):
                with self._trouble():
                    return self._opened().manifest(digest)
        return None

    # -- the file

    def trim(self) -> None:
        """Drop what exceeds the limits. Worker threads."""
        with self._lock, self._trouble():
            self._opened().trim(*self._limits())

    def close(self) -> None:
        """Write what is left, and close the file. A later call opens it again."""
        with self._lock:
            if self._unsaved or self._gone:
                self._not_before = 0.0
                self._opened()
            store, self._store = self._store, None
            if store is not None:
                store.close()
            if self._unsaved:
                _log.warning("the last changes of tags could not be recorded: %s", self.problem)

    def _by_ids(self, ids: Iterable[str]) -> list[TagRecord]:
        return self._select("id IN (SELECT value FROM json_each(?))", [json.dumps(list(ids))], MOST)

    def _select(self, condition: str, values: Sequence[object], limit: int) -> list[TagRecord]:
        """The latest records that match *condition*, newest first."""
        with self._lock:
            for _ in range(2):  # the second time from memory, if the file fails
                with self._trouble():
                    return self._opened().records(condition, values, limit)
        return []

    def _write(
        self,
        records: Sequence[TagRecord],
        manifests: Sequence[Manifest | Index] = (),
        gone: Sequence[str] = (),
    ) -> None:
        if not (records or manifests or gone):
            return
        with self._lock:
            self._unsaved |= {record.id: record for record in records}
            self._unsaved_manifests |= {one.digest: one for one in manifests if len(one.raw) <= LARGEST_KEPT}
            while len(self._unsaved_manifests) > _MOST_UNSAVED:
                del self._unsaved_manifests[next(iter(self._unsaved_manifests))]
            self._gone |= set(gone)
            for _ in range(2):
                with self._trouble():
                    store = self._opened()
                    if self._in_file:
                        store.write(self._unsaved.values(), self._unsaved_manifests.values(), self._gone)
                    else:
                        store.write(records, self._unsaved_manifests.values(), gone)
                    break
            if self._in_file:
                self._saved()
        for watcher in self._watchers:
            watcher()

    def _saved(self) -> None:
        """Everything is on disk."""
        self._unsaved.clear()
        self._unsaved_manifests.clear()
        self._gone.clear()
        if self.problem and self.path is not None:
            _log.info("the tag history can be written again")
            self.problem = ""

    def _opened(self) -> Store:
        """The file, or a copy in memory while it can't be used. Raises sqlite3.Error."""
        from longshore.application.tag_history.schema import SCHEMA
        from longshore.application.tag_history.store import Store
        from longshore.transfers.journal.file import (
            BUSY_SECONDS,
            copy_in_memory,
            is_gone,
            memory_database,
            open_database,
        )

        if self.path is None:
            self._store = self._store or Store(memory_database(SCHEMA), self._clock)
            return self._store
        if self._store is not None and self._in_file and not is_gone(self.path):
            return self._store
        if self._store is not None and not self._in_file and time.monotonic() < self._not_before:
            return self._store
        first = self._store is None
        opened = open_database(self.path, BUSY_SECONDS if first else 0.0, SCHEMA)
        if opened.set_aside is not None:
            self.set_aside = opened.set_aside
            _log.warning("tag history set aside to %s: %s", opened.set_aside.path, opened.set_aside.reason)
        if opened.problem and not first and not self._in_file:
            opened.connection.close()
            self._fails(opened.problem)
            assert self._store is not None
            return self._store
        if opened.problem:
            # What is in the file can still be read.
            opened.connection.close()
            opened = replace(copy_in_memory(self.path, SCHEMA), problem=opened.problem)
        store = Store(opened.connection, self._clock)
        if self._unsaved or self._gone:
            try:
                store.write(self._unsaved.values(), self._unsaved_manifests.values(), self._gone)
            except BaseException:
                store.close()
                raise
        if self._store is not None:
            self._store.close()
        self._store, self._in_file = store, not opened.problem
        if opened.problem:
            self._fails(opened.problem)
        else:
            self._saved()
            if first:
                self._trim_quietly(store)
        return store

    def _trim_quietly(self, store: Store) -> None:
        with contextlib.suppress(Exception):
            store.trim(*self._limits())

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        """Continue in memory when the file fails."""
        import sqlite3

        from longshore.application.tag_history.schema import SCHEMA
        from longshore.application.tag_history.store import Store
        from longshore.transfers.journal.file import copy_in_memory, memory_database, reason_of

        try:
            yield
        except sqlite3.Error as error:
            self._fails(reason_of(error))
            if self._store is not None:
                self._store.close()
            opened = copy_in_memory(self.path, SCHEMA) if self.path is not None else None
            connection = memory_database(SCHEMA) if opened is None else opened.connection
            self._store, self._in_file = Store(connection, self._clock), False
            with contextlib.suppress(sqlite3.Error):
                self._store.write(self._unsaved.values(), self._unsaved_manifests.values(), self._gone)

    def _fails(self, problem: str) -> None:
        self._not_before = time.monotonic() + _PAUSE
        if problem != self.problem:
            _log.warning("the tag history cannot be written: %s", problem)
            self.problem = problem
