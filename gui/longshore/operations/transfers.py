"""The lower pane: requests and follows transfers."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from longshore.application import requests
from longshore.application.choices import Choices
from longshore.application.clients import Clients
from longshore.application.requests import LocalPlace
from longshore.errors import LongshoreError, Remedy
from longshore.models.transfers import TransferModel
from longshore.oci.reference import Reference
from longshore.operations.feed import TransferFeed
from longshore.operations.listing import Listing
from longshore.operations.tasks import Tasks
from longshore.settings import Settings
from longshore.transfers.journal.file import SetAside
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.mailbox import Changes
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State, TransferRequest

_log = logging.getLogger(__name__)


class Transfers(QObject):
    """The queue of transfers. GUI thread; every method except :meth:`shutdown` returns at once."""

    succeeded = Signal(object)  # TransferSnapshot, once, when it succeeds
    ended = Signal(object)  # TransferSnapshot that ended in this run, successfully or not
    asked = Signal(object, object)  # list[str], list[str]: new rows, rows that were already in the queue
    interrupted = Signal(object)  # list[str]: rows that an earlier run left unfinished, emitted once
    tag_needed = Signal(object, object)  # Reference without tag, list of existing tags
    failed = Signal(object)  # LongshoreError that has no row to show it
    unsaved_changed = Signal(str)  # why the history is not being saved, a sentence; "" once it is saved again
    tally_changed = Signal()  # transfers were added or removed, or changed state

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        settings: Settings,
        journal: Path,
        listing: Listing,
        transfers: TransferModel,
    ) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._listing = listing
        self._transfers = transfers
        choices = Choices.read(settings)
        self.journal = Journal(journal, max_age_days=choices.history_days, max_rows=choices.history_rows)
        self._feed = TransferFeed(self._take_changes, self)
        self._feed.changed.connect(self._transfers_changed)
        self.queue = TransferQueue(
            clients,
            self.journal,
            concurrency=choices.concurrency,
            wake=self._feed.wake,
            recorder=clients.recorder,
        )
        self.choose(choices)
        self._states: dict[str, State] = {}
        self._errors: dict[str, LongshoreError | None] = {}

    def start(self) -> None:
        """Read the journal and start the queue."""
        self.queue.start()

    def stop(self) -> None:
        """Stop reporting changes."""
        self._feed.stop()

    def shutdown(self, timeout: float) -> bool:
        """Stop every transfer; see TransferQueue.shutdown. Blocks: for a worker thread."""
        return self.queue.shutdown(timeout)

    # -- requests

    def ask(self, requests: Iterable[TransferRequest]) -> list[str]:
        """Queue a transfer for each of *requests* and return the ids; one already queued or running is not repeated."""
        known = set(self._states)
        ids = [self.queue.add(request) for request in requests]
        self._feed.flush()
        once = list(dict.fromkeys(ids))
        self.asked.emit([row for row in once if row not in known], [row for row in once if row in known])
        return ids

    def pull(self, references: Iterable[Reference], place: LocalPlace) -> None:
        """Queue a pull of each reference into *place*.

        A repository, without tag, means its ``latest``; if there is none, :attr:`tag_needed` is emitted.
        """
        for reference in references:
            if reference.tag or reference.digest:
                self.ask([requests.pull(reference, place)])
            else:
                self._pull_repository(reference, place)

    def pull_natively(self, ids: Iterable[str]) -> None:
        """Queue waiting and finished pulls again, in their rows; the engine then fetches the layers itself."""
        self.queue.retry_as(ids, requests.natively)

    def _pull_repository(self, reference: Reference, place: LocalPlace) -> None:
        latest = requests.pull(reference, place)

        def choose(names: list[str]) -> None:
            if names:
                self.tag_needed.emit(reference, names)
            else:
                self.ask([latest])  # if there are no tags at all, its row says so

        def pull_anyway(error: LongshoreError) -> None:
            # The engine may be able to read what we cannot: let it pull, and let its row show the result.
            _log.info("cannot look for tags of %s: %s", reference, error)
            self.ask([latest])

        self._listing.find_tags(reference, choose, pull_anyway)

    # -- results

    def _take_changes(self) -> Changes:
        return self.queue.take_changes()

    @Slot(object)
    def _transfers_changed(self, changes: Changes) -> None:
        self._transfers.apply(changes)
        if changes.set_aside is not None:
            self.failed.emit(_journal_error(changes.set_aside))
        if changes.damaged:
            self.failed.emit(_damaged_error(changes.damaged, self.journal.path))
        if changes.unsaved is not None:
            self.unsaved_changed.emit(_unsaved_text(changes.unsaved) if changes.unsaved else "")
        for removed in changes.removed:
            self._states.pop(removed, None)
            self._errors.pop(removed, None)
        interrupted = []
        for snapshot in changes.snapshots:
            before = self._states.get(snapshot.id)
            if before is None and snapshot.state is State.INTERRUPTED:
                interrupted.append(snapshot.id)
            self._states[snapshot.id] = snapshot.state
            self._errors[snapshot.id] = snapshot.error
            if before is None or before is snapshot.state or not snapshot.state.finished:
                continue  # rows of the journal ended in an earlier run
            self.ended.emit(snapshot)
            if snapshot.state is State.SUCCEEDED:
                self.succeeded.emit(snapshot)
        if interrupted:
            self.interrupted.emit(interrupted)
        self.tally_changed.emit()

    def choose(self, choices: Choices) -> None:
        """Apply the user's limits for transfers and history; running transfers continue."""
        self.queue.set_limits(concurrency=choices.concurrency, per_registry=choices.per_registry)
        choices.limit(self._clients)
        self.journal.set_limits(max_age_days=choices.history_days, max_rows=choices.history_rows)

    def retry_refused(self, host: str) -> None:
        """Retry transfers that failed for lack of rights at *host*, because the user has signed in."""
        self.queue.retry(
            [
                row
                for row, error in self._errors.items()
                if error is not None
                and self._states.get(row) is State.FAILED
                and (error.remedy, error.registry) == (Remedy.SIGN_IN, host)
            ]
        )

    @property
    def unfinished(self) -> int:
        """The number of queued or running transfers."""
        return sum(1 for state in self._states.values() if not state.finished)

    @property
    def running(self) -> int:
        """The number of running transfers, without those that wait to start or to retry."""
        return sum(1 for state in self._states.values() if not state.finished and state is not State.QUEUED)


def _journal_error(aside: SetAside) -> LongshoreError:
    reason = f"The transfer history could not be read: {aside.reason.rstrip('.')}."
    if aside.path is None:
        return LongshoreError(
            reason, advice="Move the file away; your engine and registries are not affected."
        )
    return LongshoreError(
        f"{reason} It was set aside as {aside.path.name}.",
        subject=str(aside.path),
        advice="A new history was started; your engine and registries are not affected.",
    )


def _damaged_error(count: int, journal: Path) -> LongshoreError:
    return LongshoreError(
        "1 transfer in the history is damaged and can't be shown."
        if count == 1
        else f"{count} transfers in the history are damaged and can't be shown.",
        subject=str(journal),
        advice="The others are not affected.",
    )


def _unsaved_text(reason: str) -> str:
    return (
        f"The transfer history is not being saved: {reason.rstrip('.')}. "
        "Transfers continue, and are saved as soon as possible."
    )
