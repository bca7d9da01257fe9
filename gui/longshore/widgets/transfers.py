"""Lower pane: the transfers. Shows TransferModel and emits the user's requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QModelIndex, QPoint, QTimer, Slot
from PySide6.QtWidgets import QLayout

from longshore.errors import Remedy
from longshore.models import transfer_choice, transfer_text
from longshore.models.columns import NodeKind, Role, Tone, TransferColumn
from longshore.models.transfer_choice import After
from longshore.models.transfers import TransferModel
from longshore.transfers.transfer import Operation, State, TransferSnapshot
from longshore.widgets.theme import current_theme
from longshore.widgets.transfer_menus import transfer_menu
from longshore.widgets.transfer_paint import MOVING
from longshore.widgets.transfer_requests import TransferRequests
from longshore.words import errors
from longshore.words import transfers as words

#: Height of the pane in pixels before its first layout.
_LEAST_HEIGHT = 150
#: Milliseconds between two updates of the summary: numbers that change faster cannot be read.
_SUMMARY = 250


class TransferPane(TransferRequests):
    """Transfers: the rows, the summary, and what is said about rows that ended."""

    def __init__(self, model: TransferModel) -> None:
        super().__init__(model)
        self._unsaved = ""
        self._offering: set[str] = set()
        self._offered = ""  # id of the transfer that the notice offers a remedy for
        self._unfolded: set[str] = set()  # ids of failed transfers that were unfolded by themselves
        self._remedy = Remedy.RETRY  # the remedy that the notice offers
        self.summary = self.header.add_summary()
        self.header.add_verbs(self.verbs)
        self.view.set_model(model)
        self.view.expanded.connect(model.unfold)
        self.view.action_requested.connect(self._act)
        self.view.opened.connect(self._opened)
        self.view.customContextMenuRequested.connect(self._menu)
        # A notice below never takes all the room: two rows stay visible.
        self.view.setMinimumHeight(self.view.columns.header.height() + 2 * current_theme().row_height)
        self.body.addWidget(self.view, 1)
        self.setMinimumHeight(_LEAST_HEIGHT)
        self._outer.setSizeConstraint(QLayout.SizeConstraint.SetMinimumSize)
        self.body.setContentsMargins(0, 0, 0, 7)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._tell_state)
        for signal in (model.rowsInserted, model.rowsRemoved, model.modelReset):
            signal.connect(self._rows_changed)
        model.dataChanged.connect(self._data_changed)
        self._buttons_soon = QTimer(self)
        self._buttons_soon.setSingleShot(True)
        self._buttons_soon.setInterval(0)
        self._buttons_soon.timeout.connect(self._tell_buttons)
        self._occupied = False
        self._unfinished = 0
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self.verbs.home = self.view
        self._add_verbs()
        self._tell_state()

    # -- set by the owner

    def set_held(self, held: bool) -> None:
        """Show whether the queue is paused; emits no request."""
        self._held = held
        self.hold_verb.setText(self.tr("Resume queue") if held else self.tr("Pause queue"))
        self._tell_state()

    def show_after(self, after: After) -> None:
        """Show what happens when all transfers have finished; emits no request."""
        self.when_menu.show_chosen(after)
        suspend = after is After.SUSPEND
        self.stay_verb.setText(self.tr("Then suspend") if suspend else self.tr("Then quit"))
        self.stay_verb.set_hint(
            self.tr("The machine suspends when all transfers have finished. Click to take that back.")
            if suspend
            else self.tr("Longshore quits when all transfers have finished. Click to take that back.")
        )
        self.stay_verb.setVisible(after is not After.NOTHING)

    def set_unsaved(self, reason: str) -> None:
        """Show why the history is not being saved, also in the summary while it lasts; "" when it is saved again."""
        if self._unsaved and self.explanation == self._unsaved:
            self.hush()
        self._unsaved = reason
        if reason:
            self.explain(reason, Tone.CAUTION, button=self.tr("OK"))
        self._tell_state()

    def show_transfers(self, ids: Iterable[str]) -> None:
        """Select the rows of these transfers and scroll to the first."""
        self.view.select_rows([self.model.index_of(row) for row in ids])

    def reveal(self, transfer_id: str) -> None:
        """Scroll to the row of a transfer; the selection stays."""
        index = self.model.index_of(transfer_id)
        if index.isValid():
            self.view.scrollTo(index)

    @Slot(object)
    def show_ended(self, snapshot: TransferSnapshot) -> None:
        """Show that a transfer has just ended.

        Scroll to a failed one, unless the user is working on other rows, and offer a remedy for as long as it is in the
        list as failed.

        An offer of a detour does not replace an offer that fixes the cause.
        """
        if snapshot.state is not State.FAILED:
            if snapshot.id in self._unfolded:
                self._unfolded.discard(snapshot.id)
                self.view.setExpanded(self.model.index_of(snapshot.id), False)
            return
        if not self.view.isExpanded(self.model.index_of(snapshot.id)):
            self._unfolded.add(snapshot.id)
            self.view.setExpanded(
                self.model.index_of(snapshot.id), True
            )  # the reason in full is below the row
        if not self.view.in_hand():
            self.reveal(snapshot.id)
        offer = errors.offer_of(snapshot, self.name_of)
        offered = bool(self._offered and self.explanation) and self._remedy is not Remedy.LIBRARY
        if offer is None or (offered and offer.remedy is Remedy.LIBRARY):
            return
        self.explain(
            errors.notice(snapshot, offer),
            Tone.CAUTION,
            button=offer.notice,
            act=lambda: self.follow(snapshot, offer),
        )
        self._offered, self._remedy = snapshot.id, offer.remedy
        # The notice takes room from the list once it is laid out. Keep the transfer's row visible.
        QTimer.singleShot(0, self, lambda: self.reveal(snapshot.id))

    def explain(
        self,
        message: str,
        tone: Tone = Tone.QUIET,
        *,
        button: str = "",
        act: Callable[[], object] | None = None,
        stays: bool = False,
    ) -> None:
        """Show *message*, see :class:`Pane`; it replaces any offer."""
        self._offered = ""
        super().explain(message, tone, button=button, act=act, stays=stays)

    def _withdraw_offer(self) -> None:
        """Hide an offer that has been taken up or whose row is gone."""
        if self._offered:
            snapshot = self.model.snapshot(self._offered)
            if snapshot is None or snapshot.state is not State.FAILED:
                self._offered = ""
                self.hush()

    # -- inside

    @Slot()
    def _rows_changed(self) -> None:
        occupied = self.model.rowCount() > 0
        if occupied != self._occupied:
            self._occupied = occupied
            self.occupied_changed.emit(occupied)
        self._tell_buttons()
        self._changed()

    @Slot(QModelIndex, QModelIndex)
    def _data_changed(self, first: QModelIndex, _last: QModelIndex) -> None:
        if first.column() == TransferColumn.OPERATION and not first.internalId():
            self._buttons_soon.start()  # states changed, not only progress
        self._changed()

    @Slot()
    def _changed(self) -> None:
        if not self._soon.isActive():
            self._soon.start(_SUMMARY)

    @Slot(str)
    def _act(self, transfer_id: str) -> None:
        snapshot = self.model.snapshot(transfer_id)
        offer = errors.offer_of(snapshot, self.name_of) if snapshot is not None else None
        if snapshot is not None and offer is not None:
            self.follow(snapshot, offer)
        elif snapshot is not None and transfer_text.has_failed_output(snapshot):
            self.output_requested.emit(transfer_id)

    @Slot()
    def _selection_changed(self) -> None:
        self.hush()
        self._tell_buttons()

    @Slot()
    def _tell_buttons(self) -> None:
        snapshots = self.snapshots()
        meant = [s for s in self.selected() or snapshots if not s.state.finished]
        self.verbs.look()
        unfinished = any(not s.state.finished for s in snapshots)
        self.when_menu.set_idle("" if unfinished else self.tr("Nothing is queued or running."))
        self.cancel_verb.set_hint("\n".join(dict.fromkeys(words.cancel_text(s) for s in meant[:50])))
        self.pause_verb.setVisible(any(s.pausable and not s.state.finished for s in snapshots))
        alive = [s for s in meant if s.pausable]
        paused = bool(alive) and all(transfer_choice.is_paused(s) for s in alive)
        self.pause_verb.setText(self.tr("Resume") if paused else self.tr("Pause"))

    @Slot()
    def _tell_state(self) -> None:
        snapshots = self.snapshots()
        self.summary.set_text(words.summary_text(snapshots, held=self._held, unsaved=bool(self._unsaved)))
        unfinished = sum(not one.state.finished for one in snapshots)
        if unfinished != self._unfinished:
            self._unfinished = unfinished
            self.unfinished_changed.emit(unfinished)
        self._withdraw_offer()
        self._tell_buttons()
        offering = {s.id for s in snapshots if transfer_text.action_text(s)}
        if offering != self._offering:
            self._offering = offering
            self.view.offer_actions()
        self.view.swing(any(s.permille is None and s.state in MOVING for s in snapshots))

    @Slot(QModelIndex)
    def _opened(self, index: QModelIndex) -> None:
        if index.data(Role.NODE_KIND) == NodeKind.TRANSFER:
            self.view.setExpanded(index, not self.view.isExpanded(index))
        elif index.data(Role.OPERATION) is Operation.BUILD:
            self.output_requested.emit(index.data(Role.TRANSFER_ID))

    @Slot(QPoint)
    def _menu(self, where: QPoint) -> None:
        transfer_menu(self).popup(self.view.viewport().mapToGlobal(where))
