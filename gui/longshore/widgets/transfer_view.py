"""The tree of transfers: queued rows can be dragged to another position, and rows can offer an action."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QPushButton,
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from longshore.models.columns import Role, Tone, TransferColumn
from longshore.models.transfers import TransferModel
from longshore.transfers.transfer import Operation, State, TransferSnapshot
from longshore.widgets.columns import PADDING, Column, Kind
from longshore.widgets.delegates import action_width
from longshore.widgets.drag import HOT_SPOT, drag_pixmap
from longshore.widgets.theme import current_theme
from longshore.widgets.views import TreeView

_RIGHT = Qt.TextElideMode.ElideRight
_COLUMNS = [
    Column("Push", "", kind=Kind.NAME, extra=114),
    Column("registry.acme.io/acme/billing-api:edge", "registry….io/api:edge", weight=4),
    Column("registry.acme.io/acme/billing:2.4.1", "acme/billing:2", weight=4),
    Column("Succeeded", "Succeeded", kind=Kind.PILL, elide=_RIGHT),
    Column("100 % —————————", "100 % ————", kind=Kind.PROGRESS),
    Column(
        "9 layers, 184 MB compressed, about 172 MB there",
        "44.6 of 72 MB, 118",
        weight=6,
        elide=_RIGHT,
        acts=True,
    ),
    Column("888.8 MB/s", "88.8 MB/s", right=True, elide=_RIGHT, yields=1),
    Column("1 min 20 s", "1 min 20 s", right=True, elide=_RIGHT, yields=2),
    Column("2026-11-24 13:37", "13:37", elide=_RIGHT),
]
#: Milliseconds between two frames of a bar whose total is unknown.
_STEP = 100
_ROOT = QModelIndex()
_NOWHERE = -1


class TransferView(TreeView):
    """A tree for a TransferModel. The model reports drops; *action_requested* reports a pressed button."""

    action_requested = Signal(str)  # id of the transfer

    def __init__(self, title: str) -> None:
        super().__init__(title, _COLUMNS, hidden=(TransferColumn.FINISHED,))
        self._gap = _NOWHERE  # the row before which a drop would insert the dragged rows
        self._swing = QTimer(self)
        self._swing.setInterval(_STEP)
        self._swing.timeout.connect(self._animate)

    def set_model(self, model: TransferModel, *, sortable: bool = False) -> None:  # type: ignore[override]
        """Show *model* in queue order."""
        super().set_model(model, sortable=sortable)
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDropIndicatorShown(False)  # Qt's own indicator also appears between layers and over a row
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        model.watch_layers(self._layers_in_sight)

    def transfers(self) -> list[TransferSnapshot]:
        """The transfers of the selected rows, each once, from top to bottom; a layer counts as its transfer."""
        rows = sorted((_top(index) for index in self.rows()), key=QModelIndex.row)
        found = (row.data(Role.SNAPSHOT) for row in rows)
        return list({snapshot.id: snapshot for snapshot in found if snapshot is not None}.values())

    def _layers_in_sight(self) -> dict[str, tuple[int, int]]:
        """Return, by transfer, the first and the last visible row below it."""
        found: dict[str, tuple[int, int]] = {}
        for index in self.rows_in_sight():
            if index.internalId():
                name = str(index.data(Role.TRANSFER_ID))
                found[name] = (found.get(name, (index.row(), 0))[0], index.row())
        return found

    # -- bars whose total is unknown

    def swing(self, on: bool) -> None:
        """Animate the bars of rows whose total is unknown, as long as the view is visible."""
        if not on:
            self._swing.stop()
        elif not self._swing.isActive():
            self._swing.start()

    @Slot()
    def _animate(self) -> None:
        if not self.isVisible():
            self._swing.stop()
            return
        header = self.columns.header
        column = header.sectionViewportPosition(TransferColumn.PROGRESS)
        # Repaint only the column with the bars.
        self.viewport().update(
            column, 0, header.sectionSize(TransferColumn.PROGRESS), self.viewport().height()
        )

    # -- dragging

    def startDrag(self, actions: Qt.DropAction) -> None:
        """Qt's hook: drags the queued rows of the selection, or else the saved archives, as files."""
        rows = [index for index in self.rows() if index.flags() & Qt.ItemFlag.ItemIsDragEnabled]
        if not rows:
            return
        data = self.model().mimeData(rows)
        action = Qt.DropAction.CopyAction if data.hasUrls() else Qt.DropAction.MoveAction
        drag = QDrag(self)
        drag.setMimeData(data)
        words = (
            str(rows[0].siblingAtColumn(TransferColumn.SOURCE).data())
            if len(rows) == 1
            else self.tr("{0} transfers").format(len(rows))
        )
        drag.setPixmap(drag_pixmap(words, self.devicePixelRatioF()))
        drag.setHotSpot(HOT_SPOT)
        drag.exec(action, action)
        self._set_gap(_NOWHERE)

    def gap_at(self, where: QPoint) -> int:
        """Return the queue row before which a drop at *where* inserts; the number of rows for the end."""
        index = self.indexAt(where).siblingAtColumn(0)
        if not index.isValid():
            return self.model().rowCount() if where.y() >= 0 else 0
        top = _top(index)
        below = top != index or where.y() >= self.visualRect(index).center().y()
        return top.row() + 1 if below else top.row()

    def _set_gap(self, gap: int) -> None:
        if gap != self._gap:
            self._gap = gap
            self.viewport().update()

    def _takes(self, event: QDropEvent) -> bool:
        data = event.mimeData()
        return event.source() is self and self.model().canDropMimeData(
            data, Qt.DropAction.MoveAction, 0, 0, _ROOT
        )

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Qt's hook: accepts only the view's own rows."""
        QTreeView.dragEnterEvent(self, event)
        self._answer(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Qt's hook: scrolls as Qt does."""
        QTreeView.dragMoveEvent(self, event)
        self._answer(event)

    def _answer(self, event: QDragMoveEvent) -> None:
        if self._takes(event):
            self._set_gap(self.gap_at(event.position().toPoint()))
            event.setDropAction(Qt.DropAction.MoveAction)
            event.accept()
        else:
            self._set_gap(_NOWHERE)
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Qt's hook."""
        QTreeView.dragLeaveEvent(self, event)
        self._set_gap(_NOWHERE)

    def dropEvent(self, event: QDropEvent) -> None:
        """Qt's hook: passes the data to the model, which only decodes it and emits a signal."""
        taken = self._takes(event) and self.model().dropMimeData(
            event.mimeData(),
            Qt.DropAction.MoveAction,
            self.gap_at(event.position().toPoint()),
            0,
            _ROOT,
        )
        # Ends the scrolling and the state that the moves started.
        QTreeView.dragLeaveEvent(self, QDragLeaveEvent())
        self._set_gap(_NOWHERE)
        event.setDropAction(Qt.DropAction.MoveAction)
        event.setAccepted(bool(taken))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook: paints the line between the rows where a drop would insert."""
        super().paintEvent(event)
        if self._gap == _NOWHERE:
            return
        y = self._gap_y()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(current_theme().accent, 2))
        painter.setBrush(current_theme().pane)
        painter.drawLine(13, y, self.viewport().width() - 6, y)
        painter.drawEllipse(QRectF(5, y - 4, 8, 8))
        painter.end()

    def drawRow(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's hook: extends a failure, a waiting reason or the instruction of a step over empty columns behind it."""
        super().drawRow(painter, option, index)
        if index.parent().isValid():
            layer = self.model().data(index, Role.LAYER)
            if layer is not None and layer.label:
                self._draw_sentence(painter, index.sibling(index.row(), TransferColumn.SOURCE))
            return
        snapshot = self.model().data(index, Role.SNAPSHOT)
        if snapshot is not None and (
            snapshot.state is State.FAILED
            or snapshot.waiting_for
            or snapshot.request.operation is Operation.BUILD
        ):
            self._draw_sentence(painter, index.sibling(index.row(), TransferColumn.TRANSFERRED))

    def _draw_sentence(self, painter: QPainter, cell: QModelIndex) -> None:
        theme = current_theme()
        own = self.visualRect(cell)
        sentence = str(cell.data(Qt.ItemDataRole.DisplayRole) or "")
        if cell.data(Role.OFFER) or theme.metrics.horizontalAdvance(sentence) <= own.width() - 2 * PADDING:
            return
        whole = own
        # The model reports these columns as changed together, so no part of an older sentence remains.
        for column in range(cell.column() + 1, TransferColumn.FINISHED):
            other = cell.siblingAtColumn(column)
            if self.isColumnHidden(column):
                continue
            if other.data(Qt.ItemDataRole.DisplayRole):
                break
            whole = whole.united(self.visualRect(other))
        if whole == own:
            return
        selected = self.selectionModel().isSelected(cell)
        odd = self.alternatingRowColors() and self._is_odd(own)
        quiet = cell.parent().isValid()
        painter.fillRect(whole, theme.selection if selected else theme.soft if odd else theme.pane)
        room = whole.adjusted(PADDING, 0, -PADDING, 0)
        ink = theme.ink(Tone.QUIET if quiet else cell.data(Role.TONE))
        painter.setFont(theme.font)
        painter.setPen(ink.selected if selected else ink.plain)
        shown = theme.metrics.elidedText(sentence, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), shown)

    def _gap_y(self) -> int:
        """Return the upper edge of the row below the gap, or the lower edge of the last row."""
        model = self.model()
        if self._gap < model.rowCount():
            y = self.visualRect(model.index(self._gap, 0)).top()
        else:
            last = model.index(model.rowCount() - 1, 0)
            if self.isExpanded(last) and model.rowCount(last):
                last = model.index(model.rowCount(last) - 1, 0, last)
            y = self.visualRect(last).bottom() + 1
        return min(max(y, 5), self.viewport().height() - 5)

    # -- actions offered by rows

    def offer_actions(self) -> None:
        """Add a button to every row that offers an action, and remove it from rows that no longer do."""
        model = self.model()
        for row in range(model.rowCount()):
            cell = model.index(row, TransferColumn.TRANSFERRED)
            words = str(cell.data(Role.OFFER) or "")
            shown = self.indexWidget(cell)
            if words and shown is None:
                name, what = str(cell.data(Role.TRANSFER_ID)), str(cell.siblingAtColumn(1).data())
                self.setIndexWidget(cell, self._button(words, name, what))
            elif not words and shown is not None:
                self.setIndexWidget(cell, None)  # type: ignore[arg-type]

    def _button(self, words: str, name: str, what: str) -> QWidget:
        # Qt stretches it over the whole cell; the cell's content shows through, and clicks beside the button pass.
        place = QWidget()
        layout = QHBoxLayout(place)
        layout.setContentsMargins(0, 0, PADDING, 0)
        layout.addStretch(1)
        button = QPushButton(words)
        button.setProperty("row", True)
        button.setFixedWidth(action_width(words) - 10)
        # For keyboard users the pane's notice and the row's menu offer the same: for a screen reader a tree
        # contains only cells.
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setAccessibleName(self.tr("{0} for {1}").format(words, what))
        button.clicked.connect(lambda: self.action_requested.emit(name))
        layout.addWidget(button)
        return place


def _top(index: QModelIndex) -> QModelIndex:
    while index.parent().isValid():
        index = index.parent()
    return index
