"""Pushes local images to registries: the push sheet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from longshore.engine.model import ImageDetails
from longshore.oci.image_name import ImageName
from longshore.oci.reference import DOCKER_HUB
from longshore.operations import Operations
from longshore.transfers.transfer import Endpoint, EnginePlace, RegistryPlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared

if TYPE_CHECKING:
    from longshore.oci.reference import Reference
    from longshore.widgets.dialogs.push import PushSheet
    from longshore.wiring.copies import Copies
    from longshore.wiring.indexes import Indexes


class Pushes(QObject):
    """Connects Push…. GUI thread."""

    def __init__(
        self, window: MainWindow, operations: Operations, shared: Shared, copies: Copies, indexes: Indexes
    ) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._copies = copies
        self._indexes = indexes
        window.image_pane.push_requested.connect(self._push_selected)

    @Slot(object)
    def _push_selected(self, images: list[ImageName]) -> None:
        # An image named after a registry goes there, any other to the current registry.
        own = {image.reference.domain for image in images if image.reference is not None} - {DOCKER_HUB}
        host = own.pop() if len(own) == 1 else self.window.registry_pane.current_host()
        self.push(images, host or self.operations.registries.first_host(), "")

    @Slot(object, str, str)
    def push(self, images: list[ImageName], host: str, repository: str) -> None:
        """Open the push sheet. It offers *host* and *repository* ("" for none) as the target."""
        from longshore.widgets.dialogs.push import PushSheet

        place = self._shared.source()
        if place is None:
            return
        sheet = PushSheet(self.window, images, place, self._shared.registries(), host, repository)
        self._shared.answer_targets(sheet)
        if isinstance(place, EnginePlace):
            self._tell_losses(sheet, place)
        sheet.open()

    def _tell_losses(self, sheet: PushSheet, place: EnginePlace) -> None:
        """Give *sheet* the platforms of the engine's images, and of the images that the targets point to now."""

        def inspect(images: list[ImageName], found: Callable[[ImageName, ImageDetails], None]) -> None:
            for image in images:
                self.operations.images.inspect(place, image, partial(told, found, image))

        def told(found: Callable[[ImageName, ImageDetails], None], image: ImageName, details: object) -> None:
            if isinstance(details, ImageDetails):
                found(image, details)

        answer = self._shared.answer
        answer(
            sheet,
            sheet.targets.existing_requested,
            self.operations.contents.read_platforms,
            sheet.set_platforms,
        )
        answer(sheet, sheet.images_requested, inspect, sheet.set_local)
        sheet.index_requested.connect(self._index)
        sheet.copy_requested.connect(
            lambda source, target: self._copies.copy([source], target.domain, target.path)
        )
        sheet.look()

    def _index(self, source: Endpoint, target: Reference) -> None:
        """Offer an index of what *target* points to now and the image, which replaces that of its platform."""
        there = Endpoint(RegistryPlace(target.domain), target)
        self._indexes.make([there, source], target, replacing=True)
