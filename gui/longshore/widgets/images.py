"""Left pane: the images of an engine or of the library. Shows ImageModel and emits the user's requests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from PySide6.QtCore import (
    QMimeData,
    QModelIndex,
    QPoint,
    Qt,
    QTimer,
    Slot,
)
from PySide6.QtWidgets import QMenu

from longshore.models import image_text
from longshore.models.columns import ImageColumn, Role, Tone
from longshore.models.images import ImageModel
from longshore.models.tooltips import tooltip
from longshore.widgets.command_menu import add_commands
from longshore.widgets.image_requests import ImageRequests
from longshore.widgets.in_sight import InSight
from longshore.widgets.notices import EmptyState, Notice
from longshore.widgets.place_picker import PlacePicker
from longshore.words import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.oci.disk_usage import DiskUsage
    from longshore.oci.image_name import ImageName
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference


class ImagePane(ImageRequests):
    """Local images: the rows, the place they are in, and what can be done with them."""

    def __init__(self, model: ImageModel) -> None:
        super().__init__(model)
        self._down: tuple[str, str, str] | None = None  # message, advice, subject
        self._waiting = True
        self._all = False
        self._place_notice: Notice | None = None
        self._lost: Notice | None = None
        self._more = ""
        self._usage: DiskUsage | None = None
        self._known: Mapping[LocalPlace, DiskUsage] = {}
        #: Why the place could not be used when that was last shown.
        self._was_down = ""
        self.engine_picker = PlacePicker()
        self.header.add_picker(self.engine_picker, self.tr("Engine"), 220)
        self.engine_picker.place_chosen.connect(self.engine_selected)
        self.engine_picker.folder_requested.connect(self.choose_library_requested)
        self.engine_picker.opened.connect(self.engines_requested)
        self.engine_picker.hovered.connect(self._over_picker)
        self.engine_picker.images_dropped.connect(self._dropped_on_picker, Qt.ConnectionType.QueuedConnection)
        self.filter = self.header.add_filter(self.tr("Filter images"))
        self.filter.filtered.connect(self._filtered)
        self.filter.offer_choices(model)
        model.choices_changed.connect(self._changed)
        self.view.delegate.marks_fresh = True
        self.view.delegate.marks_pinned = ImageColumn.TAG
        self.view.set_drag(self._describe)
        self.view.set_drop(self._drop_hint)
        self.view.setDragDropOverwriteMode(False)
        self.view.set_model(model, -1, Qt.SortOrder.AscendingOrder)
        self.view.opened.connect(lambda _: self.push())
        self.view.customContextMenuRequested.connect(self._menu)
        self._in_sight = InSight(self.view)
        self._in_sight.settled.connect(model.see)
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
        self._leave_out()
        self._tell_state()

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

    def set_usage(self, usage: DiskUsage | None, known: Mapping[LocalPlace, DiskUsage] | None = None) -> None:
        """Set what the images take on disk; None while that is not known. *known*: by place, where several are
        shown."""
        self._usage = usage
        self._known = known or {}
        self._soon.start()

    def set_library(self, library: bool) -> None:
        """Set whether the current place is the library instead of an engine."""
        self._library = library
        self.carry_verb.setText(self.tr("Load into engine…") if library else self.tr("Copy to…"))
        self._leave_out()

    def set_all(self, everywhere: bool) -> None:
        """Set whether all places are shown instead of one."""
        self._all = everywhere
        self._leave_out()
        self._tell_state()

    def _leave_out(self) -> None:
        if self._all:
            self.view.columns.leave_out([])
        elif self._library:
            self.view.columns.leave_out(
                [ImageColumn.PLACE, ImageColumn.IN_USE]
            )  # a library has no containers
        else:
            self.view.columns.leave_out([ImageColumn.PLACE])

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
            self._place_notice.setAccessibleDescription(more)
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

    def show_arrival(self, sought: Reference | str, place: LocalPlace | None = None) -> None:
        """Mark the row of *sought*, a reference or an ID, which has just arrived. Selection and focus stay.

        The view scrolls to the row only if nothing moves that the user is working on.
        """
        self.model.mark_fresh(sought, place)
        self.model.seen(self.view.rows())
        index = self.model.index_of(sought, place)
        if index.isValid() and not self.view.in_hand():
            self.view.reveal(index)
        self._soon.start()

    def select_image(self, sought: Reference | str, meanwhile: Collection[str]) -> bool:
        """Select the row of *sought*, a reference or an ID, which the user has asked for. Returns whether it did.

        *meanwhile*: :meth:`selected_keys` when it was asked for. Another selection is the user's: it stays, as
        it does while a row is dragged.
        """
        index = self.model.index_of(sought)
        if not index.isValid() or self.view.busy():
            return False
        if any(image.name.asked not in meanwhile for image in self.selected()):
            return False
        self.view.select_rows([index])
        return True

    def selected_keys(self) -> set[str]:
        """Return the names and IDs of the selected images: a build may take the name from one."""
        return {key for image in self.selected() for key in (image.name.asked, image.image_id)}

    # -- inside

    @Slot(str)
    def _filtered(self, words: str) -> None:
        self.model.set_filter(words)
        self._tell_state()

    @Slot()
    def _changed(self) -> None:
        self._soon.start()
        self._in_sight.look()

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
            words = image_text.no_match(self.model.filter, self.model.chosen_words)
            self.empty.say(words, self.tr("Clear filter"))
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
                self._lost.setAccessibleDescription(down[2])
        elif self._lost is not None:
            self._lost.hide()
        reason = "" if down is None else self.tr("Not available now. {0}").format(down[0])
        if reason != self._usable:
            if not reason and self._was_down in self.explanation:
                self.hush(stays=False)  # what it says is over
            self._was_down = "" if down is None else down[0]
            self._usable = reason
            self.usable_changed.emit(reason)

    def _tell_footer(self) -> None:
        images = self.model.images
        if self._all:
            chosen = self.view.selected_count()
            shown = self.model.rowCount()
            self.footer.set_text(
                image_text.places_summary(self.model.parts, chosen, shown=shown, known=self._known)
            )
        elif self._down is not None:
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
            self.filter.clear_all()
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
        self.index_verb.entry(menu)
        self.tag_verb.entry(menu)
        self.update_verb.entry(menu)
        menu.addSeparator()
        self.run_verb.entry(menu)
        self.containers_verb.entry(menu)
        menu.addSeparator()
        self.copy_reference_verb.entry(menu)
        self.copy_id_verb.entry(menu)
        add_commands(menu, self.command_lines(), self.copy_reference_requested.emit)
        self.details_verb.entry(menu)
        self.compare_verb.entry(menu)
        self.browser_verb.entry(menu)
        self.tag_history_verb.entry(menu)
        menu.addSeparator()
        self.pin_verb.entry(menu)
        self.remove_verb.entry(menu)
        menu.addSeparator()
        self.build_verb.entry(menu)
        self.load_verb.entry(menu)
        self.update_all_verb.entry(menu)
        self.clean_up_verb.entry(menu)
        menu.popup(self.view.viewport().mapToGlobal(where))
