"""The list of facts: names and values in sections, which can be folded, copied and followed with keys alone."""

from __future__ import annotations

import logging

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QStyledItemDelegate, QStyleOptionViewItem

from longshore.models.columns import Tone
from longshore.models.facts import FACT, Fact, FactsModel, Heading, Section
from longshore.widgets import icons
from longshore.widgets.columns import EDGE
from longshore.widgets.details import copy_key
from longshore.widgets.theme import Theme, current_theme

_log = logging.getLogger(__name__)
_Index = QModelIndex | QPersistentModelIndex
#: Heights in pixels: of a fact, of one in a striped section, of a heading, of a state.
_FACT, _STRIPED, _HEADING, _STATE = 22, 28, 34, 30
#: Space between name and value, and before the icon or the link after a value, in pixels.
_GAP, _AFTER = 12, 8
#: Smallest width of the names, and their largest share of the row.
_NAMES, _SHARE = 88, 0.42
_PILL = 20
_SMALL = 13
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)


class FactsView(QListView):
    """Shows a :class:`FactsModel`. Enter or a click follows a link, folds a section; Ctrl+C copies."""

    copied = Signal(str)  # text for the clipboard
    offered = Signal(str)  # Fact.key of the link that was followed
    current_changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.facts = FactsModel(self)
        self.setModel(self.facts)
        self.setAccessibleName(name)
        self.setFrameShape(self.Shape.NoFrame)
        self.setItemDelegate(_FactDelegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.facts.modelReset.connect(self._measure)
        self.selectionModel().currentChanged.connect(lambda *_: self.current_changed.emit())
        self.setMinimumHeight(40)
        #: Width of the names in pixels.
        self.names = _NAMES

    def current(self) -> Fact | None:
        """The current fact, None for a heading or without a current row."""
        return self.facts.fact(self.currentIndex())

    def set_sections(self, sections: list[Section]) -> None:
        """Show *sections*; the current fact stays current if it is still there."""
        current = self.current()
        at = self.verticalScrollBar().value()
        self.facts.set_sections(sections)
        if current is not None and (index := self.facts.index_of(current.name)).isValid():
            self.setCurrentIndex(index)
            self.verticalScrollBar().setValue(at)

    @Slot()
    def _measure(self) -> None:
        theme = current_theme()
        widest = 0
        for row in range(min(self.facts.rowCount(), 200)):
            found = self.facts.index(row, 0).data(FACT)
            if isinstance(found, tuple) and not isinstance(found, Heading):
                fact, section, _ = found
                metrics = theme.fixed_metrics if section.fixed else theme.metrics
                widest = max(widest, metrics.horizontalAdvance(fact.name[:60]))
        most = int(self.viewport().width() * _SHARE)
        self.names = max(_NAMES, min(widest, most))

    # -- keys and the pointer

    def event(self, event: QEvent) -> bool:
        """Qt's hook."""
        return copy_key.claimed(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._act(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Qt's hook: a click on a heading, a link or an icon acts."""
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        if event.button() != Qt.MouseButton.LeftButton or not index.isValid():
            return
        fact = self.facts.fact(index)
        if fact is None:
            self._act(index)
            return
        delegate = self.itemDelegate()
        assert isinstance(delegate, _FactDelegate)
        after = delegate.after_value(fact, self.visualRect(index))
        if (fact.offer or fact.copies) and after.contains(event.position().toPoint()):
            self._act(index)

    def focusInEvent(self, event: object) -> None:
        """Qt's hook: a list that is reached with the keyboard has a current row."""
        super().focusInEvent(event)  # type: ignore[arg-type]
        if not self.currentIndex().isValid() and self.facts.rowCount():
            self.setCurrentIndex(self.facts.index(0, 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        self._measure()

    def copy(self) -> None:
        """Request to copy the current value."""
        if (fact := self.current()) is not None:
            self.copied.emit(fact.to_copy)

    def _act(self, index: QModelIndex) -> None:
        fact = self.facts.fact(index)
        if fact is None:
            row = index.row()
            self.facts.toggle(index)
            self.setCurrentIndex(self.facts.index(min(row, self.facts.rowCount() - 1), 0))
        elif fact.offer:
            self.offered.emit(fact.key)
        elif fact.copies:
            self.copied.emit(fact.to_copy)

    @Slot(QPoint)
    def _menu(self, where: QPoint) -> None:
        fact = self.current()
        if fact is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Copy value")).triggered.connect(lambda: self.copied.emit(fact.to_copy))
        if fact.offer:
            menu.addAction(fact.offer).triggered.connect(lambda: self.offered.emit(fact.key))
        menu.popup(self.viewport().mapToGlobal(where))


class _FactDelegate(QStyledItemDelegate):
    def __init__(self, view: FactsView) -> None:
        super().__init__(view)
        self._view = view
        self._complained = False

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Qt's hook."""
        row = index.data(FACT)
        more = max(0, current_theme().metrics.height() - 17)
        if isinstance(row, Heading):
            return QSize(10, _HEADING + more)
        if row is None:
            return QSize(10, _FACT)
        fact, section, _ = row
        return QSize(10, (_STATE if fact.pill else _STRIPED if section.striped else _FACT) + more)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Qt's hook."""
        try:
            self._paint(painter, option.rect, index)
        except Exception:
            if not self._complained:
                self._complained = True
                _log.exception("cannot paint fact %d", index.row())

    def _paint(self, painter: QPainter, rect: QRect, index: _Index) -> None:
        theme, row, view = current_theme(), index.data(FACT), self._view
        current = view.currentIndex() == index and view.hasFocus()
        if row is None:
            return
        if current:
            painter.fillRect(rect, theme.selection)
        if isinstance(row, Heading):
            self._paint_heading(painter, rect, row, theme, current=current)
        else:
            fact, section, odd = row
            if odd and section.striped and not current:
                painter.fillRect(rect, theme.soft)
            if fact.pill:
                self._paint_state(painter, rect, fact, theme, current=current)
            else:
                self._paint_fact(painter, rect, fact, section, theme, current=current)
        if current:
            painter.setPen(QPen(theme.accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_heading(
        self, painter: QPainter, rect: QRect, row: Heading, theme: Theme, *, current: bool
    ) -> None:
        if rect.y() > 0 or self._view.verticalScrollBar().value():
            painter.fillRect(rect.x(), rect.y() + 4, rect.width(), 1, theme.line)
            rect = rect.adjusted(0, 4, 0, 0)
        name = "chevron-right" if row.folded else "chevron-down"
        quiet = theme.ink(Tone.QUIET)
        dim = quiet.selected if current else quiet.plain
        drawn = icons.pixmap(name, dim, self._view.devicePixelRatioF(), 12)
        painter.drawPixmap(rect.x() + EDGE - 3, rect.center().y() - 5, drawn)
        left = rect.x() + EDGE + 16
        painter.setFont(theme.strong_font)
        painter.setPen(theme.text)
        room = QRect(left, rect.y(), rect.right() - left - EDGE, rect.height())
        painter.drawText(room, _LEFT, row.section.title)
        painter.setFont(theme.font)
        painter.setPen(dim)
        room.setLeft(left + theme.strong_metrics.horizontalAdvance(row.section.title) + 6)
        painter.drawText(room, _LEFT, row.section.extent)

    def _paint_state(
        self, painter: QPainter, rect: QRect, fact: Fact, theme: Theme, *, current: bool
    ) -> None:
        ink = theme.ink(fact.pill)
        width = theme.small_metrics.horizontalAdvance(fact.value) + 16
        pill = QRectF(rect.x() + EDGE, rect.center().y() - _PILL / 2 + 1, width, _PILL)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = fact.pill is Tone.OUTLINE
        painter.setPen(QPen(theme.strong_line) if outline else Qt.PenStyle.NoPen)
        painter.setBrush(theme.pane if outline or current else ink.pill)
        painter.drawRoundedRect(pill.adjusted(0.5, 0.5, -0.5, -0.5), 10, 10)
        painter.setFont(theme.small_font)
        painter.setPen(ink.plain if outline or current else ink.pill_text)
        painter.drawText(pill, int(Qt.AlignmentFlag.AlignCenter), fact.value)
        painter.setFont(theme.font)
        painter.setPen(theme.ink(Tone.QUIET).selected if current else theme.ink(Tone.QUIET).plain)
        left = int(pill.right()) + 10
        room = QRect(left, rect.y(), rect.right() - left - EDGE, rect.height())
        said = theme.metrics.elidedText(fact.more, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, _LEFT, said)

    def value_rect(self, rect: QRect) -> QRect:
        """The room of a value in a row of *rect*."""
        left = rect.x() + EDGE + self._view.names + _GAP
        return QRect(left, rect.y(), rect.right() - left - EDGE, rect.height())

    def _shown(self, fact: Fact, rect: QRect) -> tuple[str, int, int]:
        """The value as it fits, its width, and the room after it for an icon or a link."""
        theme = current_theme()
        metrics = theme.fixed_metrics if fact.fixed else theme.metrics
        after = 0
        if fact.offer:
            after = _AFTER + theme.metrics.horizontalAdvance(fact.offer)
        elif fact.copies:
            after = _AFTER + _SMALL
        room = self.value_rect(rect).width() - after
        mode = Qt.TextElideMode.ElideRight if fact.fixed and not fact.copies else Qt.TextElideMode.ElideMiddle
        # Only what can be seen is measured: a value may be thousands of characters long.
        value = fact.value if len(fact.value) <= 600 else f"{fact.value[:400]}…{fact.value[-100:]}"
        shown = metrics.elidedText(value, mode, max(0, room))
        return shown, metrics.horizontalAdvance(shown), after

    def after_value(self, fact: Fact, rect: QRect) -> QRect:
        """Where the icon or the link after the value of *fact* is, in a row of *rect*."""
        _, width, after = self._shown(fact, rect)
        left = self.value_rect(rect).x() + width
        return QRect(left, rect.y(), after + 4, rect.height())

    def _paint_fact(
        self, painter: QPainter, rect: QRect, fact: Fact, section: Section, theme: Theme, *, current: bool
    ) -> None:
        quiet = theme.ink(Tone.QUIET)
        dim = quiet.selected if current else quiet.plain
        metrics = theme.fixed_metrics if section.fixed else theme.metrics
        painter.setFont(theme.fixed_font if section.fixed else theme.font)
        painter.setPen(theme.text if section.fixed else dim)
        names = QRect(rect.x() + EDGE, rect.y(), self._view.names, rect.height())
        name = metrics.elidedText(fact.name[:200], Qt.TextElideMode.ElideMiddle, names.width())
        painter.drawText(names, _LEFT, name)
        shown, width, _ = self._shown(fact, rect)
        room = self.value_rect(rect)
        painter.setFont(theme.fixed_font if fact.fixed else theme.font)
        painter.setPen(dim if fact.dim else theme.text)
        painter.drawText(room, _LEFT, shown)
        room.setLeft(room.x() + width + _AFTER)
        if fact.offer:
            ink = theme.ink(Tone.ACTIVE)
            painter.setFont(theme.font)
            painter.setPen(ink.selected if current else ink.plain)
            painter.drawText(room, _LEFT, fact.offer)
        elif fact.copies:
            drawn = icons.pixmap("duplicate", dim, self._view.devicePixelRatioF(), _SMALL)
            painter.drawPixmap(room.x(), rect.center().y() - _SMALL // 2 + 1, drawn)
