"""What all three panes need: the clipboard, and a place to say what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, SignalInstance, Slot
from PySide6.QtWidgets import QApplication, QWidget

from longshore.models.columns import Tone
from longshore.oci.errors import LongshoreError
from longshore.operations import Operations
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.main_window import MainWindow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from longshore.widgets.dialogs.targets import TargetSheet


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

    def registries(self) -> list[tuple[str, str]]:
        """Host and user of every registry, for sheets that offer them."""
        remote = self._operations.remote
        return [(config.host, remote.user(config.host)) for config in remote.book.configs()]

    def answer(
        self,
        sheet: QWidget,
        wanted: SignalInstance,
        ask: Callable[[Any, Callable[[Any, Any], None]], None],
        tell: Callable[[Any, Any], None],
    ) -> None:
        """What *sheet* wants to know by the signal *wanted*, *ask* finds out and *tell* is told, one by one, as long
        as the sheet is there."""
        alive = [True]
        sheet.destroyed.connect(lambda: alive.clear())

        def found(what: Any, answer: Any) -> None:
            if alive:
                tell(what, answer)

        wanted.connect(lambda what: ask(what, found))

    def answer_targets(self, sheet: TargetSheet) -> None:
        """What stands under the references of *sheet*, the registries are asked."""
        targets = sheet.targets
        self.answer(
            sheet, targets.existing_wanted, self._operations.remote.find_standing, targets.set_existing
        )
