"""Runs the rows of the queue: a scheduler's thread, and a thread for each attempt."""

from __future__ import annotations

import logging
import threading
import time

from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress
from longshore.errors import LongshoreError
from longshore.transfers.clients import Clients
from longshore.transfers.errors import InternalError, UnsupportedTransfer
from longshore.transfers.progress.output_log import OutputLog
from longshore.transfers.progress.progress import Progress
from longshore.transfers.queue.beside import engines_beside
from longshore.transfers.queue.retry import RetryPolicy
from longshore.transfers.queue.row import Entry, now
from longshore.transfers.queue.rows import Rows
from longshore.transfers.queue.scheduler import Limits, decide
from longshore.transfers.queue.threads import Threads
from longshore.transfers.queue.waiting import EngineWaiter
from longshore.transfers.queue.worker import Outcome, perform
from longshore.transfers.tag_changes import TagRecorder
from longshore.transfers.transfer import Plan, State, TransferNote, Waiting
from longshore.transfers.ways.table import Places, Ways, kind_of, make_way
from longshore.transfers.ways.way import Job, Later, Way

_log = logging.getLogger(__name__)

#: Seconds between two updates of speeds and countdowns while nothing else happens.
TICK = 1.0
#: Seconds after which a cancelled attempt that does not end is abandoned and its row becomes Cancelled.
PATIENCE = 0.8
#: Seconds that a pausing attempt has to reach a point from which it can resume, before it is cancelled.
GRACE = 8.0


