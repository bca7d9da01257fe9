"""What can be requested of local images: the signals, the selection and the verbs of the left pane."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QModelIndex, Qt, Signal, Slot

from longshore.models.columns import ImageColumn, Role
from longshore.models.images import ImageModel
from longshore.widgets.columns import Column, Kind
from longshore.widgets.command_menu import Lines, no_lines
from longshore.widgets.pane import Pane
from longshore.widgets.verbs import Side
from longshore.widgets.views import TableView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.oci.image_name import ImageName
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference

_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    Column("registry.acme.io/billing-api", "…/web", weight=3),
    Column("3.12-alpine", "latest", weight=1),
    Column("8f3c9a10b2de", "8f3c9a10b2de", fixed=True, elide=_RIGHT, yields=2),
    Column("2 months ago", "20 min", elide=_RIGHT, together=True),
    Column("888.8 MB", "88.8 GB", right=True),
    Column("2 containers", "2 contain…", elide=_RIGHT, yields=1, optional=True),
    Column("build-server", "d…t", weight=1, elide=_RIGHT),
    Column("amd64  arm64", "amd64  arm64", elide=_RIGHT, yields=3),
    Column("only there", "only there", kind=Kind.PILL, elide=_RIGHT),
]
#: Columns that are hidden until the user shows them.
_HIDDEN = (ImageColumn.PLATFORM,)


class ImageRequests(Pane):
    """Local images, as far as requests need them; :class:`.images.ImagePane` is the pane. Lists in signals are in row
    order.
    """

    push_requested = Signal(object)  # list[ImageName]
    carry_requested = Signal(object)  # list[ImageName], to copy to another engine or the library
    save_requested = Signal(object)  # list[ImageName]
    index_requested = Signal(object)  # list[ImageName], to make an index of
    load_requested = Signal()
    build_requested = Signal()
    tag_requested = Signal(object)  # list[ImageName]; several all have a name
    remove_requested = Signal(object)  # list[LocalImage]
    copy_reference_requested = Signal(str)  # the text for the clipboard
    copy_id_requested = Signal(str)
    details_requested = Signal(object)  # ImageName
    tag_history_requested = Signal(object)  # ImageName
    compare_requested = Signal()  # the two selected images, or this one and the one of the other pane
    browser_requested = Signal(object)  # Reference whose registry's page to open
    pull_box_requested = Signal()
    run_requested = Signal(object)  # ImageName
    containers_requested = Signal(object)  # LocalImage
    clean_up_requested = Signal()
    update_requested = Signal(object)  # list[LocalImage], all with a tag
    update_all_requested = Signal()
    pin_requested = Signal(object, bool)  # list[Reference], whether to pin them; otherwise to unpin
    retry_engine_requested = Signal()
    engines_requested = Signal()  # the list of engines opens: it may be out of date
    engine_selected = Signal(int)  # index in the list given to set_engines
    choose_library_requested = Signal()
    selection_changed = Signal(bool)  # whether anything is selected
    usable_changed = Signal(str)  # why the place cannot be used now, "" if it can

    def __init__(self, model: ImageModel) -> None:
        super().__init__(QCoreApplication.translate("ImagePane", "Local images"))
        self.model = model
        self._library = False
        self._usable = ""
        #: Returns the commands for images.
        self.lines_of: Callable[[list[LocalImage]], Lines] = no_lines
        #: Returns why there are no two images to compare.
        self.no_pair: Callable[[], str] = lambda: ""
        #: Returns why the registry of a reference has no page for it, "" if it has one.
        self.no_page_of: Callable[[Reference], str] = lambda _reference: ""
        self.view = TableView(self.tr("Local images"), _COLUMNS, _HIDDEN)

    def _add_verbs(self) -> None:
        add, keep = self.verbs.add_verb, self.verbs.keep
        self.push_verb = add(self.tr("Push"), self.push, why_not=self.no_image)
        self.update_verb = add(self.tr("Update"), self.update_images, why_not=self._not_updatable)
        self.tag_verb = add(self.tr("Tag…"), self.tag, why_not=self._not_taggable)
        self.remove_verb = add(self.tr("Remove…"), self.remove, why_not=self.no_image)
        self.carry_verb = add(self.tr("Copy to…"), self.carry, why_not=self.no_image, more=True)
        self.save_verb = add(self.tr("Save…"), self.save, why_not=self.no_image, more=True)
        self.index_verb = add(
            self.tr("Make an index…"), self.make_index, why_not=self._not_several, more=True
        )
        self.run_verb = add(self.tr("Run…"), self.run, why_not=self.not_runnable, more=True)
        self.containers_verb = add(
            self.tr("Containers of this image…"), self.containers, why_not=self.not_runnable, more=True
        )
        self.compare_verb = add(self.tr("Compare"), self.compare, why_not=self._no_pair, more=True)
        self.build_verb = add(self.tr("Build…"), self.build, why_not=self.no_build, side=Side.PANE, more=True)
        self.load_verb = add(self.tr("Load…"), self.load, why_not=self.no_place, side=Side.PANE, more=True)
        self.clean_up_verb = add(self.tr("Clean up…"), self.clean_up_requested.emit, side=Side.PANE)
        self.update_all_verb = add(
            self.tr("Update all…"), self.update_all, why_not=self.no_place, side=Side.PANE, more=True
        )
        self.pin_verb = keep(self.tr("Pin"), self.pin, why_not=self._no_reference)
        self.copy_reference_verb = keep(self.tr("Copy reference"), self.copy_reference, why_not=self._no_row)
        self.copy_id_verb = keep(self.tr("Copy image ID"), self.copy_id, why_not=self._no_row)
        self.details_verb = keep(self.tr("Details"), self.details, why_not=self.not_one_image)
        self.browser_verb = keep(self.tr("Open in browser"), self.open_in_browser, why_not=self._no_page)
        self.tag_history_verb = keep(self.tr("Tag history…"), self.tag_history, why_not=self._no_name)
        self.verbs.home = self.view

    # -- why something cannot be done now, in a sentence; "" if it can

    def no_place(self) -> str:
        """Return why the place cannot be used."""
        return self._usable

    def no_build(self) -> str:
        """Return why no image can be built here."""
        if self._library and not self._usable:
            return self.tr("The library can't build images. Choose an engine above.")
        return self._usable

    def no_image(self) -> str:
        """Return why nothing can be done with the selected images."""
        if len(self.selected_places()) > 1:
            return self.several_places()
        return self._usable or self._no_row()

    def not_one_image(self) -> str:
        """Return why nothing can be done that takes exactly one image."""
        if reason := self.no_image():
            return reason
        return self.tr("Select only one image.") if self.view.selected_count() > 1 else ""

    def _not_taggable(self) -> str:
        """Return why the selected images cannot be given further names; several get them from those they have."""
        if reason := self.no_image():
            return reason
        if self.view.selected_count() > 1 and any(name.reference is None for name in self._selected_names()):
            return self.tr("Select an image without a name alone to tag it.")
        return ""

    def _not_updatable(self) -> str:
        """Return why the selected images cannot be updated."""
        if reason := self.no_image():
            return reason
        if all(image.reference is not None and image.reference.tag for image in self.selected()):
            return ""
        return self.tr("Only images with a tag can be updated.")

    def _not_several(self) -> str:
        """Return why no index can be made of the selected images."""
        if reason := self.no_image():
            return reason
        few = self.view.selected_count() < 2
        return self.tr("Select the images of several platforms.") if few else ""

    def not_runnable(self) -> str:
        """Return why no container can be made from the selected image."""
        if self._in_library() and not self._usable:
            return self.tr("The library can't run containers. Load the image into an engine first.")
        return self.not_one_image()

    def _no_reference(self) -> str:
        """Return why nothing can be pinned."""
        if reason := self._no_row():
            return reason
        return "" if self._references() else self.tr("Only images with a name can be pinned.")

    def _references(self) -> list[Reference]:
        return [image.reference for image in self.selected() if image.reference is not None]

    def _all_pinned(self) -> bool:
        pinned, references = self.model.pinned, self._references()
        return bool(references) and all(str(reference) in pinned for reference in references)

    def _no_name(self) -> str:
        if reason := self.not_one_image():
            return reason
        named = self.selected()[0].reference is not None
        return "" if named else self.tr("An image without a tag has no tag history.")

    def _no_page(self) -> str:
        if reason := self._no_row():
            return reason
        if self.view.selected_count() > 1:
            return self.tr("Select only one image.")
        reference = self.selected()[0].reference
        if reference is None:
            return self.tr("An image without a name has no page.")
        return self.no_page_of(reference)

    def _no_row(self) -> str:
        return "" if self.view.selected_count() else self.tr("Select an image first.")

    def several_places(self) -> str:
        """Return why nothing can be done with selected images of several places."""
        return self.tr("Select images of one place only.")

    def _in_library(self) -> bool:
        """Return True if the selected images are in the library."""
        if not (places := self.selected_places()):
            return self._library
        from longshore.transfers.transfer import LibraryPlace  # not for the first picture

        return isinstance(places[0], LibraryPlace)

    # -- selection

    def selected_places(self) -> list[LocalPlace]:
        """Return the places of the selected images, each once; none if only one place is shown."""
        found = (row.data(Role.PLACE) for row in self.view.rows())
        return list(dict.fromkeys(place for place in found if place is not None))

    def selected(self) -> list[LocalImage]:
        """Return the selected images, one per row, from top to bottom."""
        rows = sorted(self.view.rows(), key=QModelIndex.row)
        return [image for row in rows if (image := row.data(Role.IMAGE)) is not None]

    def _selected_names(self) -> list[ImageName]:
        return [image.name for image in self.selected()]

    # -- requests

    @Slot()
    def push(self) -> None:
        """Request a push of the selected images, or say why it is not possible."""
        if not self.refuse(self.no_image()):
            self.push_requested.emit(self._selected_names())

    @Slot()
    def carry(self) -> None:
        """Request a copy of the selected images to another engine or the library, or say why it is not possible."""
        if not self.refuse(self.no_image()):
            self.carry_requested.emit(self._selected_names())

    @Slot()
    def save(self) -> None:
        """Request to save the selected images as archives, or say why it is not possible."""
        if not self.refuse(self.no_image()):
            self.save_requested.emit(self._selected_names())

    @Slot()
    def make_index(self) -> None:
        """Request an index of the selected images, or say why it is not possible."""
        if not self.refuse(self._not_several()):
            self.index_requested.emit(self._selected_names())

    @Slot()
    def load(self) -> None:
        """Request to load archives, or say why it is not possible."""
        if not self.refuse(self.no_place()):
            self.load_requested.emit()

    @Slot()
    def build(self) -> None:
        """Request to build an image from a folder, or say why it is not possible."""
        if not self.refuse(self.no_build()):
            self.build_requested.emit()

    @Slot()
    def tag(self) -> None:
        """Request further names for the selected images, or say why it is not possible."""
        if not self.refuse(self._not_taggable()):
            self.tag_requested.emit(self._selected_names())

    @Slot()
    def update_images(self) -> None:
        """Request the plan of updates for the selected images, or say why it is not possible."""
        if not self.refuse(self._not_updatable()):
            self.update_requested.emit(self.selected())

    @Slot()
    def update_all(self) -> None:
        """Request the plan of updates for all images, or say why it is not possible."""
        if not self.refuse(self.no_place()):
            self.update_all_requested.emit()

    @Slot()
    def run(self) -> None:
        """Request to run the selected image, or say why it is not possible."""
        if not self.refuse(self.not_runnable()):
            self.run_requested.emit(self._selected_names()[0])

    @Slot()
    def containers(self) -> None:
        """Request the containers of the selected image, or say why it is not possible."""
        if not self.refuse(self.not_runnable()):
            self.containers_requested.emit(self.selected()[0])

    @Slot()
    def remove(self) -> None:
        """Request to remove the selected images, or say why it is not possible."""
        if not self.refuse(self.no_image()):
            self.remove_requested.emit(self.selected())

    @Slot()
    def copy_reference(self) -> None:
        """Request to copy the selected references to the clipboard, one per line."""
        rows = sorted(self.view.rows(), key=QModelIndex.row)
        if not self.refuse(self._no_row()):
            lines = (str(words) for row in rows if (words := row.data(Role.COPY_TEXT)))
            self.copy_reference_requested.emit("\n".join(lines))

    @Slot()
    def copy_id(self) -> None:
        """Request to copy the full ids of the selected images to the clipboard."""
        if not self.refuse(self._no_row()):
            self.copy_id_requested.emit("\n".join(image.image_id for image in self.selected()))

    @Slot()
    def pin(self) -> None:
        """Request to pin the selected images, or to unpin them if all are pinned."""
        if not self.refuse(self._no_reference()):
            self.pin_requested.emit(self._references(), not self._all_pinned())

    def command_lines(self) -> Lines:
        """Return the commands for the selected images."""
        return self.lines_of(self.selected())

    @Slot()
    def details(self) -> None:
        """Request the details of the selected image."""
        if not self.refuse(self.not_one_image()):
            self.details_requested.emit(self._selected_names()[0])

    @Slot()
    def compare(self) -> None:
        """Request to compare two images, or say why it is not possible."""
        if not self.refuse(self._no_pair()):
            self.compare_requested.emit()

    def _no_pair(self) -> str:
        return self.no_pair()

    @Slot()
    def open_in_browser(self) -> None:
        """Request the web page of the selected image's repository, or say why it is not possible."""
        if not self.refuse(self._no_page()):
            self.browser_requested.emit(self.selected()[0].reference)

    @Slot()
    def tag_history(self) -> None:
        """Request the history of the selected tag."""
        if not self.refuse(self._no_name()):
            self.tag_history_requested.emit(self._selected_names()[0])
