"""Opens files that name images: from the menu, or dropped on a pane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from longshore.application.image_lists.model import ImageList
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.models.columns import Tone
from longshore.operations import Operations
from longshore.transfers.transfer import LibraryPlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared
from longshore.words.errors import told


class ImageLists(QObject):
    """Connects Open list…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._folder = Path.home()
        window.open_list_requested.connect(self._ask)

    @Slot()
    def _ask(self) -> None:
        from longshore.widgets.dialogs.image_list import ask_for_lists

        dialog = ask_for_lists(self.window, self._folder)
        dialog.filesSelected.connect(lambda names: self.open([Path(name) for name in names]))
        dialog.open()

    def open(self, files: Sequence[Path], host: str = "", path: str = "") -> None:
        """Open the sheet for the images that *files* name. It offers *host* and *path* as the target if given."""
        if not files:
            return
        self._folder = files[0].parent

        def found(lists: list[ImageList], errors: list[LongshoreError]) -> None:
            for error in errors:
                self.window.explain(f"{Path(error.subject).name}: {told(error)}", Tone.BAD)
            lists = [one for one in lists if one.entries]
            if lists:
                self._show(lists, host, path)
            elif not errors:
                self.window.explain(self.tr("The file names no images."), Tone.CAUTION)

        self.operations.image_lists.read(files, found)

    def _show(self, lists: list[ImageList], host: str, path: str) -> None:
        from longshore.widgets.dialogs.image_list import ImageListSheet

        images = self.operations.images
        status = images.status
        place = status.place if status.error is None else None
        registries = [known for known, _ in self._shared.registries()]
        sheet = ImageListSheet(
            self.window,
            lists,
            place,
            self._shared.place_name(place) if place is not None else "",
            registries,
            host,
            path,
        )
        running: list[Cancellation] = []

        def compare(references: list[object]) -> None:
            running.append(
                self.operations.image_lists.compare(
                    references,  # type: ignore[arg-type]
                    self.window.image_pane.model.images,
                    lambda answer: sheet.set_states(answer) if running else None,
                    picked=isinstance(place, LibraryPlace),
                )
            )

        def closed() -> None:
            for cancellation in running:
                cancellation.cancel()
            running.clear()

        sheet.compare_requested.connect(compare)
        sheet.finished.connect(closed)
        sheet.transfers_requested.connect(self.operations.transfers.ask)
        sheet.look()
        sheet.open()
