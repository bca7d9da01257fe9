"""The queries that read the journal as history, and their SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from longshore.transfers.journal import rows as rows
from longshore.transfers.transfer import Operation, State, TransferSnapshot

#: Rows read at once.
PAGE = 500
ENDED = tuple(state for state in State if state.finished)
UNFINISHED = tuple(state for state in State if not state.finished)
#: The rowid, then the columns of a row. A text that is far too long is cut, which damages only its own row.
SELECT = (
    "SELECT rowid, "
    + ", ".join(f"substr({name}, 1, {rows.LONGEST})" if name in rows.LONG else name for name in rows.COLUMNS)
    + " FROM transfers"
)
#: The prefix of a damaged row's state: the row is not read again, and its state is not lost.
UNREADABLE = "unreadable "
READABLE = f"(substr(state, 1, {len(UNREADABLE)}) <> '{UNREADABLE}')"
#: The searched text: the names, and a failure's message. A row whose error is not JSON does not affect the others.
_SEARCHED = (
    "lower(names || ' ' || CASE WHEN json_valid(error) THEN coalesce(json_extract(error, '$.message'), '') ELSE ''"
    " END)"
)


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """A filter on the rows of the journal. Empty fields match everything.

    *text*: each of its words must occur in the names or in the failure's message, ignoring (ASCII) case. *since* and
    *until* (exclusive) are timezone-aware and compared with the time of the request.
    """

    states: tuple[State, ...] = ()
    operation: Operation | None = None
    registry: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    @property
    def narrow(self) -> bool:
        """Whether it filters by anything but states."""
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
    """The query for the newest *limit* rows, or for those that follow *before*, where older rows come later."""
    condition, values = wanted.condition()
    if before is not None:
        # If the row was deleted meanwhile, its time alone is used, which is nearly as good.
        condition += " AND (created, rowid) < (?, coalesce((SELECT rowid FROM transfers WHERE id = ?), 0))"
        values += [before.created.timestamp(), before.id]
    return f"{SELECT}{condition} ORDER BY created DESC, rowid DESC LIMIT ?", [*values, limit]
