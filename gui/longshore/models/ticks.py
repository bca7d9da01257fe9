"""Rows with ticks, for sheets that remove what is ticked. Subclasses know what the rows are."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from longshore.models.columns import Role
from longshore.models.tooltips import tooltip

_Item = Qt.ItemDataRole
_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()

#: The columns that every such model has: the tick, and the name.
TICK, NAME = 0, 1


class Name(NamedTuple):
    """A name in its parts: what one looks for, what follows, and what is said of it. *short*: shorter forms of the
    first part, the longest first."""

    strong: str
    plain: str = ""
    dim: str = ""
    short: tuple[str, ...] = ()


class Tickable(Protocol):
    """A row."""

    ticked: bool
    name: Name

    @property
    def key(self) -> Hashable:
        """What it is, whatever the rules."""


RowT = TypeVar("RowT", bound=Tickable)


class TickModel(QAbstractTableModel, Generic[RowT]):
    """GUI thread only. Subclasses set *titles* (those of the first two columns too), and implement the rest.

    What the user has unticked stays so while rules change the rows.
    """

    ticks_changed = Signal()
    #: Columns that are drawn dim.
    dim: frozenset[int] = frozenset()

    def __init__(self, titles: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._titles = list(titles)
        self._rows: list[RowT] = []
        self._left_out: set[Hashable] = set()
        self._sort: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def set_rows(self, rows: Iterable[RowT]) -> None:
        """Show *rows*; all are ticked but those that the user has unticked before."""
        self.beginResetModel()
        self._rows = list(rows)
        for row in self._rows:
            row.ticked = row.key not in self._left_out
        self._arrange()
        self.endResetModel()
        self.ticks_changed.emit()

    # -- for subclasses to implement

    def _text(self, row: RowT, column: int) -> str:
        """The text of a cell."""
        raise NotImplementedError

    def _whole(self, row: RowT, column: int) -> str:
        """The full text of a cell, for its tooltip."""
        return self._text(row, column)

    def _sort_key(self, row: RowT, column: int) -> Any:
        """What decides the order by *column*."""
        return self._text(row, column)

    def _default_order(self) -> None:
        """Bring the rows into the order that they have unless the user chooses one, in which equals stay."""

    # -- ticks

    @property
    def rows(self) -> Sequence[RowT]:
        """All rows, as they are shown."""
        return self._rows

    @property
    def tick_state(self) -> Qt.CheckState:
        """Whether all rows are ticked, none, or some."""
        count = sum(row.ticked for row in self._rows)
        if not count:
            return Qt.CheckState.Unchecked
        return Qt.CheckState.Checked if count == len(self._rows) else Qt.CheckState.PartiallyChecked

    def tick(self, numbers: Iterable[int], on: bool) -> None:
        """Tick the rows with these *numbers*, or remove their ticks."""
        for number in numbers:
            row = self._rows[number]
            row.ticked = on
            (self._left_out.discard if on else self._left_out.add)(row.key)
        self.cells_changed()
        self.ticks_changed.emit()

    def cells_changed(self, column: int | None = None) -> None:
        """Tell the view that cells of *column*, or all cells, show something else."""
        if self._rows:
            first, last = (0, self.columnCount() - 1) if column is None else (column, column)
            self.dataChanged.emit(self.index(0, first), self.index(len(self._rows) - 1, last))

    # -- Qt's hooks

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Item.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or role != _Item.DisplayRole:
            return None
        return self._titles[section]

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == TICK else flags

    def data(self, index: _Index, role: int = _Item.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row, column = self._rows[index.row()], index.column()
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return self._text(row, column)
        if role == _Item.CheckStateRole and column == TICK:
            return Qt.CheckState.Checked if row.ticked else Qt.CheckState.Unchecked
        if role == _Item.ToolTipRole:
            return tooltip(self._whole(row, column))
        if role == Role.DIM:
            return column in self.dim or not row.ticked
        if role == Role.COPY_TEXT:
            return row.name
        return None

    def setData(self, index: _Index, value: Any, role: int = _Item.EditRole) -> bool:
        if role != _Item.CheckStateRole or not index.isValid():
            return False
        self.tick([index.row()], Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sort = (column, order)
        self.layoutAboutToBeChanged.emit()
        before = list(self._rows)
        self._arrange()
        places = {id(row): number for number, row in enumerate(self._rows)}
        old = self.persistentIndexList()
        self.changePersistentIndexList(
            old, [self.index(places[id(before[index.row()])], index.column()) for index in old]
        )
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        column, order = self._sort
        self._default_order()
        if column == TICK:
            self._rows.sort(key=lambda row: row.ticked, reverse=order == Qt.SortOrder.DescendingOrder)
        elif column >= 0:
            self._rows.sort(
                key=lambda row: self._sort_key(row, column), reverse=order == Qt.SortOrder.DescendingOrder
            )
