"""The queue's rules, with ways defined by the tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancelled
from longshore.errors import (
    AccessDenied,
    EngineLost,
    EngineUnavailable,
    RateLimited,
    RegistryFailure,
    UnavailableCause,
)
from longshore.oci.layer import LayerProgress, LayerState
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue import runner
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.retry import RetryPolicy
from longshore.transfers.transfer import Plan, State, Waiting
from longshore.transfers.ways.way import Job
from transfertools import DEADLINE, Eye, Gate, Script, pull, push, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
QUICK = RetryPolicy(delays=(0.05, 0.05), rate_limit_delays=(0.05,), engine_poll=0.02, engine_wait=0.5)

#: Seconds: longer than any wait in these tests.
NEVER = 60.0


def names(count: int) -> list[Any]:
    return [pull(f"127.0.0.1:5000/app:{number}") for number in range(count)]


def test_runs_to_success_with_plan_progress_and_digest(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        job.progress.feed(LayerProgress("a" * 12, LayerState.TRANSFERRING, 5, 10))
        job.progress.feed(LayerProgress("a" * 12, LayerState.DONE))
        return "sha256:abc"

    plan = Plan(layers=1, total_bytes=10)
    queue, eye = make_queue(Script(run, lambda job: plan))
    row = queue.add(pull())
    done = eye.until(row, State.SUCCEEDED)
    assert (done.permille, done.digest, done.plan) == (1000, "sha256:abc", plan)
    assert done.moved is not None
    assert (done.moved.bytes, done.moved.layers_moved) == (10, 1)
    assert done.started is not None
    assert done.finished is not None
    assert queue.counts().succeeded == 1


def test_limit_order_and_waiting_for_a_slot(make_queue: Make) -> None:
    gate = Gate()
    script = Script(gate.wait)
    queue, eye = make_queue(script, concurrency=2)
    requests = names(4)
    rows = [queue.add(request) for request in requests]
    wait_until(lambda: len(gate.inside) == 2)
    eye.until(rows[2], lambda row: row.waiting_for is Waiting.SLOT)
    assert set(script.started) == set(requests[:2])
    gate.open(requests[1])
    eye.until(rows[1], State.SUCCEEDED)
    wait_until(lambda: requests[2] in gate.inside)
    assert eye.until(rows[3], lambda row: row.state is State.QUEUED)
    gate.open(*requests)
    for row in rows:
        eye.until(row, State.SUCCEEDED)
    assert script.started[2:] == requests[2:]


def test_limit_per_registry(make_queue: Make) -> None:
    gate = Gate()
    script = Script(gate.wait)
    queue, _ = make_queue(script, concurrency=5, per_registry=1)
    first, second = names(2)
    other = pull("127.0.0.1:6000/app:1")
    for request in (first, second, other):
        queue.add(request)
    wait_until(lambda: len(gate.inside) == 2)
    assert set(script.started) == {first, other}
    queue.set_limits(per_registry=0)
    wait_until(lambda: second in gate.inside)


def test_a_raised_limit_starts_more(make_queue: Make) -> None:
    gate = Gate()
    queue, _ = make_queue(Script(gate.wait), concurrency=1)
    for request in names(3):
        queue.add(request)
    wait_until(lambda: len(gate.inside) == 1)
    queue.set_limits(concurrency=3)
    wait_until(lambda: len(gate.inside) == 3)


def test_two_transfers_never_write_the_same_name_at_once(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait))
    one, two = (push(source, "127.0.0.1:5000/app:1") for source in ("a:1", "b:1"))
    ids = queue.add(one), queue.add(two)
    wait_until(lambda: gate.inside == [one])
    eye.until(ids[1], lambda row: row.waiting_for is Waiting.SLOT)
    gate.open(one, two)
    eye.until(ids[1], State.SUCCEEDED)


def test_the_same_unfinished_request_is_one_row(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait))
    row = queue.add(pull())
    wait_until(lambda: gate.inside)
    assert queue.add(pull()) == row
    gate.open(pull())
    eye.until(row, State.SUCCEEDED)
    assert queue.add(pull()) != row


def test_hold_and_resume(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), concurrency=1)
    first, second = names(2)
    ids = [queue.add(first)]
    wait_until(lambda: gate.inside == [first])
    queue.hold()
    assert queue.held
    ids.append(queue.add(second))
    eye.until(ids[1], lambda row: row.waiting_for is Waiting.HOLD)
    gate.open(first)
    eye.until(ids[0], State.SUCCEEDED)  # what runs goes on
    assert eye.until(ids[1], lambda row: row.waiting_for is Waiting.HOLD)
    queue.resume()
    wait_until(lambda: gate.inside == [second])
    gate.open(second)
    eye.until(ids[1], State.SUCCEEDED)


def test_move_changes_what_starts_next(make_queue: Make) -> None:
    gate = Gate()
    script = Script(gate.wait)
    queue, eye = make_queue(script, concurrency=1)
    requests = names(4)
    rows = [queue.add(request) for request in requests]
    wait_until(lambda: gate.inside)
    for _ in range(3):  # in the end nothing waits above it
        queue.move([rows[3]], up=True)
    queue.move([rows[1]], up=False)
    eye.look()
    assert eye.order == [rows[0], rows[3], rows[2], rows[1]]
    queue.move(
        [rows[3], rows[2]], up=True
    )  # they are the first already, and do not change places with each other
    queue.move([rows[0]], up=False)  # it runs
    eye.look()
    assert eye.order == [rows[0], rows[3], rows[2], rows[1]]
    queue.move([rows[3], rows[2]], up=False)
    eye.look()
    assert eye.order == [rows[0], rows[1], rows[3], rows[2]]
    gate.open(*requests)
    for row in rows:
        eye.until(row, State.SUCCEEDED)
    assert script.started == [requests[0], requests[1], requests[3], requests[2]]


def test_rows_are_placed_together_before_another(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), concurrency=1)
    queue.hold()
    a, b, c, d, e = (queue.add(request) for request in names(5))
    for ids, before, expected in (
        ([e, b], a, [b, e, a, c, d]),
        ([a], d, [b, e, c, a, d]),
        ([b, e], None, [c, a, d, b, e]),
        ([a, d], d, [c, a, d, b, e]),  # before one of themselves: together in its place
        ([c, e], b, [a, d, c, e, b]),
        (["gone", a], "gone", [d, c, e, b, a]),
    ):
        queue.place(ids, before)
        eye.look()
        assert eye.order == expected
    queue.cancel_all()


def test_cancel_in_every_state(make_queue: Make) -> None:
    gate = Gate()
    planning = threading.Event()

    def plan(job: Job) -> None:
        if job.request == requests[1]:
            planning.set()
            job.cancellation.wait(NEVER)

    requests = names(3)
    queue, eye = make_queue(Script(gate.wait, plan), concurrency=2)
    rows = [queue.add(request) for request in requests]
    wait_until(lambda: gate.inside == [requests[0]] and planning.is_set())
    eye.until(rows[1], State.PLANNING)
    queue.cancel(rows)
    for row in rows:
        eye.until(row, State.CANCELLED)
    assert requests[2] not in gate.inside
    assert all(row.error is None for row in eye.rows.values())


def test_cancelling_is_seen_and_a_stuck_attempt_does_not_hold_the_row(make_queue: Make) -> None:
    stuck = threading.Event()

    def run(job: Job, number: int) -> str:
        stuck.wait(NEVER)  # ignores its cancellation
        return "sha256:late"

    queue, eye = make_queue(Script(run))
    row = queue.add(pull())
    eye.until(row, State.RUNNING)
    queue.cancel([row])
    eye.until(row, State.CANCELLING)
    eye.until(row, State.CANCELLED)
    stuck.set()
    wait_until(lambda: not any(t.name.startswith("transfer-") for t in threading.enumerate()))
    eye.look()
    assert eye.rows[row].state is State.CANCELLED  # what ends later changes nothing


def test_a_stuck_attempt_is_left_to_itself_in_time(make_queue: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not only when speeds are updated next."""
    monkeypatch.setattr("longshore.transfers.queue.queue.PATIENCE", 0.3)
    stuck = threading.Event()
    queue, eye = make_queue(Script(lambda job, number: str(stuck.wait(NEVER))))
    row = queue.add(pull())
    eye.until(row, State.RUNNING)
    rests: list[float] = []
    wait = queue._rows.lock.wait

    def resting(timeout: float | None = None) -> bool:
        rests.append(NEVER if timeout is None else timeout)
        return wait(timeout)

    monkeypatch.setattr(queue._rows.lock, "wait", resting)
    queue.cancel([row])
    eye.until(row, State.CANCELLED)
    stuck.set()
    assert 0 < min(rests) <= 0.3


