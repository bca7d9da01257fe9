"""The base of the flat tables: a filtered and sorted list, and its updates under a view."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from longshore import courtesy
from longshore.models import ordering
from longshore.models.columns import Dress, Role, Tone
from longshore.models.sieve import Sieve
from longshore.models.tooltips import tooltip
from longshore.models.transition import changed_rows, never_raises, settle

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
# Combined once: an operator of Python's flags takes longer than all else that a cell needs.
_FLAGS = (
    Qt.ItemFlag.ItemIsEnabled
    | Qt.ItemFlag.ItemIsSelectable
    | Qt.ItemFlag.ItemIsDragEnabled
    | Qt.ItemFlag.ItemNeverHasChildren
)
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class RowChoice(NamedTuple):
    """A filter beside the words: ``unused``, ``linux/arm64``. Chosen ones narrow, but those of one kind widen.

    *key*: its kind, or ``kind:value``. *words*: its name in the menu and in sentences. *why_not*: why it cannot be
    chosen now, a sentence.
    """

    key: str
    words: str
    why_not: str = ""

    @property
    def title(self) -> str:
        """Its name as a menu entry: a platform stays as it is."""
        return self.words if "/" in self.words else self.words[:1].upper() + self.words[1:]


class TableRow:
    """One row, the same object as long as it stays. *haystack*: the case-folded text that the filter searches."""

    __slots__ = ("haystack",)

    def __init__(self, haystack: str) -> None:
        self.haystack = haystack


_Row = TypeVar("_Row", bound=TableRow)


class RowTable(QAbstractTableModel, Generic[_Row]):
    """Base of the flat models. GUI thread only.

    Subclasses keep ``_all`` (every row, in base order) and call :meth:`_arrange` when it changed; they answer
    :meth:`_value`, :meth:`_sort_key` and :meth:`_header`. Sort column -1 is the default order.
    """

    choices_changed = Signal()  # :attr:`chosen`

    _columns: type[enum.IntEnum]
    _numbers: frozenset[int] = frozenset()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._width = len(self._columns)  # an enum counts its members anew each time
        self._all: list[_Row] = []
        self._ordered: list[_Row] = []
        self._rows: list[_Row] = []
        self._sieve = Sieve()
        self._filter = ""
        self._chosen: dict[str, list[str]] = {}  # keys of the chosen filters, by kind
        self._sort_column = -1
        self._sort_order = Qt.SortOrder.AscendingOrder

    # -- for subclasses

    def _value(self, row: _Row, column: int, role: int) -> Any:
        """Return the value of ``data()``; called with a valid row and column."""
        raise NotImplementedError

    def _dress(self, row: _Row, column: int) -> Dress:
        """Return all that is painted in a cell."""
        ask = self._value
        return Dress(
            str(ask(row, column, Qt.ItemDataRole.DisplayRole) or ""),
            ask(row, column, Role.TONE) or Tone.NONE,
            bool(ask(row, column, Role.STRONG)),
            bool(ask(row, column, Role.DIM)),
            bool(ask(row, column, Role.FIXED_WIDTH)),
        )

    def _header(self, column: int, role: int) -> Any:
        raise NotImplementedError

    def _sort_key(self, row: _Row, column: int) -> Any:
        """Return the sort key of *row* in *column*; None sorts last."""
        raise NotImplementedError

    def _sort_keys(self, rows: Sequence[_Row], column: int) -> list[Any]:
        """Return the sort keys of *rows*. Overridden where a call per row takes too long for ten thousand."""
        return [self._sort_key(row, column) for row in rows]

    def _default_order(self, rows: list[_Row]) -> list[_Row]:
        """Return *rows* (given in base order) in the default order."""
        return rows

    def _sieve_for(self, words: str) -> Sieve:
        """Return the sieve for the filter *words*."""
        return Sieve(ordering.words(words))

    def _offered(self, rows: list[_Row]) -> list[_Row]:
        """Return those of *rows* that are shown if no filter is set. All at once: there may be ten thousand."""
        return rows

    def _arrange(self) -> None:
        """Sort and filter again and report moved rows to the views. Called when rows or their content changed."""
        courtesy.hold()
        if self._sort_column < 0:
            self._ordered = self._default_order(self._all)
        else:
            self._ordered = ordering.ordered_by(
                self._all,
                self._sort_keys(self._all, self._sort_column),
                descending=self._sort_order == Qt.SortOrder.DescendingOrder,
            )
        self._sift()

    def _sift(self) -> None:
        """Filter again; the order stays."""
        rows = self._offered(self._ordered)
        if self._chosen:
            rows = [row for row in rows if self._passes(row)]
        settle(self, _NO_PARENT, self._rows, self._sieve.passing(rows))
        self._sifted()

    def _sifted(self) -> None:
        """React to rows that may have been added, removed or moved."""

    def _tell_changed(self, rows: set[_Row], first: int = 0, last: int | None = None) -> None:
        places = [place for place, row in enumerate(self._rows) if row in rows]
        changed_rows(self, _NO_PARENT, places, first, self._width - 1 if last is None else last)

    # -- filter

    def set_filter(self, words: str) -> None:
        """Show only rows that contain all *words*, in any letter case, or that a pasted reference names."""
        if words == self._filter:
            return
        self._filter = words
        self._sieve = self._sieve_for(words)
        self._sift()

    @property
    def filter(self) -> str:
        """The current filter."""
        return self._filter

    @property
    def total(self) -> int:
        """The number of rows, including filtered ones."""
        return len(self._all)

    def choices(self) -> list[RowChoice]:
        """Return the filters that can be chosen beside the words."""
        return []

    def prepare_choices(self) -> None:
        """Request what is needed to offer filters, because they are about to be shown."""

    def _has(self, row: _Row, key: str) -> bool:
        """Return True if the filter *key* lets *row* pass."""
        raise NotImplementedError

    def _passes(self, row: _Row) -> bool:
        return all(any(self._has(row, key) for key in keys) for keys in self._chosen.values())

    def set_chosen(self, keys: Iterable[str]) -> None:
        """Show only rows that pass the filters *keys*: one of each kind."""
        chosen: dict[str, list[str]] = {}
        for key in sorted(keys):
            chosen.setdefault(key.partition(":")[0], []).append(key)
        if chosen != self._chosen:
            self._chosen = chosen
            self._sift()
            self.choices_changed.emit()

    @property
    def chosen(self) -> list[str]:
        """The keys of the chosen filters."""
        return [key for keys in self._chosen.values() for key in keys]

    @property
    def chosen_words(self) -> str:
        """The names of the chosen filters, ``unused, linux/arm64``."""
        known = {choice.key: choice.words for choice in self.choices()}
        return ", ".join(known.get(key, key) for key in self.chosen)

    def row_at(self, place: int) -> _Row | None:
        """Return the row shown at *place*, None if there is none."""
        return self._rows[place] if 0 <= place < len(self._rows) else None

    # -- QAbstractItemModel

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else self._width

    @never_raises()
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.model() is not self:
            return None
        row, column = self.row_at(index.row()), index.column()
        if row is None or not 0 <= column < self._width:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(column)
        return self._value(row, column, role)

    def dress(self, index: Index) -> Dress:
        """Return all that is painted in a text cell: a view reads hundreds for each paint."""
        row, column = self.row_at(index.row()), index.column()
        return Dress() if row is None or not 0 <= column < self._width else self._dress(row, column)

    def texts(self, column: int, rows: range) -> Iterator[str]:
        """Return the texts of *column* in *rows*, one by one."""
        for row in self._rows[rows.start : rows.stop]:
            yield self._dress(row, column).text

    @never_raises()
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < self._width:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(section)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            role = Qt.ItemDataRole.DisplayRole
        value = self._header(section, role)
        return tooltip(value) if role == Qt.ItemDataRole.ToolTipRole and value else value

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        return _RIGHT if column in self._numbers else _LEFT

    def flags(self, index: Index) -> Qt.ItemFlag:
        return _FLAGS if index.isValid() else Qt.ItemFlag.NoItemFlags

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by *column*; -1 is the default order. Equal rows keep the base order; unknown values come last."""
        if column >= self._width:
            return
        self._sort_column, self._sort_order = column, order
        self._arrange()

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    # -- for drags

    def _rows_of(self, indexes: Iterable[Index]) -> list[_Row]:
        """Return the rows of *indexes*, each once, from top to bottom."""
        places = sorted({index.row() for index in indexes if index.isValid()})
        return [row for place in places if (row := self.row_at(place)) is not None]
