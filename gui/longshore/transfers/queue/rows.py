"""The rows of the queue in their order, under one lock; each change of a row reaches the journal and the mailbox."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from functools import partial

from longshore.cancellation import Cancellation
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.mailbox import Mailbox
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import State, TransferRequest, TransferSnapshot

_log = logging.getLogger(__name__)

#: Finished transfers between two trims of the journal's history.
TRIM_EVERY = 100


class Rows:
    """The rows, from top to bottom. Hold ``lock`` while calling anything here, and while changing a row."""

    def __init__(self, journal: Journal, mailbox: Mailbox) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.order: list[str] = []
        self.closing = False
        self._due = False
        self._ended = 0
        self._by_id: dict[str, Entry] = {}
        self._journal = journal
        self._mailbox = mailbox

    # -- the scheduler's sleep

    def wake(self) -> None:
        """Make the scheduler check the rows."""
        self._due = True
        self.lock.notify_all()

    def looking(self) -> None:
        """Record that the scheduler checks the rows now; later changes wake it again."""
        self._due = False

    def rest(self, timeout: float | None) -> None:
        """Wait for a change, at most *timeout* seconds; returns at once if there was one since :meth:`looking`."""
        if not self._due and not self.closing:
            self.lock.wait(timeout)

    # -- which rows there are

    def __iter__(self) -> Iterator[Entry]:
        return iter([self._by_id[row] for row in self.order])

    def __contains__(self, row: object) -> bool:
        return row in self._by_id

    def __getitem__(self, row: str) -> Entry:
        return self._by_id[row]

    def known(self, ids: Iterable[str]) -> list[Entry]:
        """The rows with these ids, in the order of *ids*, without removed ones."""
        return [self._by_id[row] for row in ids if row in self._by_id]

    def add(self, request: TransferRequest) -> Entry:
        """Add a row at the end."""
        entry = Entry(request)
        self._by_id[entry.id] = entry
        self.order.append(entry.id)
        self.save(entry)
        self._mailbox.post(entry.id, ordered=True)
        self.wake()
        return entry

    def restore(self, found: Iterable[TransferSnapshot]) -> None:
        """Put the journal's rows *found* above all others, except rows that are here or were requested again."""
        new = [one for one in found if one.id not in self._by_id]
        wanted = {entry.request for entry in self}
        fresh = [one for one in new if one.request not in wanted]
        self._journal.clear([one.id for one in new if one.request in wanted])
        self._by_id |= {one.id: Entry.restored(one) for one in fresh}
        self.order = [one.id for one in fresh] + self.order
        self._mailbox.post(*(one.id for one in fresh), ordered=True)

    def remove(self, ids: Iterable[str]) -> None:
        """Remove rows; the journal keeps them as history."""
        cleared = [row for row in ids if self._by_id.pop(row, None) is not None]
        if cleared:
            self.order = [row for row in self.order if row in self._by_id]
            self._journal.clear(cleared)
            self._mailbox.post(removed=tuple(cleared), ordered=True)

    def move(self, ids: Iterable[str], *, up: bool) -> None:
        """Swap each of these rows, if it waits, with the waiting row above or below it."""
        wanted = set(ids)
        # Only waiting rows change places: the order of the others has no effect.
        slots = [number for number, entry in enumerate(self) if entry.state is State.QUEUED]
        rows = [self.order[slot] for slot in slots]
        if not up:
            rows.reverse()
        for place in range(1, len(rows)):
            if rows[place] in wanted and rows[place - 1] not in wanted:
                rows[place - 1], rows[place] = rows[place], rows[place - 1]
        if not up:
            rows.reverse()
        order = list(self.order)
        for slot, row in zip(slots, rows, strict=True):
            order[slot] = row
        self._set_order(order)

    def place(self, ids: Iterable[str], before: str | None) -> None:
        """Move these rows, as one group in their present order, before the row *before* or to the end."""
        wanted = set(ids)
        at = len(self.order) if before is None or before not in self else self.order.index(before)
        moved = [row for row in self.order if row in wanted]
        above, below = (
            [row for row in part if row not in wanted] for part in (self.order[:at], self.order[at:])
        )
        self._set_order(above + moved + below)

    def _set_order(self, order: list[str]) -> None:
        if order != self.order:
            self.order = order
            self._journal.save_order(order)
            self._mailbox.post(ordered=True)
            self.wake()

    def asked_elsewhere(self, entry: Entry) -> bool:
        """Whether another unfinished row has the same request."""
        return any(
            other is not entry and other.request == entry.request and not other.state.finished
            for other in self
        )

    # -- what happens to a row

    def changed(self, entry: Entry) -> None:
        """Report the row as changed. Needs no lock."""
        self._mailbox.post(entry.id)

    def save(self, entry: Entry) -> None:
        """Write the row to the journal soon; a newly queued row does not start before it is written."""
        asked, settled = entry.asked, None
        if entry.settled < asked:
            settled = partial(self._settled, entry, asked)
        self._journal.save([entry.snapshot(time.monotonic())], self.order.index(entry.id), settled)

    def save_all(self) -> None:
        """Write every row to the journal, which may be another file now."""
        monotonic = time.monotonic()
        for number, entry in enumerate(self):
            self._journal.save([entry.snapshot(monotonic)], number)

    def _settled(self, entry: Entry, asked: int) -> None:
        # The journal's thread.
        with self.lock:
            entry.settled = max(entry.settled, asked)
            self.wake()

    def _moved_on(self, entry: Entry) -> None:
        self.save(entry)
        self.changed(entry)
        self.wake()

    def again(self, entry: Entry) -> None:
        """Queue a finished row again."""
        entry.again()
        self._moved_on(entry)

    def later(self, entry: Entry) -> None:
        """Let a failed row wait for its next attempt."""
        entry.attempt += 1
        entry.state = State.QUEUED
        entry.freeze()
        self._moved_on(entry)

    def pause(self, entry: Entry) -> None:
        """Let a row wait again after its attempt was asked to stop."""
        entry.pause()
        self._moved_on(entry)

    def end(self, entry: Entry, state: State) -> None:
        """Finish a row in *state*."""
        entry.end(state)
        if state in (State.SUCCEEDED, State.CANCELLED):
            entry.error = None  # it may still have the error of an earlier try
        self._moved_on(entry)
        self._ended += 1
        if self._ended % TRIM_EVERY == 0:
            self._journal.trim()

    def stopped(self, entry: Entry) -> None:
        """Handle the end of a cancelled attempt: cancelled by the user, to pause, or because Longshore closes."""
        if entry.pausing:
            self.pause(entry)
        else:
            self.end(entry, State.INTERRUPTED if entry.interrupting else State.CANCELLED)

    def abandon(self, entry: Entry) -> None:
        """Give up on a cancelled attempt that hangs in an uninterruptible call: the row ends, the thread is ignored."""
        _log.info("%s does not end when cancelled", entry.thread.name if entry.thread else entry.id)
        entry.thread = None
        self.stopped(entry)

    def interrupt_all(self) -> list[Cancellation]:
        """Interrupt waiting rows because Longshore closes. Returns the cancellations to call outside the lock."""
        self.closing = True
        cancelled = []
        for entry in self:
            if entry.state is State.QUEUED:
                self.end(entry, State.INTERRUPTED)
            elif entry.active:
                # Rows that the user already cancelled stay cancelled.
                entry.interrupting = entry.state is not State.CANCELLING
                entry.pausing = False
                entry.state = State.CANCELLING
                self.changed(entry)
                cancelled.append(entry.cancellation)
        self.wake()
        return cancelled
