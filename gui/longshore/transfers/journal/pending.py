"""What the journal has yet to write: the latest state of each row, so that a disk that stays full costs no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from longshore.transfers.transfer import State, TransferSnapshot

#: Rows that wait to be written at most; beyond that, the oldest that ended and left the queue are not kept.
MOST = 20_000


@dataclass(slots=True)
class RowChange:
    """What is to become of one row. None: as it is on disk.

    *first_position* counts for a row that is new, *position* for any. *settled*: who wants to know that the row is on
    disk, or that it cannot be written.
    """

    snapshot: TransferSnapshot | None = None
    first_position: int = 0
    position: int | None = None
    in_queue: bool | None = None
    forgotten: bool = False
    settled: list[Callable[[], None]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether, as far as is known here, the row has ended and no queue takes it up again."""
        if self.snapshot is None:
            return self.in_queue is False  # only what has ended is cleared
        state = self.snapshot.state
        return state.finished and not (state is State.INTERRUPTED and self.in_queue)

    def followed_by(self, later: RowChange) -> RowChange:
        """Both in one, *later* after this."""
        settled = self.settled + later.settled
        if later.forgotten:
            return RowChange(forgotten=True, settled=settled)
        saved = later.snapshot is not None
        return RowChange(
            snapshot=later.snapshot if saved else self.snapshot,
            first_position=later.first_position if saved else self.first_position,
            position=self.position if later.position is None else later.position,
            in_queue=self.in_queue if later.in_queue is None else later.in_queue,
            forgotten=self.forgotten and not saved,
            settled=settled,
        )


@dataclass(slots=True)
class Batch:
    """What is written in one transaction: first, if *clear_history*, all that is over goes; then the rows by id."""

    clear_history: bool = False
    rows: dict[str, RowChange] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.clear_history or bool(self.rows)

    def tell(self) -> None:
        """Call who wanted to know, once."""
        for change in self.rows.values():
            waiting, change.settled = change.settled, []
            for call in waiting:
                call()


class Pending:
    """Collects changes; the later one of a row counts. Not thread-safe: the journal locks."""

    def __init__(self) -> None:
        self._batch = Batch()

    def __bool__(self) -> bool:
        return bool(self._batch)

    def __len__(self) -> int:
        return len(self._batch.rows)

    def change(self, row: str, change: RowChange) -> None:
        """Have *change* follow what is to become of *row*."""
        rows = self._batch.rows
        before = rows.get(row)
        rows[row] = change if before is None else before.followed_by(change)

    def clear_history(self) -> None:
        """Have all that is over go, here as on disk."""
        self._batch.clear_history = True
        _forget_over(self._batch.rows.values())

    def take(self, most: int) -> Batch:
        """The first *most* rows, no longer kept here."""
        rows = self._batch.rows
        if len(rows) <= most:
            taken, self._batch = self._batch, Batch()
            return taken
        first = list(rows)[:most]
        taken = Batch(self._batch.clear_history, {row: rows.pop(row) for row in first})
        self._batch.clear_history = False
        return taken

    def give_back(self, failed: Batch) -> None:
        """Keep *failed*, which could not be written, as what came before all that is here."""
        later, self._batch = self._batch, failed
        if later.clear_history:
            self.clear_history()
        for row, change in later.rows.items():
            self.change(row, change)
        rows = self._batch.rows
        if len(rows) > MOST:
            over = [row for row, change in rows.items() if change.over and not change.settled]
            for row in over[: len(rows) - MOST]:
                del rows[row]


def _forget_over(changes: Iterable[RowChange]) -> None:
    for change in changes:
        if change.over:
            change.snapshot = change.position = change.in_queue = None
            change.forgotten = True
