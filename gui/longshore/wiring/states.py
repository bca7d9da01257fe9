"""The column State: its footer."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow
from longshore.words import states

_GAP = "  ·  "


class States(QObject):
    """Shows when the registries were asked, and what Docker Hub still allows. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations) -> None:
        super().__init__(window)
        self._footer = window.registry_pane.footer
        self._states = operations.states
        self._states.checked.connect(self._tell)
        self._states.changed.connect(self._tell)

    @Slot()
    def _tell(self) -> None:
        parts = (states.checked(self._states.asked), states.pulls_left(self._states.budget))
        self._footer.set_text(_GAP.join(part for part in parts if part))
