"""The only path from the transfer threads to the window: one timer takes the latest values."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from longshore.transfers.queue.mailbox import Changes

#: Milliseconds between two reads of the mailbox while transfers run: 20 Hz.
INTERVAL = 50


class TransferFeed(QObject):
    """Takes the queue's changes at most every :data:`INTERVAL` ms, and sleeps while there are none."""

    _woken = Signal()
    changed = Signal(object)  # Changes

    def __init__(self, take: Callable[[], Changes], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._take = take
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self._collect)
        self._woken.connect(self._arm, Qt.ConnectionType.QueuedConnection)
        self._stopped = False

    def wake(self) -> None:
        """Wake the feed because there are changes. Any thread; cheap, but meant for one call per take."""
        self._woken.emit()

    @Slot()
    def _arm(self) -> None:
        if not self._stopped and not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _collect(self) -> None:
        changes = self._take()
        if changes:
            self.changed.emit(changes)

    def flush(self) -> None:
        """Take the current changes. GUI thread."""
        self._timer.stop()
        self._collect()

    def stop(self) -> None:
        """Stop taking changes."""
        self._stopped = True
        self._timer.stop()
