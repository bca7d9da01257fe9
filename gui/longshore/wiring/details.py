"""Details: follows the selection of Local images and Tags, and connects the tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QModelIndex, QObject, Qt, QTimer, Slot

from longshore.application.subject import Subject
from longshore.models.columns import ImageColumn, Role, TagColumn
from longshore.transfers.transfer import Endpoint, RegistryPlace
from longshore.wiring import details_tabs
from longshore.words.cleanup import own_size

if TYPE_CHECKING:
    from longshore.operations import Operations
    from longshore.widgets.details.attached import AttachedTab
    from longshore.widgets.details.configuration import ConfigurationTab
    from longshore.widgets.details.files import FilesTab
    from longshore.widgets.details.layers import LayersTab
    from longshore.widgets.details.overview import OverviewTab
    from longshore.widgets.details.platforms import PlatformsTab
    from longshore.widgets.details.raw import RawTab
    from longshore.widgets.details.tab import DetailsTab
    from longshore.widgets.main_window import MainWindow
    from longshore.widgets.row_view import RowView
    from longshore.wiring.shared import Shared


class Details(QObject):
    """Connects the panel. GUI thread.

    A tab that requests something of its own gets a case in :meth:`_connect_tab`.
    """

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        self._images = window.image_pane.view
        self._tags = window.registry_pane.tags.view
        #: The view whose selection is shown.
        self._source: RowView = self._images
        # Once per turn: one key press changes the selection, the current row and the cells of a row.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._look)
        details, panel, place = operations.details, window.details, window.details_place
        details.subject_changed.connect(panel.set_subject)
        details.subject_updated.connect(panel.update_subject)
        details.settled.connect(panel.settle)
        details.inspected.connect(panel.set_inspected)
        details.failed.connect(panel.set_failure)
        details.withheld.connect(panel.withhold)
        panel.read_requested.connect(details.read)
        panel.tab_made.connect(self._connect_tab)
        place.visible_changed.connect(self._visible_changed)
        for view in (self._images, self._tags):
            view.selectionModel().selectionChanged.connect(lambda *_, view=view: self._selected(view))
            view.selectionModel().currentRowChanged.connect(lambda *_, view=view: self._selected(view))
            view.model().dataChanged.connect(self._look_soon)
            view.model().layoutChanged.connect(self._look_soon)
            view.model().modelReset.connect(self._look_soon)
        window.active_changed.connect(self._active_changed)
        window.image_pane.details_requested.connect(lambda _: self._show(self._images))
        window.registry_pane.details_requested.connect(lambda _: self._show(self._tags))
        self._visible_changed(place.visible)

    @Slot(str, object)
    def _connect_tab(self, key: str, tab: DetailsTab) -> None:
        """Connect the signals of a tab that was just created."""
        match key:
            case "attached":
                from longshore.wiring.attached import Attached

                Attached(cast("AttachedTab", tab), self.window, self.operations, self._shared)
            case "layers":
                details_tabs.connect_layers(cast("LayersTab", tab), self.operations, self._shared)
            case "platforms":
                details_tabs.connect_platforms(cast("PlatformsTab", tab), self.operations, self._shared)
            case "files":
                from longshore.wiring.files import FileTab

                FileTab(cast("FilesTab", tab), self.window, self.operations, self._shared)
            case "overview":
                self._connect_overview(cast("OverviewTab", tab))
            case "configuration":
                cast("ConfigurationTab", tab).copy_requested.connect(self._shared.to_clipboard)
            case "raw":
                from longshore.wiring.raw import Raw

                Raw(cast("RawTab", tab), self.window, self.operations, self._shared)

    def _connect_overview(self, tab: OverviewTab) -> None:
        operations = self.operations
        tab.copy_requested.connect(self._shared.to_clipboard)

        def find_access(subject: Subject) -> None:
            operations.details.find_access(subject, lambda access: tab.set_access(subject, access))

        def show_usage() -> None:
            image = None if tab.subject is None else tab.subject.image
            tab.set_own_size("" if image is None else own_size(operations.usage.latest, image.image_id))

        details_tabs.connect_signatures(tab, self.window, operations)
        tab.access_requested.connect(find_access)
        operations.usage.changed.connect(show_usage)
        operations.details.subject_changed.connect(show_usage)
        show_usage()

    @Slot(bool)
    def _visible_changed(self, visible: bool) -> None:
        self._look()
        self.operations.details.set_shown(visible)

    def _show(self, view: RowView) -> None:
        self._source = view
        self.window.details_place.set_shown(True)
        self._look()

    # -- the selection

    def _selected(self, view: RowView) -> None:
        """The selection of *view* has changed: by the user if it has the focus, or because its rows have."""
        if view is not self._source and view.hasFocus() and view.selected_count():
            self._source = view
        self._soon.start()

    @Slot()
    def _look_soon(self) -> None:
        self._soon.start()

    @Slot()
    def _active_changed(self) -> None:
        for view in (self._images, self._tags):
            if view.hasFocus() and view.selected_count():
                self._source = view
                self._look()

    @Slot()
    def _look(self) -> None:
        """Follow the selection as it is now."""
        other = self._tags if self._source is self._images else self._images
        row = _row(self._source) or _row(other)
        self.operations.details.follow(self._subject(row) if row is not None else None)

    def _subject(self, row: QModelIndex) -> Subject | None:
        image = row.data(Role.IMAGE)
        if image is not None:
            place = row.data(Role.PLACE) or self.operations.images.status.place
            if place is None:
                return None
            names = tuple(
                one.reference
                for one in self.operations.images.images_of(place)
                if one.image_id == image.image_id and one.reference not in (None, image.reference)
            )
            return Subject(
                Endpoint.of(place, image.name),
                image=image,
                names=tuple(name for name in names if name is not None),
                place_name=self._shared.place_title(place),
                state=row.data(Role.STATE),
                reason=_reason(row, ImageColumn.STATE),
            )
        reference = row.data(Role.REFERENCE)
        if reference is None:
            return None
        host = reference.domain
        return Subject(
            Endpoint(RegistryPlace(host), reference),
            tag=row.data(Role.DETAILS),
            place_name=self.operations.registries.title(host),
            state=row.data(Role.STATE),
            reason=_reason(row, TagColumn.STATE),
        )


def _reason(row: QModelIndex, column: int) -> str:
    """Why the state in *column* is what it is."""
    return str(row.siblingAtColumn(column).data(Qt.ItemDataRole.AccessibleDescriptionRole) or "")


def _row(view: RowView) -> QModelIndex | None:
    """The current row of *view* if it is selected, else the first selected one."""
    if not view.selected_count():
        return None
    current = view.currentIndex().siblingAtColumn(0)
    if current.isValid() and view.selectionModel().isSelected(current):
        return current
    return next(iter(view.rows()), None)
