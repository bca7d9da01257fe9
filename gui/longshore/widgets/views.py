"""The table view and the tree view of all panes. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
    QRegion,
)
from PySide6.QtWidgets import QStyleOptionViewItem, QTableView, QTreeView, QWidget

from longshore import courtesy
from longshore.models.columns import NodeKind, Role, Tone
from longshore.widgets import icons
from longshore.widgets.columns import EDGE, TREE_INSET, Column
from longshore.widgets.delegates import ICON_GAP
from longshore.widgets.row_view import RowView
from longshore.widgets.theme import current_theme

#: Minimum width for drawing a description after a name, in pixels.
_LEAST_DESCRIPTION = 60
#: A tree's text begins so far from its cell, in pixels: after the inset and the icon.
_TEXT = TREE_INSET + icons.SIZE + ICON_GAP


class TableView(RowView, QTableView):
    """A table of rows."""

    opened = Signal(QModelIndex)
    resized = Signal()
    _top: tuple[QPersistentModelIndex, int] | None = None  # the first visible row and its position

    def __init__(
        self, name: str, columns: list[Column], hidden: tuple[int, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._set_up(name, columns, hidden)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        vertical = self.verticalHeader()
        vertical.hide()
        vertical.setMinimumSectionSize(20)
        vertical.setDefaultSectionSize(current_theme().row_height)

    def set_model(self, model: QAbstractItemModel, sort_column: int, order: Qt.SortOrder) -> None:
        """Show *model*, initially sorted by *sort_column*."""
        self.setModel(model)
        # After Qt's own slots, which move the sections of the rows.
        for about in (model.rowsAboutToBeInserted, model.rowsAboutToBeRemoved):
            about.connect(self._remember_top)
        for done in (model.rowsInserted, model.rowsRemoved):
            done.connect(self._keep_top)
        self.columns.header.setSortIndicator(sort_column, order)
        self.setSortingEnabled(True)
        self.columns.start()

    def reveal(self, index: QModelIndex) -> None:
        """Scroll to *index*, even right after rows were added; the selection stays."""
        self.updateGeometries()  # sets the range of the scroll bar now; Qt would do it later
        self.scrollTo(index)

    # -- rows added or removed above the visible ones do not move them

    @Slot()
    def _remember_top(self) -> None:
        self._top = None
        if self.verticalScrollBar().value() > 0:
            top = self.indexAt(QPoint(1, 0)).siblingAtColumn(0)
            self._top = QPersistentModelIndex(top), self.rowViewportPosition(top.row())

    @Slot()
    def _keep_top(self) -> None:
        if self._top is None or not self._top[0].isValid():
            return
        top, before = self._top
        self.updateGeometries()  # sets the range of the scroll bar now; Qt would do it later
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + self.rowViewportPosition(top.row()) - before)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        courtesy.hold()
        # A copy: the event's own rectangle is deleted with the event.
        self.delegate.region = QRegion(event.region())
        super().paintEvent(event)
        self._painted(event.rect())


class TreeView(RowView, QTreeView):
    """A tree of rows, with our own chevrons. Notes extend over the whole row."""

    opened = Signal(QModelIndex)
    resized = Signal()

    def __init__(
        self, name: str, columns: list[Column], hidden: tuple[int, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._set_up(name, columns, hidden)
        self.setUniformRowHeights(True)
        self.setIndentation(20)
        self.setAnimated(False)
        self.setExpandsOnDoubleClick(False)
        self.setAutoExpandDelay(700)
        # We draw the focus ring ourselves: the style's would lay a gradient over the row.
        self.setAllColumnsShowFocus(False)

    def set_model(self, model: QAbstractItemModel, *, sortable: bool = False) -> None:
        """Show *model* in its own order; *sortable*: a click on a header changes the order."""
        self.setModel(model)
        if sortable:
            self.columns.header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            self.setSortingEnabled(True)
        self.columns.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        courtesy.hold()
        # A copy: the event's own rectangle is deleted with the event.
        self.delegate.region = QRegion(event.region())
        super().paintEvent(event)
        self._painted(event.rect())

    def scrollTo(
        self,
        index: QModelIndex | QPersistentModelIndex,
        hint: QTreeView.ScrollHint = QTreeView.ScrollHint.EnsureVisible,
    ) -> None:
        """Qt's hook: a tree without a horizontal scroll bar does not move sideways, or names would lose their begin."""
        super().scrollTo(index, hint)
        if self.horizontalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff:
            self.horizontalScrollBar().setValue(0)

    def rows_in_sight(self) -> list[QModelIndex]:
        """Return the visible rows, from top to bottom; none while the view is hidden."""
        rows: list[QModelIndex] = []
        if not self.isVisible():
            return rows
        height = self.viewport().height()
        step = max(1, current_theme().row_height)
        for y in range(0, height + step, step):
            index = self.indexAt(QPoint(1, min(y, height - 1)))
            if index.isValid() and (not rows or rows[-1] != index):
                rows.append(index)
        return rows

    def laid_out(self) -> int:
        """Return the number of rows, those out of sight included and those in closed folders not."""
        height = self.verticalScrollBar().maximum() + self.viewport().height()
        return height // max(1, current_theme().row_height)

    def drawBranches(
        self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's hook: draws a chevron before rows that can be expanded, and no lines."""
        if not self.delegate.region.intersects(rect):
            return
        theme = current_theme()
        if self.selectionModel().isSelected(index):
            painter.fillRect(rect, theme.selection)
        if not self.model().hasChildren(index):
            return
        name = "chevron-down" if self.isExpanded(index) else "chevron-right"
        drawn = icons.pixmap(name, theme.dim, self.devicePixelRatioF(), 12)
        # The glyph begins 3 px inside its picture.
        painter.drawPixmap(rect.right() + 1 - self.indentation() + EDGE - 3, rect.center().y() - 5, drawn)

    def drawRow(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's hook: a note extends over all columns.

        A repository's description follows its name as far as the next columns are empty.
        """
        super().drawRow(painter, option, index)
        if self.model().data(index, Role.NODE_KIND) in (NodeKind.NOTE, NodeKind.ADVICE, NodeKind.LINK):
            self._draw_note(painter, index.sibling(index.row(), 0))
        elif description := index.data(Role.DESCRIPTION):
            self._draw_description(painter, index.sibling(index.row(), 0), str(description))

    def _draw_description(self, painter: QPainter, first: QModelIndex, description: str) -> None:
        theme = current_theme()
        rect = self.visualRect(first)
        name = str(first.data(Qt.ItemDataRole.DisplayRole) or "")
        left = rect.x() + _TEXT + theme.metrics.horizontalAdvance(name) + 12
        right = rect.right()
        for column in range(1, self.model().columnCount()):
            if first.siblingAtColumn(column).data(Qt.ItemDataRole.DisplayRole):
                break
            right = max(right, self.visualRect(first.siblingAtColumn(column)).right())
        room = QRect(left, rect.y(), right - EDGE - left, rect.height())
        if room.width() < _LEAST_DESCRIPTION:
            return
        ink = theme.ink(Tone.QUIET)
        painter.setFont(theme.font)
        painter.setPen(ink.selected if self.selectionModel().isSelected(first) else ink.plain)
        shown = theme.metrics.elidedText(description, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), shown)

    def _draw_note(self, painter: QPainter, first: QModelIndex) -> None:
        theme = current_theme()
        rect = self.visualRect(first)
        text = str(first.data(Qt.ItemDataRole.DisplayRole) or "")
        left = rect.x() + _TEXT
        selected = self.selectionModel().isSelected(first)
        whole = QRect(left, rect.y(), self.viewport().width() - left, rect.height())
        odd = self.alternatingRowColors() and self._is_odd(rect)
        painter.fillRect(whole, theme.selection if selected else theme.soft if odd else theme.pane)
        link = first.data(Role.NODE_KIND) == NodeKind.LINK
        ink = theme.ink(Tone.ACTIVE if link else Tone.QUIET)
        fixed = bool(first.data(Role.FIXED_WIDTH))
        metrics = theme.fixed_metrics if fixed else theme.metrics
        painter.setFont(theme.fixed_font if fixed else theme.font)
        painter.setPen(ink.selected if selected else ink.plain)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, whole.width() - EDGE)
        painter.drawText(whole, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), shown)
