"""The progress of one layer."""

from __future__ import annotations

from dataclasses import dataclass

from longshore.oci.layer import LayerState
from longshore.transfers.transfer import LayerSnapshot

_ARRIVED = frozenset({LayerState.TRANSFERRED, LayerState.EXTRACTING, LayerState.DONE})
_MOVING = _ARRIVED | {LayerState.TRANSFERRING}
_NOT_MOVED = frozenset({LayerState.SKIPPED, LayerState.MOUNTED})


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """A layer as the plan knows it.

    *size* in compressed bytes, None if unknown; *here*: the destination has it, as far as known.
    """

    digest: str
    size: int | None = None
    diff_id: str = ""
    here: bool = False


class LayerMeter:
    """One layer. Not thread-safe: belongs to its Progress, which locks.

    *transferred* and *extracted* are shares from 0.0 to 1.0 that never fall.
    """

    __slots__ = (
        "_share", "_size", "_snapshot", "current", "event_total", "extracted", "here", "key", "planned", "retrying_in",
        "silent", "state", "touched", "transferred",
    )  # fmt: skip

    def __init__(self, key: str, share: float, planned: PlannedLayer | None) -> None:
        self.key = key
        self.planned = planned
        self.here = planned is not None and planned.here
        self.state = LayerState.WAITING
        self.current = 0
        self.event_total: int | None = None
        self.retrying_in: int | None = None
        self.transferred = 0.0
        self.extracted = 0.0
        self.touched = False
        self.silent = False  # planned, but the engine reported nothing about it
        self._share = share
        self._size = None if planned is None else planned.size
        self._snapshot: LayerSnapshot | None = None

    @property
    def weight(self) -> int | None:
        """The layer's weight in bytes; None while unknown."""
        if self._size is not None:
            return self._size
        if self.event_total is not None:
            return self.event_total
        return self.current if self.state in _ARRIVED else None

    @property
    def counted(self) -> bool:
        """Whether it counts for the bar: it moves, or is expected to."""
        return not self.here and self.state not in _NOT_MOVED

    def update(
        self, state: LayerState, current: int | None, total: int | None, retrying_in: int | None
    ) -> bool:
        """Apply an event. Returns False if nothing changed (engines repeat events ten times a second)."""
        changed = state is not self.state or retrying_in != self.retrying_in or not self.touched
        self.touched = True
        self.state = state
        self.retrying_in = retrying_in
        if self.here and (state in _MOVING or (self._share < 1 and state is LayerState.WAITING)):
            self.here = False  # expected at the destination, but it moves
            changed = True
        if state is LayerState.TRANSFERRING:
            if total is not None and (self.event_total is None or total > self.event_total):
                self.event_total = total
                changed = True
            if current is not None and current > self.current:
                self.current = current
                changed = True
            bound = self.event_total or self._size
            if bound:
                self.transferred = max(self.transferred, min(self.current / bound, 1.0))
        elif state in _ARRIVED:
            self.transferred = 1.0
            if state is LayerState.DONE:
                self.extracted = 1.0
            elif state is LayerState.EXTRACTING and current is not None and total:
                share = min(current / total, 1.0)
                if share > self.extracted:
                    self.extracted = share
                    changed = True
        if changed:
            self._snapshot = None
        return changed

    def plan(self, planned: PlannedLayer) -> None:
        """Apply the plan of the layer, now known. Events seen meanwhile take precedence."""
        self.planned = planned
        if self._size is None:
            self._size = planned.size
        moves = self.state in _MOVING or (self._share < 1 and self.state is LayerState.WAITING)
        self.here = planned.here and not (self.touched and moves)
        self._snapshot = None

    def settle(self, size: int) -> None:
        """Set the true size in bytes on the network."""
        self._size = size
        self._snapshot = None

    def complete(self, *, unplanned: bool) -> None:
        """Mark the layer as complete after a successful transfer.

        A layer that the engine never named was already there, unless the engine moved something *unplanned*.
        """
        if not self.touched and self.state is LayerState.WAITING:
            self.silent = unplanned
            self.state = LayerState.SKIPPED if self.here or not unplanned else LayerState.DONE
        elif not self.state.finished:
            self.state = LayerState.DONE
            self.transferred = self.extracted = 1.0
        self.retrying_in = None
        self._snapshot = None

    def moved_bytes(self) -> int:
        """Bytes of the layer that moved over the network."""
        if self.state in _NOT_MOVED:
            return 0
        weight = self.weight
        return self.current if weight is None else int(weight * self.transferred)

    def snapshot(self) -> LayerSnapshot:
        """The row of this layer; the same object until something changes."""
        if self._snapshot is None:
            weight = self.weight
            if self.state.finished:
                permille: int | None = 1000
            elif weight is None:
                permille = None
            else:
                permille = int(1000 * (self._share * self.transferred + (1 - self._share) * self.extracted))
            current = self.current if weight is None else int(weight * self.transferred)
            self._snapshot = LayerSnapshot(
                layer_id=self.key,
                state=self.state,
                current=current,
                total=weight,
                permille=permille,
                digest="" if self.planned is None else self.planned.digest,
                retrying_in=self.retrying_in,
            )
        return self._snapshot
