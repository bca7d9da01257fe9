"""The place of the left pane: the picker of engines and the library, and the messages when the place changes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QAbstractItemView, QApplication, QFileDialog

from longshore.engine.address import EngineAddress, Origin
from longshore.errors import EngineUnavailable, LongshoreError, UnavailableCause
from longshore.models.columns import Tone
from longshore.oci.image_name import ImageName
from longshore.operations import LocalPlace, Operations, PlaceState, PlaceStatus
from longshore.operations.all_places import MOST
from longshore.operations.engines import FoundEngine
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared
from longshore.words import engines as engine_text
from longshore.words import errors, text


class Places(QObject):
    """Connects the place picker. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._offered: list[LocalPlace] = []
        self._titles: list[str] = []
        #: Whether the user has worked with the current place: then it does not change by itself.
        self._used = False
        pane, images = window.image_pane, operations.images
        pane.selection_changed.connect(self._selected)
        pane.filter.textEdited.connect(self._use)
        operations.transfers.asked.connect(self._use)
        images.status_changed.connect(self._changed)
        images.engines.changed.connect(self._show)
        pane.engines_requested.connect(images.engines.look)
        images.library_instead.connect(self._library_instead)
        images.engine_answers.connect(self._engine_answers)
        pane.retry_engine_requested.connect(images.retry)
        pane.engine_selected.connect(self._select)
        pane.carry_requested.connect(self._carry)
        pane.choose_library_requested.connect(self._choose_library)
        images.places_changed.connect(self._places_changed)
        images.title_of = shared.place_name
        #: Places that were last said not to respond.
        self._away: list[str] = []

    @Slot(object)
    def _changed(self, status: PlaceStatus) -> None:
        pane = self.window.image_pane
        pane.set_library(isinstance(status.place, LibraryPlace))
        if self.operations.images.showing_all:
            pass  # one place among others; see _places_changed
        elif status.state is PlaceState.CONNECTING:
            pane.say_place("")
            pane.set_connecting()
        elif status.error is not None:
            error = status.error
            pane.set_engine_down(errors.message(error), errors.advice(error), error.subject)
        self._show()

    @Slot()
    def _places_changed(self) -> None:
        """Show the column of places, and say once which of them do not respond."""
        pane, images = self.window.image_pane, self.operations.images
        pane.set_all(images.showing_all)
        self._show()
        away: dict[str, str] = {}
        if images.showing_all:
            pane.set_ready()
            for place in images.places:
                if (error := images.status_of(place).error) is not None:
                    away[self._shared.place_name(place)] = errors.told(error)
            for found in images.engines.found:
                if EnginePlace(found.address) in images.places:
                    continue
                if found.error is not None and not _never_there(found):
                    away[text.safe(engine_text.name(found.address))] = errors.told(found.error)
        said = [*away, *(["…"] if len(images.places) > MOST else [])]
        if said == self._away:
            return
        self._away = said
        if not said:
            pane.say_place("")
            return
        words = ""
        if len(away) == 1:
            words = self.tr("Not shown, because it does not respond: {0}.")
        elif away:
            words = self.tr("Not shown, because they do not respond: {0}.")
        if len(images.places) > MOST:
            words = f"{words} {self.tr('Only {1} places are shown.')}".strip()
        pane.say_place(
            words.format(", ".join(away), len(images.places)),
            Tone.CAUTION,
            self.tr("Retry"),
            self._retry_all,
            "\n".join(f"{name}: {why}" for name, why in away.items()),
        )

    def _retry_all(self) -> None:
        self._away = []
        self.operations.images.engines.look()
        self.operations.images.refresh()

    # -- the picker

    @Slot()
    def _show(self) -> None:
        status, images = self.operations.images.status, self.operations.images
        found = images.engines.found
        self._offered = [*(EnginePlace(each.address) for each in found), images.library]
        self._titles = [engine_text.title(each.address, each.info, each.error) for each in found]
        self._titles.append(self._shared.place_name(images.library))
        current = self._offered.index(status.place) if status.place in self._offered else -1
        everywhere = [self.tr("All places")] if len(self._offered) > 1 or images.showing_all else []
        self.window.image_pane.set_engines(
            [*self._titles, *everywhere],
            len(self._offered) if images.showing_all else current,
            stories=[
                *(engine_text.story(each.address, each.info, each.error, each.nodes) for each in found),
                self.tr("Images on disk, without an engine, in {0}").format(
                    text.safe(str(images.library.path))
                ),
                self.tr("The images of every engine that responds, and of the library"),
            ],
            silent={place for place, each in enumerate(found) if each.error is not None},
        )

    @Slot(int)
    def _select(self, number: int) -> None:
        if 0 <= number < len(self._offered):
            self.operations.images.select_place(self._offered[number])
        elif number == len(self._offered):
            self.operations.images.engines.look()
            self.operations.images.select_all()

    @Slot()
    def _choose_library(self) -> None:
        from longshore.widgets.dialogs.archive import file_dialog

        dialog = file_dialog(self.window, self.tr("Choose library folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setLabelText(QFileDialog.DialogLabel.Accept, self.tr("Choose"))
        known = self.operations.images.library.path
        dialog.setDirectory(str(known.parent if known.is_dir() else Path.home()))
        if known.is_dir():
            dialog.selectFile(known.name)
        dialog.fileSelected.connect(lambda name: self.operations.images.choose_library(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # -- copies between places

    @Slot(object)
    def _carry(self, images: list[ImageName]) -> None:
        from longshore.widgets.dialogs.places import CarrySheet

        here = self._shared.source()
        if here is None:
            return
        offered = zip(self._offered, self._titles, strict=True)
        others = [(place, title) for place, title in offered if place != here]
        if not others:
            self.window.image_pane.explain(self.tr("No other engine was found."))
            return
        sheet = CarrySheet(self.window, images, here, others)
        sheet.transfers_requested.connect(self.operations.transfers.ask)
        sheet.open()

    # -- when no engine answers

    @Slot(object)
    def _library_instead(self, error: LongshoreError | None) -> None:
        pane = self.window.image_pane
        words = self.tr("Docker isn't running. Showing your library; pulled images are stored there.")
        more = ""
        if error is not None:
            words += f"\n{text.safe(error.subject)}: {engine_text.state(None, error)}"
            more = errors.told(error)
        pane.say_place(words, Tone.QUIET, self.tr("Try again"), self.operations.images.retry, more)

    @Slot(bool)
    def _selected(self, any_image: bool) -> None:
        self._used = self._used or any_image

    @Slot()
    def _use(self) -> None:
        self._used = True

    @property
    def _in_use(self) -> bool:
        """True if the user works with the current place, or a sheet is open, which may name the place."""
        pane = self.window.image_pane
        busy = QApplication.activeModalWidget() or QApplication.activePopupWidget()
        dragging = pane.view.state() != QAbstractItemView.State.NoState
        return self._used or busy is not None or dragging

    @Slot(object)
    def _engine_answers(self, address: EngineAddress) -> None:
        pane, images = self.window.image_pane, self.operations.images
        if address == images.meant and not self._in_use:
            images.select_place(EnginePlace(address))
            words = self.tr("The engine {0} is running now. Showing its images.")
            pane.say_place(words.format(text.safe(engine_text.name(address))), Tone.GOOD)
            return
        pane.say_place(
            self.tr("The engine {0} is running now. You are viewing the library.").format(
                text.safe(engine_text.name(address))
            ),
            Tone.GOOD,
            self.tr("Show its images"),
            lambda: self.operations.images.select_place(EnginePlace(address)),
        )


def _never_there(found: FoundEngine) -> bool:
    """True for an engine that nobody has configured and that is not on this machine: it is not missed."""
    absent = isinstance(found.error, EngineUnavailable) and found.error.cause is UnavailableCause.NO_SOCKET
    return absent and found.address.origin in (Origin.SOCKET, Origin.DEFAULT)
