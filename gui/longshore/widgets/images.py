"""Left pane: the images of an engine or of the library. Shows ImageModel and emits the user's requests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from PySide6.QtCore import (
    QCoreApplication,
    QMimeData,
    QModelIndex,
    QPoint,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtWidgets import QMenu

from longshore.models import image_text
from longshore.models.columns import ImageColumn, Role, Tone
from longshore.models.images import ImageModel
from longshore.models.tooltips import tooltip
from longshore.widgets.columns import Column
from longshore.widgets.command_menu import Lines, add_commands, no_lines
from longshore.widgets.notices import EmptyState, Notice
from longshore.widgets.pane import Pane
from longshore.widgets.place_picker import PlacePicker
from longshore.widgets.verbs import Side
from longshore.widgets.views import TableView
from longshore.words import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from longshore.oci.disk_usage import DiskUsage
    from longshore.oci.image_name import ImageName
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference

_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    Column("registry.acme.io/billing-api", "…/billing-api", weight=3),
    Column("3.12-alpine", "3.12-slim", weight=1),
    Column("8f3c9a10b2de", "8f3c9a10b2de", fixed=True, elide=_RIGHT, yields=2),
    Column("2 months ago", "20 min", elide=_RIGHT, together=True),
    Column("888.8 MB", "88.8 GB", right=True),
    Column("2 containers", "2 contain…", elide=_RIGHT, yields=1, optional=True),
]


class ImagePane(Pane):
    """Local images. Lists in signals are in row order."""

    push_requested = Signal(object)  # list[ImageName]
    carry_requested = Signal(object)  # list[ImageName], to copy to another engine or the library
    save_requested = Signal(object)  # list[ImageName]
    load_requested = Signal()
    build_requested = Signal()
    tag_requested = Signal(object)  # list[ImageName]; several all have a name
    remove_requested = Signal(object)  # list[LocalImage]
    copy_reference_requested = Signal(str)  # the text for the clipboard
    copy_id_requested = Signal(str)
    details_requested = Signal(object)  # ImageName
    tag_history_requested = Signal(object)  # ImageName
    pull_box_requested = Signal()
    run_requested = Signal(object)  # ImageName
    containers_requested = Signal(object)  # LocalImage
    clean_up_requested = Signal()
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
        self._down: tuple[str, str, str] | None = None  # message, advice, subject
        self._waiting = True
        self._library = False
        self._place_notice: Notice | None = None
        self._lost: Notice | None = None
        self._usable = ""
        self._more = ""
        self._usage: DiskUsage | None = None
        #: Returns the commands for images.
        self.lines_of: Callable[[list[LocalImage]], Lines] = no_lines
        self.engine_picker = PlacePicker()
        self.header.add_picker(self.engine_picker, self.tr("Engine"), 220)
        self.engine_picker.place_chosen.connect(self.engine_selected)
        self.engine_picker.folder_requested.connect(self.choose_library_requested)
        self.engine_picker.opened.connect(self.engines_requested)
        self.engine_picker.hovered.connect(self._over_picker)
        self.engine_picker.images_dropped.connect(self._dropped_on_picker, Qt.ConnectionType.QueuedConnection)
        self.filter = self.header.add_filter(self.tr("Filter images"))
        self.filter.filtered.connect(self._filtered)
        self.view = TableView(self.tr("Local images"), _COLUMNS)
        self.view.delegate.marks_fresh = True
        self.view.delegate.marks_pinned = ImageColumn.TAG
        self.view.set_drag(self._describe)
        self.view.set_drop(self._drop_hint)
        self.view.setDragDropOverwriteMode(False)
        self.view.set_model(model, -1, Qt.SortOrder.AscendingOrder)
        self.view.opened.connect(lambda _: self.push())
        self.view.customContextMenuRequested.connect(self._menu)
        self.body.addWidget(self.view, 1)
        self.footer = self.add_footer()
        self.empty = EmptyState(self.view)
        self.empty.clicked.connect(self._empty_clicked)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._tell_state)
        for signal in (model.rowsInserted, model.rowsRemoved, model.modelReset, model.dataChanged):
            signal.connect(self._changed)
        model.headerDataChanged.connect(self.view.columns.apply)
        self._add_verbs()
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self._tell_state()

    def _add_verbs(self) -> None:
        add, keep = self.verbs.add_verb, self.verbs.keep
        self.push_verb = add(self.tr("Push"), self.push, why_not=self.no_image)
        self.tag_verb = add(self.tr("Tag…"), self.tag, why_not=self._not_taggable)
        self.remove_verb = add(self.tr("Remove…"), self.remove, why_not=self.no_image)
        self.carry_verb = add(self.tr("Copy to…"), self.carry, why_not=self.no_image, more=True)
        self.save_verb = add(self.tr("Save…"), self.save, why_not=self.no_image, more=True)
        self.run_verb = add(self.tr("Run…"), self.run, why_not=self.not_runnable, more=True)
        self.containers_verb = add(
            self.tr("Containers of this image…"), self.containers, why_not=self.not_runnable, more=True
        )
        self.build_verb = add(self.tr("Build…"), self.build, why_not=self.no_build, side=Side.PANE, more=True)
        self.load_verb = add(self.tr("Load…"), self.load, why_not=self.no_place, side=Side.PANE, more=True)
        self.clean_up_verb = add(self.tr("Clean up…"), self.clean_up_requested.emit, side=Side.PANE)
        self.pin_verb = keep(self.tr("Pin"), self.pin, why_not=self._no_reference)
        self.copy_reference_verb = keep(self.tr("Copy reference"), self.copy_reference, why_not=self._no_row)
        self.copy_id_verb = keep(self.tr("Copy image ID"), self.copy_id, why_not=self._no_row)
        self.details_verb = keep(self.tr("Details"), self.details, why_not=self.not_one_image)
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

    def not_runnable(self) -> str:
        """Return why no container can be made from the selected image."""
        if self._library and not self._usable:
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

    def _no_row(self) -> str:
        return "" if self.view.selected_count() else self.tr("Select an image first.")

    # -- set by the owner

    def set_engines(
        self,
        titles: Sequence[str],
        current: int,
        *,
        stories: Sequence[str] = (),
        silent: Collection[int] = (),
    ) -> None:
        """Set the entries of the picker, e.g. ``default  ·  Docker 28.5``, the library last. Emits no request.

        *stories*: the tooltip of each entry. *silent*: the indexes of entries that do not answer. The list may be open
        meanwhile: rows that stay are changed in place.
        """
        self.engine_picker.set_places(titles, current, stories=stories, silent=silent)

    def set_usage(self, usage: DiskUsage | None) -> None:
        """Set what the images take on disk; None while that is not known."""
        self._usage = usage
        self._soon.start()

    def set_library(self, library: bool) -> None:
        """Set whether the pane shows the library instead of an engine."""
        self._library = library
        self.carry_verb.setText(self.tr("Load into engine…") if library else self.tr("Copy to…"))
        # A library has no containers.
        self.view.columns.leave_out([ImageColumn.IN_USE] if library else [])

    def say_place(
        self,
        message: str,
        tone: Tone = Tone.QUIET,
        button: str = "",
        act: Callable[[], None] | None = None,
        more: str = "",
    ) -> None:
        """Show *message* above the images until it is dismissed: why this place is shown. "" hides it.

        *more*, the full text, is shown if there are no images, and in the tooltip.
        """
        self._more = more
        self._tell_state()
        if self._place_notice is None:
            if not message:
                return
            self._place_notice = Notice()
            self.body.insertWidget(0, self._place_notice)
        if message:
            self._place_notice.say(message, tone, button, act)
            self._place_notice.setToolTip(tooltip(more) or "")
        else:
            self._place_notice.hide()

    def set_connecting(self) -> None:
        """Show that the place is being asked and nothing is known yet."""
        self._down = None
        self._waiting = True
        self.loading.set_loading(True)
        self._tell_state()

    def set_ready(self) -> None:
        """Show that the place answers and its images are in the model."""
        self._down = None
        self._waiting = False
        self.loading.set_loading(False)
        self._tell_state()

    def set_engine_down(self, message: str, advice: str = "", subject: str = "") -> None:
        """Show that the place cannot be used: *message* says why, *advice* what to do, *subject* where it was sought.

        Listed rows stay, faint and below a banner; actions that need the place are disabled.
        """
        self._down = (message, advice, subject)
        self._waiting = False
        self.loading.set_loading(False)
        self._tell_state()

    def show_arrival(self, reference: Reference) -> None:
        """Mark the row of *reference*, which has just arrived. Selection and focus stay.

        The view scrolls to the row only if nothing moves that the user is working on.
        """
        self.model.mark_fresh(reference)
        self.model.seen(self.view.rows())
        index = self.model.index_of(reference)
        if index.isValid() and not self.view.in_hand():
            self.view.reveal(index)
        self._soon.start()

    def select_image(self, reference: Reference) -> None:
        """Select the row of *reference*, unless something moves that the user is working on."""
        index = self.model.index_of(reference)
        if index.isValid() and not self.view.in_hand():
            self.view.select_rows([index])

    # -- selection

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
    def tag_history(self) -> None:
        """Request the history of the selected tag."""
        if not self.refuse(self._no_name()):
            self.tag_history_requested.emit(self._selected_names()[0])

    # -- inside

    @Slot(str)
    def _filtered(self, words: str) -> None:
        self.model.set_filter(words)
        self._tell_state()

    @Slot()
    def _changed(self) -> None:
        self._soon.start()

    @Slot()
    def _selection_changed(self) -> None:
        self.hush()
        self.verbs.look()
        self.model.seen(self.view.rows())
        self._soon.start()
        self.selection_changed.emit(bool(self.view.rows()))

    def _describe(self, rows: list[QModelIndex]) -> str:
        if len(rows) == 1:
            return str(rows[0].data(Role.COPY_TEXT) or "")
        return text.images(len(rows))

    def _drop_hint(self, _index: QModelIndex, data: QMimeData) -> tuple[bool, str]:
        if self._down is not None:
            return False, self._down[0].removesuffix(".")
        return self.model.drop_hint(data)

    @Slot()
    def _tell_state(self) -> None:
        self._tell_footer()
        self._tell_down()
        self.pin_verb.setText(self.tr("Unpin") if self._all_pinned() else self.tr("Pin"))
        self.verbs.look()
        self.verbs.setVisible(bool(self.model.total) or self._waiting)
        shown = self.model.rowCount()
        if self._down is not None and not self.model.total:
            sentence, *rest = self._down
            self.empty.say(sentence, self.tr("Retry"), "\n".join(part for part in rest if part))
        elif self._waiting or shown:
            self.empty.say("")
        elif self.model.total:
            words = self.model.filter
            self.empty.say(self.tr("No image matches “{0}”.").format(words), self.tr("Clear filter"))
        else:
            self.empty.say(
                self.tr("No images yet. Drag a tag here from the right, or pull one by its name."),
                self.tr("Pull…"),
                self._more,
            )

    def _tell_down(self) -> None:
        """Show above the last known rows why the place cannot be used, with a button to retry."""
        down, rows = self._down, bool(self.model.total)
        self.view.set_faded(down is not None and rows)
        if down is not None and rows:
            if self._lost is None:
                self._lost = Notice(lasting=True)
                self.body.insertWidget(0, self._lost)
            words = f"{down[0]} {down[1]}".strip()
            if self._lost.isHidden() or self._lost.label.text() != words:
                self._lost.say(words, Tone.CAUTION, self.tr("Retry"), self.retry_engine_requested.emit)
                self._lost.setToolTip(tooltip(down[2]) or "")
        elif self._lost is not None:
            self._lost.hide()
        reason = "" if down is None else self.tr("Not available now. {0}").format(down[0])
        if reason != self._usable:
            self._usable = reason
            self.usable_changed.emit(reason)

    def _tell_footer(self) -> None:
        images = self.model.images
        if self._down is not None:
            self.footer.set_text(image_text.last_known(images, library=self._library))
        elif self._waiting and not images:
            self.footer.set_text("")
        else:
            self.footer.set_text(
                image_text.summary(
                    images,
                    self.selected(),
                    shown=self.model.rowCount(),
                    fresh=self.model.fresh_count,
                    compressed=self._library,
                    usage=self._current_usage(images),
                )
            )

    def _current_usage(self, images: Sequence[LocalImage]) -> DiskUsage | None:
        """The usage, unless it is older than one of *images*."""
        usage = self._usage
        if usage is None or any(image.image_id not in usage.images for image in images):
            return None
        return usage

    @Slot(object)
    def _dropped_on_picker(self, dropped: list[ImageName]) -> None:
        here = {image.name for image in self.model.images}  # another window may show another place
        if images := [image for image in dropped if image in here]:
            self.carry_requested.emit(images)

    @Slot(bool)
    def _over_picker(self, over: bool) -> None:
        if over:
            self.explain(self.tr("Drop here to copy to another engine or the library."))
        else:
            self.hush()

    @Slot()
    def _empty_clicked(self) -> None:
        if self.model.total:
            self.filter.clear()
        elif self._down is not None:
            self.retry_engine_requested.emit()
        else:
            self.pull_box_requested.emit()

    @Slot(QPoint)
    def _menu(self, where: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.push_verb.entry(menu, self.tr("Push…"))
        self.carry_verb.entry(menu)
        self.save_verb.entry(menu)
        self.tag_verb.entry(menu)
        menu.addSeparator()
        self.run_verb.entry(menu)
        self.containers_verb.entry(menu)
        menu.addSeparator()
        self.copy_reference_verb.entry(menu)
        self.copy_id_verb.entry(menu)
        add_commands(menu, self.command_lines(), self.copy_reference_requested.emit)
        self.details_verb.entry(menu)
        self.tag_history_verb.entry(menu)
        menu.addSeparator()
        self.pin_verb.entry(menu)
        self.remove_verb.entry(menu)
        menu.addSeparator()
        self.build_verb.entry(menu)
        self.load_verb.entry(menu)
        self.clean_up_verb.entry(menu)
        menu.popup(self.view.viewport().mapToGlobal(where))
