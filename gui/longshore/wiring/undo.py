"""Undo and Put back: the menu, the sheets, and the notices that offer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from longshore.application.undo.goal import Goal, How, Verdict
from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import NoteKind, Place, RegistryPlace, TransferSnapshot
from longshore.widgets.main_window import MainWindow
from longshore.widgets.pane import Pane
from longshore.words import errors
from longshore.words import tag_history as words

if TYPE_CHECKING:
    from longshore.application.tag_history.record import TagRecord
    from longshore.application.tag_history.states import TagState
    from longshore.cancellation import Cancellation
    from longshore.widgets.dialogs.undo import UndoSheet
    from longshore.widgets.history import HistoryWindow

    _Answer = Callable[[list[Verdict] | LongshoreError], None]


class Undo(QObject):
    """Connects Undo and Tag history…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        #: The pane whose notice offers an undo, None for none; and of what, as far as that is known.
        self._offering: Pane | None = None
        self._offered: Sequence[TagRecord] = ()
        window.undo_requested.connect(self._undo_next)
        window.image_pane.tag_history_requested.connect(self._local_history)
        window.registry_pane.tag_history_requested.connect(self._registry_history)
        operations.undo.next_changed.connect(self._tell_next)
        operations.undo.undone.connect(self._undone)
        operations.undo.unsaved_changed.connect(self._tell_unsaved)
        operations.transfers.succeeded.connect(self._succeeded)
        self._tell_next()

    @Slot()
    def _tell_next(self) -> None:
        """Name what would be undone next, or say that there is nothing."""
        verb, records = self.window.undo_verb, self.operations.undo.next
        if records:
            verb.setText(self.tr("Undo: {0}").format(words.action_text(records)))
            verb.set_blocked("")
        else:
            verb.setText(self.tr("Undo"))
            verb.set_blocked(self.tr("There is nothing to undo."))
        if self._offered and (not records or records[0].at < self._offered[0].at):
            self._undone()  # by another window or a terminal

    @Slot(str)
    def _tell_unsaved(self, problem: str) -> None:
        """Say that changes can't be undone later."""
        if problem:
            self.window.explain(words.unsaved_text(problem))

    @Slot()
    def _undone(self) -> None:
        """Withdraw what offered it."""
        if self._offering is not None:
            self._offering.hush(stays=False)
            self._offering = None
            self._offered = ()

    @Slot()
    def _undo_next(self) -> None:
        # Another Longshore may have changed something since, or somebody else put it back.
        self.operations.undo.last_in_force(self.undo)

    def undo(self, records: Sequence[TagRecord], parent: QWidget | None = None) -> None:
        """Show what an undo of *records* (newest first) would do, and do it when the user confirms.

        *parent*: the window that the sheet belongs to, if it is not the main one.
        """
        if not records:
            self.window.explain(self.tr("There is nothing to undo."))
            return
        from longshore.widgets.dialogs.undo import UndoSheet

        undo = self.operations.undo
        sheet = UndoSheet(parent or self.window, self.tr("Undo: {0}").format(words.action_text(records)))
        self._connect(sheet, partial(undo.check, records))
        sheet.open()

    def _connect(self, sheet: UndoSheet, check: Callable[[_Answer], Cancellation]) -> None:
        """Check with *check*, also again when the sheet requests it, and do what it confirms."""

        def look() -> None:
            sheet.rejected.connect(check(found).cancel)

        def found(verdicts: list[Verdict] | LongshoreError) -> None:
            sheet.show_verdicts(verdicts)
            if not isinstance(verdicts, LongshoreError):
                self._refresh([one for one in verdicts if one.moved or not one.possible])
                if not any(one.possible for one in verdicts):
                    self._undone()  # what is offered can't be done

        def confirmed(verdicts: list[Verdict]) -> None:
            self.operations.undo.carry_out(verdicts, partial(ended, verdicts))

        def ended(verdicts: list[Verdict], error: LongshoreError | None) -> None:
            sheet.answer(error)
            if error is None:
                self._confirm(verdicts)
            else:
                self._undone()
                self._refresh(verdicts)

        sheet.undo_requested.connect(confirmed)
        sheet.check_requested.connect(look)
        look()

    def _refresh(self, verdicts: Sequence[Verdict]) -> None:
        """Show where the tags of registries point now: somebody else has changed them."""
        listing = self.operations.registries.listing
        changed = [one.goal.reference for one in verdicts if isinstance(one.goal.place, RegistryPlace)]
        if any(listing.tag_place == (one.domain, one.path) for one in changed):
            listing.refresh_tags()

    def _confirm(self, verdicts: Sequence[Verdict]) -> None:
        """Say what was put back. What needs a transfer shows its own row."""
        done = [one.goal for one in verdicts if one.possible and one.how is not How.TRANSFER]
        if not done:
            return
        registry = isinstance(done[0].place, RegistryPlace)
        pane = self.window.registry_pane if registry else self.window.image_pane
        pane.explain(
            words.done_text(done[0])
            if len(done) == 1
            else self.tr("{0} tags were put back.").format(f"{len(done):,}"),
            Tone.GOOD,
        )

    def undo_transfer(self, transfer: str, parent: Callable[[], HistoryWindow | MainWindow | None]) -> None:
        """As :meth:`undo`, for what one transfer changed. *parent* returns the window, None if it was closed."""

        def found(records: list[TagRecord]) -> None:
            window = parent()
            if window is None:
                return
            if records:
                self.undo(records, window)
            else:
                window.explain(self.tr("This transfer changed no tag, or that was undone already."))

        self.operations.undo.of_transfer(transfer, found)

    def offer(self, pane: Pane, message: str, operation: TagOperation = TagOperation.REMOVE) -> None:
        """Show *message* about the last change, an *operation*, in *pane*, with a button that undoes it if that is
        possible, or else with the reason why it is not."""

        def found(records: list[TagRecord]) -> None:
            if records and records[0].operation is operation:
                self.operations.undo.check(records, partial(self._offer, pane, message, records))
            else:
                pane.explain(message)

        self.operations.undo.last(found)

    def _offer(
        self, pane: Pane, message: str, records: list[TagRecord], found: list[Verdict] | LongshoreError
    ) -> None:
        verdicts = [] if isinstance(found, LongshoreError) else found
        if any(verdict.possible for verdict in verdicts):
            self._offering, self._offered = pane, records
            pane.explain(message, button=self.tr("Undo"), act=lambda: self.undo(records), stays=True)
            return
        reasons = [found] if isinstance(found, LongshoreError) else [one.reason for one in found]
        reason = next((one for one in reasons if one is not None), None)
        why = self.tr("Undo is not possible: {0}").format(errors.told(reason)) if reason is not None else ""
        pane.explain(f"{message} {why}".strip())

    @Slot(object)
    def _succeeded(self, snapshot: TransferSnapshot) -> None:
        reference = snapshot.request.destination.reference
        if reference is None or all(note.kind is not NoteKind.OVERWRITTEN for note in snapshot.notes):
            return
        if not isinstance(snapshot.request.destination.place, RegistryPlace):
            return
        self._offering, self._offered = self.window.registry_pane, ()
        self._offering.explain(
            self.tr("{0} pointed to another image before.").format(reference.familiar),
            button=self.tr("Undo"),
            act=lambda: self.undo_transfer(snapshot.id, lambda: self.window),
            stays=True,
        )

    # -- the tag history

    @Slot(object)
    def _local_history(self, image: ImageName) -> None:
        places = self.window.image_pane.selected_places()
        place = places[0] if places else self.operations.images.status.place
        if place is not None and image.reference is not None:
            self._history(place, image.reference.with_default_tag())

    @Slot(object)
    def _registry_history(self, reference: Reference) -> None:
        self._history(RegistryPlace(reference.domain), reference)

    def _history(self, place: Place, reference: Reference) -> None:
        from longshore.widgets.dialogs.tag_history import TagHistorySheet

        sheet = TagHistorySheet(self.window, reference)
        sheet.put_back_requested.connect(lambda state: self._put_back(place, state))
        self.operations.undo.history(place, reference, sheet.show_records)
        sheet.open()

    def _put_back(self, place: Place, state: TagState) -> None:
        from longshore.widgets.dialogs.undo import UndoSheet

        goal = Goal(place, state.reference, state.digest, origins=state.record.origins)
        title = self.tr("Put back {0}").format(state.reference.familiar)
        sheet = UndoSheet(self.window, title, self.tr("Put back"))
        self._connect(sheet, partial(self.operations.undo.check_goal, goal))
        sheet.open()
