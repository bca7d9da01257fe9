"""The changes that the journal has yet to write: one state per row, so that a full disk costs no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from longshore.transfers.transfer import State, TransferSnapshot

#: The maximum number of rows waiting to be written. Beyond it, the oldest finished rows outside the queue are dropped.
MOST = 20_000


@dataclass(slots=True)
class RowChange:
    """A pending change of one row. None: unchanged.

    *first_position* applies to a new row, *position* to any. *settled*: called when the row is on disk, or cannot be
    written.
    """

    snapshot: TransferSnapshot | None = None
    first_position: int = 0
    position: int | None = None
    in_queue: bool | None = None
    forgotten: bool = False
    settled: list[Callable[[], None]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether, as far as known here, the row has finished and no queue can resume it."""
        if self.snapshot is None:
            return self.in_queue is False  # only finished rows are cleared
        state = self.snapshot.state
        return state.finished and not (state is State.INTERRUPTED and self.in_queue)

    def followed_by(self, later: RowChange) -> RowChange:
        """Both changes in one, with *later* after this."""
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
    """The content of one transaction: first the deletion of finished rows, if *clear_history*; then the rows by id."""

    clear_history: bool = False
    rows: dict[str, RowChange] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.clear_history or bool(self.rows)

    def tell(self) -> None:
        """Call the waiting callbacks, once."""
        for change in self.rows.values():
            waiting, change.settled = change.settled, []
            for call in waiting:
                call()


class Pending:
    """Collects changes; the later change of a row wins. Not thread-safe: the journal locks."""

    def __init__(self) -> None:
        self._batch = Batch()

    def __bool__(self) -> bool:
        return bool(self._batch)

    def __len__(self) -> int:
        return len(self._batch.rows)

    def change(self, row: str, change: RowChange) -> None:
        """Add *change* after the pending change of *row*."""
        rows = self._batch.rows
        before = rows.get(row)
        rows[row] = change if before is None else before.followed_by(change)

    def clear_history(self) -> None:
        """Drop all finished rows, here and on disk."""
        self._batch.clear_history = True
        _forget_over(self._batch.rows.values())

    def take(self, most: int) -> Batch:
        """Remove and return the first *most* rows."""
        rows = self._batch.rows
        if len(rows) <= most:
            taken, self._batch = self._batch, Batch()
            return taken
        first = list(rows)[:most]
        taken = Batch(self._batch.clear_history, {row: rows.pop(row) for row in first})
        self._batch.clear_history = False
        return taken

    def give_back(self, failed: Batch) -> None:
        """Put back *failed*, which could not be written, before all newer changes."""
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
