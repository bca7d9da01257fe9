"""The rows of a plan of updates: what would be pulled, from which digest to which, and what waits."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from longshore.application.updates.model import Held, Kind, Update
from longshore.language import tr
from longshore.models.columns import Role, Tone
from longshore.models.short_names import short_names
from longshore.models.ticks import Name, TickModel
from longshore.naturalsort import natural_key
from longshore.oci.digest import short
from longshore.words import errors, text, times
from longshore.words import updates as words

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.updates.snoozes import Snooze

_Item = Qt.ItemDataRole
_Index = QModelIndex | QPersistentModelIndex


class UpdateColumn(enum.IntEnum):
    """Columns of Update."""

    TICK = 0
    IMAGE = 1
    PLACE = 2
    FROM = 3
    TO = 4
    FETCH = 5
    KIND = 6


class UpdateRow:
    """One update.

    *number*: in the plan. *waits*: why it is not offered, "" if it is. *where*: its place, "" if there is only one.
    """

    __slots__ = ("name", "number", "ticked", "update", "waits", "where")

    def __init__(self, number: int, update: Update, waits: str, where: str) -> None:
        self.number = number
        self.update = update
        self.waits = waits
        self.where = where
        self.ticked = True
        reference = update.reference
        end = f":{reference.tag}" if reference.tag else ""
        self.name = Name(text.safe(reference.familiar_name), text.safe(end, 160), waits)

    @property
    def key(self) -> Hashable:
        """What it is: a tick is of an update that waits for that reason."""
        one = self.update
        return (one.place, one.reference, one.kind, one.target, one.held)


class UpdateModel(TickModel[UpdateRow]):
    """GUI thread only. Ticked at first: tags that moved, unless they wait. Newer versions are for the user to tick."""

    dim = frozenset({UpdateColumn.PLACE, UpdateColumn.FROM})

    def __init__(self, parent: QObject | None = None) -> None:
        titles = ["", tr("Image"), tr("Place"), tr("From"), tr("To"), tr("To fetch"), tr("Update")]
        super().__init__(titles, parent)
        self._seen: set[Hashable] = set()

    def set_updates(
        self,
        updates: Sequence[Update],
        snoozes: Mapping[tuple[str, Kind], Snooze],
        minimum_age: int,
        places: Mapping[LocalPlace, str],
    ) -> None:
        """Show *updates*. *snoozes*, *minimum_age*: why some wait. *places*: the names of places, if there are
        several."""
        rows = [
            UpdateRow(number, one, words.held(one, snoozes, minimum_age), places.get(one.place, ""))
            for number, one in enumerate(updates)
        ]
        short_of = short_names(row.name.strong for row in rows)
        for row in rows:
            row.name = row.name._replace(short=short_of[row.name.strong])
            if row.key not in self._seen and (row.waits or row.update.kind is Kind.VERSION):
                self._left_out.add(row.key)
            self._seen.add(row.key)
        self.set_rows(rows)

    def ticked(self) -> list[Update]:
        """Return the updates that are ticked."""
        return [row.update for row in self._rows if row.ticked]

    def data(self, index: _Index, role: int = _Item.DisplayRole) -> Any:
        """Qt's hook."""
        if role == Role.TONE and index.isValid() and index.column() == UpdateColumn.KIND:
            return _tone(self._rows[index.row()].update)
        if role == Role.FIXED_WIDTH:
            return index.column() in (UpdateColumn.FROM, UpdateColumn.TO)
        return super().data(index, role)

    # -- inside

    def _default_order(self) -> None:
        self._rows.sort(key=lambda row: row.number)  # the plan is sorted

    def _sort_key(self, row: UpdateRow, column: int) -> Any:
        if column == UpdateColumn.IMAGE:
            return (row.name.strong.casefold(), natural_key(row.name.plain))
        if column == UpdateColumn.FETCH:
            known = row.update.fetch.bytes
            return -1 if known is None else known
        return self._text(row, column)

    def _text(self, row: UpdateRow, column: int) -> str:
        one = row.update
        moved = one.kind is Kind.MOVED
        match column:
            case UpdateColumn.IMAGE:
                return "  ".join(filter(None, (row.name.strong + row.name.plain, row.name.dim)))
            case UpdateColumn.PLACE:
                return row.where
            case UpdateColumn.FROM:
                return short(one.before) if moved else text.safe(one.reference.tag or "", 160)
            case UpdateColumn.TO:
                return short(one.after) if moved else text.safe(one.target.tag or "", 160)
            case UpdateColumn.FETCH:
                return words.fetch(one.fetch)
            case UpdateColumn.KIND:
                return words.kind(one)
        return ""

    def _whole(self, row: UpdateRow, column: int) -> str:
        """The full text of a cell."""
        one = row.update
        match column:
            case UpdateColumn.PLACE:
                return row.where
            case UpdateColumn.FROM:
                return one.before if one.kind is Kind.MOVED else f"{one.reference.familiar}\n{one.before}"
            case UpdateColumn.TO:
                dated = tr("Created: {0}").format(times.moment_text(one.created)) if one.created else ""
                return "\n".join(filter(None, (one.target.familiar, one.after, dated)))
            case UpdateColumn.FETCH:
                if one.problem is not None:
                    return errors.told(one.problem)
                if one.fetch.at_most:
                    return tr(
                        "Compressed. Which layers are here is not known: reading the image counts as a pull."
                    )
                if one.fetch.about:
                    return tr("Compressed layers that are not here. The engine may have more of them.")
                return tr("Compressed layers that are not here.")
            case UpdateColumn.KIND:
                if one.kind is Kind.VERSION:
                    return tr("Another tag of the repository is a higher version. The current tag stays.")
                return tr("The same tag points to another image now.")
        lines = [text.safe(one.reference.familiar, 600), text.capital(row.waits), *words.remains([one])]
        return "\n".join(filter(None, lines))


def _tone(update: Update) -> Tone:
    if update.held is not None:
        return Tone.OUTLINE if update.held is Held.NO_DATE else Tone.QUIET
    return Tone.CAUTION if update.kind is Kind.MOVED else Tone.ACTIVE
