"""Paints layers: the bar of their sizes, and the table with two lines per layer. GUI thread only."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from longshore.language import tr
from longshore.models.columns import Role, Tone
from longshore.models.layers import LayerColumn, LayerKind, LayerModel, LayerRow
from longshore.widgets.columns import EDGE
from longshore.widgets.theme import current_theme
from longshore.words import text
from longshore.words.inspection import tiny_digest

_log = logging.getLogger(__name__)
_Index = QModelIndex | QPersistentModelIndex

#: Heights of the rows of a layer and of a line of the history without one, and of the bars, in pixels.
LAYER_ROW, EMPTY_ROW = 46, 26
_BAR, _SMALL_BAR = 10, 6
#: Widths of the column of numbers and of the small bars, in pixels.
_NUMBERS, _SMALL_WIDTH = 38, 84
#: The narrowest part of the bar, so that no layer is lost in it, in pixels.
_LEAST = 2


def colour_of(kind: LayerKind) -> QColor:
    """The colour of layers of *kind*; always beside words."""
    theme = current_theme()
    if kind is LayerKind.UNIQUE:
        return theme.accent
    colour = QColor(theme.dim if kind is LayerKind.BASE else theme.accent)
    share = 0.55 if kind is LayerKind.BASE else 0.5
    return _over(theme.pane, colour, share)


def _over(below: QColor, above: QColor, share: float) -> QColor:
    pairs = zip(below.getRgb()[:3], above.getRgb()[:3], strict=True)  # type: ignore[index]
    return QColor(*(round(a + (b - a) * share) for a, b in pairs))


class Swatch(QWidget):
    """A small square in the colour of a kind of layers."""

    def __init__(self, kind: LayerKind) -> None:
        super().__init__()
        self._kind = kind
        self.setFixedSize(9, 9)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour_of(self._kind))
        painter.drawRoundedRect(self.rect(), 2, 2)
        painter.end()


class LayerBar(QWidget):
    """The sizes of all layers in one bar, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[tuple[LayerKind, int]] = []
        self.setFixedHeight(_BAR)

    def set_rows(self, rows: Sequence[LayerRow]) -> None:
        """Show the layers among *rows*."""
        self._parts = [(row.kind, row.size) for row in rows if row.size and row.kind is not LayerKind.NONE]
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
        for kind, left, width in bar_parts(self._parts, whole.width()):
            painter.setClipRect(QRectF(left, 0, width, whole.height()))
            painter.setBrush(colour_of(kind))
            painter.drawRoundedRect(whole, 3, 3)
        painter.end()

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(200, _BAR)


def bar_parts(parts: Sequence[tuple[LayerKind, int]], width: float) -> list[tuple[LayerKind, float, float]]:
    """Kind, left edge and width of each part of a bar of *width* pixels, with a gap of a pixel between two. Pure."""
    total = sum(size for _, size in parts)
    if not total or width <= 0:
        return []
    # So many tiny layers that they would push out the large ones are not widened.
    least = _LEAST if len(parts) * (_LEAST + 1) < width / 2 else 0
    widths = [max(width * size / total, least) for _, size in parts]
    scale = width / sum(widths)
    out, left = [], 0.0
    for (kind, _), natural in zip(parts, widths, strict=True):
        wide = natural * scale
        gap = 1.0 if wide > _LEAST and left + wide < width - 0.5 else 0.0
        out.append((kind, left, wide - gap))
        left += wide
    return out


