"""The candidates of a clean-up: rows with ticks, their reasons, states, and what they free."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from longshore.application.cleanup.plan import Candidate, PlacePlan
from longshore.application.states import State
from longshore.language import tr
from longshore.models.columns import Role, Tone
from longshore.models.tooltips import tooltip
from longshore.naturalsort import natural_key
from longshore.transfers.transfer import EnginePlace
from longshore.words import cleanup as words
from longshore.words import text, times

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.oci.disk_usage import FreedBytes
    from longshore.oci.reference import Reference

_Item = Qt.ItemDataRole
_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_TONES = {State.IN_SYNC: Tone.GOOD, State.NEWER: Tone.CAUTION, State.DIFFERS: Tone.BAD}


class CleanUpColumn(enum.IntEnum):
    """Columns of Clean up."""

    TICK = 0
    IMAGE = 1
    REASON = 2
    STATE = 3
    FREES = 4


class Name(NamedTuple):
    """An image's name in its parts: the repository, what follows, and what is said of it."""

    strong: str
    plain: str
    dim: str = ""


class CleanUpRow:
    """One candidate of one place."""

    __slots__ = ("candidate", "frees", "name", "plan", "reason", "state", "ticked", "where")

    def __init__(self, plan: PlacePlan, candidate: Candidate, where: str) -> None:
        self.plan = plan
        self.candidate = candidate
        self.where = where
        self.ticked = True
        self.state: State | None = None
        self.frees: FreedBytes | None = plan.freed([candidate])
        self.reason = words.reason(candidate, containers=isinstance(plan.place, EnginePlace))
        self.name = _name(candidate, where)

    @property
    def key(self) -> tuple[LocalPlace, str]:
        """What it is, whatever the rules."""
        return (self.plan.place, self.candidate.image_id)

    @property
    def shown_frees(self) -> str:
        """What its removal alone frees."""
        return tr("tag only") if self.candidate.staying else words.freed(self.frees)


def _name(candidate: Candidate, where: str) -> Name:
    image = candidate.names[0]
    notes = [where] if where else []
    if image.reference is None:
        return Name("<none>", "", "  ".join([image.name.short, *notes]))
    more = len(candidate.names) - 1
    if more:
        notes.insert(0, tr("+1 tag") if more == 1 else tr("+%n tags", more))
    reference = image.reference
    end = f":{reference.tag}" if reference.tag else ""
    if reference.digest:
        end += f"@{text.short_digest(reference.digest)}"
    return Name(text.safe(reference.familiar_name), text.safe(end, 160), "  ".join(notes))


