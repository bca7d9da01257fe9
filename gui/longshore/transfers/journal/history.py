"""What of the journal one wants to read as history, and how SQLite is asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from longshore.transfers.journal import rows as rows
from longshore.transfers.transfer import Operation, State, TransferSnapshot

#: Rows that are read at once.
PAGE = 500
ENDED = tuple(state for state in State if state.finished)
UNFINISHED = tuple(state for state in State if not state.finished)
#: The rowid, then the columns of a row; a text that is far too long comes cut, which damages its own row only.
SELECT = (
    "SELECT rowid, "
    + ", ".join(f"substr({name}, 1, {rows.LONGEST})" if name in rows.LONG else name for name in rows.COLUMNS)
    + " FROM transfers"
)
#: Before the state of a row that was found to be damaged: it is met no more, and its state is not lost.
UNREADABLE = "unreadable "
READABLE = f"(substr(state, 1, {len(UNREADABLE)}) <> '{UNREADABLE}')"
#: Where a search looks: the names, and of a failure the sentence. A row whose error is no JSON harms no other.
_SEARCHED = (
    "lower(names || ' ' || CASE WHEN json_valid(error) THEN coalesce(json_extract(error, '$.message'), '') ELSE ''"
    " END)"
)


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which rows of the journal. Empty fields let everything pass.

    *text*: every word of it stands in the names or in the sentence of the failure, in any letter case (of ASCII).
    *since* and *until* (exclusive) are aware times and meet the time a transfer was asked for.
    """

    states: tuple[State, ...] = ()
    operation: Operation | None = None
    registry: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    @property
    def narrow(self) -> bool:
        """Whether anything but states is asked for."""
        return bool(self.operation or self.registry or self.since or self.until or self.text.strip())

    def condition(self) -> tuple[str, list[str | float | int]]:
        """The WHERE clause with its values."""
        where = [READABLE]
        values: list[str | float | int] = []
        if self.states:
            where.append(f"state IN ({', '.join('?' * len(self.states))})")
            values += [state.value for state in self.states]
        if self.operation is not None:
            where.append("operation = ?")
            values.append(self.operation.value)
        if self.registry:
            where.append("instr(registries, ?) > 0")
            values.append(f" {self.registry} ")
        if self.since is not None:
            where.append("created >= ?")
            values.append(self.since.timestamp())
        if self.until is not None:
            where.append("created < ?")
            values.append(self.until.timestamp())
        for word in self.text.lower().split():
            where.append(f"instr({_SEARCHED}, ?) > 0")
            values.append(word)
        return f" WHERE {' AND '.join(where)}", values


def page_query(
    wanted: HistoryFilter, before: TransferSnapshot | None, limit: int
) -> tuple[str, list[str | float | int]]:
    """The newest *limit* rows, or those that come after *before* where older ones follow."""
    condition, values = wanted.condition()
    if before is not None:
        # A row that went meanwhile leaves its time, which is all but as good.
        condition += " AND (created, rowid) < (?, coalesce((SELECT rowid FROM transfers WHERE id = ?), 0))"
        values += [before.created.timestamp(), before.id]
    return f"{SELECT}{condition} ORDER BY created DESC, rowid DESC LIMIT ?", [*values, limit]
