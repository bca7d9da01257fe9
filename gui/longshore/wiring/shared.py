"""Helpers for all three panes: the clipboard, error messages, the current place, sheets of targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, SignalInstance, Slot
from PySide6.QtWidgets import QApplication, QWidget

from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.operations import LocalPlace, Operations
from longshore.transfers.transfer import EnginePlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.commands import Commands
from longshore.words import engines, errors, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from longshore.oci.reference import Reference
    from longshore.widgets.dialogs.target_sheet import TargetSheet


def short_path(path: Path) -> str:
    """Return *path* with ``~`` for the user's home folder."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


class Shared(QObject):
    """Helpers for all panes. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, environ: Mapping[str, str]) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self.commands = Commands(window, operations, environ)

    @Slot(object)
    def show_failure(self, error: LongshoreError) -> None:
        """Show *error* at the bottom of the active pane."""
        self._window.explain(errors.told(error), Tone.BAD)

    def told(self, error: LongshoreError | None) -> None:
        """Show *error*, the result of an operation without a row; show nothing for success (None)."""
        if error is not None:
            self.show_failure(error)

    @Slot(str)
    def to_clipboard(self, text: str) -> None:
        """Copy *text* to the clipboard."""
        QApplication.clipboard().setText(text)

    def place(self) -> LocalPlace | None:
        """Return the place of the left pane; None, with a message, if there is none or it does not
        respond."""
        status = self._operations.images.status
        if status.error is not None:
            self.show_failure(status.error)
            return None
        if status.place is not None:
            return status.place
        words = QCoreApplication.translate(
            "Shared", "No engine is available. Choose an engine or the library above Local images."
        )
        self._window.explain(words, Tone.CAUTION)
        return None

    def source(self) -> LocalPlace | None:
        """Return the place of the selected local images; None, with a message, if it cannot be used or there are
        several."""
        pane = self._window.image_pane
        places = pane.selected_places()
        if not places:
            return self.place()
        if len(places) > 1:
            pane.explain(pane.several_places())
            return None
        return places[0]

    def place_name(self, place: LocalPlace) -> str:
        """Return the title of *place*."""
        if isinstance(place, EnginePlace):
            return text.safe(engines.name(place.address))
        library = QCoreApplication.translate("Shared", "Library")
        if self._operations.images.own_library and place == self._operations.images.library:
            return library
        return f"{library}  ·  {text.safe(short_path(place.path))}"

    def place_title(self, place: LocalPlace) -> str:
        """Return the title of *place* as in the picker of places, whatever its state: ``default  ·  Docker 28.5``."""
        if not isinstance(place, EnginePlace):
            return self.place_name(place)
        found = self._operations.images.engines.found
        info = next((each.info for each in found if each.address == place.address), None)
        return engines.title(place.address, info, None)

    @Slot(object)
    def pull(self, references: list[Reference]) -> None:
        """Pull *references* into the current place; one without tag is a repository."""
        place = self.place()
        if place is not None:
            self._operations.transfers.pull(references, place)

    def registries(self) -> list[tuple[str, str]]:
        """Return host and user of all registries, for sheets that offer them."""
        registries = self._operations.registries
        return [(config.host, registries.user(config.host)) for config in registries.book.configs()]

    def answer(
        self,
        sheet: QWidget,
        wanted: SignalInstance,
        ask: Callable[[Any, Callable[[Any, Any], None]], None],
        tell: Callable[[Any, Any], None],
    ) -> None:
        """Answer the signal *wanted* of *sheet*: *ask* finds the answers, and *tell* gets them one by one.

        *tell* is called only as long as the sheet exists.
        """
        alive = [True]
        sheet.destroyed.connect(lambda: alive.clear())

        def found(what: Any, answer: Any) -> None:
            if alive:
                tell(what, answer)

        wanted.connect(lambda what: ask(what, found))

    def answer_targets(self, sheet: TargetSheet) -> None:
        """Ask the registries what the references in *sheet* point to, and queue the transfers that it requests."""
        targets = sheet.targets
        sheet.offer_commands(lambda: self.commands.of_requests(sheet.planned()), self.to_clipboard)
        sheet.transfers_requested.connect(self._operations.transfers.ask)
        self.answer(
            sheet, targets.existing_requested, self._operations.registries.find_digests, targets.set_existing
        )
