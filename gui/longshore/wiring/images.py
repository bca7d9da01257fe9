"""The left pane: images, operations on them, and drops on them."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QObject, Qt, Slot

from longshore.application import removal
from longshore.application.removal import LocalRemoval
from longshore.engine.container_model import Container
from longshore.errors import LongshoreError
from longshore.oci.disk_usage import FreedBytes
from longshore.oci.image_name import ImageName
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.operations import LocalPlace, Operations, PlaceState
from longshore.transfers.transfer import LibraryPlace
from longshore.widgets.main_window import MainWindow
from longshore.wiring.archives import Archives
from longshore.wiring.shared import Shared
from longshore.wiring.undo import Undo
from longshore.words import containers


class Images(QObject):
    """Connects Local images. GUI thread."""

    def __init__(
        self, window: MainWindow, operations: Operations, shared: Shared, archives: Archives, undo: Undo
    ) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._undo = undo
        pane, images = window.image_pane, operations.images
        # Queued: a drop must return before a sheet opens.
        pane.model.pull_dropped.connect(shared.pull, Qt.ConnectionType.QueuedConnection)
        pane.model.load_dropped.connect(archives.load, Qt.ConnectionType.QueuedConnection)
        images.images_changed.connect(self._images_changed)
        images.arrived.connect(self._show_image)
        pane.pull_box_requested.connect(lambda: self.window.pull_box_requested.emit(""))
        pane.tag_requested.connect(self._tag)
        pane.remove_requested.connect(self._remove)
        pane.copy_reference_requested.connect(self._shared.to_clipboard)
        pane.copy_id_requested.connect(self._shared.to_clipboard)

    @Slot()
    def _images_changed(self) -> None:
        if self.operations.images.status.state is PlaceState.READY:
            self.window.image_pane.set_ready()

    @Slot(object, object)
    def _show_image(self, sought: Reference | str, place: LocalPlace) -> None:
        self.window.image_pane.show_arrival(sought, place)

    @Slot(object)
    def _tag(self, names: list[ImageName]) -> None:
        from longshore.widgets.dialogs.tagging import TagSeveralSheet, TagSheet

        images, place = self.operations.images, self._shared.source()
        if place is None:
            return
        library, known = isinstance(place, LibraryPlace), images.images_of(place)
        sheet: TagSheet | TagSeveralSheet
        if len(names) == 1:
            sheet = TagSheet(self.window, names[0], known, library=library)
        else:
            sheet = TagSeveralSheet(self.window, names, known, library=library)

        def told(error: LongshoreError | None) -> None:
            if sheet.open_still:
                sheet.answer(error)
            else:
                self._shared.told(error)

        sheet.tag_requested.connect(lambda wanted: images.tag(place, wanted, told))
        sheet.open()

    @Slot(object)
    def _remove(self, chosen: list[LocalImage]) -> None:
        from longshore.engine.model import ImageStore
        from longshore.widgets.dialogs.removal import RemoveSheet

        images, place = self.operations.images, self._shared.source()
        if place is None:
            return
        names = [image.name for image in chosen]
        info = images.status_of(place).info
        podman = info is not None and info.store is ImageStore.PODMAN
        library = isinstance(place, LibraryPlace)
        removals = removal.plan(images.images_of(place), names)
        freed = self._freed if place == images.status.place else _unknown
        sheet = RemoveSheet(
            self.window,
            removals,
            podman=podman,
            library=library,
            freed=freed,
            place=self._shared.place_name(place) if images.showing_all else "",
        )

        def remove(removals: list[LocalRemoval], force: bool) -> None:
            gone = [one.image.name for one in removals]
            users = {each.id: each for one in removals for each in one.holders} if force and podman else {}
            images.remove(
                place, removals, force=force, done=lambda error: removed(gone, list(users.values()), error)
            )

        def removed(gone: list[ImageName], taken: list[Container], error: LongshoreError | None) -> None:
            if sheet.open_still:
                sheet.answer(error)
            else:
                self._shared.told(error)
            if error is not None:
                return
            words = (
                self.tr("Removed {0}.").format(gone[0].shown)
                if len(gone) == 1
                else self.tr("Removed {0} references.").format(len(gone))
            )
            words = " ".join(filter(None, (words, containers.also_removed(taken))))
            if any(name.reference is not None for name in gone):
                self._undo.offer(self.window.image_pane, words)
            elif taken:
                self.window.image_pane.explain(words)

        sheet.remove_requested.connect(remove)
        sheet.look_requested.connect(lambda: images.plan_removal(place, names, sheet.show_plan))
        images.images_changed.connect(sheet.look_again)
        if sheet.looks:
            images.plan_removal(place, names, sheet.show_plan)
        sheet.open()

    def _freed(self, image_ids: Collection[str]) -> FreedBytes | None:
        """What the removal of these images frees, None if it is not known."""
        usage = self.operations.usage.latest
        if usage is None or any(image_id not in usage.images for image_id in image_ids):
            return None
        return usage.freed(image_ids)


def _unknown(_image_ids: Collection[str]) -> None:
    """What a removal frees in a place whose usage is not read."""
