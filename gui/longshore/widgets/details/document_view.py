"""Shows the lines of a document with numbers and colours. However long it is, only visible lines are painted."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from longshore.models.columns import Tone
from longshore.models.document_lines import DocumentLines, Part
from longshore.widgets.columns import EDGE
from longshore.widgets.details import copy_key
from longshore.widgets.theme import current_theme

#: Height of a line, and the space after its number, in pixels.
_LINE, _AFTER_NUMBER = 20, 12
#: Lines that are searched before other events get their turn.
_SLICE = 1_500
#: Least characters of a text whose middle is cut.
_LEAST = 9
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)


class DocumentView(QTableView):
    """The lines. Ctrl+C copies the selected ones as they are shown.

    A table, because a list view looks at every line whenever they change.
    """

    copied = Signal(str)
    searched = Signal(bool)  # whether the words were found

    def __init__(self, name: str) -> None:
        super().__init__()
        self.lines = DocumentLines(self)
        self.setModel(self.lines)
        self.setAccessibleName(name)
        self.setFrameShape(self.Shape.NoFrame)
        self.setItemDelegate(_LineDelegate(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.horizontalHeader().hide()
        self.horizontalHeader().setStretchLastSection(True)
        self.verticalHeader().hide()
        height = max(_LINE, current_theme().fixed_metrics.height() + 4)
        self.verticalHeader().setMinimumSectionSize(height)
        self.verticalHeader().setDefaultSectionSize(height)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(40)
        self._words = ""
        self._at = self._step = self._left = 0
        self._search = QTimer(self)
        self._search.setInterval(0)
        self._search.timeout.connect(self._look)

    # -- searching

    def seek(self, words: str, *, back: bool = False, stay: bool = False) -> None:
        """Go to the next line with *words*, or the one before; around the end. *stay*: the current line counts.

        :attr:`searched` reports the result, at once or after some turns of the loop.
        """
        self._search.stop()
        self._words = words.casefold()
        count = self.lines.rowCount()
        if not words or not count:
            return
        self._step = -1 if back else 1
        current = self.currentIndex().row() if self.currentIndex().isValid() else -1 if not back else count
        self._at = max(0, current) if stay else current + self._step
        self._left = count
        self._look()

    @Slot()
    def _look(self) -> None:
        count = self.lines.rowCount()
        for _ in range(min(_SLICE, self._left)):
            row = self._at % count
            if self._words in self.lines.line(row).casefold():
                self._search.stop()
                self.setCurrentIndex(self.lines.index(row, 0))
                self.scrollTo(self.currentIndex(), QAbstractItemView.ScrollHint.EnsureVisible)
                self.searched.emit(True)
                return
            self._at += self._step
            self._left -= 1
        if self._left > 0:
            self._search.start()
        else:
            self._search.stop()
            self.searched.emit(False)

    # -- copying

    def selected_text(self) -> str:
        """The selected lines as they are shown; "" if at most one is selected."""
        parts = self.selectionModel().selection()
        spans = sorted((parts.at(i).top(), parts.at(i).bottom() + 1) for i in range(parts.count()))
        if sum(end - start for start, end in spans) < 2:
            return ""
        return "\n".join(self.lines.text_of(start, end) for start, end in spans)

    def set_masks(self, masks: bool) -> None:
        """Mask values that look secret, or show them."""
        self.lines.masks = masks
        self.viewport().update()

    def event(self, event: QEvent) -> bool:
        """Qt's hook."""
        return copy_key.claimed(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook."""
        if event.matches(QKeySequence.StandardKey.Copy):
            current = self.currentIndex()
            words = self.selected_text() or (
                self.lines.line(current.row()).strip() if current.isValid() else ""
            )
            if words:
                self.copied.emit(words)
            return
        super().keyPressEvent(event)


class _LineDelegate(QStyledItemDelegate):
    def __init__(self, view: DocumentView) -> None:
        super().__init__(view)
        self._view = view

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's hook."""
        theme, rect, view = current_theme(), option.rect, self._view
        lines, row = view.lines, index.row()
        if row >= lines.rowCount():
            return
        selected = view.selectionModel().isSelected(index)
        if selected:
            painter.fillRect(rect, theme.selection)
        painter.setFont(theme.fixed_font)
        letter = max(1, theme.fixed_metrics.horizontalAdvance("0"))
        digits = len(str(lines.rowCount()))
        width = max(3, digits) * letter
        quiet = theme.ink(Tone.QUIET)
        painter.setPen(quiet.selected if selected else quiet.plain)
        painter.drawText(QRect(rect.x() + EDGE, rect.y(), width, rect.height()), _RIGHT, str(row + 1))
        left = rect.x() + EDGE + width + _AFTER_NUMBER
        room = (rect.right() - EDGE - left) // letter
        for part in fitted(lines.parts(row), room):
            ink = theme.ink(part.tone)
            painter.setPen(ink.selected if selected else ink.plain)
            advance = theme.fixed_metrics.horizontalAdvance(part.text)
            painter.drawText(QRect(left, rect.y(), advance + letter, rect.height()), _LEFT, part.text)
            left += advance


def fitted(parts: list[Part], room: int) -> list[Part]:
    """Return *parts* in at most *room* characters: texts lose their middle, then the end is cut. Pure."""
    over = sum(len(part.text) for part in parts) - room
    out = []
    for part in parts:
        if over > 0 and part.elastic and len(part.text) > _LEAST:
            keep = max(_LEAST, len(part.text) - over - 1)
            if keep < len(part.text) - 1:
                front = (keep + 1) // 2
                cut = f"{part.text[:front]}…{part.text[len(part.text) - (keep - front) :]}"
                over -= len(part.text) - len(cut)
                part = part._replace(text=cut)
        out.append(part)
    left = max(0, room)
    for number, part in enumerate(out):
        if len(part.text) > left:
            return [*out[:number], part._replace(text=f"{part.text[: max(0, left - 1)]}…")]
        left -= len(part.text)
    return out
