"""*When finished*: quits or suspends after the last transfer, once the countdown has passed."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication

from longshore.models.columns import Tone
from longshore.models.transfer_choice import After
from longshore.operations import Operations
from longshore.operations.when_finished import WhenFinished
from longshore.widgets.desktop.suspend import Suspending
from longshore.widgets.dialogs.countdown import CountdownSheet
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.main_window import MainWindow


class AfterTransfers(QObject):
    """Connects *When finished*. GUI thread. The choice ends with the program: each run asks anew."""

    quit_requested = Signal()

    def __init__(self, window: MainWindow, operations: Operations, environ: Mapping[str, str]) -> None:
        super().__init__(window)
        self._window = window
        self._containers = operations.containers
        self._when = WhenFinished(operations.transfers, self._busy)
        self._suspending = Suspending(environ, self)
        self._sheet: CountdownSheet | None = None
        pane = window.transfer_pane
        pane.after_chosen.connect(self._when.choose)
        pane.when_menu.aboutToShow.connect(self._suspending.look)
        self._suspending.changed.connect(lambda: pane.when_menu.set_no_suspend(self._suspending.reason))
        self._when.changed.connect(lambda: pane.show_after(self._when.chosen))
        self._when.due.connect(self._count_down)
        self._when.withdrawn.connect(self._withdraw)
        self._when.stayed.connect(self._stayed)

    def stop(self) -> None:
        """Do nothing any more, because the window closes."""
        self._when.stop()
        self._suspending.close()

    def _busy(self) -> bool:
        """True if the user or the program is in the middle of something else than a transfer."""
        sheets = any(sheet.open_still for sheet in self._window.findChildren(Sheet))
        held = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        return sheets or held is not None or bool(self._containers.attached)

    @Slot()
    def _count_down(self) -> None:
        suspend = self._when.chosen is After.SUSPEND
        sheet = CountdownSheet(self._window, suspend=suspend, failed=self._when.failed)
        self._sheet = sheet
        sheet.accepted.connect(self._suspend if suspend else self._quit)
        sheet.rejected.connect(self._stopped)
        sheet.open()
        QApplication.alert(self._window)

    @Slot()
    def _withdraw(self) -> None:
        """Close the countdown: there is more to do, and the choice holds, or the user has taken it back."""
        sheet, self._sheet = self._sheet, None
        if sheet is not None:
            sheet.reject()

    @Slot()
    def _stopped(self) -> None:
        if self._sheet is not None:
            self._sheet = None
            self._when.choose(After.NOTHING)

    @Slot()
    def _quit(self) -> None:
        self._sheet = None
        self._when.choose(After.NOTHING)
        self.quit_requested.emit()

    @Slot()
    def _suspend(self) -> None:
        self._sheet = None
        self._when.choose(After.NOTHING)
        self._suspending.suspend(self._refused)

    @Slot()
    def _refused(self) -> None:
        self._window.transfer_pane.explain(
            self.tr("The system did not suspend. Another program may prevent it."),
            Tone.CAUTION,
            button=self.tr("OK"),
            stays=True,
        )

    @Slot(int)
    def _stayed(self, failed: int) -> None:
        words = (
            self.tr("Longshore stays open, because 1 transfer failed.")
            if failed == 1
            else self.tr("Longshore stays open, because {0} transfers failed.").format(failed)
        )
        self._window.transfer_pane.explain(words, Tone.CAUTION, button=self.tr("OK"), stays=True)
