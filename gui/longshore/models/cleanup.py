"""The candidates of a clean-up: rows with ticks, their reasons, states, and what they free."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from longshore.application.cleanup.plan import Candidate, PlacePlan
from longshore.application.states import State
from longshore.language import tr
from longshore.models.columns import Role, Tone
from longshore.models.short_names import short_names
from longshore.models.ticks import Name, TickModel
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
_TONES = {
    State.IN_SYNC: Tone.GOOD,
    State.NEWER: Tone.CAUTION,
    State.DIFFERS: Tone.BAD,
    State.UNKNOWN: Tone.OUTLINE,
}


class CleanUpColumn(enum.IntEnum):
    """Columns of Clean up."""

    TICK = 0
    IMAGE = 1
    REASON = 2
    STATE = 3
    FREES = 4


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


class CleanUpModel(TickModel[CleanUpRow]):
    """The rows of all places. GUI thread only."""

    dim = frozenset({CleanUpColumn.REASON})

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(["", tr("Image"), tr("Reason"), tr("State"), tr("Frees")], parent)
        self._states: dict[tuple[LocalPlace, str], State] = {}

    def set_plans(self, plans: Sequence[tuple[PlacePlan, str]]) -> None:
        """Show the candidates of *plans*; each with the name of its place, "" if there is only one."""
        rows = [CleanUpRow(plan, one, where) for plan, where in plans for one in plan.candidates]
        short = short_names(row.name.strong for row in rows)
        for row in rows:
            row.state = self._states.get(row.key)
            row.name = row.name._replace(short=short[row.name.strong])
        self.set_rows(rows)

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
        self.cells_changed(CleanUpColumn.STATE)

    def without_state(self, place: LocalPlace) -> list[CleanUpRow]:
        """Return the rows of *place* whose state is not known yet."""
        return [row for row in self._rows if row.plan.place == place and row.state is None]

    def ticked(self, place: LocalPlace) -> tuple[Candidate, ...]:
        """Return the ticked candidates of *place*."""
        return tuple(row.candidate for row in self._rows if row.ticked and row.plan.place == place)

    def data(self, index: _Index, role: int = _Item.DisplayRole) -> Any:
        """Qt's hook."""
        if role == Role.TONE and index.isValid() and index.column() == CleanUpColumn.STATE:
            state = self._rows[index.row()].state
            return None if state is None else _TONES.get(state, Tone.QUIET)
        return super().data(index, role)

    # -- inside

    def _default_order(self) -> None:
        self._rows.sort(key=lambda row: (row.name.strong.casefold(), natural_key(row.name.plain)))
        if self._sort[0] < 0:
            # What frees most comes first.
            self._rows.sort(key=lambda row: row.frees.bytes if row.frees is not None else 0, reverse=True)

    def _sort_key(self, row: CleanUpRow, column: int) -> Any:
        if column == CleanUpColumn.IMAGE:
            return (row.name.strong.casefold(), natural_key(row.name.plain))
        if column == CleanUpColumn.REASON:
            return row.reason
        if column == CleanUpColumn.STATE:
            return "" if row.state is None else row.state.value
        return row.frees.bytes if row.frees is not None else -1

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
