"""The list of a clean-up: things with ticks, and the bar below it. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QStyleOptionViewItem, QWidget

from longshore import resources
from longshore.models.columns import Role, Tone
from longshore.models.ticks import NAME, TICK, Name, TickModel
from longshore.widgets.columns import EDGE, PADDING, Column
from longshore.widgets.delegates import CellDelegate
from longshore.widgets.theme import Theme, current_theme
from longshore.widgets.views import TableView

_Index = QModelIndex | QPersistentModelIndex
#: Width of a tick, in pixels.
_TICK = 18
#: The column of the ticks.
TICK_COLUMN = Column("", "", extra=_TICK + EDGE - PADDING - 4)


class _Delegate(CellDelegate):
    """Paints ticks, and names in their parts."""

    def __init__(self, columns: Sequence[Column], view: TableView) -> None:
        super().__init__(columns, view)
        self._check = QPixmap(str(resources.folder() / "styles" / "check-on-fill.svg"))

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Qt's hook."""
        return QSize(0, current_theme().row_height)

    def _paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        column = index.column()
        if column not in (TICK, NAME):
            super()._paint(painter, option, index)
            return
        theme = current_theme()
        rect: QRect = option.rect
        selected = self._view.selectionModel().isSelected(index)
        if selected:
            painter.fillRect(rect, theme.selection)
        if column == TICK:
            on = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
            self._paint_tick(painter, rect, on)
            return
        room = self._room(rect, column)
        name: Name = index.data(Role.COPY_TEXT)
        ticked = not index.data(Role.DIM)
        strong = _shortened(name, room.width(), theme)
        parts = [
            (strong, theme.strong_font, theme.strong_metrics, ticked),
            (name.plain, theme.font, theme.metrics, ticked),
            (f"  {name.dim}" if name.dim else "", theme.small_font, theme.small_metrics, False),
        ]
        width = sum(metrics.horizontalAdvance(words) for words, _, metrics, _ in parts)
        if width > room.width():
            del parts[2]
        # The repository gives way first: in its middle, because names differ at their ends.
        rest = sum(metrics.horizontalAdvance(words) for words, _, metrics, _ in parts[1:])
        least = min(room.width() // 3, theme.strong_metrics.horizontalAdvance(strong))
        for place, (words, font, metrics, bright) in enumerate(parts):
            if not words or room.width() <= 0:
                continue
            most = max(room.width() - rest, least) if place == 0 else room.width()
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, most)
            ink = theme.ink(Tone.NONE if bright else Tone.QUIET)
            painter.setFont(font)
            painter.setPen(ink.selected if selected else ink.plain)
            flags = int(
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
            )
            painter.drawText(room, flags, shown)
            room.setLeft(room.left() + metrics.horizontalAdvance(shown))

    def _paint_tick(self, painter: QPainter, rect: QRect, on: bool) -> None:
        """Paint a tick as the style sheet draws those of check boxes."""
        theme = current_theme()
        box = QRectF(rect.x() + EDGE + 0.5, rect.center().y() - 7.5, 16, 16)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.fill if on else theme.strong_line)
        painter.setBrush(theme.fill if on else theme.pane)
        painter.drawRoundedRect(box, 4, 4)
        if on:
            painter.drawPixmap(box.toRect(), self._check)


def _shortened(name: Name, width: int, theme: Theme) -> str:
    """The first part of *name* in its longest form that leaves room for the second, or in its shortest."""
    rest = theme.metrics.horizontalAdvance(name.plain)
    forms = (name.strong, *name.short)
    return next(
        (one for one in forms if theme.strong_metrics.horizontalAdvance(one) + rest <= width), forms[-1]
    )


class TickView(TableView):
    """Space changes the ticks of the selected rows, a click that of its row, the box above all of them.

    *columns*: those of *model*; the first is :data:`TICK_COLUMN`. *name*, *every*: the accessible names of the list and
    of the box.
    """

    def __init__(self, model: TickModel[Any], columns: list[Column], name: str, every: str) -> None:
        super().__init__("", columns)
        self.setAccessibleName(name)
        self._ticks = model
        self.delegate = _Delegate(columns, self)
        self.delegate.header = self.columns.header
        self.setItemDelegate(self.delegate)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.set_model(model, -1, Qt.SortOrder.AscendingOrder)
        self.every = QCheckBox(self.columns.header)
        self.every.setAccessibleName(every)
        self.every.setTristate(True)
        self.every.clicked.connect(self._every_clicked)
        self.every.move(EDGE, 0)
        model.ticks_changed.connect(self._ticks_changed)
        self._ticks_changed()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        header = self.columns.header
        self.every.setGeometry(EDGE, 0, _TICK, header.height() - 1)

    @Slot()
    def _ticks_changed(self) -> None:
        self.every.setCheckState(self._ticks.tick_state)
        self.every.setEnabled(bool(self._ticks.rows))

    @Slot()
    def _every_clicked(self) -> None:
        """A click ticks all rows, or none if all are ticked: never some."""
        on = self._ticks.tick_state is not Qt.CheckState.Checked
        self._ticks.tick(range(len(self._ticks.rows)), on)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook."""
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            numbers = [index.row() for index in self.rows()]
            if not numbers and self.currentIndex().isValid():
                numbers = [self.currentIndex().row()]
            if numbers:
                self._ticks.tick(numbers, not all(self._ticks.rows[number].ticked for number in numbers))
            return
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Qt's hook: a click on a tick changes it and leaves the selection."""
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index.column() == TICK:
            self._ticks.tick([index.row()], not self._ticks.rows[index.row()].ticked)
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Qt's hook: the second click of two on a tick is a click."""
        self.mousePressEvent(event)


class FreedBar(QWidget):
    """A bar of what is on disk: what stays, and on its right what is freed. While a clean-up runs: its progress."""

    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self._runs = False
        self.setFixedHeight(6)

    def set_share(self, share: float) -> None:
        """Set which share (0 to 1) is freed."""
        self._set(share, runs=False)

    def set_progress(self, share: float) -> None:
        """Set which share (0 to 1) of a clean-up is done: it grows from the left."""
        self._set(share, runs=True)

    def _set(self, share: float, *, runs: bool) -> None:
        self._share = min(max(share, 0.0), 1.0)
        self._runs = runs
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QRectF(self.rect())
        painter.setBrush(theme.track)
        painter.drawRoundedRect(whole, 3, 3)
        stays = whole.width() * (self._share if self._runs else 1 - self._share)
        painter.setBrush(theme.accent if self._runs else theme.strong_line)
        painter.setClipRect(QRectF(0, 0, stays, whole.height()))
        painter.drawRoundedRect(whole, 3, 3)
        if self._share and not self._runs:
            gap = 1 if stays else 0
            painter.setBrush(theme.fill)
            painter.setClipRect(QRectF(stays + gap, 0, whole.width(), whole.height()))
            painter.drawRoundedRect(whole, 3, 3)
        painter.end()

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(200, 6)
