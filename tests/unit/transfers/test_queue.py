"""The queue's rules, with ways defined by the tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.oci.layer import LayerProgress, LayerState
from longshore.transfers.clients import NO_GATE
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue import runner
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import Plan, State, Waiting
from longshore.transfers.ways.way import Job
from transfertools import DEADLINE, Eye, Gate, Script, pull, push, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]

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


def test_start_now_goes_beyond_the_limit_and_past_a_held_queue(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait), concurrency=1)
    requests = names(3)
    ids = [queue.add(request) for request in requests]
    wait_until(lambda: gate.inside == requests[:1])
    queue.hold()
    eye.until(ids[2], lambda row: row.waiting_for is Waiting.HOLD)
    queue.start_now([ids[2], ids[0], "gone"])
    wait_until(lambda: gate.inside == [requests[0], requests[2]])
    gate.open(*requests)
    eye.until(ids[2], State.SUCCEEDED)
    assert eye.until(ids[1], lambda row: row.state is State.QUEUED)
    # A row that is queued again waits as every other.
    queue.resume()
    eye.until(ids[1], State.SUCCEEDED)


def test_start_now_resumes_a_paused_row(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait, pausable=True, extracts=False), concurrency=1)
    requests = names(2)
    ids = [queue.add(request) for request in requests]
    wait_until(lambda: gate.inside == requests[:1])
    queue.pause([ids[1]])
    eye.until(ids[1], lambda row: row.waiting_for is Waiting.PAUSED)
    queue.start_now([ids[1]])
    wait_until(lambda: gate.inside == requests)
    gate.open(*requests)
    eye.until(ids[1], State.SUCCEEDED)


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


@pytest.mark.expects_log("unexpectedly")
def test_an_unexpected_exception_is_an_error_and_logged(make_queue: Make) -> None:
    def run(job: Job, number: int) -> str:
        raise KeyError("oops")

    queue, eye = make_queue(Script(run))
    error = eye.until(queue.add(pull()), State.FAILED).error
    assert error is not None
    assert error.code == "internal"
    assert "KeyError" in error.detail


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
    queue = TransferQueue(
        SimpleNamespace(gate=NO_GATE, hand_over=None), journal, wake=eye.wake, ways=Script(run).table()
    )  # type: ignore
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
    assert queue.shutdown(30)
    after, eye = make_queue(Script(gate.wait), journal=Journal(journal.path))
    eye.until(row, State.INTERRUPTED)
    assert after.add(pull()) == row
    gate.open(pull())
    eye.until(row, State.SUCCEEDED)


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
