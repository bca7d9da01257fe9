"""The list of attachments: rows of two lines with an icon, a title, what it says, and the size. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyledItemDelegate, QStyleOptionViewItem

from longshore.models.attached import ICON, PILL, SAYS, SIZE
from longshore.models.attached import ROW as ROW_DATA
from longshore.models.columns import Role, Tone
from longshore.widgets import icons
from longshore.widgets.columns import EDGE
from longshore.widgets.delegates import paint_pill
from longshore.widgets.theme import current_theme

#: Height of a row in pixels.
ROW = 46
#: Where the text begins, and the space before the size.
_TEXT = EDGE + icons.SIZE + 9
_GAP = 10
_UNLIMITED = 16_777_215  # QWIDGETSIZE_MAX
_VERTICAL = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
_LEFT = int(Qt.AlignmentFlag.AlignLeft | _VERTICAL)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | _VERTICAL)


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Qt's hook."""
        return QSize(0, ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's hook."""
        theme = current_theme()
        view = self.parent()
        assert isinstance(view, AttachedList)
        rect: QRect = option.rect
        selected = view.selectionModel().isSelected(index)
        if selected:
            painter.fillRect(rect, theme.selection)
        dim = theme.ink(Tone.QUIET)
        quiet = dim.selected if selected else dim.plain
        tone = index.data(Role.TONE) or Tone.NONE
        ink = theme.ink(tone if tone != Tone.NONE else Tone.QUIET)
        drawn = icons.pixmap(
            str(index.data(ICON)),
            ink.selected if selected else ink.plain,
            painter.device().devicePixelRatio(),
        )
        painter.drawPixmap(rect.x() + EDGE, rect.center().y() - icons.SIZE // 2 + 1, drawn)
        size = str(index.data(SIZE) or "")
        right = rect.right() - EDGE
        painter.setFont(theme.font)
        painter.setPen(quiet)
        if size:
            painter.drawText(QRect(rect.x(), rect.y(), right - rect.x(), ROW), _RIGHT, size)
            right -= theme.metrics.horizontalAdvance(size) + _GAP
        room = max(0, right - rect.x() - _TEXT)
        upper = QRect(rect.x() + _TEXT, rect.y() + 5, room, 18)
        lower = QRect(rect.x() + _TEXT, rect.y() + 23, room, 18)
        pill = str(index.data(PILL) or "")
        wide = theme.metrics.horizontalAdvance(pill) + 16 + 6 if pill else 0
        title = theme.strong_metrics.elidedText(
            str(index.data() or ""), Qt.TextElideMode.ElideRight, max(0, room - wide)
        )
        row = index.data(ROW_DATA)
        elide = Qt.TextElideMode.ElideMiddle if row is not None and row.ends else Qt.TextElideMode.ElideRight
        says = theme.metrics.elidedText(str(index.data(SAYS) or ""), elide, room)
        painter.drawText(lower, _LEFT, says)
        painter.setFont(theme.strong_font)
        painter.setPen(theme.text)
        painter.drawText(upper, _LEFT, title)
        if pill:
            after = upper.adjusted(theme.strong_metrics.horizontalAdvance(title) + 6, 0, 0, 0)
            paint_pill(painter, after, theme, pill, tone, selected)


class AttachedList(QListView):
    """The list. One row is selected; it is as high as its rows, up to a limit, and scrolls then."""

    def __init__(self, name: str, model: QAbstractItemModel) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setItemDelegate(_Delegate(self))
        self.setModel(model)
        self.setUniformItemSizes(True)
        self.setFrameShape(self.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        current_theme().changed.connect(self.viewport().update)

    def show_rows(self, most: int) -> None:
        """Be as high as the rows, at most *most* of them and a part of the next; 0: as high as there is room."""
        rows = self.model().rowCount()
        if not most:
            self.setMinimumHeight(ROW)
            self.setMaximumHeight(_UNLIMITED)
            return
        self.setFixedHeight(ROW * min(rows, most) + (ROW // 2 if rows > most else 0))

    def select_place(self, place: int) -> None:
        """Select the row at *place*."""
        index = self.model().index(place, 0)
        if index.isValid():
            self.setCurrentIndex(index)

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(200, ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook: adds the ring around the current row while the list has the focus."""
        super().paintEvent(event)
        index = self.currentIndex()
        if not self.hasFocus() or not index.isValid():
            return
        painter = QPainter(self.viewport())
        painter.setPen(QPen(current_theme().accent, 1))
        ring = QRectF(self.visualRect(index))
        painter.drawRect(ring.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()
