"""A table of things with ticks, for sheets that remove what is ticked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidgetItem

from longshore.models.tooltips import tooltip
from longshore.widgets.dialogs.sheet import TABLE_ROW, sheet_table
from longshore.widgets.theme import current_theme

#: Rows that are listed at most; what is not listed cannot be ticked.
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class TickRow:
    """A row: its *key*, and the *cells* beside the tick. *dim*: it cannot be ticked."""

    key: str
    cells: tuple[str, ...]
    dim: bool = False
    hint: str = ""


class TickTable(QObject):
    """GUI thread; ``table`` is its widget. Space changes the tick of the current row, Ctrl+A ticks all.

    *titles*: of the columns; the first is the name, whose column takes the room that is left. *widths*: of the others,
    in pixels. *numbers*: columns that are right-aligned.
    """

    changed = Signal()  # another row is ticked

    def __init__(
        self,
        parent: QObject,
        name: str,
        titles: Sequence[str],
        widths: Sequence[int],
        *,
        numbers: Collection[int] = (),
        rows: int = 6,
    ) -> None:
        super().__init__(parent)
        self.table = sheet_table(name, titles, numbers=numbers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, width in enumerate(widths, 1):
            header.resizeSection(column, width)
        self.table.setFixedHeight(rows * TABLE_ROW + header.sizeHint().height() + 6)
        self.table.itemChanged.connect(self._item_changed)
        self.table.installEventFilter(self)
        self._numbers = frozenset(numbers)
        self._rows: list[TickRow] = []
        self._left_out: set[str] = set()

    @property
    def ticked(self) -> list[str]:
        """The keys of the ticked rows."""
        return [row.key for row in self._rows if not row.dim and row.key not in self._left_out]

    @property
    def rows(self) -> Sequence[TickRow]:
        """The rows."""
        return self._rows

    def show(self, rows: Sequence[TickRow]) -> None:
        """List *rows*, at most :data:`MOST_ROWS`. All are ticked but those that the user has left out before."""
        self._rows = list(rows[:MOST_ROWS])
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(self._rows))
            for number, row in enumerate(self._rows):
                for column in range(self.table.columnCount()):
                    self.table.setItem(number, column, QTableWidgetItem())
                self._fill(number, row)

    def update(self, rows: Sequence[TickRow]) -> None:
        """Show other cells of the same rows."""
        with QSignalBlocker(self.table):
            for number, row in enumerate(rows[: len(self._rows)]):
                if row != self._rows[number]:
                    self._rows[number] = row
                    self._fill(number, row)

    def _fill(self, number: int, row: TickRow) -> None:
        theme = current_theme()
        for column, shown in enumerate(row.cells):
            item = self.table.item(number, column)
            assert item is not None
            item.setText(shown)
            item.setForeground(theme.dim if row.dim else theme.text)
            item.setToolTip(tooltip(row.hint or shown) or "")
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            if column in self._numbers:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if column == 0 and not row.dim:
                flags |= Qt.ItemFlag.ItemIsUserCheckable
                out = row.key in self._left_out
                item.setCheckState(Qt.CheckState.Unchecked if out else Qt.CheckState.Checked)
            elif column == 0:
                item.setData(Qt.ItemDataRole.CheckStateRole, None)
            item.setFlags(flags)

    def tick(self, numbers: Collection[int], on: bool) -> None:
        """Tick the rows with these *numbers*, or remove their ticks."""
        keys = {self._rows[number].key for number in numbers if not self._rows[number].dim}
        self._left_out = self._left_out - keys if on else self._left_out | keys
        with QSignalBlocker(self.table):
            for number in numbers:
                self._fill(number, self._rows[number])
        self.changed.emit()

    @Slot(QTableWidgetItem)
    def _item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self.tick([item.row()], item.checkState() == Qt.CheckState.Checked)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's hook: Space on any cell of a row, and Ctrl+A."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            number = self.table.currentRow()
            if event.key() == Qt.Key.Key_Space and 0 <= number < len(self._rows):
                self.tick([number], self._rows[number].key in self._left_out)
                return True
            if event.key() == Qt.Key.Key_A and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                every = range(len(self._rows))
                self.tick(every, len(self.ticked) < sum(not row.dim for row in self._rows))
                return True
        return super().eventFilter(watched, event)
