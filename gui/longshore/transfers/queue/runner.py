"""Runs the rows of the queue: loading the journal, a scheduler thread, and one thread per attempt."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.errors import LongshoreError
from longshore.transfers.clients import Clients
from longshore.transfers.errors import UnsupportedTransfer
from longshore.transfers.journal.file import SetAside
from longshore.transfers.journal.journal import Journal
from longshore.transfers.progress.progress import Progress
from longshore.transfers.queue.mailbox import Mailbox
from longshore.transfers.queue.retry import RetryPolicy
from longshore.transfers.queue.row import Entry, now
from longshore.transfers.queue.scheduler import Limits, decide
from longshore.transfers.queue.waiting import EngineWaiter
from longshore.transfers.queue.worker import Outcome, perform
from longshore.transfers.transfer import Plan, State, TransferNote, Waiting
from longshore.transfers.ways.table import Ways, all_ways, kind_of
from longshore.transfers.ways.way import Job, Later, Way

_log = logging.getLogger(__name__)

CONCURRENCY = 3
#: Seconds between two updates of speeds and countdowns while nothing else happens.
TICK = 1.0
#: Seconds after which a cancelled attempt that does not end is abandoned and its row becomes Cancelled.
PATIENCE = 0.8
#: Seconds that a pausing attempt has to reach a good point to stop at, before it is cancelled.
GRACE = 8.0
#: Finished transfers between two trims of the journal's history.
TRIM_EVERY = 100


class QueueCore:
    """The rows and the threads that move them. Use TransferQueue.

    One lock guards the rows. Everything that may block (engine, registry, disk) runs outside it, in the attempts'
    threads and the journal's.
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
    ) -> None:
        self._services = clients
        self._journal = journal
        self._ways = ways
        self._policy = policy or RetryPolicy()
        self._condition = threading.Condition(threading.RLock())
        self._rows: dict[str, Entry] = {}
        self._order: list[str] = []
        self._limits = Limits(max(concurrency, 1), per_registry)
        self._held = False
        self._closing = False
        self._due = False
        self._ended = 0
        self._set_aside: SetAside | None = None  # the last value reported, as are the two that follow
        self._unsaved = ""
        self._damaged = 0
        self._reloading = False
        self._mailbox = Mailbox(wake)
        journal.watch(self._journal_changed)
        self._waiter = EngineWaiter(
            clients, every=self._policy.engine_poll, back=self._engine_is_back, wanted=self._waits_for
        )
        self._threads: set[threading.Thread] = set()

    # -- helpers; the lock is held

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Exception:
                _log.exception("%s ended in a way that nobody foresaw", name)
            finally:
                with self._condition:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._condition:
            self._threads.add(thread)
        return thread

    def _wake(self) -> None:
        self._due = True
        self._condition.notify_all()

    def _known(self, ids: Iterable[str]) -> list[Entry]:
        return [self._rows[row] for row in ids if row in self._rows]

    def _changed(self, entry: Entry) -> None:
        self._mailbox.post(entry.id)

    def _save(self, entry: Entry) -> None:
        asked, settled = entry.asked, None
        if entry.settled < asked:
            settled = partial(self._settled, entry, asked)
        self._journal.save([entry.snapshot(time.monotonic())], self._order.index(entry.id), settled)

    def _asked_elsewhere(self, entry: Entry) -> bool:
        return any(
            other is not entry and other.request == entry.request and not other.state.finished
            for other in self._rows.values()
        )

    def _again(self, entry: Entry) -> None:
        entry.again()
        self._save(entry)
        self._changed(entry)
        self._wake()

    def _set_held(self, held: bool) -> None:
        with self._condition:
            if self._held != held:
                self._held = held
                self._wake()

    def _end(self, entry: Entry, state: State) -> None:
        entry.end(state)
        if state in (State.SUCCEEDED, State.CANCELLED):
            entry.error = None  # it may still have the error of an earlier try
        self._save(entry)
        self._changed(entry)
        self._ended += 1
        if self._ended % TRIM_EVERY == 0:
            self._journal.trim()
        self._wake()

    def _abandon(self, entry: Entry) -> None:
        """Give up on a cancelled attempt that hangs in an uninterruptible call: the row ends, the thread is ignored."""
        _log.info("%s does not end when cancelled", entry.thread.name if entry.thread else entry.id)
        entry.thread = None
        if entry.pausing:
            self._pause(entry)
            return
        self._end(entry, State.INTERRUPTED if entry.interrupting else State.CANCELLED)

    def _pause(self, entry: Entry) -> None:
        entry.pause()
        self._save(entry)
        self._changed(entry)
        self._wake()

    # -- the journal's thread, and the thread that waits for it

    def _settled(self, entry: Entry, asked: int) -> None:
        with self._condition:
            entry.settled = max(entry.settled, asked)
            self._wake()

    def _journal_changed(self) -> None:
        with self._condition:
            if self._journal.another and not (self._reloading or self._closing):
                self._reloading = True
                self._thread(self._reload, "transfers-reload").start()
        self._mailbox.post()

    def _load(self) -> None:
        self._journal.open()
        self._adopt()

    def _reload(self) -> None:
        """Save all rows again after the journal switched to another file, which may not have them."""
        with self._condition:
            self._reloading = False
            monotonic = time.monotonic()
            for number, row in enumerate(self._order):
                self._journal.save([self._rows[row].snapshot(monotonic)], number)
        self._adopt()

    def _adopt(self) -> None:
        try:
            found = self._journal.adopt()
        except Exception as error:
            _log.warning("the journal cannot be read: %s", error)
            found = []
        with self._condition:
            found = [one for one in found if one.id not in self._rows]
            wanted = {entry.request for entry in self._rows.values()}
            fresh = [one for one in found if one.request not in wanted]
            self._journal.clear([one.id for one in found if one.request in wanted])
            self._rows = {one.id: Entry.restored(one) for one in fresh} | self._rows
            self._order = [one.id for one in fresh] + self._order
            self._mailbox.post(*(one.id for one in fresh), ordered=True)

    # -- the scheduler's thread

    def _schedule(self) -> None:
        if self._ways is None:
            self._ways = all_ways()
        while True:
            with self._condition:
                if self._closing:
                    return
                self._due = False
                monotonic = time.monotonic()
                self._look_at_new()
                timeout = self._keep_up(monotonic)
                decision = decide(
                    (self._rows[row] for row in self._order), self._limits, held=self._held, now=monotonic
                )
                for entry in decision.waiting:
                    self._changed(entry)
                for entry in decision.start:
                    self._begin(entry)
                    timeout = min(timeout or TICK, TICK)  # a new attempt may stall at once
                away = {
                    entry.engine
                    for entry in self._rows.values()
                    if entry.state is State.QUEUED and entry.waiting_for is Waiting.ENGINE and entry.engine
                }
            # Outside the lock: the waiter has its own, and calls back.
            for address in away:
                self._waiter.wait_for(address)
            with self._condition:
                if not self._due and not self._closing:
                    self._condition.wait(min(filter(None, (timeout, decision.wake_in)), default=None))

    def _way(self, entry: Entry) -> Way | None:
        return None if self._ways is None else self._ways.get(kind_of(entry.request))

    def _look_at_new(self) -> None:
        for entry in self._rows.values() if self._ways is not None else ():
            if entry.pausable is None:
                way = self._way(entry)
                entry.pausable = way is not None and way.pausable
                if entry.pausable:
                    self._changed(entry)

    def _keep_up(self, monotonic: float) -> float | None:
        """Update countdowns, speeds of stalled transfers, and attempts that do not end.

        Returns seconds until the next call.
        """
        wait: float | None = None
        for entry in list(self._rows.values()):
            if entry.state is State.QUEUED and entry.waiting_for is Waiting.ENGINE:
                if (
                    entry.waiting_since is not None
                    and monotonic - entry.waiting_since >= self._policy.engine_wait
                ):
                    self._end(entry, State.FAILED)
                    continue
                wait = TICK
            elif entry.state is State.QUEUED and entry.not_before is not None:
                self._changed(entry)
                wait = TICK
            elif entry.active:
                if entry.stop_at is not None and entry.stop_at <= monotonic:
                    if entry.cancellation.cancelled:
                        self._abandon(entry)
                        continue
                    # It reached no good point to pause at.
                    entry.cancellation.cancel()
                    entry.stop_at = monotonic + PATIENCE
                if entry.progress is not None:
                    entry.progress.touch()
                wait = wait or TICK
                if entry.stop_at is not None:
                    wait = min(wait, max(entry.stop_at - monotonic, 0.01))
        return wait

    def _begin(self, entry: Entry) -> None:
        way = self._way(entry)
        if way is None:
            entry.error = UnsupportedTransfer("Longshore cannot move images between these two places yet.")
            self._end(entry, State.FAILED)
            return
        entry.state = State.PLANNING
        entry.started = entry.started or now()
        entry.wait_for(None)
        entry.error = None
        entry.notes = ()
        entry.cancellation = Cancellation()
        entry.progress = progress = Progress(
            extracts=way.extracts,
            floor=entry.view.permille,
            carried=entry.carried,
            changed=lambda: self._mailbox.post(entry.id),
        )
        entry.thread = self._thread(
            lambda: self._attempt(entry, way, entry.cancellation, progress), f"transfer-{entry.id[:8]}"
        )
        self._save(entry)
        self._changed(entry)
        entry.thread.start()

    # -- a transfer's thread

    def _attempt(self, entry: Entry, way: Way, cancellation: Cancellation, progress: Progress) -> None:
        thread = threading.current_thread()

        def note(note: TransferNote) -> None:
            with self._condition:
                if entry.thread is thread and note not in entry.notes:
                    entry.notes = (*entry.notes, note)
                    self._changed(entry)

        def planned(plan: Plan | Later | None) -> None:
            with self._condition:
                if entry.thread is thread:
                    if not isinstance(plan, Later) and not (
                        entry.carried and entry.plan and plan and entry.plan.digest == plan.digest
                    ):
                        entry.plan = plan  # otherwise this transfer itself moved the data that is now there
                    if entry.state is State.PLANNING:
                        entry.state = State.RUNNING
                    self._save(entry)
                    self._changed(entry)

        outcome = perform(
            way, Job(entry.request, self._services, cancellation, progress, note, planned), planned
        )
        progress.end(success=outcome.error is None and not outcome.cancelled)
        with self._condition:
            if entry.thread is thread:
                entry.thread = None
                self._settle(entry, outcome)

    def _settle(self, entry: Entry, outcome: Outcome) -> None:
        if outcome.cancelled and entry.pausing:
            self._pause(entry)
        elif outcome.cancelled:
            self._end(entry, State.INTERRUPTED if entry.interrupting else State.CANCELLED)
        elif outcome.error is None:
            entry.digest = outcome.digest
            self._end(entry, State.SUCCEEDED)
        else:
            self._failed(entry, outcome.error)

    def _failed(self, entry: Entry, error: LongshoreError) -> None:
        entry.error = error
        idle = entry.idle if entry.progress is None else entry.progress.idle(entry.idle)
        again = self._policy.again(
            error, retries=entry.retries, engine_returns=entry.engine_returns, idle=idle
        )
        if again is None or self._closing:
            self._end(entry, State.FAILED)
            return
        if entry.pausing:
            self._pause(entry)
            return
        monotonic = time.monotonic()
        if again.seconds is None:
            entry.wait_for(again.why, since=monotonic)
            entry.engine_returns += 1
        else:
            entry.wait_for(again.why, until=monotonic + again.seconds)
            entry.retries += 1
            entry.most_tries = again.most
        entry.attempt += 1
        entry.state = State.QUEUED
        entry.freeze()
        self._save(entry)
        self._changed(entry)
        self._wake()

    # -- the engine waiter's threads

    def _waits_for(self, address: EngineAddress) -> bool:
        with self._condition:
            return any(
                entry.state is State.QUEUED
                and entry.waiting_for is Waiting.ENGINE
                and entry.engine == address
                for entry in self._rows.values()
            )

    def _engine_is_back(self, address: EngineAddress) -> None:
        with self._condition:
            for entry in self._rows.values():
                if (
                    entry.state is State.QUEUED
                    and entry.waiting_for is Waiting.ENGINE
                    and entry.engine == address
                ):
                    entry.wait_for(None)
                    self._changed(entry)
            self._wake()
