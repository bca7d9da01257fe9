"""The lower pane: transfers."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Slot

from longshore.models.columns import Tone
from longshore.operations import Operations
from longshore.transfers.transfer import TransferSnapshot
from longshore.widgets.main_window import MainWindow
from longshore.wiring.history import HistoryKeeper
from longshore.wiring.shared import Shared
from longshore.wiring.undo import Undo


class Transfers(QObject):
    """Connects Transfers. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared, undo: Undo) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._undo = undo
        self._connect_transfers()

    def _connect_transfers(self) -> None:
        pane, transfers = self.window.transfer_pane, self.operations.transfers
        pane.cancel_requested.connect(transfers.queue.cancel)
        pane.retry_requested.connect(transfers.queue.retry)
        pane.retry_failed_requested.connect(transfers.queue.retry_failed)
        pane.hold_toggled.connect(self._hold)
        pane.clear_finished_requested.connect(transfers.queue.clear_finished)
        pane.remove_requested.connect(transfers.queue.clear_finished)
        pane.move_requested.connect(self._move)
        pane.copy_reference_requested.connect(self._shared.to_clipboard)
        pane.start_now_requested.connect(transfers.queue.start_now)
        pane.pause_requested.connect(transfers.queue.pause)
        pane.unpause_requested.connect(transfers.queue.unpause)
        # Queued: the drop must return before rows move.
        pane.model.rows_dropped.connect(transfers.queue.place, Qt.ConnectionType.QueuedConnection)
        pane.cancel_all_requested.connect(transfers.queue.cancel_all)
        pane.detour_requested.connect(self._detour)
        pane.native_requested.connect(transfers.pull_natively)
        transfers.tally_changed.connect(self._tally)
        transfers.asked.connect(self._asked)
        transfers.interrupted.connect(self._interrupted)
        pane.name_of = self.operations.registries.title
        transfers.ended.connect(pane.show_ended)
        transfers.unsaved_changed.connect(pane.set_unsaved)
        self.history = HistoryKeeper(self.window, self.operations, self._shared, self._undo)
        self.window.history_requested.connect(self.history.open)

    @Slot(bool)
    def _hold(self, held: bool) -> None:
        if held:
            self.operations.transfers.queue.hold()
        else:
            self.operations.transfers.queue.resume()
        self.window.transfer_pane.set_held(held)

    @Slot(object, int)
    def _move(self, ids: list[str], rows: int) -> None:
        self.operations.transfers.queue.move(ids, up=rows < 0)

    @Slot(object, object)
    def _asked(self, new: list[str], again: list[str]) -> None:
        pane = self.window.transfer_pane
        if again:
            pane.show_transfers(again)
            pane.explain(
                self.tr("This transfer is already in the list.")
                if len(again) == 1
                else self.tr("{0} transfers are already in the list.").format(len(again))
            )
            # The notice takes room from the list.
            QTimer.singleShot(0, pane, lambda: pane.reveal(again[0]))
        elif new:
            pane.reveal(new[-1])

    @Slot(object)
    def _detour(self, snapshot: TransferSnapshot) -> None:
        from longshore.errors import InvalidManifest

        self.operations.detour.take(snapshot.request, unfit=isinstance(snapshot.error, InvalidManifest))

    @Slot(object)
    def _interrupted(self, ids: list[str]) -> None:
        count = len(ids)
        self.window.transfer_pane.explain(
            self.tr("1 transfer was interrupted when Longshore closed.")
            if count == 1
            else self.tr("{0} transfers were interrupted when Longshore closed.").format(count),
            Tone.CAUTION,
            button=self.tr("Resume") if count == 1 else self.tr("Resume all"),
            act=lambda: self.operations.transfers.queue.retry(ids),
        )

    @Slot()
    def _tally(self) -> None:
        running = self.operations.transfers.running
        self.window.setWindowTitle(
            self.tr("Longshore — {0} running").format(running) if running else "Longshore"
        )
