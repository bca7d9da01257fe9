"""The history window: opened once, updated while it is open."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.models.history import HistoryModel
from longshore.operations import Operations
from longshore.operations.history import History
from longshore.transfers.transfer import TransferRequest
from longshore.widgets.history import HistoryWindow
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared
from longshore.wiring.undo import Undo
from longshore.words import errors


class HistoryKeeper(QObject):
    """Connects the history window. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared, undo: Undo) -> None:
        super().__init__(window)
        self._main = window
        self._transfers = operations.transfers
        self._tasks = operations.tasks
        self._shared = shared
        self._undo = undo
        self.window: HistoryWindow | None = None

    @Slot()
    def open(self) -> None:
        """Open the window, or bring it to the front."""
        if self.window is not None:
            self.window.raise_()
            self.window.activateWindow()
            return
        model = HistoryModel()
        window = self.window = HistoryWindow(self._main, model)
        model.setParent(window)
        history = History(self._tasks, self._transfers.journal, model, window)
        window.filter_changed.connect(history.show)
        window.lines_of = self._shared.commands.of_requests
        window.repeat_requested.connect(self._repeat)
        window.undo_requested.connect(self._undo_transfer)
        window.copy_requested.connect(self._shared.to_clipboard)
        window.forget_requested.connect(history.forget)
        window.clear_requested.connect(history.clear)
        window.quit_requested.connect(self._main.request_close)
        window.closed.connect(history.stop)
        window.closed.connect(self._closed)
        history.loading.connect(window.set_loading)
        history.registries_found.connect(window.set_registries)
        history.failed.connect(self._failed)
        self._transfers.ended.connect(history.refresh)
        window.show()
        history.show(window.wanted())

    @Slot(str)
    def _undo_transfer(self, transfer: str) -> None:
        self._undo.undo_transfer(transfer, lambda: self.window)

    @Slot()
    def _closed(self) -> None:
        self.window = None

    @Slot(object)
    def _repeat(self, requests: list[TransferRequest]) -> None:
        self._transfers.ask(requests)
        if self.window is not None:
            self.window.explain(
                self.tr("Queued 1 transfer.")
                if len(requests) == 1
                else self.tr("Queued {0} transfers.").format(len(requests))
            )

    @Slot(object)
    def _failed(self, error: LongshoreError) -> None:
        if self.window is not None:
            self.window.explain(errors.told(error), Tone.BAD)
