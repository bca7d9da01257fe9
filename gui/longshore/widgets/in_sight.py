"""Reports which rows of a table the user can see, a moment after scrolling or a change of the rows has ended."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot

from longshore.widgets.views import TableView

#: Milliseconds without a change before the rows are reported.
_SETTLED = 60


class InSight(QObject):
    """Watches *view*. GUI thread. Reports nothing while the view is hidden or empty."""

    settled = Signal(int, int)  # the first and the last visible row

    def __init__(self, view: TableView) -> None:
        super().__init__(view)
        self._view = view
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLED)
        self._timer.timeout.connect(self._tell)
        bar = view.verticalScrollBar()
        bar.valueChanged.connect(self.look)
        bar.rangeChanged.connect(self.look)
        view.installEventFilter(self)

    @Slot()
    def look(self) -> None:
        """Report soon: the rows may have changed."""
        self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's hook: reports when the view is shown."""
        if event.type() == QEvent.Type.Show:
            self._timer.start()
        return False

    @Slot()
    def _tell(self) -> None:
        model = self._view.model()
        if model is None:  # the window closes
            return
        count = model.rowCount()
        if count and self._view.isVisible():
            last = self._view.rowAt(self._view.viewport().height() - 1)
            self.settled.emit(max(0, self._view.rowAt(0)), last if last >= 0 else count - 1)
