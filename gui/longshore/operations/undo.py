"""Undo and the tag history: what can be undone next, whether that is possible, and doing it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.application.clients import Clients
from longshore.application.tag_history.history import TagHistory
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.tag_history.record import TagRecord
    from longshore.application.undo.goal import Goal, Verdict
    from longshore.oci.reference import Reference
    from longshore.transfers.transfer import LibraryPlace, Place, TransferRequest

#: Milliseconds between a change of a tag and the look at what can be undone: changes come by the dozen.
SOON = 150


class Undoing(QObject):
    """GUI thread; every method returns at once. *ask* queues transfers."""

    next_changed = Signal()  # another change would be undone next
    undone = Signal(object)  # list[Verdict] that were carried out, without those that became transfers
    unsaved_changed = Signal(str)  # why changes of tags are not being saved; "" once they are saved again
    _recorded = Signal()  # emitted in any thread

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        history: TagHistory,
        library: Callable[[], LibraryPlace],
        ask: Callable[[list[TransferRequest]], object],
    ) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._history = history
        self._library = library
        self._ask = ask
        #: The changes that would be undone next, newest first; empty for none.
        self.next: list[TagRecord] = []
        self._problem = ""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON)
        self._soon.timeout.connect(self.look)
        self._recorded.connect(self._look_soon)
        history.watch(self._tell)

    def _tell(self) -> None:
        with contextlib.suppress(RuntimeError):  # the window is gone
            self._recorded.emit()

    @Slot()
    def _look_soon(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def stop(self) -> None:
        """Look no more."""
        self._soon.stop()
        self._recorded.disconnect(self._look_soon)

    @Slot()
    def look(self) -> None:
        """Find out what can be undone next."""

        def found(records: list[TagRecord]) -> None:
            problem = self._history.problem if self._history.unsaved else ""
            if problem != self._problem:
                self._problem = problem
                self.unsaved_changed.emit(problem)
            if records != self.next:
                self.next = records
                self.next_changed.emit()

        self._tasks.run(self._tasks.quick, lambda _: self._history.last(), done=found, name="next undo")

    def last(self, done: Callable[[list[TagRecord]], None]) -> None:
        """Read the last change that can be undone now."""
        self._tasks.run(self._tasks.quick, lambda _: self._history.last(), done=done, name="last change")

    def last_in_force(self, done: Callable[[list[TagRecord]], None]) -> None:
        """As :meth:`last`, without changes whose tags are already what they were before: asks their places."""

        def read(cancellation: Cancellation) -> list[TagRecord]:
            from longshore.application.undo.undo import Undo

            verdicts, _ = Undo(self._clients, self._history, self._library).last(cancellation)
            records = [verdict.goal.record for verdict in verdicts if verdict.goal.record is not None]
            return self._history.group_of(records[0]) if records else []

        self._tasks.run(self._tasks.listing, read, done=done, name="last change in force")

    def of_transfer(self, transfer: str, done: Callable[[list[TagRecord]], None]) -> None:
        """Read the changes that one transfer made and that are not undone."""

        def read(_: Cancellation) -> list[TagRecord]:
            found = self._history.of_transfer(transfer)
            return [record for record in found if not record.undone_by]

        self._tasks.run(self._tasks.quick, read, done=done, name="changes of a transfer")

    def history(self, place: Place, reference: Reference, done: Callable[[list[TagRecord]], None]) -> None:
        """Read the changes of a tag, or of all tags of a repository if *reference* has no tag; newest first."""

        def read(_: Cancellation) -> list[TagRecord]:
            if reference.tag is None:
                return self._history.of_repository(place, reference)
            return self._history.of_tag(place, reference)

        self._tasks.run(self._tasks.quick, read, done=done, name="tag history")

    def check(
        self, records: Sequence[TagRecord], done: Callable[[list[Verdict] | LongshoreError], None]
    ) -> Cancellation:
        """Find out whether and how *records* can be undone. *done* is not called after a cancel."""
        from longshore.application.undo.goal import goals_of

        return self._check(goals_of(records), done)

    def check_goal(self, goal: Goal, done: Callable[[list[Verdict] | LongshoreError], None]) -> Cancellation:
        """Find out whether and how *goal* can be reached."""
        return self._check([goal], done)

    def _check(
        self, goals: Sequence[Goal], done: Callable[[list[Verdict] | LongshoreError], None]
    ) -> Cancellation:
        def ask(cancellation: Cancellation) -> list[Verdict]:
            from longshore.application.undo.undo import Undo

            undo = Undo(self._clients, self._history, self._library)
            return undo.check_goals(goals, cancellation)

        return self._tasks.run(self._tasks.listing, ask, done=done, failed=done, name="check an undo")

    def carry_out(self, verdicts: Iterable[Verdict], done: Callable[[LongshoreError | None], None]) -> None:
        """Do what *verdicts* say, up to the first error, and queue the transfers that are needed.

        *done* is called with that error or None.
        """
        wanted = [verdict for verdict in verdicts if verdict.possible]
        made: list[Verdict] = []
        requests: list[TransferRequest] = []

        def act(cancellation: Cancellation) -> None:
            from longshore.application.undo.undo import Undo

            undo = Undo(self._clients, self._history, self._library)
            for verdict in wanted:
                request = undo.carry_out(verdict, cancellation)
                if request is None:
                    made.append(verdict)
                else:
                    requests.append(request)

        def told(error: LongshoreError | None) -> None:
            if requests:
                self._ask(requests)
            if made:
                self.undone.emit(made)
            done(error)

        self._tasks.run(self._tasks.listing, act, done=lambda _: told(None), failed=told, name="undo")
