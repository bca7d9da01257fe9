"""What all three panes need: the clipboard, and a place to say what went wrong."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject, Slot
from PySide6.QtWidgets import QApplication

from longshore.models.columns import Tone
from longshore.oci.errors import LongshoreError
from longshore.operations import Operations
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.main_window import MainWindow


class Shared(QObject):
    """GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations

    @Slot(object)
    def show_failure(self, error: LongshoreError) -> None:
        """Say *error* at the foot of the pane one is in."""
        self._window.explain(f"{error.message} {error.advice}".strip(), Tone.BAD)

    def told(self, error: LongshoreError | None) -> None:
        """The end of something short that has no row: silence is success."""
        if error is not None:
            self.show_failure(error)

    @Slot(str)
    def to_clipboard(self, text: str) -> None:
        """Put *text* into the clipboard."""
        QApplication.clipboard().setText(text)

    def place(self) -> EnginePlace | None:
        """The place of the left pane to move to and from; that there is none is said."""
        address = self._operations.local.status.address
        if address is not None:
            return EnginePlace(address)
        words = QCoreApplication.translate("Shared", "There is no engine to pull into or push from.")
        self._window.explain(words, Tone.CAUTION)
        return None
