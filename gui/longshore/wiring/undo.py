"""Undo and Put back: the menu, the sheets, and the notices that offer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from longshore.application.undo.goal import Goal
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.transfers.transfer import NoteKind, Place, RegistryPlace, TransferSnapshot
from longshore.widgets.main_window import MainWindow
from longshore.widgets.pane import Pane
from longshore.words import tag_history as words

if TYPE_CHECKING:
    from longshore.application.tag_history.record import TagRecord
    from longshore.application.tag_history.states import TagState
    from longshore.widgets.history import HistoryWindow


class Undo(QObject):
    """Connects Undo and Tag history…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        #: The pane whose notice offers an undo, None for none.
        self._offering: Pane | None = None
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
        sheet.undo_requested.connect(lambda verdicts: undo.carry_out(verdicts, sheet.answer))
        sheet.rejected.connect(undo.check(records, sheet.show_verdicts).cancel)
        sheet.open()

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

    def offer(self, pane: Pane, message: str) -> None:
        """Show *message* about the last change in *pane*, with a button that undoes it."""

        def found(records: list[TagRecord]) -> None:
            if records:
                self._offering = pane
                pane.explain(message, button=self.tr("Undo"), act=lambda: self.undo(records), stays=True)

        self.operations.undo.last(found)

    @Slot(object)
    def _succeeded(self, snapshot: TransferSnapshot) -> None:
        reference = snapshot.request.destination.reference
        if reference is None or all(note.kind is not NoteKind.OVERWRITTEN for note in snapshot.notes):
            return
        if not isinstance(snapshot.request.destination.place, RegistryPlace):
            return
        self._offering = self.window.registry_pane
        self._offering.explain(
            self.tr("{0} pointed to another image before.").format(reference.familiar),
            button=self.tr("Undo"),
            act=lambda: self.undo_transfer(snapshot.id, lambda: self.window),
            stays=True,
        )

    # -- the tag history

    @Slot(object)
    def _local_history(self, image: ImageName) -> None:
        place = self.operations.images.status.place
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

        undo = self.operations.undo
        goal = Goal(place, state.reference, state.digest, origins=state.record.origins)
        title = self.tr("Put back {0}").format(state.reference.familiar)
        sheet = UndoSheet(self.window, title, self.tr("Put back"))
        sheet.undo_requested.connect(lambda verdicts: undo.carry_out(verdicts, sheet.answer))
        sheet.rejected.connect(undo.check_goal(goal, sheet.show_verdicts).cancel)
        sheet.open()
