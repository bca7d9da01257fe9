"""The menu *When finished* of Transfers."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from longshore.models.tooltips import tooltip
from longshore.models.transfer_choice import After


class WhenMenu(QMenu):
    """*When finished*: nothing, quit or suspend. Shows what is chosen and emits what the user wants."""

    chosen = Signal(object)  # After

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("When finished"))
        self.setToolTipsVisible(True)
        self._idle = ""
        self._no_suspend = self.tr("Suspending needs systemd-logind, which was not found.")
        self._group = QActionGroup(self)
        words = {
            After.NOTHING: (self.tr("Do nothing"), ""),
            After.QUIT: (
                self.tr("Quit Longshore"),
                self.tr("After all transfers, paused ones included, unless one failed."),
            ),
            After.SUSPEND: (
                self.tr("Suspend this machine"),
                self.tr("After all transfers, paused ones included, also if one failed."),
            ),
        }
        self.entries: dict[After, QAction] = {}
        self._hints = {after: hint for after, (_, hint) in words.items()}
        for after, (name, _) in words.items():
            action = self.addAction(name)
            action.setCheckable(True)
            action.triggered.connect(lambda _on=False, after=after: self.chosen.emit(after))
            self._group.addAction(action)
            self.entries[after] = action
        self.show_chosen(After.NOTHING)
        self._tell()

    def show_chosen(self, after: After) -> None:
        """Show what happens; emits no request."""
        self.entries[after].setChecked(True)

    def set_idle(self, reason: str) -> None:
        """Set why nothing can be chosen, a sentence: no transfer is unfinished; "" if something can."""
        if reason != self._idle:
            self._idle = reason
            self._tell()

    def set_no_suspend(self, reason: str) -> None:
        """Set why the machine cannot be suspended, a sentence; "" if it can."""
        self._no_suspend = reason
        self._tell()

    def _tell(self) -> None:
        for after, action in self.entries.items():
            reason = "" if after is After.NOTHING else self._idle
            if after is After.SUSPEND:
                reason = reason or self._no_suspend
            action.setEnabled(not reason)
            action.setToolTip(tooltip(reason or self._hints[after]) or "")
