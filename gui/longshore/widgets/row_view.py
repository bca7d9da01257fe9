"""The common base of table and tree: rows, keyboard, focus ring, drag and drop. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QItemSelectionModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QScrollBar

from longshore.widgets.columns import Column, ColumnLayout
from longshore.widgets.delegates import CellDelegate
from longshore.widgets.drag import HOT_SPOT, DropLine, drag_pixmap
from longshore.widgets.theme import current_theme

if TYPE_CHECKING:
    _Base = QAbstractItemView
else:
    _Base = object

#: Describes a drop: (index, dragged data) -> (accepted, sentence).
DropHint = Callable[[QModelIndex, QMimeData], tuple[bool, str]]

_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class _Beside(QScrollBar):
    """A scroll bar that continues the rows behind its handle, so that they reach the pane's edge."""

    def __init__(self, view: RowView) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._view = view

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        painter = QPainter(self)
        self._view.paint_beside(painter, self.rect())
        painter.end()
        super().paintEvent(event)


class RowView(_Base):
    """The base of table and tree. Both declare the signal *opened*: Enter or a double click on a row."""

    opened: Signal
    resized: Signal
    columns: ColumnLayout
    delegate: CellDelegate
    _target: QModelIndex | None = None
    _over = False
    _hint: DropHint | None = None
    _takes_own = False
    _line: DropLine | None = None
    _describe: Callable[[list[QModelIndex]], str] | None = None

    def _set_up(self, name: str, columns: list[Column], hidden: tuple[int, ...]) -> None:
        self.setAccessibleName(name)
        self.delegate = CellDelegate(columns, self)
        self.setItemDelegate(self.delegate)
        self.setAlternatingRowColors(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setTabKeyNavigation(False)
        self.setFrameShape(self.Shape.NoFrame)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setVerticalScrollBar(_Beside(self))
        self.columns = ColumnLayout(self, columns, hidden)  # type: ignore[arg-type]
        self.delegate.header = self.columns.header
        self.resized.connect(self.columns.resized)
        self.doubleClicked.connect(self._double_clicked)

    # -- rows

    def rows(self) -> list[QModelIndex]:
        """Return the selected rows, by their first column, in the order of the selection."""
        selection = self.selectionModel()
        return [] if selection is None else selection.selectedRows(0)

    def selected_count(self) -> int:
        """Return the number of selected rows."""
        selection = self.selectionModel()
        if selection is None or not selection.hasSelection():
            return 0
        parts = selection.selection()
        return sum(parts.at(i).height() for i in range(parts.count()))

    def in_hand(self) -> bool:
        """Return True while the user works on rows here: some are selected, dragged or under the pointer."""
        return bool(self.rows()) or self.busy() or self.viewport().underMouse()

    def busy(self) -> bool:
        """Return True while a row is dragged or edited, or rows are being selected with the pointer."""
        return self.state() != QAbstractItemView.State.NoState

    def set_faded(self, faded: bool) -> None:
        """Draw the rows faint, because they show only the last known state; then they cannot be dragged."""
        if faded != self.delegate.faded:
            self.delegate.faded = faded
            self.setDragEnabled(not faded and self._describe is not None)
            self.viewport().update()

    def select_row(self, index: QModelIndex) -> None:
        """Select only the row of *index*, and scroll to it."""
        if not index.isValid():
            return
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(index, flags)
        self.scrollTo(index)

    def select_rows(self, indexes: Iterable[QModelIndex]) -> None:
        """Select only the rows of *indexes*, and scroll to the first."""
        good = [index for index in indexes if index.isValid()]
        if not good:
            return
        self.select_row(good[0])
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for index in good[1:]:
            self.selectionModel().select(index, flags)

    def _double_clicked(self, index: QModelIndex) -> None:
        self.opened.emit(index.siblingAtColumn(0))

    # -- keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: Enter opens the current row."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        ):
            current = self.currentIndex()
            if current.isValid():
                self.opened.emit(current.siblingAtColumn(0))
                event.accept()
                return
        super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Qt's hook: type-ahead searches the name, whichever column was clicked last."""
        current = self.currentIndex()
        if current.column() > 0:
            self.selectionModel().setCurrentIndex(
                current.siblingAtColumn(0), QItemSelectionModel.SelectionFlag.NoUpdate
            )
        super().keyboardSearch(search)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Qt's hook: a view that is reached by keyboard has a current row."""
        super().focusInEvent(event)
        if event.reason() in _KEYBOARD and not self.currentIndex().isValid() and self.model() is not None:
            first = self.model().index(0, 0)
            if first.isValid():
                self.selectionModel().setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.viewport().update()

    def currentChanged(
        self, current: QModelIndex | QPersistentModelIndex, previous: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's hook: repaints the ring, which goes around the row; Qt repaints only two cells."""
        super().currentChanged(current, previous)
        self.viewport().update()

    # -- painting

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook. Emits a signal, because an event filter in Python would see every event of the viewport."""
        super().resizeEvent(event)
        self.resized.emit()

    def _wide(self) -> int:
        """Return the width of a row with its part behind the scroll bar."""
        bar = self.verticalScrollBar()
        return self.viewport().width() + (bar.width() if bar.isVisible() else 0)

    def _painted(self, region: QRect) -> None:
        """Let the scroll bar follow, once *region* has been painted."""
        bar = self.verticalScrollBar()
        if bar.isVisible() and region.right() >= self.viewport().width() - 1:
            bar.update()
        painter = QPainter(self.viewport())
        self._paint_rings(painter)
        painter.end()

    def paint_beside(self, painter: QPainter, room: QRect) -> None:
        """Paint what belongs behind the scroll bar, which fills *room*: the ends of the rows and their rings."""
        theme, model = current_theme(), self.model()
        painter.fillRect(room, theme.pane)
        if model is None:
            return
        step = max(1, theme.row_height)
        for y in range(0, self.viewport().height() + step, step):
            index = self.indexAt(QPoint(1, min(y, self.viewport().height() - 1)))
            if not index.isValid():
                continue
            rect = self.visualRect(index)
            if self.selectionModel().isSelected(index):
                painter.fillRect(0, rect.y(), room.width(), rect.height(), theme.selection)
            elif self._is_odd(rect):
                painter.fillRect(0, rect.y(), room.width(), rect.height(), theme.soft)
        painter.translate(-self.viewport().width(), 0)
        self._paint_rings(painter)

    def _is_odd(self, rect: QRect) -> bool:
        return ((rect.y() + self.verticalOffset()) // max(1, rect.height())) % 2 == 1

    def _paint_rings(self, painter: QPainter) -> None:
        theme = current_theme()
        target = self._target if self._over else None
        current = self.currentIndex() if self.hasFocus() else QModelIndex()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for index, width in ((current, 1), (target, 2)):
            if index is None or not (index.isValid() or index is target):
                continue
            rect = self.visualRect(index) if index.isValid() else self.viewport().rect()
            ring = QRectF(0, rect.y(), self._wide(), rect.height())
            painter.setPen(QPen(theme.accent, width))
            painter.drawRect(ring.adjusted(width / 2, width / 2, -width / 2, -width / 2))

    # -- dragging from here

    def set_drag(self, describe: Callable[[list[QModelIndex]], str]) -> None:
        """Allow dragging rows; *describe* returns the text on the pill."""
        self._describe = describe
        self.setDragEnabled(True)

    def startDrag(self, actions: Qt.DropAction) -> None:
        """Qt's hook."""
        rows = [index for index in self.rows() if index.flags() & Qt.ItemFlag.ItemIsDragEnabled]
        model = self.model()
        if not rows or model is None or self._describe is None:
            return
        data = model.mimeData(rows)
        if data is None:
            return
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(drag_pixmap(self._describe(rows), self.devicePixelRatioF()))
        drag.setHotSpot(HOT_SPOT)
        drag.exec(Qt.DropAction.CopyAction, Qt.DropAction.CopyAction)

    # -- dropping here

    def set_drop(self, hint: DropHint, *, own: bool = False) -> None:
        """Allow drops; *hint* says what a drop would do. *own*: accept the view's own rows as well."""
        self._hint = hint
        self._takes_own = own
        self.setAcceptDrops(True)
        self.setDropIndicatorShown(False)
        self.setDragDropOverwriteMode(True)
        self.setDragDropMode(
            QAbstractItemView.DragDropMode.DragDrop
            if self._describe
            else QAbstractItemView.DragDropMode.DropOnly
        )
        self.setDefaultDropAction(Qt.DropAction.CopyAction)

    def _drop_index(self, event: QDropEvent) -> QModelIndex:
        """Return the target of a drop at this point; an invalid index means the whole view."""
        return self.indexAt(event.position().toPoint()).siblingAtColumn(0)

    def _own(self, event: QDropEvent) -> bool:
        return not self._takes_own and event.source() is self

    def _look(self, event: QDropEvent) -> bool:
        """Show what a drop here would do; return True if it would be accepted."""
        if self._hint is None or self._own(event):
            return False
        index = self._drop_index(event)
        good, text = self._hint(index, event.mimeData())
        self._target, self._over = index, good
        if self._line is None:
            self._line = DropLine(self)
        self._line.say(text, good=good)
        self.viewport().update()
        return good

    def _forget_target(self) -> None:
        self._target, self._over = None, False
        if self._line is not None:
            self._line.hide()
        self.viewport().update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Qt's hook. Always accepted if drops are allowed, so that moves arrive and a refusal can be explained."""
        super().dragEnterEvent(event)
        if self._hint is None or self._own(event):
            event.ignore()
            return
        self._look(event)
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Qt's hook: scrolls and expands as Qt does; the model decides what is accepted."""
        super().dragMoveEvent(event)
        if self._look(event):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Qt's hook."""
        super().dragLeaveEvent(event)
        self._forget_target()

    def dropEvent(self, event: QDropEvent) -> None:
        """Qt's hook: passes the data to the model, which only decodes it and emits a signal."""
        model = self.model()
        index = self._drop_index(event)
        taken = False
        if model is not None and self._hint is not None and not self._own(event):
            action = Qt.DropAction.CopyAction
            data = event.mimeData()
            if model.canDropMimeData(data, action, -1, -1, index):
                taken = model.dropMimeData(data, action, -1, -1, index)
        # Ends the scrolling and the state that the moves started.
        super().dragLeaveEvent(QDragLeaveEvent())
        self._forget_target()
        if taken:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()