class Runner:
    """Starts the rows that may start, runs each attempt in its own thread, and decides what happens afterwards.

    Everything that may block (engine, registry, disk) runs outside the lock of the rows. *ways*: by the kinds of
    source and destination; None: all of them, each imported by the scheduler's thread when a row first needs it.
    """

    def __init__(
        self,
        rows: Rows,
        clients: Clients,
        threads: Threads,
        *,
        limits: Limits,
        ways: Ways | None,
        policy: RetryPolicy,
        recorder: TagRecorder,
    ) -> None:
        self._rows = rows
        self._recorder = recorder
        self._clients = clients
        self._threads = threads
        self._make_way = make_way if ways is None else ways.get
        #: The ways that rows needed so far; None where there is none. Guarded by the lock of the rows.
        self._ways: dict[Places, Way | None] = {}
        self._policy = policy
        #: Both are guarded by the lock of the rows.
        self.limits = limits
        self.held = False
        self._waiter = EngineWaiter(
            clients, every=policy.engine_poll, back=self._engine_is_back, wanted=self._waits_for
        )

    def start(self) -> None:
        """Start the scheduler. Call once."""
        self._threads.start(self._schedule, "transfers-scheduler")

    def stop(self) -> None:
        """Stop waiting for engines; the scheduler stops with the rows. Returns at once."""
        self._waiter.stop()

    def join(self, timeout: float) -> bool:
        """Wait for the threads after :meth:`stop`. Returns True if all ended."""
        return self._waiter.join(timeout)

    # -- the scheduler's thread

    def _schedule(self) -> None:
        while not self._rows.closing:
            try:
                seconds = self._look()
            except Exception:
                # Without its scheduler the queue would stand still and nobody would know why.
                _log.exception("the scheduler failed and looks again")
                seconds = TICK
            with self._rows.lock:
                self._rows.rest(seconds)

    def _look(self) -> float | None:
        """Start what may start. Returns the seconds until the next look, None if only a change calls for one."""
        with self._rows.lock:
            self._rows.looking()
            needed = {kind_of(entry.request) for entry in self._rows} - self._ways.keys()
        made = {places: self._make_way(places) for places in needed}  # may import
        with self._rows.lock:
            self._ways |= made
            monotonic = time.monotonic()
            self.look_at_new()
            timeout = self._keep_up(monotonic)
            decision = decide(self._rows, self.limits, held=self.held, now=monotonic)
            for entry in decision.waiting:
                self._rows.changed(entry)
            for entry in () if self._rows.closing else decision.start:
                if kind_of(entry.request) not in self._ways:
                    continue  # added meanwhile, which makes the scheduler look again
                self._begin(entry)
                timeout = min(timeout or TICK, TICK)  # a new attempt may stall at once
            surplus = self._surplus()
            away = {engine for entry in self._rows if (engine := entry.engine_away)}
        # Outside the lock: the waiter has its own, and calls back.
        for address in away:
            self._waiter.wait_for(address)
        if surplus:
            self._free(surplus)
        return min(filter(None, (timeout, decision.wake_in)), default=None)

    def _surplus(self) -> set[str]:
        """The blobs that were kept for rows that have ended without them. The lock is held."""
        shared = self._clients.hand_over
        if shared is None or not shared.kept:
            return set()
        return shared.kept.ended({entry.id for entry in self._rows if not entry.state.finished})

    def _free(self, digests: set[str]) -> None:
        def free() -> None:
            shared = self._clients.hand_over
            assert shared is not None
            try:
                self._clients.library(shared.library).free(digests)
            except LongshoreError as error:
                _log.info("what was fetched is not freed: %s %s", error, error.detail)

        self._threads.start(free, "transfers-free")

    def _way(self, entry: Entry) -> Way | None:
        return self._ways.get(kind_of(entry.request))

    def look_at_new(self) -> None:
        """Determine whether new rows can be paused. The lock is held."""
        for entry in self._rows:
            if entry.pausable is None and kind_of(entry.request) in self._ways:
                way = self._way(entry)
                entry.pausable = way is not None and way.pausable
                if entry.pausable:
                    self._rows.changed(entry)

    def _keep_up(self, monotonic: float) -> float | None:
        """Update countdowns, speeds of stalled transfers, and attempts that do not end.

        Returns seconds until the next call.
        """
        wait: float | None = None
        for entry in self._rows:
            if entry.state is State.QUEUED and entry.waiting_for is Waiting.ENGINE:
                if (
                    entry.waiting_since is not None
                    and monotonic - entry.waiting_since >= self._policy.engine_wait
                ):
                    self._rows.end(entry, State.FAILED)
                    continue
                wait = TICK
            elif entry.state is State.QUEUED and entry.not_before is not None:
                self._rows.changed(entry)
                wait = TICK
            elif entry.active:
                if entry.stop_at is not None and entry.stop_at <= monotonic:
                    if entry.cancellation.cancelled:
                        self._rows.abandon(entry)
                        continue
                    # It did not reach a point from which it can resume.
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
            entry.error = UnsupportedTransfer("Longshore can't move images between these two places yet.")
            self._rows.end(entry, State.FAILED)
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
            changed=lambda: self._rows.changed(entry),
        )
        entry.log = log = OutputLog(lambda: self._rows.changed(entry))
        try:
            # It waits for the lock before it changes anything.
            entry.thread = self._threads.start(
                lambda: self._attempt(entry, way, entry.cancellation, progress, log),
                f"transfer-{entry.id[:8]}",
            )
        except RuntimeError as error:
            _log.warning("no thread for a transfer: %s", error)
            entry.error = InternalError(
                "The system allows no more threads.", advice="Close other programs and try again."
            )
            self._rows.end(entry, State.FAILED)
            return
        self._rows.save(entry)
        self._rows.changed(entry)

    # -- a transfer's thread

    def _attempt(
        self, entry: Entry, way: Way, cancellation: Cancellation, progress: Progress, log: OutputLog
    ) -> None:
        thread = threading.current_thread()

        def note(note: TransferNote) -> None:
            with self._rows.lock:
                if entry.thread is thread and note not in entry.notes:
                    entry.notes = (*entry.notes, note)
                    self._rows.changed(entry)

        def planned(plan: Plan | Later | None) -> None:
            with self._rows.lock:
                if entry.thread is thread:
                    if not isinstance(plan, Later) and not (
                        entry.carried and entry.plan and plan and entry.plan.digest == plan.digest
                    ):
                        entry.plan = plan  # otherwise this transfer itself moved the data that is now there
                    if entry.state is State.PLANNING:
                        entry.state = State.RUNNING
                    self._rows.save(entry)
                    self._rows.changed(entry)

        def keeps(kept: bool) -> None:
            with self._rows.lock:
                if entry.thread is thread and entry.pausable != kept:
                    entry.pausable = kept
                    self._rows.changed(entry)

        def beside() -> dict[str, EngineAddress]:
            with self._rows.lock:
                return engines_beside(entry, self._rows)

        job = Job(
            entry.request,
            self._clients,
            cancellation,
            progress,
            note,
            planned,
            recorder=self._recorder,
            id=entry.id,
            keeps=keeps,
            beside=beside,
            log=log,
        )
        outcome = perform(way, job, planned)
        progress.end(success=outcome.error is None and not outcome.cancelled)
        with self._rows.lock:
            if entry.thread is thread:
                entry.thread = None
                self._settle(entry, outcome)

    def _settle(self, entry: Entry, outcome: Outcome) -> None:
        if outcome.cancelled:
            self._rows.stopped(entry)
        elif outcome.error is None:
            entry.digest = outcome.digest
            self._rows.end(entry, State.SUCCEEDED)
        else:
            self._failed(entry, outcome.error)

    def _failed(self, entry: Entry, error: LongshoreError) -> None:
        entry.error = error
        idle = entry.idle if entry.progress is None else entry.progress.idle(entry.idle)
        again = self._policy.again(
            error, retries=entry.retries, engine_returns=entry.engine_returns, idle=idle
        )
        if again is None or self._rows.closing:
            self._rows.end(entry, State.FAILED)
            return
        if entry.pausing:
            self._rows.pause(entry)
            return
        monotonic = time.monotonic()
        if again.seconds is None:
            entry.wait_for(again.why, since=monotonic)
            entry.engine_returns += 1
        else:
            entry.wait_for(again.why, until=monotonic + again.seconds)
            entry.retries += 1
            entry.most_tries = again.most
        self._rows.later(entry)

    # -- the engine waiter's threads

    def _waits_for(self, address: EngineAddress) -> bool:
        with self._rows.lock:
            return any(entry.engine_away == address for entry in self._rows)

    def _engine_is_back(self, address: EngineAddress) -> None:
        with self._rows.lock:
            for entry in self._rows:
                if entry.engine_away == address:
                    entry.wait_for(None)
                    self._rows.changed(entry)
            self._rows.wake()
