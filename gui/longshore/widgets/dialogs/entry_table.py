"""A small table for entries of a sheet: rows of text, with an empty last row that takes the next one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from longshore.widgets.dialogs.sheet import TABLE_ROW

#: The most rows that are visible without scrolling.
_VISIBLE = 2
#: The most rows, and characters of a cell.
MOST_ROWS = 200
_LONGEST = 32_768


class EntryTable(QTableWidget):
    """Rows that can be typed into. Del removes the current row. *examples*: shown dim while there is no other row.

    *ticks*: the last column is a check box with that title.
    """

    changed = Signal()

    def __init__(self, name: str, titles: Sequence[str], examples: Sequence[str], ticks: str = "") -> None:
        super().__init__(0, len(titles) + bool(ticks))
        self._texts = len(titles)
        self._ticks = bool(ticks)
        self.examples = tuple(examples)
        self.setAccessibleName(name)
        self.setHorizontalHeaderLabels([*titles, *([ticks] if ticks else [])])
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(TABLE_ROW)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.AnyKeyPressed
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.SelectedClicked
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        if ticks:
            header.setSectionResizeMode(self._texts, QHeaderView.ResizeMode.ResizeToContents)
        self.setItemDelegate(_Examples(self))
        self.itemChanged.connect(self._item_changed)
        self._append([])

    def add(self, *texts: str) -> None:
        """Add a row with *texts* before the empty one."""
        row = self.rowCount() - 1
        self.blockSignals(True)
        for column, text in enumerate(texts):
            self._item(row, column).setText(text)
        self.blockSignals(False)
        self._append([])

    def remove(self, names: Collection[str]) -> None:
        """Remove the rows whose first text is one of *names*."""
        gone = [row for row in range(self.rowCount() - 1) if self._item(row, 0).text().strip() in names]
        for row in reversed(gone):
            self.removeRow(row)
        if gone:
            self._fit()
            self.changed.emit()

    def clear_rows(self) -> None:
        """Remove all rows but the empty one."""
        self.setRowCount(0)
        self._append([])
        self.changed.emit()

    def rows(self) -> list[tuple[str, ...]]:
        """The texts of all rows that have any, from top to bottom."""
        found = [
            tuple(self._item(row, column).text().strip() for column in range(self._texts))
            for row in range(self.rowCount())
        ]
        return [texts for texts in found if any(texts)]

    def ticked(self) -> list[bool]:
        """Whether each of :meth:`rows` is ticked."""
        return [
            self._item(row, self._texts).checkState() is Qt.CheckState.Checked
            for row in range(self.rowCount())
            if any(self._item(row, column).text().strip() for column in range(self._texts))
        ]

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        found = self.item(row, column)
        assert found is not None
        return found

    def _append(self, texts: Sequence[str]) -> None:
        row = self.rowCount()
        self.blockSignals(True)
        self.insertRow(row)
        for column in range(self._texts):
            self.setItem(row, column, QTableWidgetItem(texts[column] if column < len(texts) else ""))
        if self._ticks:
            tick = QTableWidgetItem()
            tick.setFlags(
                Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            )
            tick.setCheckState(Qt.CheckState.Unchecked)
            self.setItem(row, self._texts, tick)
        self.blockSignals(False)
        self._fit()

    def _fit(self) -> None:
        rows = min(max(self.rowCount(), 1), _VISIBLE)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows * TABLE_ROW + 2)

    @Slot(QTableWidgetItem)
    def _item_changed(self, item: QTableWidgetItem) -> None:
        last = self.rowCount() - 1
        if item.row() == last and item.text().strip() and self.rowCount() < MOST_ROWS:
            self._append([])
        self.changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's hook: Del removes the current row."""
        row = self.currentRow()
        if event.key() == Qt.Key.Key_Delete and 0 <= row < self.rowCount() - 1:
            self.removeRow(row)
            self._fit()
            self.changed.emit()
            return
        super().keyPressEvent(event)


class _Examples(QStyledItemDelegate):
    """Paints examples in the empty row, and limits what is typed."""

    def __init__(self, table: EntryTable) -> None:
        super().__init__(table)
        self._table = table

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Qt's hook."""
        super().initStyleOption(option, index)
        table = self._table
        if table.rowCount() == 1 and index.column() < len(table.examples) and not table.rows():
            option.text = table.tr("e.g. {0}").format(table.examples[index.column()])
            palette = option.palette
            for role in (QPalette.ColorRole.Text, QPalette.ColorRole.HighlightedText):
                palette.setColor(role, palette.placeholderText().color())
            option.palette = palette

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        """Qt's hook."""
        from PySide6.QtWidgets import QLineEdit

        editor = QLineEdit(parent)
        editor.setMaxLength(_LONGEST)
        title = self._table.horizontalHeaderItem(index.column())
        editor.setAccessibleName(title.text() if title is not None else "")
        return editor
