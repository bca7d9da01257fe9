"""The window: local images and registries side by side, transfers below. Creates the panes; starts no work."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QByteArray, Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QSplitter, QVBoxLayout, QWidget

from longshore.models.columns import Tone
from longshore.models.images import ImageModel
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.widgets.details.remembered import WIDE, remembered
from longshore.widgets.images import ImagePane
from longshore.widgets.pane import Pane
from longshore.widgets.registries import RegistryPane
from longshore.widgets.theme import current_theme
from longshore.widgets.views import TableView, TreeView

if TYPE_CHECKING:
    from longshore.models.transfers import TransferModel
    from longshore.widgets.command_menu import Lines
    from longshore.widgets.details.panel import DetailsPanel
    from longshore.widgets.details.place import DetailsPlace
    from longshore.widgets.transfers import TransferPane

#: Space between panes and to the window's edge, in device-independent pixels.
_GAP = 10
_STATE_VERSION = 1


class Menus(NamedTuple):
    """The menus of the window. Empty until :class:`.actions.Actions` fills them: at first only titles are visible."""

    file: QMenu
    image: QMenu
    registry: QMenu
    transfers: QMenu
    view: QMenu
    help: QMenu


class MainWindow(QMainWindow):
    """Panes as :attr:`image_pane`, :attr:`registry_pane`, :attr:`transfer_pane`; their signals are requests.

    :meth:`add_transfers` adds the transfers: if there are none, the window is painted before the pane is created.
    """

    pull_box_requested = Signal(str)  # the text in the clipboard, "" if that is not a single line
    preferences_requested = Signal()
    mirrors_requested = Signal()
    open_list_requested = Signal()
    history_requested = Signal()
    undo_requested = Signal()
    about_requested = Signal()
    appearance_chosen = Signal(str)  # value of Appearance; already applied
    painted = Signal()  # the window was painted for the first time
    resized = Signal()
    active_changed = Signal()  # another pane is active
    unused_key = Signal(object)  # QKeyCombination that nothing in the window has used
    close_requested = Signal()  # the user closes the window; it stays until close_now()

    transfer_pane: TransferPane
    details: DetailsPanel
    _place: DetailsPlace | None = None

    def __init__(self, images: ImageModel, registries: RegistryModel, tags: TagModel) -> None:
        super().__init__()
        self.setWindowTitle("Longshore")
        self._closing = False
        self._painted = False
        self.image_pane = ImagePane(images)
        self.registry_pane = RegistryPane(registries, tags)
        self.sides = QSplitter(Qt.Orientation.Horizontal)
        self.sides.setHandleWidth(_GAP)
        self.sides.setChildrenCollapsible(False)
        self.sides.addWidget(self.image_pane)
        self.sides.addWidget(self.registry_pane)
        #: Where Details is in a wide window. The first picture shows it empty; :meth:`add_details` fills it.
        self._dock = QWidget()
        QVBoxLayout(self._dock).setContentsMargins(0, 0, 0, 0)
        self._dock.hide()
        self.upper = QSplitter(Qt.Orientation.Horizontal)
        self.upper.setHandleWidth(_GAP)
        self.upper.setChildrenCollapsible(False)
        self.upper.addWidget(self.sides)
        self.upper.addWidget(self._dock)
        self.upper.setStretchFactor(0, 1)
        self.floors = QSplitter(Qt.Orientation.Vertical)
        self.floors.setHandleWidth(_GAP)
        self.floors.setChildrenCollapsible(False)
        self.floors.addWidget(self.upper)
        self.sides.setStretchFactor(0, 1)
        self.sides.setStretchFactor(1, 1)
        self.floors.setStretchFactor(0, 3)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(_GAP, 4, _GAP, _GAP)
        layout.addWidget(self.floors)
        self.setCentralWidget(centre)
        #: Its owner sets its text and why it cannot act.
        self.undo_verb = self.image_pane.verbs.keep(self.tr("Undo"), self.undo_requested.emit)
        self.image_pane.usable_changed.connect(self.registry_pane.set_unusable)
        self._last_view: QWidget = self.image_pane.view
        self._panes: list[Pane] = [self.registry_pane]
        self._views: dict[str, TableView | TreeView] = {
            "images": self.image_pane.view,
            "registries": self.registry_pane.view,
            "tags": self.registry_pane.tags.view,
        }
        #: State from :meth:`restore_state`, for views that are added later.
        self._restored: dict[str, Any] = {}
        self._order_tabs()
        bar = self.menuBar()
        bar.setAccessibleName(self.tr("Menus"))
        self.menus = Menus(
            bar.addMenu(self.tr("&File")),
            bar.addMenu(self.tr("&Image")),
            bar.addMenu(self.tr("&Registry")),
            bar.addMenu(self.tr("&Transfers")),
            bar.addMenu(self.tr("&View")),
            bar.addMenu(self.tr("&Help")),
        )
        QApplication.instance().focusChanged.connect(self._focus_changed)  # type: ignore[union-attr]
        self.setMinimumSize(760, 480)
        self.resize(1280, 800)
        self.sides.setSizes([500, 500])
        self.registry_pane.splitter.setSizes([230, 270])
        current_theme().finish()

    def add_transfers(self, transfers: TransferModel) -> None:
        """Add the transfer pane at its saved position. Call it once, before any transfer runs."""
        from longshore.widgets.strip import Strip
        from longshore.widgets.transfers import TransferPane

        pane = self.transfer_pane = TransferPane(transfers)
        strip = self._strip = Strip(pane, pane.header.row, pane.header.title)
        strip.set_occupied(transfers.rowCount() > 0)
        pane.occupied_changed.connect(strip.set_occupied)
        pane.unfinished_changed.connect(strip.set_unfinished)
        self.floors.addWidget(strip)
        self.floors.setStretchFactor(1, 1)
        self.floors.setSizes([500, 280])
        self._panes.append(pane)
        self._views["transfers"] = pane.view
        _chain([*self.registry_pane.tags.filter.stops, pane.view, *pane.verbs.buttons])
        if self._restored:
            self.floors.restoreState(self._restored["floors"])
            self._restore_columns("transfers")
        self._add_details()

    def _add_details(self) -> None:
        """Add the Details panel, as it was in the last run."""
        from longshore.widgets.details.panel import DetailsPanel
        from longshore.widgets.details.place import DetailsPlace

        self.details = DetailsPanel()
        self._place = DetailsPlace(self.details, self.upper, self._dock, self.floors, self._strip)
        self._place.set_room(self.width())
        self._place.restore(self._restored.get("details"))
        self.details.left.connect(self._leave_details)

    @Slot()
    def _leave_details(self) -> None:
        self._last_view.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def details_place(self) -> DetailsPlace:
        """Shows and hides Details. Only after :meth:`add_transfers`."""
        assert self._place is not None
        return self._place

    def _order_tabs(self) -> None:
        images, registries = self.image_pane, self.registry_pane
        _chain(
            [
                images.view,
                images.engine_picker,
                *images.filter.stops,
                *images.verbs.buttons,
                registries.view,
                registries.tags.view,
                registries.filter,
                registries.refresh_button,
                *registries.verbs.buttons,
                *registries.tags.filter.stops,
            ]
        )
        images.view.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- the active pane

    @Slot(QWidget, QWidget)
    def _focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        # Kept when a menu or a field takes the focus: an action is meant for the view that was active before.
        if not isinstance(new, (TableView, TreeView)) or new is self._last_view:
            return
        if self.isAncestorOf(new) and not self._in_details(new):
            self._last_view = new
            self.active_changed.emit()

    def _in_details(self, widget: QWidget | None) -> bool:
        """True if *widget* is in Details, which acts on the image of another pane."""
        return widget is not None and self._place is not None and self.details.isAncestorOf(widget)

    @Slot()
    def next_pane(self, by: int = 1) -> None:
        """Focus the next pane (1) or the one before (-1): Local images, Registries, Tags, Details, Transfers."""
        stops: list[tuple[QWidget, Callable[[], None]]] = [
            (view, lambda view=view: view.setFocus(Qt.FocusReason.ShortcutFocusReason))  # type: ignore[misc]
            for view in (self.image_pane.view, self.registry_pane.view, self.registry_pane.tags.view)
        ]
        stops.append((self.details, self.details.focus_content))
        transfers = self.transfer_pane.view
        stops.append((transfers, lambda: transfers.setFocus(Qt.FocusReason.ShortcutFocusReason)))
        stops = [stop for stop in stops if stop[0].isVisible()]
        focus = self.focusWidget()
        at = next(
            (i for i, (pane, _) in enumerate(stops) if pane is focus or pane.isAncestorOf(focus)),
            next((i for i, (pane, _) in enumerate(stops) if pane is self._last_view), 0),
        )
        stops[(at + by) % len(stops)][1]()

    def active_pane(self) -> Pane:
        """Return the active pane, or the one that was active last."""
        for pane in self._panes:
            if pane.isVisible() and pane.isAncestorOf(self._last_view):
                return pane
        return self.image_pane

    def explain(self, message: str, tone: Tone = Tone.QUIET) -> None:
        """Show *message* at the bottom of the active pane."""
        self.active_pane().explain(message, tone)

    # -- requests that depend on the active pane

    @Slot()
    def ask_for_pull(self) -> None:
        """Request the Pull… sheet, with the text in the clipboard if it may be a reference."""
        words = QGuiApplication.clipboard().text().strip()
        self.pull_box_requested.emit(words if words and "\n" not in words and len(words) <= 500 else "")

    def command_lines(self) -> Lines:
        """Return the commands for what is selected in the active pane."""
        pane = self.active_pane()
        if pane is self.registry_pane:
            return self.registry_pane.command_lines()
        if pane is self.transfer_pane:
            return self.transfer_pane.command_lines()
        return self.image_pane.command_lines()

    @Slot()
    def refresh(self) -> None:
        """Request to refresh the list in the active pane, or to read the image again that Details shows."""
        if self._in_details(self.focusWidget()):
            self.details.read_requested.emit()
        else:
            self.registry_pane.refresh()

    @Slot()
    def focus_filter(self) -> None:
        """Focus the filter of the active pane."""
        if self._in_details(self.focusWidget()) and self.details.focus_filter():
            return
        if self._last_view is self.registry_pane.tags.view:
            field = self.registry_pane.tags.filter
        elif self.active_pane() is self.registry_pane:
            field = self.registry_pane.filter
        else:
            field = self.image_pane.filter
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        field.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: a key that nobody used may be the shortcut of something that cannot be done now."""
        super().keyPressEvent(event)
        self.unused_key.emit(event.keyCombination())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook. The window's content is painted after it, before the next event."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            self.painted.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        self.resized.emit()
        if self._place is not None:
            self._place.set_room(event.size().width())

    # -- closing

    @Slot()
    def request_close(self) -> None:
        """Close the window at the user's request."""
        self.close()

    def close_now(self) -> None:
        """Close without asking."""
        self._closing = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's hook: the owner decides (transfers may run); if nobody is connected, the window just closes."""
        if self._closing or not self.receivers("2close_requested()"):
            event.accept()
            return
        event.ignore()
        self.close_requested.emit()

    # -- remembered between runs

    def save_state(self) -> bytes:
        """Return geometry, splitters and columns, for :meth:`restore_state` of a later run."""
        state = {
            "version": _STATE_VERSION,
            "geometry": _packed(self.saveGeometry()),
            "sides": _packed(self.sides.saveState()),
            "floors": _packed(self.floors.saveState()),
            "right": _packed(self.registry_pane.splitter.saveState()),
            "columns": {name: view.columns.state() for name, view in self._views.items()},
        }
        if self._place is not None:
            state["details"] = self._place.state()
        return json.dumps(state).encode()

    def restore_state(self, data: bytes) -> bool:
        """Apply data from :meth:`save_state`. Return False, and change nothing, if *data* is not such data."""
        try:
            state: Any = json.loads(data)
            if not isinstance(state, dict) or state.get("version") != _STATE_VERSION:
                return False
            geometry, sides, floors, right = (
                QByteArray(base64.b64decode(state[name], validate=True))
                for name in ("geometry", "sides", "floors", "right")
            )
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            return False
        self._restored = {
            "floors": floors,
            "columns": state.get("columns"),
            "details": state.get("details"),
        }
        self.restoreGeometry(geometry)
        self.sides.restoreState(sides)
        self.registry_pane.splitter.restoreState(right)
        self._reserve_details()
        if "transfers" in self._views:
            self.floors.restoreState(floors)
        for name in self._views:
            self._restore_columns(name)
        return True

    def _reserve_details(self) -> None:
        """Leave the room of Details in the first picture, so that nothing moves when it is added."""
        if self._place is not None:
            self._place.restore(self._restored["details"])
            return
        shown, width, _ = remembered(self._restored["details"])
        if shown and self.width() >= WIDE:
            self._dock.show()
            self.upper.setSizes([self.width() - 2 * _GAP - width, width])

    def _restore_columns(self, name: str) -> None:
        columns = self._restored["columns"]
        if isinstance(columns, dict) and isinstance(columns.get(name), dict):
            self._views[name].columns.restore(columns[name])


def _chain(order: list[QWidget]) -> None:
    """Set the tab order to *order*."""
    for before, after in itertools.pairwise(order):
        QWidget.setTabOrder(before, after)


def _packed(data: QByteArray) -> str:
    return base64.b64encode(bytes(data.data())).decode("ascii")
