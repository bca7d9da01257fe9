"""The queue of transfers: one noun for all movement; each row has a state, from Queued to its end.

No asyncio, no Qt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from longshore.cancellation import Cancellation
from longshore.transfers.clients import Clients
from longshore.transfers.errors import InternalError
from longshore.transfers.journal.file import SetAside
from longshore.transfers.journal.journal import Journal
from longshore.transfers.progress.output_log import OutputLine
from longshore.transfers.queue.mailbox import Changes, Counts, Mailbox
from longshore.transfers.queue.retry import RetryPolicy
from longshore.transfers.queue.rows import Rows
from longshore.transfers.queue.runner import GRACE, PATIENCE, Runner
from longshore.transfers.queue.scheduler import CONCURRENCY, Limits
from longshore.transfers.queue.threads import Threads
from longshore.transfers.tag_changes import NO_RECORDER, TagRecorder
from longshore.transfers.transfer import State, TransferRequest, Waiting
from longshore.transfers.ways.table import Ways

__all__ = ["Changes", "Counts", "SetAside", "TransferQueue"]

_log = logging.getLogger(__name__)


class TransferQueue:
    """The queue's commands and queries. Any thread may call any method; all return at once, except adopt and shutdown.

    *wake* is called from any thread at the first change, and not again until the changes are taken; it must only signal
    (it may run inside a call to this queue). *ways*: by the kinds of source and destination. *recorder*: records the
    tags that transfers change.
    """

    def __init__(
        self,
        clients: Clients,
        journal: Journal,
        *,
        concurrency: int = CONCURRENCY,
        per_registry: int | None = None,
        wake: Callable[[], None] = lambda: None,
        ways: Ways | None = None,
        policy: RetryPolicy | None = None,
        recorder: TagRecorder = NO_RECORDER,
    ) -> None:
        self._journal = journal
        self._mailbox = Mailbox(wake)
        self._rows = Rows(journal, self._mailbox)
        self._threads = Threads()
        self._runner = Runner(
            self._rows,
            clients,
            self._threads,
            limits=Limits(max(concurrency, 1), per_registry),
            ways=ways,
            policy=policy or RetryPolicy(),
            recorder=recorder,
        )
        self._set_aside: SetAside | None = None  # the last value reported, as are the two that follow
        self._unsaved = ""
        self._damaged = 0
        self._reloading = False
        self._adopts = True
        journal.watch(self._journal_changed)

    # -- start and end

    def start(self, *, adopt: bool = True) -> None:
        """Open the journal, show unfinished rows of ended programs as Interrupted, and start working. Call once.

        *adopt* False: leave such rows to others, such as the window.
        """
        self._adopts = adopt
        self._threads.start(self._load, "transfers-load")
        self._runner.start()

    def shutdown(self, timeout: float = 2.0) -> bool:
        """Stop everything: unfinished rows become Interrupted and can be resumed at the next start.

        Blocks up to *timeout* seconds. Returns True if every thread ended and the journal is written and closed.
        """
        deadline = time.monotonic() + timeout
        with self._rows.lock:
            cancelled = self._rows.interrupt_all()
        self._runner.stop()
        for cancellation in cancelled:
            cancellation.cancel()
        ended = self._threads.join(deadline - 0.3)
        with self._rows.lock:
            for entry in self._rows:
                if entry.active:
                    self._rows.abandon(entry)
        clean = self._runner.join(max(deadline - 0.2 - time.monotonic(), 0.0))
        written = self._journal.close(max(deadline - time.monotonic(), 0.1))
        return clean and written and ended

    # -- the journal

    def adopt(self, ids: Sequence[str] | None = None) -> list[str]:
        """Take over unfinished rows of ended programs (those among *ids*, or all) as Interrupted rows of this queue.

        Returns the ids of the rows that it has now, in order. Blocks while the journal is read. Rows of running
        programs stay theirs.
        """
        self._journal.open()
        return self._take_over(ids)

    def _load(self) -> None:
        self._journal.open()
        if self._adopts:
            self._take_over()

    def _journal_changed(self) -> None:
        # The journal's thread.
        with self._rows.lock:
            if self._journal.another and not (self._reloading or self._rows.closing):
                self._reloading = True
                self._threads.start(self._reload, "transfers-reload")
        self._mailbox.post()

    def _reload(self) -> None:
        """Save all rows again after the journal switched to another file, which may not have them."""
        with self._rows.lock:
            self._reloading = False
            self._rows.save_all()
        if self._adopts:
            self._take_over()

    def _take_over(self, ids: Sequence[str] | None = None) -> list[str]:
        try:
            found = self._journal.adopt(ids)
        except Exception as error:
            _log.warning("the journal cannot be read: %s", error)
            found = []
        with self._rows.lock:
            self._rows.restore(found)
            return [one.id for one in found if one.id in self._rows]

    # -- commands

    def add(self, request: TransferRequest) -> str:
        """Queue a transfer and return its id.

        If an equal request is unfinished or Interrupted, its row is used again.
        """
        with self._rows.lock:
            for entry in self._rows:
                if entry.request != request:
                    continue
                if not entry.state.finished:
                    return entry.id
                if entry.state is State.INTERRUPTED and not self._rows.closing:
                    self._rows.again(entry)
                    return entry.id
            if self._rows.closing:
                raise InternalError("Longshore is closing.")
            return self._rows.add(request).id

    def cancel(self, ids: Iterable[str]) -> None:
        """Cancel these rows, waiting or running; finished rows stay as they are. Takes at most a second."""
        cancelled: list[Cancellation] = []
        with self._rows.lock:
            for entry in self._rows.known(ids):
                if entry.state is State.QUEUED:
                    self._rows.end(entry, State.CANCELLED)
                elif entry.state in (State.PLANNING, State.RUNNING):
                    entry.state = State.CANCELLING
                    entry.pausing = False
                    entry.stop_at = time.monotonic() + PATIENCE
                    self._rows.changed(entry)
                    cancelled.append(entry.cancellation)
            self._rows.wake()
        for cancellation in cancelled:
            cancellation.cancel()

    def pause(self, ids: Iterable[str]) -> None:
        """Pause the ``pausable`` rows and keep the moved data; the others stay as they are.

        A paused row is Queued and waits for PAUSED. Until then, for some seconds at most, its phase is PAUSING.
        """
        with self._rows.lock:
            self._runner.look_at_new()
            for entry in self._rows.known(ids):
                if not entry.pausable:
                    continue
                if entry.state is State.QUEUED:
                    entry.urgent = False
                    entry.wait_for(Waiting.PAUSED)
                    entry.error = None
                elif entry.state in (State.PLANNING, State.RUNNING):
                    if not entry.pausing:
                        entry.stop_at = time.monotonic() + GRACE
                        entry.cancellation.ask_to_stop()
                    entry.pausing = entry.paused = True
                self._rows.changed(entry)
            self._rows.wake()

    def unpause(self, ids: Iterable[str]) -> None:
        """Resume paused rows where they stopped, in queue order."""
        with self._rows.lock:
            for entry in self._rows.known(ids):
                if entry.pausing:
                    entry.paused = False
                elif entry.state is State.QUEUED and entry.waiting_for is Waiting.PAUSED:
                    entry.wait_for(None)
                    self._rows.changed(entry)
            self._rows.wake()

    def start_now(self, ids: Iterable[str]) -> None:
        """Start queued rows at once: beyond the limits, in a held queue, and without waiting for the next try.

        A row that writes the same name as a running one starts when that one ends. Others stay as they are.
        """
        with self._rows.lock:
            for entry in self._rows.known(ids):
                if entry.state is State.QUEUED:
                    entry.urgent = True
                    entry.wait_for(None)
                    self._rows.changed(entry)
            self._rows.wake()

    def cancel_all(self) -> None:
        """Cancel every row that waits or runs."""
        with self._rows.lock:
            unfinished = [entry.id for entry in self._rows if not entry.state.finished]
        self.cancel(unfinished)

    def retry(self, ids: Iterable[str]) -> None:
        """Queue finished rows again; retry a row at once that waits for its next try."""
        with self._rows.lock:
            for entry in self._rows.known(ids):
                if entry.state is State.QUEUED and entry.waiting_for in (
                    Waiting.BACKOFF,
                    Waiting.RATE_LIMIT,
                    Waiting.ENGINE,
                ):
                    entry.wait_for(None)
                    self._rows.changed(entry)
                elif entry.state.finished and not self._rows.asked_elsewhere(entry):
                    self._rows.again(entry)
            self._rows.wake()

    def retry_as(self, ids: Iterable[str], how: Callable[[TransferRequest], TransferRequest]) -> None:
        """Queue rows that wait or have finished again, each with *how* of its request, which keeps both ends.

        Rows that run stay as they are, and so do those whose new request another row has already.
        """
        with self._rows.lock:
            for entry in self._rows.known(ids):
                if entry.active:
                    continue
                before, entry.request = entry.request, how(entry.request)
                if self._rows.asked_elsewhere(entry):
                    entry.request = before
                    continue
                entry.pausable = None  # another way of the transfer may differ in this
                self._rows.again(entry)
            self._rows.wake()

    def retry_failed(self) -> None:
        """Queue every Failed or Interrupted row again."""
        unfinished = (State.FAILED, State.INTERRUPTED)
        with self._rows.lock:
            self.retry([entry.id for entry in self._rows if entry.state in unfinished])

    def clear_finished(self, ids: Iterable[str] | None = None) -> None:
        """Remove finished rows (those among *ids*, or all) from the queue; the journal keeps them as history."""
        with self._rows.lock:
            wanted = self._rows if ids is None else self._rows.known(ids)
            self._rows.remove([entry.id for entry in wanted if entry.state.finished])

    def hold(self) -> None:
        """Start no more transfers; running ones continue."""
        self._set_held(True)

    def resume(self) -> None:
        """Start waiting transfers again."""
        self._set_held(False)

    def _set_held(self, held: bool) -> None:
        with self._rows.lock:
            if self._runner.held != held:
                self._runner.held = held
                self._rows.wake()

    @property
    def held(self) -> bool:
        """Whether the queue is paused."""
        return self._runner.held

    def move(self, ids: Iterable[str], *, up: bool) -> None:
        """Swap each of these rows, if it waits, with the waiting row above or below it.

        Adjacent rows move together. Rows at the end of the list stay there.
        """
        with self._rows.lock:
            self._rows.move(ids, up=up)

    def place(self, ids: Iterable[str], before: str | None) -> None:
        """Move these rows, as one group in their present order, before the row *before* or to the end."""
        with self._rows.lock:
            self._rows.place(ids, before)

    def set_limits(self, *, concurrency: int | None = None, per_registry: int | None = None) -> None:
        """Change the limits (*per_registry* 0: no separate limit, None: unchanged). Running transfers continue."""
        with self._rows.lock:
            if concurrency is not None:
                self._runner.limits.concurrency = max(concurrency, 1)
            if per_registry is not None:
                self._runner.limits.per_registry = per_registry or None
            self._rows.wake()

    # -- queries

    def take_changes(self) -> Changes:
        """The changes since the last call. Only one thread may take them."""
        changed, removed, ordered = self._mailbox.take()
        with self._rows.lock:
            monotonic = time.monotonic()
            before = self._set_aside, self._unsaved, self._damaged
            news = self._journal.set_aside, self._journal.problem, self._journal.damaged
            self._set_aside, self._unsaved, self._damaged = news
            return Changes(
                snapshots=[self._rows[row].snapshot(monotonic) for row in changed if row in self._rows],
                removed=removed,
                order=list(self._rows.order) if ordered else None,
                set_aside=news[0] if news[0] is not before[0] else None,
                unsaved=news[1] if news[1] != before[1] else None,
                damaged=news[2] - before[2],
            )

    def counts(self) -> Counts:
        """The number of rows in each state, and the progress of all running rows together."""
        with self._rows.lock:
            rows = list(self._rows)
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

    def output(self, row: str, after: int = 0, step: int | None = None) -> list[OutputLine]:
        """The kept lines of a row's output behind line *after*, only those of *step* if it is given; [] if it is gone.

        A row that starts again begins its output anew.
        """
        with self._rows.lock:
            log = self._rows[row].log if row in self._rows else None
        return [] if log is None else log.after(after, step)

    def request(self, row: str) -> TransferRequest:
        """The request of a row. Raises KeyError for an unknown row."""
        with self._rows.lock:
            return self._rows[row].request