class _Delegate(QStyledItemDelegate):
    """Paints the rows: two lines for a layer, one dim line for history without one."""

    def __init__(self, view: LayerView) -> None:
        super().__init__(view)
        self._view = view
        self._complained = False

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Qt's hook. Must not raise."""
        try:
            row = self._view.layers.row(index.row())
            if row is not None:
                self._paint(painter, option.rect, index, row)
        except Exception:
            if not self._complained:
                self._complained = True
                _log.exception("cannot paint row %d of Layers", index.row())

    def _paint(self, painter: QPainter, rect: QRect, index: _Index, row: LayerRow) -> None:
        theme = current_theme()
        selected = self._view.selectionModel().isRowSelected(index.row(), QModelIndex())
        if selected:
            painter.fillRect(rect, theme.selection)
        elif row.number is not None and row.number % 2 == 0:
            painter.fillRect(rect, theme.soft)
        plain, quiet = theme.ink(Tone.NONE), theme.ink(Tone.QUIET)
        strong = plain.selected if selected else plain.plain
        dim = quiet.selected if selected else quiet.plain
        column, empty = index.column(), row.number is None
        upper = rect if empty else QRect(rect.x(), rect.y() + 4, rect.width(), 21)
        lower = QRect(rect.x(), rect.y() + 23, rect.width(), 19)
        if column == LayerColumn.NUMBER:
            _draw(painter, upper.adjusted(0, 0, -12, 0), theme.font, dim, str(row.number or ""), right=True)
        elif column == LayerColumn.STEP:
            self._paint_step(painter, rect, upper, index, row, dim if empty else strong)
            if not empty:
                self._paint_bar(painter, lower, row)
                after = lower.adjusted(_SMALL_WIDTH + 10, 0, 0, 0)
                _draw(painter, after, theme.fixed_font, dim, tiny_digest(row.digest))
        else:
            room = upper.adjusted(0, 0, -EDGE, 0)
            size = _size(row)
            self._paint_step(painter, rect, upper, index, row, dim if empty else strong)
            _draw(painter, room, theme.font, dim if empty else strong, size, right=True)
            if not empty:
                ink = strong if row.kind is LayerKind.UNIQUE else dim
                _draw(painter, lower.adjusted(0, 0, -EDGE, 0), theme.small_font, ink, row.note, right=True)

    def _paint_step(
        self, painter: QPainter, cell: QRect, line: QRect, index: _Index, row: LayerRow, colour: QColor
    ) -> None:
        """Paint the part of the instruction that lies in *cell*: it extends up to the size in the next column."""
        theme, view = current_theme(), self._view
        left = view.columnViewportPosition(LayerColumn.STEP)
        right = view.columnViewportPosition(LayerColumn.SIZE) + view.columnWidth(LayerColumn.SIZE)
        right -= EDGE + theme.metrics.horizontalAdvance(_size(row)) + 12
        room = QRect(left, line.y(), max(0, right - left), line.height())
        shown = theme.fixed_metrics.elidedText(row.step, Qt.TextElideMode.ElideRight, room.width())
        painter.save()
        painter.setClipRect(cell, Qt.ClipOperation.IntersectClip)
        _draw(painter, room, theme.fixed_font, colour, shown)
        painter.restore()

    def _paint_bar(self, painter: QPainter, rect: QRect, row: LayerRow) -> None:
        theme = current_theme()
        whole = QRectF(rect.x(), rect.center().y() - _SMALL_BAR / 2 + 1, _SMALL_WIDTH, _SMALL_BAR)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.track)
        painter.drawRoundedRect(whole, 3, 3)
        largest = self._view.largest
        if row.size and largest:
            painter.save()
            share = max(whole.width() * row.size / largest, _LEAST)
            painter.setClipRect(QRectF(whole.x(), whole.y(), share, whole.height()))
            painter.setBrush(colour_of(row.kind))
            painter.drawRoundedRect(whole, 3, 3)
            painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Qt's hook."""
        return QSize(0, LAYER_ROW)


def _size(row: LayerRow) -> str:
    return "" if row.size is None else text.size(row.size)


def _draw(
    painter: QPainter, room: QRect, font: QFont, colour: QColor, words: str, *, right: bool = False
) -> None:
    painter.setFont(font)
    painter.setPen(colour)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(room, int(side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), words)


class LayerView(QTableView):
    """The table *Layers*. Ctrl+C copies the digest of the selected layer."""

    copy_requested = Signal(str)

    def __init__(self, model: LayerModel) -> None:
        super().__init__()
        self.layers = model
        #: Bytes of the largest layer, which fills its bar.
        self.largest = 0
        self.setAccessibleName(tr("Layers"))
        self.setModel(model)
        self.setItemDelegate(_Delegate(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalHeader().hide()
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(EMPTY_ROW)
        self.verticalHeader().setDefaultSectionSize(LAYER_ROW)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def fit_rows(self) -> None:
        """Give each row its height. Call it after the rows were set."""
        sizes = [row.size or 0 for row in self.layers.rows if row.kind is not LayerKind.NONE]
        self.largest = max(sizes, default=0)
        for place, row in enumerate(self.layers.rows):
            wanted = EMPTY_ROW if row.number is None else LAYER_ROW
            if self.rowHeight(place) != wanted:
                self.setRowHeight(place, wanted)
        self._fit_columns()

    def _fit_columns(self) -> None:
        theme = current_theme()
        notes = {row.note for row in self.layers.rows}
        widest = max((theme.small_metrics.horizontalAdvance(note) for note in notes), default=0)
        sizes = {_size(row) for row in self.layers.rows} | {text.size(999_900_000)}
        least = (
            max(theme.metrics.horizontalAdvance(size) for size in sizes) + 2
        )  # a glyph may reach out of its advance
        room = self.viewport().width()
        size = min(max(widest, least) + EDGE + 8, max(room // 2, least + EDGE))
        self.setColumnWidth(LayerColumn.NUMBER, _NUMBERS)
        self.setColumnWidth(LayerColumn.SIZE, size)
        self.setColumnWidth(LayerColumn.STEP, max(40, room - _NUMBERS - size))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        self._fit_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook."""
        if event.matches(QKeySequence.StandardKey.Copy):
            copied = self.currentIndex().data(Role.COPY_TEXT)
            if copied:
                self.copy_requested.emit(copied)
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's hook: with a ring around the current row while the table has the focus."""
        super().paintEvent(event)
        current = self.currentIndex()
        if not self.hasFocus() or not current.isValid():
            return
        painter = QPainter(self.viewport())
        painter.setPen(QPen(current_theme().accent, 1))
        rect = self.visualRect(current)
        painter.drawRect(QRectF(0.5, rect.y() + 0.5, self.viewport().width() - 1, rect.height() - 1))
        painter.end()
