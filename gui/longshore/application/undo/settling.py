"""Finds out how changes ended that nobody reported an end of, and lets one undo at a time change tags."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from longshore.application.stores import open_store
from longshore.application.tag_history.recording import RecordingStore
from longshore.cancellation import Cancelled
from longshore.errors import LongshoreError
from longshore.shared_files import LockBusy, locked
from longshore.side_by_side import ask_all
from longshore.transfers.transfer import EnginePlace, LibraryPlace, RegistryPlace
from longshore.transfers.ways.deadline import within

if TYPE_CHECKING:
    from pathlib import Path

    from longshore.application.clients import Clients
    from longshore.application.tag_history.history import TagHistory
    from longshore.application.tag_history.record import TagRecord
    from longshore.cancellation import Cancellation

_log = logging.getLogger(__name__)

#: Open changes that are looked at in one go, those at a time, and seconds that each place has to respond.
_MOST = 100
_AT_ONCE = 8
_SECONDS = 5.0
#: A change that did nothing so long after it was announced was given up.
_GIVEN_UP = timedelta(hours=1)
#: For histories without a file.
_TURN = threading.Lock()


def settle(
    records: Iterable[TagRecord], clients: Clients, history: TagHistory, cancellation: Cancellation
) -> None:
    """Ask the places what the tags of open *records* point to, and settle those that were made or given up.

    A tag that points to something else says nothing about them: somebody else may have changed it. Raises Cancelled.
    """
    open_ones = [one for one in records if one.open and _latest(one, history)][:_MOST]

    def ask(record: TagRecord, part: Cancellation) -> str | None:
        try:
            with within(part, _SECONDS) as bounded:
                return _points_to(record, clients, bounded)
        except Cancelled:
            part.raise_if_cancelled()
        except LongshoreError as error:
            _log.info("it is not known what %s points to: %s", record.reference, error)
        return None

    found: dict[str, str | None] = {}
    now = datetime.now(UTC)
    for record, digest in zip(open_ones, ask_all(ask, open_ones, cancellation, _AT_ONCE), strict=True):
        made = digest is not None and digest == record.after
        # It may be about to be made.
        given_up = digest is not None and digest == record.before and now - record.at > _GIVEN_UP
        if made or given_up:
            found[record.id] = digest
    history.settle(found)


def _latest(record: TagRecord, history: TagHistory) -> bool:
    return [one.id for one in history.of_tag(record.place, record.reference, limit=1)] == [record.id]


def _points_to(record: TagRecord, clients: Clients, cancellation: Cancellation) -> str | None:
    match record.place:
        case RegistryPlace(host):
            name = record.reference
            found = clients.registry(host).head(name.path, name.tag, for_push=True, cancellation=cancellation)
            return "" if found is None else found.digest
        case EnginePlace() | LibraryPlace() as place:
            store = RecordingStore(open_store(place, clients), place, clients.recorder)
            return store.points_to(record.reference)[0]
        case _:
            return None


@contextlib.contextmanager
def turn(path: Path | None, cancellation: Cancellation) -> Iterator[None]:
    """Wait until no other undo of the tag history in *path* changes tags, in this program or another.

    Raises LongshoreError after half a minute, Cancelled.
    """
    with contextlib.ExitStack() as stack:
        if path is None:
            stack.enter_context(_TURN)
        else:
            try:
                stack.enter_context(locked(path.with_suffix(".undo.lock"), cancellation=cancellation))
            except LockBusy as error:
                raise LongshoreError(
                    "Another Longshore is undoing a change.", advice="Wait until it is done, then try again."
                ) from error
            except (
                OSError
            ) as error:  # where no file can be written, no other program writes the history either
                _log.info("an undo without a lock: %s", error)
                stack.enter_context(_TURN)
        yield
