"""The history of transfers: newest first, as many pages of the journal as were requested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, Qt, Signal

from longshore.language import tr
from longshore.models import transfer_text
from longshore.models.columns import HistoryColumn, NodeKind, Role, Tone, TransferColumn
from longshore.models.row_table import Index, RowTable, TableRow
from longshore.models.tooltips import tooltip
from longshore.transfers.transfer import State, TransferSnapshot
from longshore.words import times
from longshore.words import transfers as words

_Item = Qt.ItemDataRole
#: Columns with the same text as those of Transfers.
_SAME = {
    HistoryColumn.OPERATION: TransferColumn.OPERATION,
    HistoryColumn.SOURCE: TransferColumn.SOURCE,
    HistoryColumn.DESTINATION: TransferColumn.DESTINATION,
    HistoryColumn.STATUS: TransferColumn.STATUS,
    HistoryColumn.TRANSFERRED: TransferColumn.TRANSFERRED,
}


class HistoryRow(TableRow):
    """A finished transfer."""

    __slots__ = ("snapshot",)

    def __init__(self, snapshot: TransferSnapshot) -> None:
        super().__init__("")
        self.snapshot = snapshot


class HistoryModel(RowTable[HistoryRow]):
    """Rows read from the journal, in its order. GUI thread only.

    The journal filters, because it holds more rows than are read. :attr:`more_requested` requests the next page.
    """

    more_requested = Signal()

    _columns = HistoryColumn
    _numbers = frozenset({HistoryColumn.TOOK})

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        #: Number of rows in the journal that match the filter.
        self.found = 0
        self._asked = False

    def show_rows(self, snapshots: Sequence[TransferSnapshot], found: int) -> None:
        """Show these of *found* matching rows. Rows that stay keep their selection."""
        before = {row.snapshot.id: row for row in self._all}
        changed: set[HistoryRow] = set()
        rows: dict[str, HistoryRow] = {}
        for snapshot in snapshots:
            row = before.get(snapshot.id) or HistoryRow(snapshot)
            if row.snapshot != snapshot:
                row.snapshot = snapshot
                changed.add(row)
            rows[snapshot.id] = row
        self._end_fetch(list(rows.values()), found)
        if changed:
            self._tell_changed(changed)

    def append_rows(self, snapshots: Sequence[TransferSnapshot], found: int) -> None:
        """Append these of *found* matching rows."""
        known = {row.snapshot.id for row in self._all}
        new = [HistoryRow(snapshot) for snapshot in snapshots if snapshot.id not in known]
        # An empty page ends the list, whatever the count was.
        self._end_fetch(self._all + new, found if new else len(self._all))

    def _end_fetch(self, rows: list[HistoryRow], found: int) -> None:
        self._asked = False
        self._all, self.found = rows, max(found, len(rows))
        self._arrange()

    @property
    def last(self) -> TransferSnapshot | None:
        """The oldest row."""
        return self._all[-1].snapshot if self._all else None

    # -- paging

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and not self._asked and 0 < len(self._all) < self.found

    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent):
            self._asked = True
            self.more_requested.emit()

    # -- content

    def snapshot_at(self, index: QModelIndex) -> TransferSnapshot | None:
        """Return the snapshot in the row of *index*."""
        row = self.row_at(index.row())
        return row.snapshot if row is not None else None

    def _header(self, column: int, role: int) -> Any:
        if role != _Item.DisplayRole:
            return None
        return {
            HistoryColumn.OPERATION: tr("Operation"),
            HistoryColumn.SOURCE: tr("Source"),
            HistoryColumn.DESTINATION: tr("Destination"),
            HistoryColumn.STATUS: tr("Status"),
            HistoryColumn.TRANSFERRED: tr("Transferred"),
            HistoryColumn.FINISHED: tr("Finished"),
            HistoryColumn.TOOK: tr("Duration"),
        }[HistoryColumn(column)]

    def _sort_key(self, row: HistoryRow, column: int) -> Any:
        return None  # the journal's order, because rows that are not read yet cannot be sorted in

    def _value(self, row: HistoryRow, column: int, role: int) -> Any:
        snapshot = row.snapshot
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return self._text(snapshot, column)
        if role in (_Item.ToolTipRole, _Item.AccessibleDescriptionRole):
            whole = self._whole(snapshot, column)
            return tooltip(whole) if role == _Item.ToolTipRole else whole
        if role == Role.TONE:
            return self._tone(snapshot, column)
        if role == Role.STRONG:
            return column == HistoryColumn.OPERATION
        if role == Role.DIM:
            return column in (HistoryColumn.FINISHED, HistoryColumn.TOOK)
        if role == Role.NODE_KIND:
            return NodeKind.TRANSFER
        if role == Role.OPERATION:
            return snapshot.request.operation
        if role == Role.STATE:
            return snapshot.state
        if role == Role.SNAPSHOT:
            return snapshot
        return self._copy_text(snapshot) if role == Role.COPY_TEXT else None

    @staticmethod
    def _text(snapshot: TransferSnapshot, column: int) -> str:
        if column == HistoryColumn.FINISHED:
            return times.clock(snapshot.finished or snapshot.created)
        if column == HistoryColumn.TOOK:
            return words.took_text(snapshot)
        return transfer_text.transfer_cell(snapshot, _SAME[HistoryColumn(column)])

    @staticmethod
    def _whole(snapshot: TransferSnapshot, column: int) -> str:
        if column == HistoryColumn.FINISHED:
            return times.moment_text(snapshot.finished or snapshot.created)
        if column == HistoryColumn.TOOK:
            return words.took_text(snapshot)
        return transfer_text.transfer_whole(snapshot, _SAME[HistoryColumn(column)])

    @staticmethod
    def _tone(snapshot: TransferSnapshot, column: int) -> Tone:
        if column == HistoryColumn.TRANSFERRED:
            return Tone.BAD if snapshot.state is State.FAILED else Tone.NONE
        return transfer_text.status_tone(snapshot.state) if column == HistoryColumn.STATUS else Tone.NONE

    @staticmethod
    def _copy_text(snapshot: TransferSnapshot) -> str:
        return (
            f"{times.moment_text(snapshot.finished or snapshot.created)}  {transfer_text.copy_text(snapshot)}"
        )
