"""Lower pane: the transfers. Shows TransferModel and emits the user's requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, QModelIndex, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QLayout, QMenu

from longshore.errors import Remedy
from longshore.models import transfer_choice, transfer_text
from longshore.models.columns import NodeKind, Role, Tone, TransferColumn
from longshore.models.transfer_text import can_detour
from longshore.models.transfers import TransferModel
from longshore.transfers.transfer import Operation, State, TransferRequest, TransferSnapshot
from longshore.widgets.command_menu import Lines, add_commands, no_lines
from longshore.widgets.pane import Pane
from longshore.widgets.theme import current_theme
from longshore.widgets.transfer_paint import MOVING
from longshore.widgets.transfer_view import TransferView
from longshore.widgets.verbs import Side
from longshore.words import errors
from longshore.words import transfers as words

#: Height of the pane in pixels before its first layout.
_LEAST_HEIGHT = 150
#: Milliseconds between two updates of the summary: numbers that change faster cannot be read.
_SUMMARY = 250


class TransferPane(Pane):
    """Transfers. Ids in signals are transfer ids, in row order."""

    cancel_requested = Signal(object)  # list[str]
    cancel_all_requested = Signal()
    retry_requested = Signal(object)  # list[str]
    retry_failed_requested = Signal()
    pause_requested = Signal(object)  # list[str]
    unpause_requested = Signal(object)  # list[str]
    start_now_requested = Signal(object)  # list[str], queued ones to start beyond the limit
    hold_toggled = Signal(bool)  # True: pause the queue, so that nothing more starts
    clear_finished_requested = Signal()
    remove_requested = Signal(object)  # list[str], finished ones to remove from the list
    move_requested = Signal(object, int)  # list[str], rows up (negative) or down
    copy_reference_requested = Signal(str)
    output_requested = Signal(str)  # the id of a build
    detour_requested = Signal(object)  # TransferSnapshot of a pull that an engine cannot finish
    remedy_requested = Signal(object, str)  # Remedy, host: fixes why a transfer failed
    occupied_changed = Signal(bool)  # whether there is anything to show

    def __init__(self, model: TransferModel) -> None:
        super().__init__(QCoreApplication.translate("TransferPane", "Transfers"), rows=1)
        self.model = model
        self._held = False
        self._unsaved = ""
        self._offering: set[str] = set()
        self._offered = ""  # id of the transfer that the notice offers a remedy for
        self._remedy = Remedy.RETRY  # the remedy that the notice offers
        #: Returns the commands for transfers.
        self.lines_of: Callable[[list[TransferRequest]], Lines] = no_lines
        #: Returns the title of a host's registry.
        self.name_of: Callable[[str], str] = str
        self.summary = self.header.add_summary()
        self.header.add_verbs(self.verbs)
        self.view = TransferView(self.tr("Transfers"))
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
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self.verbs.home = self.view
        self._add_verbs()
        self._tell_state()

    def _add_verbs(self) -> None:
        add, side = self.verbs.add_verb, Side.PANE
        self.cancel_verb = add(self.tr("Cancel"), self.cancel, side=side, why_not=self._no_cancel, stays=2)
        self.retry_verb = add(self.tr("Retry"), self.retry, side=side, why_not=self._no_retry, stays=2)
        self.pause_verb = add(self.tr("Pause"), self.toggle_pause, side=side, stays=1)
        self.pause_verb.setVisible(False)  # until something can be paused
        self.hold_verb = add(self.tr("Pause queue"), self.toggle_hold, side=side)
        self.hold_verb.set_hint(self.tr("No further transfers start; running ones continue."))
        self.clear_verb = add(
            self.tr("Clear finished"), self.clear_finished, side=side, why_not=self._no_clear
        )
        self.start_verb = self.verbs.keep(self.tr("Start now"), self.start_now, why_not=self._no_start)
        self.start_verb.set_hint(self.tr("Starts at once, beyond the limit of transfers at a time."))
        self.output_verb = self.verbs.keep(self.tr("Output…"), self.output, why_not=self._no_output)
        self.remove_verb = self.verbs.keep(self.tr("Remove from list"), self.remove, why_not=self._no_removal)
        self.copy_reference_verb = self.verbs.keep(
            self.tr("Copy as text"), self.copy_reference, why_not=self._no_row
        )

    # -- set by the owner

    def snapshots(self) -> list[TransferSnapshot]:
        """Return all transfers shown, in row order."""
        return self.model.snapshots()

    def selected(self) -> list[TransferSnapshot]:
        """Return the transfers of the selected rows, each once, from top to bottom; a layer counts as its transfer."""
        return self.view.transfers()

    def set_held(self, held: bool) -> None:
        """Show whether the queue is paused; emits no request."""
        self._held = held
        self.hold_verb.setText(self.tr("Resume queue") if held else self.tr("Pause queue"))
        self._tell_state()

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
            return
        if snapshot.request.operation is Operation.BUILD:
            self.view.setExpanded(self.model.index_of(snapshot.id), True)
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
            act=lambda: self._follow(snapshot, offer),
        )
        self._offered, self._remedy = snapshot.id, offer.remedy
        # The notice takes room from the list once it is laid out. Keep the transfer's row visible.
        QTimer.singleShot(0, self, lambda: self.reveal(snapshot.id))

    def _follow(self, snapshot: TransferSnapshot, offer: errors.Offer) -> None:
        if offer.remedy is Remedy.LIBRARY:
            self.detour_requested.emit(snapshot)
        else:
            self.remedy_requested.emit(offer.remedy, offer.host)

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

    # -- requests

    @Slot()
    def cancel_all(self) -> None:
        """Request to cancel all queued and running transfers."""
        if any(not s.state.finished for s in self.snapshots()):
            self.cancel_all_requested.emit()
        else:
            self.explain(self.tr("Nothing is queued or running."))

    @Slot()
    def cancel(self) -> None:
        """Request to cancel the selected transfers (or the only one), or say why it is not possible."""
        active = [s.id for s in self._meant() if transfer_choice.can_be_cancelled(s)]
        if active:
            self.cancel_requested.emit(active)
        else:
            self.explain(self._no_cancel() or self.tr("Select the transfers to cancel."))

    def _no_cancel(self) -> str:
        return transfer_choice.no_cancel(self.selected(), self.snapshots())

    @Slot()
    def retry(self) -> None:
        """Request to retry the selected transfers (or the only failed one), or say why it is not possible."""
        ended = [s.id for s in self._meant(failed=True) if transfer_choice.can_be_retried(s)]
        if ended:
            self.retry_requested.emit(ended)
        else:
            self.explain(self._no_retry() or self.tr("Select the transfers to retry."))

    def _no_retry(self) -> str:
        return transfer_choice.no_retry(self.selected(), self.snapshots())

    def _no_clear(self) -> str:
        done = any(s.state.finished for s in self.snapshots())
        return "" if done else self.tr("Nothing has finished yet.")

    def _no_output(self) -> str:
        if reason := self._no_row():
            return reason
        chosen = self.selected()
        if len(chosen) != 1:
            return self.tr("Select only one build.")
        if chosen[0].request.operation is not Operation.BUILD:
            return self.tr("Only builds have output.")
        return "" if chosen[0].output else self.tr("There is no output.")

    @Slot()
    def output(self) -> None:
        """Request the output of the selected build, or say why there is none."""
        if not self.refuse(self._no_output()):
            self.output_requested.emit(self.selected()[0].id)

    def _no_removal(self) -> str:
        if reason := self._no_row():
            return reason
        if any(s.state.finished for s in self.selected()):
            return ""
        return self.tr("Unfinished transfers can't be removed. Cancel them first.")

    def _no_row(self) -> str:
        return "" if self.view.selected_count() else self.tr("Select a transfer first.")

    def _meant(self, *, failed: bool = False) -> list[TransferSnapshot]:
        return transfer_choice.meant(self.selected(), self.snapshots(), failed=failed)

    @Slot()
    def retry_failed(self) -> None:
        """Request to retry all failed transfers."""
        if any(s.state in (State.FAILED, State.INTERRUPTED) for s in self.snapshots()):
            self.retry_failed_requested.emit()
        else:
            self.explain(self.tr("There is nothing to retry."))

    @Slot()
    def toggle_pause(self) -> None:
        """Request to pause the selected transfers (or all) or to resume paused ones, or say why it is not possible."""
        every = self.snapshots()
        meant = self.selected() or [s for s in every if s.pausable] or every
        alive = [s for s in meant if s.pausable and not s.state.finished]
        paused = [s.id for s in alive if transfer_choice.is_paused(s)]
        if alive and len(paused) == len(alive):
            self.unpause_requested.emit(paused)
        elif alive:
            self.pause_requested.emit([s.id for s in alive if s.id not in paused])
        elif any(not s.pausable and not s.state.finished for s in meant):
            self.explain(
                self.tr(
                    "Transfers by an engine can't be paused: it discards unfinished layers when it stops. "
                    "Pause the queue, or cancel the transfer."
                )
            )
        else:
            self.explain(self.tr("There is nothing to pause."))

    def _no_start(self) -> str:
        return transfer_choice.no_start(self.selected())

    @Slot()
    def start_now(self) -> None:
        """Request to start the selected queued transfers beyond the limit, or say why it is not possible."""
        if not self.refuse(self._no_start()):
            queued = filter(transfer_choice.can_be_started, self.selected())
            self.start_now_requested.emit([s.id for s in queued])

    @Slot()
    def detour(self) -> None:
        """Request to download via the library what an engine could not pull, or say why it is not possible."""
        failed = [s for s in self._meant(failed=True) if can_detour(s)]
        for snapshot in failed:
            self.detour_requested.emit(snapshot)
        if not failed:
            self.explain(
                self.tr(
                    "Select a pull that the engine could not finish: the library downloads the image and loads "
                    "it into the engine."
                )
            )

    @Slot()
    def toggle_hold(self) -> None:
        """Request to pause or resume the queue."""
        self.hold_toggled.emit(not self._held)

    @Slot()
    def clear_finished(self) -> None:
        """Request to remove finished transfers from the list."""
        if not self.refuse(self._no_clear()):
            self.clear_finished_requested.emit()

    @Slot()
    def remove(self) -> None:
        """Request to remove the selected rows from the list; unfinished transfers must be cancelled first."""
        if not self.refuse(self._no_removal()):
            self.remove_requested.emit([s.id for s in self.selected() if s.state.finished])

    def move_rows(self, rows: int) -> None:
        """Request to move the selected transfers up (negative) or down in the queue."""
        queued = [s.id for s in self.selected() if s.state is State.QUEUED]
        if queued:
            self.move_requested.emit(queued, rows)
        else:
            self.explain(self.tr("Only queued transfers can be moved."))

    @Slot()
    def copy_reference(self) -> None:
        """Request to copy the selected rows to the clipboard as text."""
        lines = [str(copied) for index in self.view.rows() if (copied := index.data(Role.COPY_TEXT))]
        if lines:
            self.copy_reference_requested.emit("\n".join(lines))

    def command_lines(self) -> Lines:
        """Return the commands for the selected transfers."""
        return self.lines_of([snapshot.request for snapshot in self.selected()])

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
            self._follow(snapshot, offer)
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
        self.cancel_verb.set_hint("\n".join(dict.fromkeys(words.cancel_text(s) for s in meant[:50])))
        self.pause_verb.setVisible(any(s.pausable and not s.state.finished for s in snapshots))
        alive = [s for s in meant if s.pausable]
        paused = bool(alive) and all(transfer_choice.is_paused(s) for s in alive)
        self.pause_verb.setText(self.tr("Resume") if paused else self.tr("Pause"))

    @Slot()
    def _tell_state(self) -> None:
        snapshots = self.snapshots()
        self.summary.set_text(words.summary_text(snapshots, held=self._held, unsaved=bool(self._unsaved)))
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
        chosen = self.selected()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.cancel_verb.entry(menu)
        menu.addAction(self.tr("Cancel all")).triggered.connect(self.cancel_all)
        self.retry_verb.entry(menu)
        if any(one.request.operation is Operation.BUILD for one in chosen):
            self.output_verb.entry(menu)
        offer = errors.offer_of(chosen[0], self.name_of) if len(chosen) == 1 else None
        if offer is not None and offer.remedy is not Remedy.LIBRARY:  # the library is offered below
            menu.addAction(offer.menu).triggered.connect(lambda: self._follow(chosen[0], offer))
        if any(can_detour(one) for one in chosen):
            menu.addAction(self.tr("Download via the library")).triggered.connect(self.detour)
        menu.addSeparator()
        if any(map(transfer_choice.can_be_started, chosen)):
            self.start_verb.entry(menu)
        if any(s.pausable and not s.state.finished for s in chosen):
            paused = all(transfer_choice.is_paused(s) for s in chosen if s.pausable and not s.state.finished)
            menu.addAction(self.tr("Resume") if paused else self.tr("Pause")).triggered.connect(
                self.toggle_pause
            )
        menu.addAction(self.tr("Move up")).triggered.connect(lambda: self.move_rows(-1))
        menu.addAction(self.tr("Move down")).triggered.connect(lambda: self.move_rows(1))
        menu.addSeparator()
        self.copy_reference_verb.entry(menu)
        add_commands(menu, self.command_lines(), self.copy_reference_requested.emit)
        menu.addAction(self.tr("Retry failed")).triggered.connect(self.retry_failed)
        self.remove_verb.entry(menu)
        self.clear_verb.entry(menu)
        menu.popup(self.view.viewport().mapToGlobal(where))
