"""Undo: checks whether tags can be put back, and puts them back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from longshore.application.undo import sentences
from longshore.application.undo.goal import Goal, How, Verdict, goals_of
from longshore.application.undo.local_tags import LocalTags
from longshore.application.undo.registry_tags import RegistryTags
from longshore.application.undo.settling import settle, turn
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.side_by_side import ask_all
from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.tag_history.history import TagHistory
    from longshore.application.tag_history.record import TagRecord
    from longshore.transfers.transfer import LibraryPlace, TransferRequest

#: Tags that are checked at a time: a clean-up may have removed hundreds.
_AT_ONCE = 6
#: Most actions that :meth:`Undo.last` skips.
_MOST_SKIPPED = 20


class Undo:
    """Puts tags back. Thread-safe; calls block: worker threads. *library*: the user's library, which may have images
    that other places lost."""

    def __init__(self, clients: Clients, history: TagHistory, library: Callable[[], LibraryPlace]) -> None:
        self._clients = clients
        self._history = history
        self._library = library
        self._registry = RegistryTags(clients, history)
        self._local = LocalTags(clients, history)

    def check(self, goal: Goal, cancellation: Cancellation) -> Verdict:
        """Whether and how *goal* can be reached. Changes nothing. Errors of its place are the verdict's reason.

        Raises Cancelled.
        """
        if goal.record is not None and goal.record.undone_by:
            return Verdict(goal, None, None, sentences.UNDONE(goal.reference.familiar))
        if goal.digest is None:
            return Verdict(
                goal, None, None, sentences.UNKNOWN(goal.reference.familiar, tag=goal.reference.tag)
            )
        try:
            return self._tags(goal).check(goal, self._library(), cancellation)
        except LongshoreError as error:
            return Verdict(goal, None, None, error)

    def settle(self, records: Iterable[TagRecord], cancellation: Cancellation) -> None:
        """Find out how those of *records* ended that nobody reported an end of; see ``settling``. Raises Cancelled."""
        settle(records, self._clients, self._history, cancellation)

    def last(self, cancellation: Cancellation) -> tuple[list[Verdict], list[TagRecord]]:
        """The verdicts on undoing the last change by the user here, and the changes that were skipped.

        Changes whose tags are already what they were before are skipped: they were never made, or were undone by other
        means. No verdicts: there is nothing to undo. Raises Cancelled.
        """
        skipped: list[TagRecord] = []
        for _ in range(_MOST_SKIPPED):
            self.settle(self._history.last(skipped), cancellation)
            records = self._history.last(skipped)
            verdicts = self.check_records(records, cancellation)
            if not records or any(not verdict.reached for verdict in verdicts):
                return verdicts, skipped
            skipped += records
        return [], skipped

    def check_records(self, records: Iterable[TagRecord], cancellation: Cancellation) -> list[Verdict]:
        """The verdicts on undoing *records* (newest first), one for each tag, as one action. Raises Cancelled."""
        return self.check_goals(goals_of(records), cancellation)

    def check_goals(self, goals: Iterable[Goal], cancellation: Cancellation) -> list[Verdict]:
        """The verdicts on *goals*, as one action; several are checked side by side. Raises Cancelled."""
        group = uuid.uuid4().hex
        together = [replace(goal, group=group) for goal in goals]
        return ask_all(self.check, together, cancellation, _AT_ONCE)

    def carry_out(self, verdict: Verdict, cancellation: Cancellation) -> TransferRequest | None:
        """Do what *verdict* says. Returns the transfer that the caller has to run, None if all is done.

        Raises TagMoved if the tag is not what the verdict found, LongshoreError if the change was undone meanwhile,
        what the place raises, and Cancelled.
        """
        if verdict.how is None:
            assert verdict.reason is not None
            raise verdict.reason
        if verdict.how is How.TRANSFER:
            # The way compares again before it writes the tag.
            self._raise_if_undone(verdict.goal)
            return verdict.request
        # One after another: the next one reads what this one has recorded.
        with turn(self._history.path, cancellation):
            self._raise_if_undone(verdict.goal)
            self._tags(verdict.goal).carry_out(verdict, cancellation)
        return None

    def _raise_if_undone(self, goal: Goal) -> None:
        if any(record.undone_by for record in self._history.starting_with(goal.undoes)):
            raise sentences.UNDONE(goal.reference.familiar)

    def _tags(self, goal: Goal) -> RegistryTags | LocalTags:
        return self._registry if isinstance(goal.place, RegistryPlace) else self._local