class CleanUpModel(QAbstractTableModel):
    """The rows of all places. GUI thread only."""

    ticks_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[CleanUpRow] = []
        #: What the user has unticked stays so while rules change.
        self._left_out: set[tuple[LocalPlace, str]] = set()
        self._states: dict[tuple[LocalPlace, str], State] = {}
        self._sort: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    def set_plans(self, plans: Sequence[tuple[PlacePlan, str]]) -> None:
        """Show the candidates of *plans*; each with the name of its place, "" if there is only one."""
        self.beginResetModel()
        self._rows = [CleanUpRow(plan, one, where) for plan, where in plans for one in plan.candidates]
        for row in self._rows:
            row.ticked = row.key not in self._left_out
            row.state = self._states.get(row.key)
        self._arrange()
        self.endResetModel()
        self.ticks_changed.emit()

    def set_states(self, place: LocalPlace, states: Mapping[Reference, State]) -> None:
        """Show how the tags of *place* compare with their registries; others are not known."""
        for row in self._rows:
            if row.plan.place != place:
                continue
            reference = row.candidate.names[0].reference
            found = None if reference is None else states.get(reference)
            if reference is None:
                found = State.UNKNOWN if row.candidate.names[0].repo_digests else State.ONLY_HERE
            if found is not None:
                row.state = self._states[row.key] = found
        if self._rows:
            column = CleanUpColumn.STATE
            self.dataChanged.emit(self.index(0, column), self.index(len(self._rows) - 1, column))

    def without_state(self, place: LocalPlace) -> list[CleanUpRow]:
        """Return the rows of *place* whose state is not known yet."""
        return [row for row in self._rows if row.plan.place == place and row.state is None]

    # -- ticks

    @property
    def rows(self) -> Sequence[CleanUpRow]:
        """All rows, as they are shown."""
        return self._rows

    def ticked(self, place: LocalPlace) -> tuple[Candidate, ...]:
        """Return the ticked candidates of *place*."""
        return tuple(row.candidate for row in self._rows if row.ticked and row.plan.place == place)

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
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, CleanUpColumn.FREES))
        self.ticks_changed.emit()

    # -- Qt's hooks

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(CleanUpColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _Item.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or role != _Item.DisplayRole:
            return None
        return {
            CleanUpColumn.IMAGE: tr("Image"),
            CleanUpColumn.REASON: tr("Reason"),
            CleanUpColumn.STATE: tr("State"),
            CleanUpColumn.FREES: tr("Frees"),
        }.get(CleanUpColumn(section), "")

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == CleanUpColumn.TICK else flags

    def data(self, index: _Index, role: int = _Item.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row, column = self._rows[index.row()], index.column()
        if role in (_Item.DisplayRole, _Item.AccessibleTextRole):
            return self._text(row, column)
        if role == _Item.CheckStateRole and column == CleanUpColumn.TICK:
            return Qt.CheckState.Checked if row.ticked else Qt.CheckState.Unchecked
        if role == _Item.ToolTipRole:
            return tooltip(self._whole(row, column))
        if role == Role.TONE and column == CleanUpColumn.STATE:
            return _TONES.get(row.state, Tone.QUIET) if row.state is not None else None
        if role == Role.DIM:
            return column == CleanUpColumn.REASON or not row.ticked
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

    # -- inside

    def _arrange(self) -> None:
        column, order = self._sort
        self._rows.sort(key=lambda row: (row.name.strong.casefold(), natural_key(row.name.plain)))
        if column == CleanUpColumn.IMAGE:
            if order == Qt.SortOrder.DescendingOrder:
                self._rows.reverse()
        elif column >= 0:
            self._rows.sort(
                key=lambda row: _sort_key(row, column), reverse=order == Qt.SortOrder.DescendingOrder
            )
        else:
            # What frees most comes first.
            self._rows.sort(key=lambda row: row.frees.bytes if row.frees is not None else 0, reverse=True)

    def _text(self, row: CleanUpRow, column: int) -> str:
        if column == CleanUpColumn.IMAGE:
            return "  ".join(filter(None, (row.name.strong + row.name.plain, row.name.dim)))
        if column == CleanUpColumn.REASON:
            return row.reason
        if column == CleanUpColumn.STATE:
            return "" if row.state is None else tr(row.state.value)
        if column == CleanUpColumn.FREES:
            return row.shown_frees
        return ""

    def _whole(self, row: CleanUpRow, column: int) -> str:
        """The full text of a cell."""
        if column in (CleanUpColumn.TICK, CleanUpColumn.IMAGE):
            names = [text.safe(image.name.shown, 600) for image in row.candidate.names[:20]]
            if len(row.candidate.names) > 20:
                names.append("…")
            if row.candidate.staying:
                kept = row.candidate.staying
                names.append(
                    tr("1 other tag keeps the image.")
                    if kept == 1
                    else tr("%n other tags keep the image.", kept)
                )
            return "\n".join([*names, *filter(None, [times.moment_text(row.candidate.created)])])
        if column == CleanUpColumn.FREES:
            return tr("Freed if only this image is removed: layers that other images use stay.")
        return self._text(row, column)


def _sort_key(row: CleanUpRow, column: int) -> Any:
    if column == CleanUpColumn.TICK:
        return row.ticked
    if column == CleanUpColumn.REASON:
        return row.reason
    if column == CleanUpColumn.STATE:
        return "" if row.state is None else row.state.value
    return row.frees.bytes if row.frees is not None else -1
