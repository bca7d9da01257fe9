"""The history of transfers, read from the journal in worker threads, page by page."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.models.history import HistoryModel
from longshore.operations.tasks import Tasks
from longshore.transfers.journal.history import ENDED, PAGE, HistoryFilter
from longshore.transfers.journal.journal import Journal
from longshore.transfers.transfer import TransferSnapshot

#: Milliseconds between two reads while transfers end one after another.
REFRESH = 1500


class History(QObject):
    """Fills a HistoryModel while it is shown. GUI thread; every method returns at once."""

    loading = Signal(bool)
    registries_found = Signal(object)  # list[str], hosts
    failed = Signal(object)  # LongshoreError: the journal could not be read

    def __init__(
        self, tasks: Tasks, journal: Journal, model: HistoryModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._journal = journal
        self._model = model
        self._wanted = HistoryFilter(ENDED)
        self._reading = Cancellation()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(REFRESH)
        self._soon.timeout.connect(self.read)
        model.more_requested.connect(self._read_more)

    def show(self, wanted: HistoryFilter) -> None:
        """Read the finished transfers that pass *wanted*, newest first."""
        self._wanted = wanted
        self._begin(PAGE)

    @Slot()
    def read(self) -> None:
        """Read the shown rows again."""
        self._begin(max(PAGE, self._model.total))

    @Slot()
    def refresh(self) -> None:
        """Read again soon, because a transfer ended."""
        if not self._soon.isActive():
            self._soon.start()

    def forget(self, ids: Iterable[str]) -> None:
        """Remove these rows from the history."""
        self._journal.forget(list(ids))
        self.read()

    def clear(self) -> None:
        """Remove all rows except those that a queue can still resume."""
        self._journal.clear_history()
        self.read()

    def stop(self) -> None:
        """Stop reading, because the history is no longer shown."""
        self._reading.cancel()
        self._soon.stop()

    # -- reading

    def _begin(self, limit: int) -> None:
        self._soon.stop()
        self._read(None, limit)

    @Slot()
    def _read_more(self) -> None:
        self._read(self._model.last, PAGE)

    def _read(self, before: TransferSnapshot | None, limit: int) -> None:
        self._reading.cancel()  # the earlier request is out of date
        self.loading.emit(True)
        journal, wanted = self._journal, self._wanted

        def read(_: Cancellation) -> tuple[list[TransferSnapshot], int, list[str]]:
            rows = journal.history(wanted, before=before, limit=limit)
            return rows, journal.history_count(wanted), journal.registries() if before is None else []

        def show(found: tuple[list[TransferSnapshot], int, list[str]]) -> None:
            rows, count, registries = found
            if before is None:
                self._model.show_rows(rows, count)
                self.registries_found.emit(registries)
            else:
                self._model.append_rows(rows, count)
            self.loading.emit(False)

        def fail(error: LongshoreError) -> None:
            self.failed.emit(error)
            self.loading.emit(False)

        self._reading = self._tasks.run(self._tasks.quick, read, done=show, failed=fail, name="read history")