def test_a_normal_end_may_win_against_the_cancellation(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        job.cancellation.wait(DEADLINE)
        return "sha256:abc"

    queue, eye = make_queue(Script(run))
    row = queue.add(pull())
    eye.until(row, State.RUNNING)
    queue.cancel([row])
    assert eye.until(row, State.SUCCEEDED).digest == "sha256:abc"


def test_passing_errors_are_tried_again_visibly(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        if number <= 2:
            raise RegistryFailure("busy", registry="127.0.0.1:5000")
        return "sha256:abc"

    policy = RetryPolicy(delays=(0.2, 0.2))
    queue, eye = make_queue(Script(run), policy=policy)
    row = queue.add(pull())
    waiting = eye.until(row, lambda row: row.waiting_for is Waiting.BACKOFF)
    assert waiting.state is State.QUEUED
    assert waiting.error is not None
    assert waiting.waiting_seconds is not None
    assert 0 < waiting.waiting_seconds <= 0.2
    done = eye.until(row, State.SUCCEEDED)
    assert done.attempt == 3
    assert done.error is None


def test_passing_errors_that_do_not_pass_fail_in_the_end(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        raise RegistryFailure(f"busy {number}", registry="127.0.0.1:5000")

    script = Script(run)
    queue, eye = make_queue(script, policy=QUICK)
    failed = eye.until(queue.add(pull()), State.FAILED)
    assert failed.error is not None
    assert failed.error.message == "busy 3"
    assert len(script.started) == 3


def test_attempts_at_a_line_that_is_stalled_come_to_an_end(make_queue: Make) -> None:
    stalled = threading.Event()

    def run(job: Job, number: int) -> str:
        stalled.wait(0.06)
        raise RegistryFailure(f"stalled {number}", registry="127.0.0.1:5000")

    script = Script(run)
    queue, eye = make_queue(script, policy=RetryPolicy(delays=(0.0,) * 100, longest_idle=0.1))
    row = queue.add(pull())
    eye.until(row, State.FAILED)
    assert len(script.started) <= 2  # each takes at least 0.06 s: two of them exceed 0.1
    queue.retry([row])  # the user may retry as often as they like
    wait_until(lambda: len(script.started) > 2)


def test_a_transfer_that_stalls_alone_shows_that_nothing_moves(make_queue: Make) -> None:
    stall, end = threading.Event(), threading.Event()

    def run(job: Job, number: int) -> str:
        current = 0
        while not stall.wait(0.02):
            current += 1
            job.progress.feed(LayerProgress("a" * 12, LayerState.TRANSFERRING, current, 1_000_000))
        end.wait(DEADLINE)  # no more events, and nothing else that wakes the queue
        return ""

    queue, eye = make_queue(Script(run))
    row = queue.add(pull())
    eye.until(row, lambda now: now.speed)
    stall.set()
    eye.until(row, lambda now: now.speed == 0)
    end.set()


def test_lasting_errors_are_not_tried_again(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        raise AccessDenied("no", registry="127.0.0.1:5000")

    script = Script(run)
    queue, eye = make_queue(script, policy=QUICK)
    row = queue.add(pull())
    failed = eye.until(row, State.FAILED)
    assert isinstance(failed.error, AccessDenied)
    assert len(script.started) == 1
    queue.retry_failed()
    wait_until(lambda: len(script.started) == 2)
    assert eye.until(row, State.FAILED).attempt == 1


def test_rate_limit_waits_as_long_as_it_says(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        if number == 1:
            raise RateLimited("slowly", registry="127.0.0.1:5000", retry_after=30)
        return ""

    queue, eye = make_queue(Script(run), policy=QUICK)
    row = queue.add(pull())
    waiting = eye.until(row, lambda row: row.waiting_for is Waiting.RATE_LIMIT)
    assert waiting.waiting_seconds == pytest.approx(30.5, abs=1)
    later = eye.until(row, lambda row: row.waiting_seconds is not None and row.waiting_seconds < 29.6)
    assert later.state is State.QUEUED  # it counts down
    queue.retry([row])  # for those who cannot wait
    eye.until(row, State.SUCCEEDED)


@pytest.mark.expects_log("unexpectedly")
def test_an_unexpected_exception_is_an_error_and_logged(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        raise KeyError("oops")

    queue, eye = make_queue(Script(run))
    error = eye.until(queue.add(pull()), State.FAILED).error
    assert error is not None
    assert error.code == "internal"
    assert "KeyError" in error.detail


@pytest.mark.expects_log("no thread for a transfer")
def test_a_system_without_threads_to_spare_fails_a_row_and_not_the_queue(
    make_queue: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, eye = make_queue(Script(lambda job, number: ""))
    begin = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name.startswith("transfer-"):
            raise RuntimeError("can't start new thread")
        begin(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refused)
        row = queue.add(pull())
        error = eye.until(row, State.FAILED).error
    assert error is not None
    assert "threads" in error.message
    queue.retry([row])
    eye.until(row, State.SUCCEEDED)


@pytest.mark.expects_log("the scheduler failed and looks again")
def test_a_scheduler_that_fails_looks_again(make_queue: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([KeyError("oops")])
    decide = runner.decide

    def failing(*args: Any, **more: Any) -> Any:
        for error in failures:
            raise error
        return decide(*args, **more)

    monkeypatch.setattr(runner, "decide", failing)
    queue, eye = make_queue(Script(lambda job, number: ""))
    eye.until(queue.add(pull()), State.SUCCEEDED)


@pytest.mark.expects_log("cancelled by nobody")
def test_cancelled_by_nobody_is_no_cancellation(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        raise Cancelled

    queue, eye = make_queue(Script(run))
    assert eye.until(queue.add(pull()), State.FAILED).error is not None


def test_places_without_a_way_between_fail_with_a_reason(make_queue: Make) -> None:
    script = Script(lambda job, number: "")
    queue, eye = make_queue(script)
    request = pull()
    backwards = type(request)(request.operation, request.source, request.source)
    error = eye.until(queue.add(backwards), State.FAILED).error
    assert error is not None
    assert error.code == "transfer.unsupported"


class Engines:
    """Clients with an engine that is unavailable until ``back`` is set."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.probes = 0

    def engine(self, address: Any) -> Any:
        return SimpleNamespace(probe=self._probe)

    def _probe(self) -> None:
        self.probes += 1
        if not self.back.is_set():
            raise EngineUnavailable("gone", cause=UnavailableCause.NOT_RUNNING)


def test_engine_lost_waits_for_the_engine_and_goes_on(make_queue: Make) -> None:
    engines = Engines()
    gate = Gate()

    def run(job: Job, number: int) -> str:
        if number == 1:
            job.progress.feed(LayerProgress("a" * 12, LayerState.TRANSFERRING, 50, 100))
            raise EngineLost("gone")
        return gate.wait(job)

    policy = RetryPolicy(engine_poll=0.02)
    queue, eye = make_queue(Script(run), clients=engines, policy=policy, concurrency=1)
    row = queue.add(pull())
    waiting = eye.until(row, lambda row: row.waiting_for is Waiting.ENGINE)
    assert isinstance(waiting.error, EngineLost)
    assert waiting.waiting_seconds is None
    assert waiting.permille == 350
    wait_until(lambda: engines.probes > 2)
    engines.back.set()
    wait_until(lambda: gate.inside)
    again = eye.until(row, State.RUNNING)
    assert (again.attempt, again.error) == (2, None)
    assert again.permille == 350  # the bar does not go back
    gate.open(pull())
    eye.until(row, State.SUCCEEDED)
    permilles = [seen.permille for seen in eye.seen[row] if seen.permille is not None]
    assert permilles == sorted(permilles)


def test_engine_that_stays_away_fails_in_the_end(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        raise EngineUnavailable("gone", cause=UnavailableCause.NO_SOCKET)

    queue, eye = make_queue(Script(run), clients=Engines(), policy=QUICK)
    row = queue.add(pull())
    eye.until(row, lambda row: row.waiting_for is Waiting.ENGINE)
    assert isinstance(eye.until(row, State.FAILED).error, EngineUnavailable)


def test_cancel_while_waiting_for_the_engine(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        raise EngineLost("gone")

    queue, eye = make_queue(Script(run), clients=Engines(), policy=RetryPolicy(engine_poll=0.02))
    row = queue.add(pull())
    eye.until(row, lambda row: row.waiting_for is Waiting.ENGINE)
    queue.cancel([row])
    assert eye.until(row, State.CANCELLED).error is None


def test_engine_we_may_not_use_is_not_waited_for(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        raise EngineUnavailable("no", cause=UnavailableCause.NO_PERMISSION)

    queue, eye = make_queue(Script(run), policy=QUICK)
    eye.until(queue.add(pull()), State.FAILED)


def test_clear_finished_leaves_what_is_not(make_queue: Make, journal: Journal) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), concurrency=2)
    first, second = names(2)
    rows = queue.add(first), queue.add(second)
    gate.open(first)
    eye.until(rows[0], State.SUCCEEDED)
    queue.clear_finished()
    eye.look()
    assert eye.removed == [rows[0]]
    assert eye.order == [rows[1]]
    with pytest.raises(KeyError):
        queue.request(rows[0])
    assert queue.request(rows[1]) == second
    assert {row.id for row in journal.history()} == set(rows)


def test_wake_is_called_once_until_taken(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait))
    wait_until(lambda: eye.wakes == 1)  # the journal was read
    row = queue.add(pull())
    wait_until(lambda: gate.inside)
    assert eye.wakes == 1
    eye.until(row, State.RUNNING)
    before = eye.wakes
    gate.open(pull())
    wait_until(lambda: eye.wakes > before)
    eye.until(row, State.SUCCEEDED)


def test_counts(make_queue: Make) -> None:
    gate = Gate()

    def run(job: Job, number: int) -> str:
        job.progress.feed(LayerProgress("a" * 12, LayerState.TRANSFERRING, 50, 100))
        return gate.wait(job)

    queue, eye = make_queue(Script(run, extracts=False), concurrency=1)
    requests = names(3)
    rows = [queue.add(request) for request in requests]
    wait_until(lambda: gate.inside)
    counts = queue.counts()
    assert (counts.running, counts.queued, counts.unfinished, counts.permille) == (1, 2, 3, 500)
    queue.cancel([rows[2]])
    eye.until(rows[2], State.CANCELLED)
    gate.open(*requests)
    eye.until(rows[1], State.SUCCEEDED)
    counts = queue.counts()
    assert (counts.succeeded, counts.cancelled, counts.permille) == (2, 1, None)


def test_shutdown_interrupts_what_is_unfinished(make_queue: Make, journal: Journal) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), concurrency=1)
    first, second = names(2)
    rows = queue.add(first), queue.add(second)
    wait_until(lambda: gate.inside)
    assert queue.shutdown(DEADLINE)
    assert eye.states() == [State.INTERRUPTED] * 2
    after, later = make_queue(Script(gate.wait), journal=Journal(journal.path))
    later.until(rows[0], State.INTERRUPTED)
    assert later.order == list(rows)
    after.retry(rows)
    gate.open(first, second)
    for row in rows:
        later.until(row, State.SUCCEEDED)


@pytest.mark.expects_log("still running at the end")
def test_shutdown_does_not_wait_for_a_stuck_attempt(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()

    def run(job: Job, number: int) -> str:
        stuck.wait(NEVER)
        return ""

    eye = Eye()
    queue = TransferQueue(SimpleNamespace(), journal, wake=eye.wake, ways=Script(run).table())  # type: ignore
    eye.queue = queue
    queue.start()
    row = queue.add(pull())
    eye.until(row, State.RUNNING)
    waits: dict[str, float | None] = {}
    join = threading.Thread.join

    def joined(thread: threading.Thread, timeout: float | None = None) -> None:
        waits[thread.name] = timeout
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", joined)
    for module in ("queue", "threads"):
        monkeypatch.setattr(
            f"longshore.transfers.queue.{module}.time", SimpleNamespace(monotonic=lambda: 100.0)
        )
    assert not queue.shutdown(1.0), "returns while the attempt is stuck for ever"
    # Less than the whole second, since the journal is written last and needs time.
    assert [timeout for name, timeout in waits.items() if name.startswith("transfer-")] == [
        pytest.approx(0.7)
    ]
    assert waits["transfers-journal"] == pytest.approx(1.0)
    eye.until(row, State.INTERRUPTED)
    stuck.set()


def test_adding_what_stands_interrupted_resumes_that_row(make_queue: Make, journal: Journal) -> None:
    gate = Gate()
    queue, _ = make_queue(Script(gate.wait))
    row = queue.add(pull())
    wait_until(lambda: gate.inside)
    assert queue.shutdown(2.0)
    after, eye = make_queue(Script(gate.wait), journal=Journal(journal.path))
    eye.until(row, State.INTERRUPTED)
    assert after.add(pull()) == row
    gate.open(pull())
    eye.until(row, State.SUCCEEDED)


def test_retrying_leaves_alone_what_runs_and_what_is_asked_for_elsewhere(make_queue: Make) -> None:
    gate = Gate()
    failing = threading.Event()

    def run(job: Job, number: int) -> str:
        if not failing.is_set():
            failing.set()
            raise AccessDenied("no", registry="127.0.0.1:5000")
        return gate.wait(job)

    script = Script(run)
    queue, eye = make_queue(script, policy=QUICK)
    failed = queue.add(pull())
    eye.until(failed, State.FAILED)
    running = queue.add(pull())
    eye.until(running, State.RUNNING)
    queue.retry([failed, running])
    queue.retry_failed()
    gate.open(pull())
    eye.until(running, State.SUCCEEDED)
    assert eye.rows[failed].state is State.FAILED
    assert len(script.started) == 2
    queue.retry([failed])  # now nobody else asks for it
    eye.until(failed, State.SUCCEEDED)


def test_what_is_held_stays_held_when_it_is_retried(make_queue: Make) -> None:
    queue, eye = make_queue(Script(lambda job, number: ""))
    queue.hold()
    row = queue.add(pull())
    eye.until(row, lambda row: row.waiting_for is Waiting.HOLD)
    queue.retry([row])
    assert queue.counts().queued == 1
    queue.cancel_all()


def test_a_queue_with_nothing_to_do_rests(make_queue: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    decide = runner.decide

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal looks
        looks += 1
        return decide(*arguments, **named)

    monkeypatch.setattr(runner, "decide", counted)
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait))
    row = queue.add(pull())
    wait_until(lambda: gate.inside)
    before = looks
    threading.Event().wait(0.3)  # long enough for thousands of looks if it did not rest
    assert looks - before < 20
    # No thread waits for an engine either.
    assert not [thread for thread in threading.enumerate() if thread.name == "transfers-engine-wait"]
    gate.open(pull())
    eye.until(row, State.SUCCEEDED)


def test_a_thousand_rows_start_without_delay(make_queue: Make) -> None:
    script = Script(lambda job, number: "")
    queue, eye = make_queue(script, concurrency=8)
    rows = [queue.add(request) for request in names(1000)]
    for row in rows:
        eye.until(row, State.SUCCEEDED, timeout=100)
