"""Transfers as a tree: one row each, with a row per layer below it. Handles thousands of changes a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from longshore.models import mime, ordering, transfer_text
from longshore.models import transfer_cells as cells
from longshore.models.columns import Dress, TransferColumn
from longshore.models.transfer_rows import ChildRow, TransferRow
from longshore.models.transition import changed_rows, never_raises, settle
from longshore.transfers.transfer import State, TransferSnapshot
from longshore.words import transfers as words

if TYPE_CHECKING:
    from longshore.transfers.queue.mailbox import Changes

Index = QModelIndex | QPersistentModelIndex
_Item = Qt.ItemDataRole
_ROOT = QModelIndex()
_LAST = len(TransferColumn) - 1
_FIXED = frozenset({TransferColumn.OPERATION, TransferColumn.SOURCE, TransferColumn.DESTINATION})
# Created once: views read these for every cell that they paint.
_ROW_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
_DRAGGED_FLAGS = _ROW_FLAGS | Qt.ItemFlag.ItemIsDragEnabled
_CHILD_FLAGS = _ROW_FLAGS | Qt.ItemFlag.ItemNeverHasChildren
#: Columns that change all the time while a transfer runs.
_LIVELY = (TransferColumn.PROGRESS, TransferColumn.TIME_LEFT)
#: Columns of a layer that change.
_OF_LAYER = (TransferColumn.STATUS, TransferColumn.TRANSFERRED)
#: Milliseconds between two sorts by a value that changes all the time, so that rows do not jump.
_RESORT = 1000


class TransferModel(QAbstractItemModel):
    """The rows of the transfer queue. GUI thread only.

    A transfer's index has the internal id 0, a child's index the serial number of its transfer. The default order
    (column -1) is the queue's. Queued rows can be dragged to another position.
    """

    #: list[str], str | None: the ids of dropped rows, and of the row to insert before (None: the end). Connect queued.
    rows_dropped = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transfers: dict[str, TransferRow] = {}
        self._order: list[str] = []
        self._rows: list[TransferRow] = []
        self._by_serial: dict[int, TransferRow] = {}
        self._serial = 0
        self._needles: tuple[str, ...] = ()
        self._filter = ""
        self._sort_column = -1
        self._descending = False
        self._resort = QTimer(self)
        self._resort.setSingleShot(True)
        self._resort.setInterval(_RESORT)
        self._resort.timeout.connect(self._arrange)
        self._in_sight: Callable[[], Mapping[str, tuple[int, int]]] | None = None

    def watch_layers(self, in_sight: Callable[[], Mapping[str, tuple[int, int]]]) -> None:
        """Report changes of layers only for visible rows from now on.

        *in_sight* returns, by transfer, the first and the last visible row below it. Thousands of layers change at
        once, and reporting a row to a view costs as much as painting it. Hidden rows are read when they become visible:
        call :meth:`unfold` before.
        """
        self._in_sight = in_sight

    def unfold(self, index: QModelIndex) -> None:
        """Update the rows below *index*, which are about to become visible."""
        found = self._find(index)
        if found is not None and found[1] is None and found[0].layers is not found[0].snapshot.layers:
            self._settle_children(found[0], (0, len(found[0].children)))

    # -- changes

    def apply(self, changes: Changes) -> None:
        """Show what changed in the queue since the last call, with a few signals however many changes there are."""
        moved = changes.order is not None
        for name in changes.removed:
            moved = self._transfers.pop(name, None) is not None or moved
        changed: list[TransferRow] = []
        lively = True
        in_sight = self._in_sight() if self._in_sight is not None and changes.snapshots else None
        for snapshot in changes.snapshots:
            row = self._transfers.get(snapshot.id)
            if row is None:
                self._serial += 1
                row = self._transfers[snapshot.id] = TransferRow(snapshot, self._serial)
                row.advice = words.row_lines(snapshot)
                row.children = row.target()[0]
                self._by_serial[row.serial] = row
                self._order.append(snapshot.id)
                moved = True
            elif row.snapshot is not snapshot:
                before, row.snapshot = row.snapshot, snapshot
                changed.append(row)
                same = before.state is snapshot.state and before.error is snapshot.error
                lively = lively and same
                self._update_children(row, before, in_sight, same)
        if changes.order is not None:
            listed = set(changes.order)
            self._order = [*changes.order, *(name for name in self._order if name not in listed)]
        if moved:
            self._order = [name for name in dict.fromkeys(self._order) if name in self._transfers]
            self._arrange()
            alive = {row.serial for row in self._transfers.values()}
            self._by_serial = {serial: row for serial, row in self._by_serial.items() if serial in alive}
        if changed:
            serials = {row.serial for row in changed}
            places = [place for place, row in enumerate(self._rows) if row.serial in serials]
            changed_rows(self, _ROOT, places, *(_LIVELY if lively else (0, _LAST)))
            if self._sort_column >= 0 and self._sort_column not in _FIXED and not self._resort.isActive():
                self._resort.start()

    def _update_children(
        self,
        row: TransferRow,
        before: TransferSnapshot,
        in_sight: Mapping[str, tuple[int, int]] | None,
        same: bool,
    ) -> None:
        snapshot = row.snapshot
        if same and snapshot.notes is before.notes:
            if snapshot.layers is row.layers:
                return
            if in_sight is not None and snapshot.id not in in_sight and row.children:
                return  # until it is expanded or its state changes
        advice = words.row_lines(snapshot)
        if snapshot.layers is row.layers and advice == row.advice:
            return
        seen = (0, max(len(row.children), len(snapshot.layers) + len(advice)))
        if in_sight is not None:
            seen = in_sight.get(snapshot.id, (0, -1))
        if advice == row.advice and (places := row.take_over()) is not None:
            self._tell_children(row, places, seen)
            return
        row.advice = advice
        self._settle_children(row, seen)

    def _settle_children(self, row: TransferRow, seen: tuple[int, int]) -> None:
        target, changed = row.target()
        place = self._place(row)
        if place is None:
            row.children = target
            return
        settle(self, self.createIndex(place, 0, 0), row.children, target)
        self._tell_children(row, [number for number, child in enumerate(target) if child in changed], seen)

    def _tell_children(self, row: TransferRow, places: list[int], seen: tuple[int, int]) -> None:
        """Emit one signal for all changed visible rows: views repaint them together."""
        places = [place for place in places if seen[0] <= place <= seen[1]]
        place = self._place(row) if places else None
        if place is not None:
            parent = self.createIndex(place, 0, 0)
            lines = places[0] < len(row.advice)
            first, last = (0, _LAST) if lines else _OF_LAYER
            self.dataChanged.emit(self.index(places[0], first, parent), self.index(places[-1], last, parent))

    def _place(self, row: TransferRow) -> int | None:
        return next((place for place, shown in enumerate(self._rows) if shown is row), None)

    # -- queries

    def snapshot(self, transfer: str) -> TransferSnapshot | None:
        """Return the latest snapshot of the transfer with this id."""
        row = self._transfers.get(transfer)
        return row.snapshot if row is not None else None

    def snapshots(self) -> list[TransferSnapshot]:
        """Return the snapshots of all transfers shown, in row order."""
        return [row.snapshot for row in self._rows]

    def index_of(self, transfer: str) -> QModelIndex:
        """Return the index of the transfer with this id; invalid if it is not shown."""
        row = self._transfers.get(transfer)
        place = self._place(row) if row is not None else None
        return QModelIndex() if place is None else self.createIndex(place, 0, 0)

    def states(self) -> dict[State, int]:
        """Return the number of transfers in each state, including filtered ones."""
        counts: dict[State, int] = {}
        for row in self._transfers.values():
            counts[row.snapshot.state] = counts.get(row.snapshot.state, 0) + 1
        return counts

    # -- filter and order

    def set_filter(self, text_of_filter: str) -> None:
        """Show only transfers whose operation, ends and images contain all words, in any letter case."""
        if text_of_filter != self._filter:
            self._filter, self._needles = text_of_filter, ordering.words(text_of_filter)
            self._arrange()

    @property
    def filter(self) -> str:
        """The current filter."""
        return self._filter

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by *column*; -1 is the queue's order."""
        if column <= _LAST:
            self._sort_column, self._descending = column, order == Qt.SortOrder.DescendingOrder
            self._arrange()

    def _arrange(self) -> None:
        rows = [self._transfers[name] for name in self._order]
        rows = [row for row in rows if ordering.matches(row.haystack, self._needles)]
        if self._sort_column >= 0:
            rows = ordering.ordered(
                rows, lambda row: cells.sort_key(row.snapshot, self._sort_column), descending=self._descending
            )
        settle(self, _ROOT, self._rows, rows)

    # -- QAbstractItemModel

    def _find(self, index: Index) -> tuple[TransferRow, ChildRow | None] | None:
        """Return the rows of *index*; None if it is stale or from another model."""
        if not index.isValid() or index.model() is not self or not 0 <= index.column() <= _LAST:
            return None
        row, serial = index.row(), index.internalId()
        if serial == 0:
            return (self._rows[row], None) if 0 <= row < len(self._rows) else None
        transfer = self._by_serial.get(serial)
        if transfer is None or not 0 <= row < len(transfer.children):
            return None
        return transfer, transfer.children[row]

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:
        if row < 0 or not 0 <= column <= _LAST:
            return QModelIndex()
        if not parent.isValid():
            return self.createIndex(row, column, 0) if row < len(self._rows) else QModelIndex()
        found = self._find(parent)
        if found is None or found[1] is not None or parent.column() != 0 or row >= len(found[0].children):
            return QModelIndex()
        return self.createIndex(row, column, found[0].serial)

    def parent(self, index: Index = _ROOT) -> QModelIndex:  # type: ignore[override]
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        transfer = self._by_serial.get(index.internalId())
        place = self._place(transfer) if transfer is not None else None
        return QModelIndex() if place is None else self.createIndex(place, 0, 0)

    def rowCount(self, parent: Index = _ROOT) -> int:
        if not parent.isValid():
            return len(self._rows)
        found = self._find(parent)
        return (
            len(found[0].children) if found is not None and found[1] is None and parent.column() == 0 else 0
        )

    def columnCount(self, parent: Index = _ROOT) -> int:
        return len(TransferColumn)

    def hasChildren(self, parent: Index = _ROOT) -> bool:
        return self.rowCount(parent) > 0

    def flags(self, index: Index) -> Qt.ItemFlag:
        found = self._find(index)
        if found is None:
            return Qt.ItemFlag.NoItemFlags
        if found[1] is not None:
            return _CHILD_FLAGS
        snapshot = found[0].snapshot
        return (
            _DRAGGED_FLAGS
            if snapshot.state is State.QUEUED or transfer_text.saved_file(snapshot)
            else _ROW_FLAGS
        )

    # -- drag and drop: queued rows within the queue, saved archives to other programs

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction | Qt.DropAction.CopyAction

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [mime.TRANSFERS]

    def mimeData(self, indexes: Iterable[Index]) -> QMimeData:
        found = [row for index in indexes if (row := self._find(index)) is not None]
        files = [
            file for row, child in found if child is None and (file := transfer_text.saved_file(row.snapshot))
        ]
        if files:
            return mime.encode_files(files)
        places = {row.snapshot.id: None for row, child in found if child is None}
        return mime.encode_transfers(places)

    def _dropped(self, data: QMimeData | None) -> list[str]:
        """Return the rows that *data* names and that are still queued here."""
        known = (self._transfers.get(name) for name in mime.decode_transfers(data))
        return [row.snapshot.id for row in known if row is not None and row.snapshot.state is State.QUEUED]

    @never_raises(False)
    def canDropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        return not parent.isValid() and bool(self._dropped(data))

    @never_raises(False)
    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        dropped = self._dropped(data)
        if parent.isValid() or not dropped:
            return False
        before = self._rows[row].snapshot.id if 0 <= row < len(self._rows) else None
        self.rows_dropped.emit(dropped, before)
        return True

    @never_raises()
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Item.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section <= _LAST:
            return None
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return cells.header(section)
        return cells.alignment(section) if role == _Item.TextAlignmentRole else None

    @never_raises()
    def data(self, index: Index, role: int = _Item.DisplayRole) -> Any:
        found = self._find(index)
        return None if found is None else cells.value(*found, index.column(), role)

    @never_raises(Dress())
    def dress(self, index: Index) -> Dress:
        """Return all that is painted in a text cell: views read it twenty times a second."""
        found = self._find(index)
        return Dress() if found is None else cells.dress(*found, index.column())
