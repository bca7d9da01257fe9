"""The queue of transfers: one noun for all movement; each row has a state, from Queued to its end.

No asyncio, no Qt.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from longshore.cancellation import Cancellation
from longshore.transfers.errors import InternalError
from longshore.transfers.journal.file import SetAside
from longshore.transfers.queue.mailbox import Changes, Counts
from longshore.transfers.queue.row import Entry
from longshore.transfers.queue.runner import GRACE, PATIENCE, QueueCore
from longshore.transfers.transfer import State, TransferRequest, Waiting

__all__ = ["Changes", "Counts", "SetAside", "TransferQueue"]

_log = logging.getLogger(__name__)


class TransferQueue(QueueCore):
    """The queue's commands and queries. Any thread may call any method; all except shutdown return at once.

    *wake* is called from any thread at the first change, and not again until the changes are taken; it must only signal
    (it may run inside a call to this queue). *ways*: by the kinds of source and destination.
    """

    # -- start and end

    def start(self) -> None:
        """Open the journal, show unfinished rows as Interrupted, and start working. Call once."""
        for work, name in ((self._load, "transfers-load"), (self._schedule, "transfers-scheduler")):
            self._thread(work, name).start()

    def shutdown(self, timeout: float = 2.0) -> bool:
        """Stop everything: unfinished rows become Interrupted and can be resumed at the next start.

        Blocks up to *timeout* seconds. Returns True if every thread ended and the journal is written and closed.
        """
        deadline = time.monotonic() + timeout
        with self._condition:
            self._closing = True
            cancelled = []
            for entry in self._rows.values():
                if entry.state is State.QUEUED:
                    self._end(entry, State.INTERRUPTED)
                elif entry.active:
                    # Rows that the user already cancelled stay cancelled.
                    entry.interrupting = entry.state is not State.CANCELLING
                    entry.pausing = False
                    entry.state = State.CANCELLING
                    self._changed(entry)
                    cancelled.append(entry.cancellation)
            self._wake()
            threads = list(self._threads)
        self._waiter.stop()
        for cancellation in cancelled:
            cancellation.cancel()
        current = threading.current_thread()
        for thread in threads:
            if thread is not current:
                thread.join(max(deadline - 0.3 - time.monotonic(), 0.0))
        with self._condition:
            for entry in self._rows.values():
                if entry.active:
                    self._abandon(entry)
        clean = self._waiter.join(max(deadline - 0.2 - time.monotonic(), 0.0))
        written = self._journal.close(max(deadline - time.monotonic(), 0.1))
        left = [thread.name for thread in threads if thread is not current and thread.is_alive()]
        if left:
            _log.warning("still running at the end: %s", ", ".join(left))
        return clean and written and not left

    # -- commands

    def add(self, request: TransferRequest) -> str:
        """Queue a transfer and return its id.

        If an equal request is unfinished or Interrupted, its row is used again.
        """
        with self._condition:
            for entry in self._rows.values():
                if entry.request != request:
                    continue
                if not entry.state.finished:
                    return entry.id
                if entry.state is State.INTERRUPTED and not self._closing:
                    self._again(entry)
                    return entry.id
            if self._closing:
                raise InternalError("Longshore is closing.")
            entry = Entry(request)
            self._rows[entry.id] = entry
            self._order.append(entry.id)
            self._save(entry)
            self._mailbox.post(entry.id, ordered=True)
            self._wake()
            return entry.id

    def cancel(self, ids: Iterable[str]) -> None:
        """Cancel these rows, waiting or running; finished rows stay as they are. Takes at most a second."""
        cancelled: list[Cancellation] = []
        with self._condition:
            for entry in self._known(ids):
                if entry.state is State.QUEUED:
                    self._end(entry, State.CANCELLED)
                elif entry.state in (State.PLANNING, State.RUNNING):
                    entry.state = State.CANCELLING
                    entry.pausing = False
                    entry.stop_at = time.monotonic() + PATIENCE
                    self._changed(entry)
                    cancelled.append(entry.cancellation)
            self._wake()
        for cancellation in cancelled:
            cancellation.cancel()

    def pause(self, ids: Iterable[str]) -> None:
        """Pause the ``pausable`` rows and keep the moved data; the others stay as they are.

        A paused row is Queued and waits for PAUSED. Until then, for some seconds at most, its phase is PAUSING.
        """
        with self._condition:
            self._look_at_new()
            for entry in self._known(ids):
                if not entry.pausable:
                    continue
                if entry.state is State.QUEUED:
                    entry.wait_for(Waiting.PAUSED)
                    entry.error = None
                elif entry.state in (State.PLANNING, State.RUNNING):
                    if not entry.pausing:
                        entry.stop_at = time.monotonic() + GRACE
                        entry.cancellation.ask_to_stop()
                    entry.pausing = entry.paused = True
                self._changed(entry)
            self._wake()

    def unpause(self, ids: Iterable[str]) -> None:
        """Resume paused rows where they stopped, in queue order."""
        with self._condition:
            for entry in self._known(ids):
                if entry.pausing:
                    entry.paused = False
                elif entry.state is State.QUEUED and entry.waiting_for is Waiting.PAUSED:
                    entry.wait_for(None)
                    self._changed(entry)
            self._wake()

    def cancel_all(self) -> None:
        """Cancel every row that waits or runs."""
        with self._condition:
            unfinished = [entry.id for entry in self._rows.values() if not entry.state.finished]
        self.cancel(unfinished)

    def retry(self, ids: Iterable[str]) -> None:
        """Queue finished rows again; retry a row at once that waits for its next try."""
        with self._condition:
            for entry in self._known(ids):
                if entry.state is State.QUEUED and entry.waiting_for in (
                    Waiting.BACKOFF,
                    Waiting.RATE_LIMIT,
                    Waiting.ENGINE,
                ):
                    entry.wait_for(None)
                    self._changed(entry)
                elif entry.state.finished and not self._asked_elsewhere(entry):
                    self._again(entry)
            self._wake()

    def retry_failed(self) -> None:
        """Queue every Failed or Interrupted row again."""
        unfinished = (State.FAILED, State.INTERRUPTED)
        with self._condition:
            self.retry([entry.id for entry in self._rows.values() if entry.state in unfinished])

    def clear_finished(self, ids: Iterable[str] | None = None) -> None:
        """Remove finished rows (those among *ids*, or all) from the queue; the journal keeps them as history."""
        with self._condition:
            wanted = list(self._rows.values()) if ids is None else self._known(ids)
            cleared = [entry.id for entry in wanted if entry.state.finished]
            for row in cleared:
                del self._rows[row]
            gone = set(cleared)
            self._order = [row for row in self._order if row not in gone]
            if cleared:
                self._journal.clear(cleared)
                self._mailbox.post(removed=tuple(cleared), ordered=True)

    def hold(self) -> None:
        """Start no more transfers; running ones continue."""
        self._set_held(True)

    def resume(self) -> None:
        """Start waiting transfers again."""
        self._set_held(False)

    @property
    def held(self) -> bool:
        """Whether the queue is paused."""
        return self._held

    def move(self, ids: Iterable[str], *, up: bool) -> None:
        """Swap each of these rows, if it waits, with the waiting row above or below it.

        Adjacent rows move together. Rows at the end of the list stay there.
        """
        with self._condition:
            wanted = {entry.id for entry in self._known(ids)}
            # Only waiting rows change places: the order of the others has no effect.
            slots = [n for n, row in enumerate(self._order) if self._rows[row].state is State.QUEUED]
            rows = [self._order[slot] for slot in slots]
            if not up:
                rows.reverse()
            for place in range(1, len(rows)):
                if rows[place] in wanted and rows[place - 1] not in wanted:
                    rows[place - 1], rows[place] = rows[place], rows[place - 1]
            if not up:
                rows.reverse()
            order = list(self._order)
            for slot, row in zip(slots, rows, strict=True):
                order[slot] = row
            self._set_order(order)

    def place(self, ids: Iterable[str], before: str | None) -> None:
        """Move these rows, as one group in their present order, before the row *before* or to the end."""
        with self._condition:
            wanted = {entry.id for entry in self._known(ids)}
            at = len(self._order) if before is None or before not in self._rows else self._order.index(before)
            above, below = self._order[:at], self._order[at:]
            moved = [row for row in self._order if row in wanted]
            self._set_order(
                [row for row in above if row not in wanted]
                + moved
                + [row for row in below if row not in wanted]
            )

    def _set_order(self, order: list[str]) -> None:
        if order != self._order:
            self._order = order
            self._journal.save_order(order)
            self._mailbox.post(ordered=True)
            self._wake()

    def set_limits(self, *, concurrency: int | None = None, per_registry: int | None = None) -> None:
        """Change the limits (*per_registry* 0: no separate limit, None: unchanged). Running transfers continue."""
        with self._condition:
            if concurrency is not None:
                self._limits.concurrency = max(concurrency, 1)
            if per_registry is not None:
                self._limits.per_registry = per_registry or None
            self._wake()

    # -- queries

    def take_changes(self) -> Changes:
        """The changes since the last call. Only one thread may take them."""
        changed, removed, ordered = self._mailbox.take()
        with self._condition:
            monotonic = time.monotonic()
            before = self._set_aside, self._unsaved, self._damaged
            news = self._journal.set_aside, self._journal.problem, self._journal.damaged
            self._set_aside, self._unsaved, self._damaged = news
            return Changes(
                snapshots=[self._rows[row].snapshot(monotonic) for row in changed if row in self._rows],
                removed=removed,
                order=list(self._order) if ordered else None,
                set_aside=news[0] if news[0] is not before[0] else None,
                unsaved=news[1] if news[1] != before[1] else None,
                damaged=news[2] - before[2],
            )

    def counts(self) -> Counts:
        """The number of rows in each state, and the progress of all running rows together."""
        with self._condition:
            rows = list(self._rows.values())
            tally = {state: sum(entry.state is state for entry in rows) for state in State}
            running = [entry.progress.weighted() for entry in rows if entry.active and entry.progress]
        weight = sum(total for _, total in running)
        return Counts(
            queued=tally[State.QUEUED],
            running=tally[State.PLANNING] + tally[State.RUNNING] + tally[State.CANCELLING],
            succeeded=tally[State.SUCCEEDED],
            failed=tally[State.FAILED],
            cancelled=tally[State.CANCELLED],
            interrupted=tally[State.INTERRUPTED],
            permille=int(sum(permille * total for permille, total in running) / weight) if weight else None,
        )

    def request(self, row: str) -> TransferRequest:
        """The request of a row. Raises KeyError for an unknown row."""
        with self._condition:
            return self._rows[row].request
