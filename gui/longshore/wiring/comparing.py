"""Compare: two local images, two tags, or one of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from longshore.models.columns import Role
from longshore.operations import Operations
from longshore.transfers.transfer import Endpoint, EnginePlace, LibraryPlace, RegistryPlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared
from longshore.words import text

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.widgets.dialogs.comparison import Compared


class Compares(QObject):
    """Connects *Compare* of both panes. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        self._shared = shared
        images, registries = window.image_pane, window.registry_pane
        images.no_pair = partial(self._no_pair, local=True)
        registries.no_pair = partial(self._no_pair, local=False)
        images.compare_requested.connect(partial(self._compare, local=True))
        registries.compare_requested.connect(partial(self._compare, local=False))
        # What is selected in one pane decides what the other can compare.
        images.selection_changed.connect(registries.compare_verb.look)
        registries.tags.view.selectionModel().selectionChanged.connect(images.compare_verb.look)

    # -- what is selected

    def _images(self) -> list[Endpoint]:
        place = self._operations.images.status.place
        found = []
        for row in sorted(self._window.image_pane.view.rows(), key=lambda row: row.row()):
            here = row.data(Role.PLACE) or place
            if here is not None:
                found.append(Endpoint.of(here, row.data(Role.IMAGE).name))
        return found

    def _tags(self) -> list[Endpoint]:
        references = self._window.registry_pane.tags.selected_references()
        return [Endpoint(RegistryPlace(one.domain), one) for one in references]

    def _pair(self, *, local: bool) -> list[Endpoint]:
        """The two selected images of a pane; if it has one, with that of the other pane. The local one is left."""
        here, there = self._window.image_pane.view, self._window.registry_pane.tags.view
        if (here if local else there).selected_count() not in (1, 2):
            return []  # there may be thousands
        images, tags = (
            found() if view.selected_count() <= 2 else []
            for view, found in ((here, self._images), (there, self._tags))
        )
        own, other = (images, tags) if local else (tags, images)
        if len(own) == 2:
            return own
        return [*images, *tags] if len(own) == 1 and len(other) == 1 else []

    def _no_pair(self, *, local: bool) -> str:
        if self._pair(local=local):
            return ""
        return self.tr("Select two images: two rows in one list, or one here and one tag.")

    # -- the sheet

    def _compare(self, *, local: bool) -> None:
        from longshore.widgets.dialogs.comparison import CompareSheet

        if not (pair := self._pair(local=local)):
            return
        left, right = pair
        comparing = self._operations.comparing
        sheet = CompareSheet(self._window, self._named(left), self._named(right))
        running: list[Cancellation] = []

        def packages() -> None:
            if sheet.compared is not None:
                running.append(comparing.read_packages(sheet.compared, sheet.show_packages))

        def ended() -> None:
            for one in running:
                one.cancel()

        sheet.packages_requested.connect(packages)
        sheet.finished.connect(ended)
        running.append(comparing.read(left, right, sheet.show_comparison))
        sheet.open()

    def _named(self, end: Endpoint) -> Compared:
        from longshore.widgets.dialogs.comparison import Compared

        place = end.place
        named = self._shared.place_title(place) if isinstance(place, EnginePlace | LibraryPlace) else ""
        return Compared(text.safe(end.name.shown, 200), named)
