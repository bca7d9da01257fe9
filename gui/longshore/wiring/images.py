"""The left pane: images, what is done to them, and the push sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot

from longshore.engine.model import ImageDetails
from longshore.errors import LongshoreError
from longshore.library.model import LibraryDetails
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.operations import Operations, PlaceState
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared

if TYPE_CHECKING:
    from longshore.widgets.dialogs.push import PushSheet
    from longshore.widgets.dialogs.targets import Source


class Images(QObject):
    """Connects Local images. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._connect_images()

    def _connect_images(self) -> None:
        pane, local = self.window.image_pane, self.operations.images
        local.images_changed.connect(self._images_changed)
        local.arrived.connect(self._show_image)
        self.window.registry_pane.model.push_dropped.connect(
            self._push_dropped, Qt.ConnectionType.QueuedConnection
        )
        pane.pull_box_requested.connect(lambda: self.window.pull_box_requested.emit(""))
        pane.push_requested.connect(self._push_images)
        pane.tag_requested.connect(self._tag)
        pane.remove_requested.connect(self._remove)
        pane.details_requested.connect(self._image_details)
        pane.copy_reference_requested.connect(self._shared.to_clipboard)
        pane.copy_id_requested.connect(self._shared.to_clipboard)

    @Slot()
    def _images_changed(self) -> None:
        if self.operations.images.status.state is PlaceState.READY:
            self.window.image_pane.set_ready()

    @Slot(object)
    def _show_image(self, reference: Reference) -> None:
        self.window.image_pane.show_arrival(reference)

    @Slot(object)
    def _tag(self, image: LocalImage) -> None:
        from longshore.widgets.dialogs.images import TagSheet

        sheet = TagSheet(self.window, self._shared.name(image), self._shared.shown(image))
        sheet.tag_requested.connect(
            lambda source, target: self.operations.images.tag(source, target, self._shared.told)
        )
        sheet.open()

    @Slot(object)
    def _remove(self, images: list[LocalImage]) -> None:
        from longshore.widgets.dialogs.images import RemoveSheet

        names = [self._shared.name(image) for image in images]
        chosen = set(names)
        last = 0
        for image_id in {image.image_id for image in images}:
            others = [other for other in self.operations.images.images if other.image_id == image_id]
            last += all(self._shared.name(other) in chosen for other in others)
        sheet = RemoveSheet(
            self.window,
            names,
            [self._shared.shown(image) for image in images],
            in_use=sum(image.in_use for image in images),
            last=last,
        )
        sheet.remove_requested.connect(
            lambda names, force: self.operations.images.remove(names, force=force, done=self._shared.told)
        )
        sheet.open()

    @Slot(object)
    def _image_details(self, image: LocalImage) -> None:
        from longshore.widgets.dialogs.details import DetailsSheet

        sheet = DetailsSheet(self.window, self._shared.shown(image))
        sheet.copy_requested.connect(self._shared.to_clipboard)

        def answer(found: ImageDetails | LibraryDetails | LongshoreError) -> None:
            if isinstance(found, LibraryDetails):
                sheet.show_library(found)
            else:
                sheet.show_image(found)

        self.operations.images.inspect(self._shared.name(image), answer)
        sheet.open()

    def _tell_losses(self, sheet: PushSheet) -> None:
        """Let *sheet* know the platforms of what the engine has, and of what stands at the targets."""

        def inspect(sources: list[Source], found: Callable[[Source, ImageDetails], None]) -> None:
            for source in sources:
                name = source.image_id if source.reference is None else str(source.reference)
                self.operations.images.inspect(name, partial(told, found, source))

        def told(found: Callable[[Source, ImageDetails], None], source: Source, details: object) -> None:
            if isinstance(details, ImageDetails):
                found(source, details)

        answer = self._shared.answer
        answer(
            sheet, sheet.targets.existing_wanted, self.operations.contents.read_platforms, sheet.set_platforms
        )
        answer(sheet, sheet.local_wanted, inspect, sheet.set_local)
        sheet.look()

    @Slot(object)
    def _push_images(self, images: list[LocalImage]) -> None:
        # An image that bears a registry's name is meant for it; else the registry one is looking at.
        own = {image.reference.domain for image in images if image.reference is not None} - {DOCKER_HUB}
        host = own.pop() if len(own) == 1 else self.window.registry_pane.current_host()
        self._push_sheet(
            [(image.reference, image.image_id) for image in images],
            host or self.operations.registries.first_host(),
            "",
        )

    @Slot(object, str, object)
    def _push_dropped(self, dropped: list[Reference | str], host: str, repository: str | None) -> None:
        images = [(None, item) if isinstance(item, str) else (item, "") for item in dropped]
        self._push_sheet(images, host, repository or "")

    def _push_sheet(self, images: Sequence[tuple[Reference | None, str]], host: str, repository: str) -> None:
        from longshore.widgets.dialogs.push import PushSheet
        from longshore.widgets.dialogs.targets import Source

        place = self._shared.place()
        if place is None:
            return
        # What the library has is copied byte for byte, and called by its digest there.
        exact = isinstance(place, LibraryPlace)
        sources = [
            Source(
                reference,
                image_id,
                reference.familiar if reference else image_id[7:19],
                image_id if exact else "",
            )
            for reference, image_id in images
        ]
        sheet = PushSheet(self.window, sources, self._shared.registries(), host, repository)
        self._shared.answer_targets(sheet)
        if isinstance(place, EnginePlace):
            self._tell_losses(sheet)
        sheet.push_requested.connect(lambda targets: self.operations.transfers.push(targets, place))
        sheet.open()
