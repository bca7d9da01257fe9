"""What happens when all transfers have finished: nothing, quit, or suspend. Never remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.models.transfer_choice import After
from longshore.transfers.transfer import State, TransferSnapshot

if TYPE_CHECKING:
    from longshore.operations.transfers import Transfers

#: Milliseconds between two looks whether something else still goes on.
LOOK = 1000


class WhenFinished(QObject):
    """Waits until no transfer is queued, paused, waiting or running, and *busy* is False. GUI thread.

    Then it emits :attr:`due`, and :attr:`withdrawn` if new work comes before the choice was carried out. After a
    failure Longshore does not quit, so that it is seen (:attr:`stayed`); it does suspend, because nothing is lost.
    """

    changed = Signal()  # :attr:`chosen`
    due = Signal()
    withdrawn = Signal()
    stayed = Signal(int)  # the number of transfers that failed, because of which Longshore does not quit

    def __init__(self, transfers: Transfers, busy: Callable[[], bool]) -> None:
        super().__init__()
        self._transfers = transfers
        self._busy = busy
        self.chosen = After.NOTHING
        #: The number of transfers that failed since the choice was made.
        self.failed = 0
        self._is_due = False
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(LOOK)
        self._again.timeout.connect(self.look)
        transfers.ended.connect(self._ended)
        transfers.tally_changed.connect(self.look)

    def choose(self, after: After) -> None:
        """Set what happens; NOTHING also takes back what is due."""
        if after is self.chosen:
            return
        self.chosen, self.failed = after, 0
        self._withdraw()
        self.changed.emit()
        self.look()

    @Slot(object)
    def _ended(self, snapshot: TransferSnapshot) -> None:
        self.failed += snapshot.state is State.FAILED

    def _withdraw(self) -> None:
        if self._is_due:
            self._is_due = False
            self.withdrawn.emit()

    @Slot()
    def look(self) -> None:
        """Look whether everything has finished."""
        if self.chosen is After.NOTHING:
            return
        if self._transfers.unfinished:
            self._withdraw()
        elif self._is_due:
            return
        elif self.chosen is After.QUIT and self.failed:
            failed = self.failed
            self.choose(After.NOTHING)
            self.stayed.emit(failed)
        elif self._busy():
            self._again.start()
        else:
            self._is_due = True
            self.due.emit()

    def stop(self) -> None:
        """Do nothing any more, because the window closes."""
        self.chosen = After.NOTHING
        self._again.stop()
