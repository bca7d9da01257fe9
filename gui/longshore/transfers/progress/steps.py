"""The steps of a build as rows, and how far they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from longshore.oci.layer import LayerState
from longshore.transfers.transfer import LayerSnapshot, Moved

#: Rows that are shown; a Dockerfile has fewer.
MOST_STEPS = 1_000
#: Share of the bar for sending the folder.
SENDING_SHARE = 0.1


@dataclass(slots=True)
class _Row:
    number: int
    text: str
    state: LayerState = LayerState.WAITING
    started: float = 0.0
    seconds: float | None = None
    current: int = 0
    total: int | None = None


class Steps:
    """The steps of one build. Fed by its worker, read by any thread. *changed*: called after each change.

    Several steps may run at once. Sizes in bytes: of the folder that is sent.
    """

    def __init__(
        self, changed: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lock = threading.Lock()
        self._changed = changed
        self._clock = clock
        self._rows: dict[int, _Row] = {}
        self._sent = 0
        self._size: int | None = None
        self._share = 0.0
        self._ended = False

    # -- for the worker

    def expect_bytes(self, size: int) -> None:
        """Set the bytes that will be sent."""
        with self._lock:
            self._size = size
        self._changed()

    def sent(self, count: int) -> None:
        """Count bytes that were sent."""
        with self._lock:
            self._sent += count
            if self._size:
                self._move(SENDING_SHARE * min(self._sent / self._size, 1.0))
        self._changed()

    def expect(self, texts: Sequence[str]) -> None:
        """Set the instructions of all steps, which wait for their turn."""
        with self._lock:
            for number, text in enumerate(texts[:MOST_STEPS], 1):
                self._rows.setdefault(number, _Row(number, text))
        self._changed()

    def begin(self, number: int, text: str, share: float) -> None:
        """Step *number* runs now. *share*: how much of all steps is done, from 0.0 to 1.0."""
        with self._lock:
            row = self._rows.get(number)
            if row is None:
                if len(self._rows) >= MOST_STEPS:
                    return
                row = self._rows[number] = _Row(number, text)
            row.text = text or row.text
            row.state, row.started, row.seconds = LayerState.RUNNING, self._clock(), None
            self._move(SENDING_SHARE + (1 - SENDING_SHARE) * share)
        self._changed()

    def change(self, number: int, text: str, state: LayerState, share: float) -> None:
        """Set the state of a step of a builder that runs several at once. *share*: as for :meth:`begin`."""
        with self._lock:
            row = self._rows.get(number)
            if row is None:
                if len(self._rows) >= MOST_STEPS:
                    return
                row = self._rows[number] = _Row(number, text)
            if state is LayerState.RUNNING and row.state is LayerState.WAITING:
                row.started = self._clock()
            if state.finished and row.state is LayerState.RUNNING:
                self._end(row, state)
            elif not row.state.finished:
                row.state = state
            self._move(SENDING_SHARE + (1 - SENDING_SHARE) * share)
        self._changed()

    def pulled(self, number: int, current: int, total: int) -> None:
        """Set the bytes of the base image that step *number* pulls."""
        with self._lock:
            row = self._rows.get(number)
            if row is not None:
                row.current, row.total = min(current, total), total
        self._changed()

    def end(self, number: int, state: LayerState) -> None:
        """Step *number* has ended in *state*."""
        with self._lock:
            row = self._rows.get(number)
            if row is not None and not row.state.finished:
                self._end(row, state)
        self._changed()

    def end_all(self, state: LayerState) -> None:
        """The build is over: what runs has ended in *state*."""
        with self._lock:
            self._ended = True
            for row in self._rows.values():
                if row.state is LayerState.RUNNING:
                    self._end(row, state)
        self._changed()

    # -- for any thread

    def snapshots(self) -> tuple[LayerSnapshot, ...]:
        """The rows now. *seconds* of those that run grow with every call."""
        with self._lock:
            now = self._clock()
            return tuple(
                LayerSnapshot(
                    layer_id=str(row.number),
                    state=row.state,
                    current=row.current,
                    total=row.total,
                    permille=1000
                    if row.state in (LayerState.DONE, LayerState.CACHED)
                    else int(1000 * row.current / row.total)
                    if row.total and row.state is LayerState.RUNNING
                    else None,
                    label=row.text,
                    seconds=now - row.started if row.state is LayerState.RUNNING else row.seconds,
                )
                for row in sorted(self._rows.values(), key=lambda row: row.number)
            )

    def sizes(self) -> tuple[int, int | None]:
        """Bytes of the folder: sent, and in all (None while not known)."""
        with self._lock:
            return (self._sent if self._size is None else min(self._sent, self._size)), self._size

    def permille(self) -> int:
        """How far the build is, below 1000: only its success is 1000."""
        with self._lock:
            return min(int(1000 * self._share), 999)

    def moved(self) -> Moved:
        """The bytes sent, and the steps that ran and that were cached."""
        with self._lock:
            states = [row.state for row in self._rows.values()]
            return Moved(
                bytes=self._sent,
                layers_moved=states.count(LayerState.DONE),
                layers_skipped=states.count(LayerState.CACHED),
            )

    def _end(self, row: _Row, state: LayerState) -> None:
        row.state = state
        row.seconds = max(self._clock() - row.started, 0.0)

    def _move(self, share: float) -> None:
        self._share = max(self._share, min(share, 1.0))
