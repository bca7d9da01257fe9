"""What follows a failed attempt: another one, waiting for the engine, or an error; with ways defined by the tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
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
from longshore.transfers.clients import NO_GATE
from longshore.transfers.queue import runner
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.retry import RetryPolicy
from longshore.transfers.transfer import State, TransferRequest, Waiting
from longshore.transfers.ways.way import Job
from transfertools import DEADLINE, Eye, Gate, Script, pull, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
QUICK = RetryPolicy(delays=(0.05, 0.05), rate_limit_delays=(0.05,), engine_poll=0.02, engine_wait=0.5)


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


def test_a_row_that_runs_again_waits_for_nothing(make_queue: Make) -> None:
    gate = Gate()

    def run(job: Job, number: int) -> str:
        if number == 1:
            raise RegistryFailure("busy", registry="127.0.0.1:5000")
        return gate.wait(job, number)

    queue, eye = make_queue(Script(run), policy=QUICK)
    request = pull()
    row = queue.add(request)
    waiting = eye.until(row, lambda row: row.waiting_for is Waiting.BACKOFF)
    assert waiting.next_try == (2, 3)
    running = eye.until(row, State.RUNNING)
    assert (running.next_try, running.waiting_for, running.error) == (None, None, None)
    gate.open(request)
    eye.until(row, State.SUCCEEDED)


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

    gate = NO_GATE
    hand_over = None

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


def test_a_row_that_waits_or_ended_takes_another_request_and_runs(make_queue: Make) -> None:
    gate = Gate()

    def run(job: Job, number: int) -> str:
        if not job.request.options:
            raise AccessDenied("no", registry="127.0.0.1:5000")
        return gate.wait(job, number)

    def how(request: TransferRequest) -> TransferRequest:
        return replace(request, options=(("native", "1"),))

    script = Script(run)
    queue, eye = make_queue(script)
    request = pull()
    row = queue.add(request)
    assert eye.until(row, State.FAILED).error is not None
    queue.retry_as([row], how)
    running = eye.until(row, State.RUNNING)
    assert (running.request, running.error) == (how(request), None)
    queue.retry_as([row], lambda _: request)  # it runs: nothing changes
    again = queue.add(request)
    queue.retry_as([again], how)  # the other row has this request
    gate.open(how(request))
    assert eye.until(row, State.SUCCEEDED).request == how(request)
    assert eye.until(again, State.FAILED).request == request
    queue.hold()
    queue.retry([again])
    waiting = eye.until(again, State.QUEUED)
    queue.retry_as([again, "gone"], how)
    queue.resume()
    assert eye.until(again, State.SUCCEEDED).created == waiting.created
