"""Make an index…: from tags, from local images, and where a push would lose platforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from longshore.transfers.transfer import Endpoint, RegistryPlace

if TYPE_CHECKING:
    from longshore.oci.image_name import ImageName
    from longshore.oci.reference import Reference
    from longshore.operations import Operations
    from longshore.widgets.main_window import MainWindow
    from longshore.wiring.shared import Shared


class Indexes(QObject):
    """Connects Make an index…. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        window.registry_pane.index_requested.connect(self._of_tags)
        window.image_pane.index_requested.connect(self._of_images)

    @Slot(object)
    def _of_tags(self, references: list[Reference]) -> None:
        from longshore.application.index_names import index_name

        parts = [Endpoint(RegistryPlace(one.domain), one.with_default_tag()) for one in references]
        self.make(parts, index_name(references))

    @Slot(object)
    def _of_images(self, images: list[ImageName]) -> None:
        from longshore.application.index_names import index_name

        place = self._shared.source()
        if place is None:
            return
        named = [image.reference for image in images if image.reference is not None]
        self.make([Endpoint.of(place, image) for image in images], index_name(named))

    def make(self, parts: Sequence[Endpoint], name: Reference | None, *, replacing: bool = False) -> None:
        """Open the sheet for an index of *parts*. *name*: offered for it."""
        from longshore.widgets.dialogs.index import IndexSheet

        sheet = IndexSheet(self.window, parts, name, replacing=replacing)
        answer = self._shared.answer
        answer(sheet, sheet.platforms_requested, self.operations.index_parts.read, sheet.set_platforms)
        answer(sheet, sheet.existing_requested, self.operations.registries.find_digests, sheet.set_existing)
        sheet.offer_commands(
            lambda: self._shared.commands.of_requests(sheet.planned()), self._shared.to_clipboard
        )
        sheet.transfers_requested.connect(self.operations.transfers.ask)
        sheet.ask()
        sheet.open()
