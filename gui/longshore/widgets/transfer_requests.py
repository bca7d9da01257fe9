"""What can be requested of transfers: the signals, the selection and the verbs of the lower pane."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Signal, Slot

from longshore.errors import Remedy
from longshore.models import transfer_choice
from longshore.models.columns import Role
from longshore.models.transfer_choice import After
from longshore.models.transfer_text import can_detour
from longshore.models.transfers import TransferModel
from longshore.transfers.transfer import Operation, State, TransferRequest, TransferSnapshot
from longshore.widgets.command_menu import Lines, no_lines
from longshore.widgets.pane import Pane
from longshore.widgets.transfer_view import TransferView
from longshore.widgets.verbs import Side
from longshore.widgets.when_finished import WhenMenu
from longshore.words import errors


class TransferRequests(Pane):
    """Transfers, as far as requests need them; :class:`.transfers.TransferPane` is the pane.

    Ids in signals are transfer ids, in row order.
    """

    cancel_requested = Signal(object)  # list[str]
    cancel_all_requested = Signal()
    retry_requested = Signal(object)  # list[str]
    retry_failed_requested = Signal()
    pause_requested = Signal(object)  # list[str]
    unpause_requested = Signal(object)  # list[str]
    after_chosen = Signal(object)  # After: what happens when all transfers have finished
    start_now_requested = Signal(object)  # list[str], queued ones to start beyond the limit
    hold_toggled = Signal(bool)  # True: pause the queue, so that nothing more starts
    clear_finished_requested = Signal()
    remove_requested = Signal(object)  # list[str], finished ones to remove from the list
    move_requested = Signal(object, int)  # list[str], rows up (negative) or down
    copy_reference_requested = Signal(str)
    output_requested = Signal(str)  # the id of a build
    detour_requested = Signal(object)  # TransferSnapshot of a pull that an engine cannot finish
    native_requested = Signal(object)  # list[str], pulls to queue again as the engine's own
    remedy_requested = Signal(object, str)  # Remedy, host: fixes why a transfer failed
    unfinished_changed = Signal(int)  # how many transfers have not finished
    occupied_changed = Signal(bool)  # whether there is anything to show

    def __init__(self, model: TransferModel) -> None:
        super().__init__(QCoreApplication.translate("TransferPane", "Transfers"), rows=1)
        self.model = model
        self._held = False
        #: Returns the commands for transfers.
        self.lines_of: Callable[[list[TransferRequest]], Lines] = no_lines
        #: Returns the title of a host's registry.
        self.name_of: Callable[[str], str] = str
        self.view = TransferView(self.tr("Transfers"))
        self.when_menu = WhenMenu(self)
        self.when_menu.chosen.connect(self.after_chosen)

    def _add_verbs(self) -> None:
        add, side = self.verbs.add_verb, Side.PANE
        self.cancel_verb = add(self.tr("Cancel"), self.cancel, side=side, why_not=self._no_cancel, stays=2)
        self.retry_verb = add(self.tr("Retry"), self.retry, side=side, why_not=self._no_retry, stays=2)
        self.pause_verb = add(self.tr("Pause"), self.toggle_pause, side=side, stays=1)
        self.pause_verb.setVisible(False)  # until something can be paused
        self.stay_verb = add(self.tr("Then quit"), lambda: self.after_chosen.emit(After.NOTHING), side=side)
        self.stay_verb.setVisible(False)  # until quitting or suspending is chosen
        self.hold_verb = add(self.tr("Pause queue"), self.toggle_hold, side=side)
        self.hold_verb.set_hint(self.tr("No further transfers start; running ones continue."))
        self.clear_verb = add(
            self.tr("Clear finished"), self.clear_finished, side=side, why_not=self._no_clear
        )
        self.start_verb = self.verbs.keep(self.tr("Start now"), self.start_now, why_not=self._no_start)
        self.start_verb.set_hint(self.tr("Starts at once, beyond the limit of transfers at a time."))
        keep = self.verbs.keep
        self.cancel_all_verb = keep(self.tr("Cancel all"), self.cancel_all, why_not=self._no_cancel_all)
        self.retry_failed_verb = keep(
            self.tr("Retry failed"), self.retry_failed, why_not=self._no_retry_failed
        )
        self.detour_verb = keep(self.tr("Download via the library"), self.detour, why_not=self._no_detour)
        self.native_verb = keep(self.tr("Pull natively"), self.pull_natively, why_not=self._no_native)
        self.native_verb.set_hint(
            self.tr("The engine fetches the layers itself. Such a pull can't be paused.")
        )
        self.up_verb = keep(self.tr("Move up"), lambda: self.move_rows(-1), why_not=self._no_move)
        self.down_verb = keep(self.tr("Move down"), lambda: self.move_rows(1), why_not=self._no_move)
        self.output_verb = self.verbs.keep(self.tr("Output…"), self.output, why_not=self._no_output)
        self.remove_verb = self.verbs.keep(self.tr("Remove from list"), self.remove, why_not=self._no_removal)
        self.copy_reference_verb = self.verbs.keep(
            self.tr("Copy as text"), self.copy_reference, why_not=self._no_row
        )

    # -- selection

    def snapshots(self) -> list[TransferSnapshot]:
        """Return all transfers shown, in row order."""
        return self.model.snapshots()

    def selected(self) -> list[TransferSnapshot]:
        """Return the transfers of the selected rows, each once, from top to bottom; a layer counts as its transfer."""
        return self.view.transfers()

    # -- requests

    @Slot()
    def cancel_all(self) -> None:
        """Request to cancel all queued and running transfers."""
        if not self.refuse(self._no_cancel_all()):
            self.cancel_all_requested.emit()

    def _no_cancel_all(self) -> str:
        active = any(not s.state.finished for s in self.snapshots())
        return "" if active else self.tr("Nothing is queued or running.")

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
        if not self.refuse(self._no_retry_failed()):
            self.retry_failed_requested.emit()

    def _no_retry_failed(self) -> str:
        failed = any(s.state in (State.FAILED, State.INTERRUPTED) for s in self.snapshots())
        return "" if failed else self.tr("There is nothing to retry.")

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
        else:
            self.explain(transfer_choice.no_pause(meant) or self.tr("There is nothing to pause."))

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
        if not self.refuse(self._no_detour()):
            for snapshot in filter(can_detour, self._meant(failed=True)):
                self.detour_requested.emit(snapshot)

    def _no_native(self) -> str:
        return transfer_choice.no_native(self.selected())

    @Slot()
    def pull_natively(self) -> None:
        """Request to queue the selected pulls again so that the engine fetches the layers, or say why not."""
        if not self.refuse(self._no_native()):
            self.native_requested.emit([s.id for s in self.selected() if transfer_choice.can_be_native(s)])

    def _no_detour(self) -> str:
        if any(map(can_detour, self._meant(failed=True))):
            return ""
        return self.tr(
            "Select a pull that the engine could not finish: the library downloads the image and loads "
            "it into the engine."
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
        if not self.refuse(self._no_move()):
            self.move_requested.emit([s.id for s in self.selected() if s.state is State.QUEUED], rows)

    def _no_move(self) -> str:
        queued = any(s.state is State.QUEUED for s in self.selected())
        return "" if queued else self.tr("Only queued transfers can be moved.")

    @Slot()
    def copy_reference(self) -> None:
        """Request to copy the selected rows to the clipboard as text."""
        lines = [str(copied) for index in self.view.rows() if (copied := index.data(Role.COPY_TEXT))]
        if lines:
            self.copy_reference_requested.emit("\n".join(lines))

    def command_lines(self) -> Lines:
        """Return the commands for the selected transfers."""
        return self.lines_of([snapshot.request for snapshot in self.selected()])

    def follow(self, snapshot: TransferSnapshot, offer: errors.Offer) -> None:
        """Request what *offer* of a failed transfer offers."""
        if offer.remedy is Remedy.LIBRARY:
            self.detour_requested.emit(snapshot)
        else:
            self.remedy_requested.emit(offer.remedy, offer.host)
