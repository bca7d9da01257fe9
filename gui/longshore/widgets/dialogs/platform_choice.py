"""The platforms of an image to choose one from: with their sizes and what a pull would fetch. GUI thread only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
)

from longshore.models.columns import Tone
from longshore.widgets.dialogs.sheet import TABLE_ROW
from longshore.widgets.theme import current_theme
from longshore.words import text
from longshore.words.inspection import platform_text

if TYPE_CHECKING:
    from longshore.application.inspection.pulling import PullChoices
    from longshore.oci.platform import Platform

#: The most rows that are visible without scrolling.
_VISIBLE = 6
#: Role of a row's remark, drawn dim after its name, and the width of the radio button with its space, in pixels.
_REMARK = Qt.ItemDataRole.UserRole + 1
_RADIO = 40
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Choice:
    """One row. *platform*: None with *whole* for all of them, unchanged, else for the place's own."""

    platform: Platform | None
    whole: bool = False


class _Delegate(QStyledItemDelegate):
    """Paints the first column: a radio button, the platform, and a dim remark."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Qt's hook."""
        if index.column():
            super().paint(painter, option, index)
            return
        view, theme = self.parent(), current_theme()
        assert isinstance(view, QTableWidget)
        chosen = view.selectionModel().isRowSelected(index.row(), QModelIndex())
        rect = option.rect
        painter.fillRect(rect, theme.selection if chosen else theme.pane)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        circle = QRectF(rect.x() + 14.5, rect.center().y() - 7, 15, 15)
        painter.setPen(theme.fill if chosen else theme.strong_line)
        painter.setBrush(theme.fill if chosen else theme.pane)
        painter.drawEllipse(circle)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.on_fill)
            painter.drawEllipse(circle.center(), 3, 3)
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
        shown = str(index.data() or "")
        room = rect.adjusted(_RADIO, 0, -6, 0)
        plain, quiet = theme.ink(Tone.NONE), theme.ink(Tone.QUIET)
        painter.setFont(theme.font)
        painter.setPen(plain.selected if chosen else plain.plain)
        painter.drawText(room, flags, shown)
        remark = str(index.data(_REMARK) or "")
        if remark:
            room.setLeft(room.left() + theme.metrics.horizontalAdvance(shown + "  "))
            painter.setPen(quiet.selected if chosen else quiet.plain)
            painter.drawText(
                room, flags, theme.metrics.elidedText(remark, Qt.TextElideMode.ElideRight, room.width())
            )


class PlatformTable(QTableWidget):
    """One row is chosen, with the mouse or the arrow keys. :attr:`chosen` reports another :class:`Choice`."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__(0, 3)
        self._choices: list[Choice] = []
        self.setAccessibleName(self.tr("Platforms"))
        self.setHorizontalHeaderLabels([self.tr("Platform"), self.tr("Compressed"), self.tr("To fetch")])
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(TABLE_ROW)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column in range(3):
            item = self.horizontalHeaderItem(column)
            assert item is not None
            item.setTextAlignment(right if column else left)
        self.setItemDelegate(_Delegate(self))
        self.currentCellChanged.connect(self._changed)

    def show_choices(self, found: PullChoices, own: str, *, whole: bool, chosen: Choice) -> None:
        """Show what *found* has. *own*: the words for the place's own platform; *whole*: all platforms can be pulled.

        *chosen*: the row that stays chosen; the place's own if there is no such row.
        """
        rows: list[tuple[Choice, str, str, int | None, str]] = []
        for one in found.choices:
            shown = platform_text(one.platform)
            fetch = "" if one.to_fetch is None else text.size(one.to_fetch)
            remark = own if one.own and found.is_index else ""
            rows.append((Choice(None if one.own else one.platform), shown, remark, one.size, fetch))
        if whole and found.is_index:
            rows.append((Choice(None, whole=True), self.tr("All platforms, unchanged"), "", found.whole, ""))
        self._choices = [row[0] for row in rows]
        self.blockSignals(True)
        self.setRowCount(len(rows))
        for place, (_, shown, remark, size, fetch) in enumerate(rows):
            first = QTableWidgetItem(shown)
            first.setData(_REMARK, remark)
            first.setData(Qt.ItemDataRole.AccessibleTextRole, f"{shown}, {remark}" if remark else shown)
            self.setItem(place, 0, first)
            for column, words in ((1, "" if size is None else text.size(size)), (2, fetch)):
                cell = QTableWidgetItem(words)
                cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(place, column, cell)
        self.blockSignals(False)
        self.setFixedHeight(
            self.horizontalHeader().sizeHint().height() + TABLE_ROW * min(len(rows), _VISIBLE) + 5
        )
        self.choose(chosen)

    def choose(self, choice: Choice) -> None:
        """Choose the row of *choice*, or the first one that is the place's own."""
        wanted = choice if choice in self._choices else Choice(None)
        place = self._choices.index(wanted) if wanted in self._choices else 0
        self.selectRow(place)

    @property
    def choice(self) -> Choice | None:
        """The chosen row, None while there is none."""
        return self._choices[self.currentRow()] if 0 <= self.currentRow() < len(self._choices) else None

    def _changed(self, row: int, *_: int) -> None:
        if 0 <= row < len(self._choices):
            self.chosen.emit(self._choices[row])
