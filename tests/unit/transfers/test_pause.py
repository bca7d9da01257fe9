"""Pausing rows whose bytes we move ourselves, with ways defined by the tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import AccessDenied, RegistryUnreachable
from longshore.oci.layer import LayerProgress, LayerState
from longshore.transfers.journal.journal import Journal
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.queue import runner
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import Phase, Plan, State, Waiting
from longshore.transfers.ways.way import Job
from transfertools import DEADLINE, Eye, Gate, Script, pull, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
LAYERS = ("a" * 12, "b" * 12)


def stopping(job: Job) -> None:
    """Wait until asked to stop, then stop."""
    deadline = time.monotonic() + DEADLINE
    while not job.cancellation.stopping:
        assert time.monotonic() < deadline
        job.cancellation.wait(0.005)
    raise Cancelled


def halfway(job: Job, number: int) -> str:
    """Move one layer, wait to be paused, and move the other in the second run."""
    job.progress.expect(PlannedLayer(f"sha256:{layer}", 100) for layer in LAYERS)
    first = LayerState.DONE if number == 1 else LayerState.SKIPPED
    job.progress.feed(LayerProgress(LAYERS[0], first))
    if number == 1:
        job.progress.feed(LayerProgress(LAYERS[1], LayerState.TRANSFERRING, 40, 100))
        stopping(job)
    job.progress.feed(LayerProgress(LAYERS[1], LayerState.DONE))
    return "sha256:0"


def test_pausing_keeps_what_was_moved(make_queue: Make) -> None:
    plans = [Plan(2, 200, digest="sha256:0"), Plan(2, 200, 1, 100, digest="sha256:0")]
    script = Script(halfway, lambda job: plans.pop(0), extracts=False, pausable=True)
    queue, eye = make_queue(script)
    row = queue.add(pull())
    eye.until(row, lambda row: row.pausable and row.moved_bytes == 140)
    queue.pause([row])
    paused = eye.until(row, lambda row: row.waiting_for is Waiting.PAUSED)
    assert (paused.state, paused.attempt, paused.phase, paused.error) == (State.QUEUED, 1, None, None)
    assert (paused.moved_bytes, paused.permille) == (140, 700)
    queue.unpause([row])
    done = eye.until(row, State.SUCCEEDED)
    assert done.attempt == 1
    assert done.moved is not None
    assert (done.moved.bytes, done.moved.layers_moved, done.moved.layers_skipped) == (200, 2, 0)
    assert done.plan is not None
    assert done.plan.here_layers == 0
    shown = [snapshot.permille for snapshot in eye.seen[row] if snapshot.permille is not None]
    assert shown == sorted(shown)
    assert not plans


def test_what_an_engine_moves_is_not_paused(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait))
    row = queue.add(pull())
    wait_until(lambda: gate.inside)
    queue.pause([row])
    gate.open(pull())
    assert not eye.until(row, State.SUCCEEDED).pausable


def test_a_waiting_row_is_paused_and_lets_others_pass(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait, pausable=True), concurrency=1)
    first, second, third = (pull(f"127.0.0.1:5000/app:{number}") for number in range(3))
    rows = [queue.add(request) for request in (first, second, third)]
    eye.until(rows[1], lambda row: row.pausable and row.waiting_for is Waiting.SLOT)
    queue.pause([rows[1]])
    eye.until(rows[1], lambda row: row.waiting_for is Waiting.PAUSED)
    gate.open(first, third, second)
    eye.until(rows[2], State.SUCCEEDED)
    assert eye.rows[rows[1]].waiting_for is Waiting.PAUSED
    queue.unpause([rows[1]])
    eye.until(rows[1], State.SUCCEEDED)


def test_a_paused_row_stays_paused_when_it_is_retried(make_queue: Make) -> None:
    gate = Gate()
    queue, eye = make_queue(Script(gate.wait, pausable=True), concurrency=1)
    first, second = (pull(f"127.0.0.1:5000/app:{number}") for number in range(2))
    rows = [queue.add(request) for request in (first, second)]
    eye.until(rows[1], lambda row: row.pausable and row.waiting_for is Waiting.SLOT)
    queue.pause([rows[1]])
    queue.retry([rows[1]])
    gate.open(first, second)
    eye.until(rows[0], State.SUCCEEDED)
    assert eye.until(rows[1], lambda row: row.waiting_for is Waiting.PAUSED).state is State.QUEUED


def test_one_that_finds_no_good_place_is_cut(make_queue: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.transfers.queue.queue.GRACE", 0.05)
    gate = Gate()  # wakes only when cancelled
    queue, eye = make_queue(Script(gate.wait, pausable=True))
    row = queue.add(pull())
    wait_until(lambda: gate.inside)
    eye.until(row, lambda row: row.pausable)
    queue.pause([row])
    eye.until(row, lambda row: row.phase is Phase.PAUSING)
    eye.until(row, lambda row: row.waiting_for is Waiting.PAUSED)
    assert not gate.inside
    assert runner.GRACE > runner.PATIENCE


def test_pausing_twice_gives_no_more_time(make_queue: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.transfers.queue.queue.GRACE", 0.05)
    gate = Gate()  # wakes only when cancelled
    queue, eye = make_queue(Script(gate.wait, pausable=True))
    row = queue.add(pull())
    wait_until(lambda: gate.inside)
    eye.until(row, lambda row: row.pausable)
    with queue._rows.lock:  # before it can be cut
        queue.pause([row])
        monkeypatch.setattr("longshore.transfers.queue.queue.GRACE", 10 * DEADLINE)
        queue.pause([row])
    eye.until(row, lambda row: row.waiting_for is Waiting.PAUSED)


def test_unpausing_one_that_still_pauses_goes_on_at_once(make_queue: Make) -> None:
    script = Script(halfway, extracts=False, pausable=True)
    queue, eye = make_queue(script)
    row = queue.add(pull())
    eye.until(row, lambda row: row.pausable and row.moved_bytes == 140)
    with queue._rows.lock:  # before its thread can end
        queue.pause([row])
        queue.unpause([row])
    eye.until(row, State.SUCCEEDED)
    assert script.attempts[pull()] == 2
    assert Waiting.PAUSED not in {snapshot.waiting_for for snapshot in eye.seen[row]}


def test_cancelling_one_that_pauses_or_is_paused(make_queue: Make) -> None:
    queue, eye = make_queue(Script(halfway, extracts=False, pausable=True))
    row = queue.add(pull())
    eye.until(row, lambda row: row.pausable and row.moved_bytes == 140)
    with queue._rows.lock:
        queue.pause([row])
        queue.cancel([row])
    eye.until(row, State.CANCELLED)
    queue.retry([row])
    other = queue.add(pull("127.0.0.1:5000/other:1"))
    eye.until(other, lambda row: row.pausable and row.moved_bytes == 140)
    queue.pause([other])
    eye.until(other, lambda row: row.waiting_for is Waiting.PAUSED)
    queue.cancel([other])
    eye.until(other, State.CANCELLED)


@pytest.mark.parametrize(
    ("error", "state"), [(RegistryUnreachable, State.QUEUED), (AccessDenied, State.FAILED)]
)
def test_a_failure_while_pausing(make_queue: Make, error: type[RegistryUnreachable], state: State) -> None:
    def run(job: Job, number: int) -> str:
        with pytest.raises(Cancelled):
            stopping(job)
        raise error("no", registry="127.0.0.1:5000")

    queue, eye = make_queue(Script(run, pausable=True))
    row = queue.add(pull())
    eye.until(row, lambda row: row.pausable and row.state is State.RUNNING)
    queue.pause([row])
    found = eye.until(row, state if state is State.FAILED else lambda row: row.waiting_for is Waiting.PAUSED)
    assert found.state is state


def test_a_paused_row_is_interrupted_by_the_end_of_the_program(make_queue: Make, tmp_path: Path) -> None:
    script = Script(halfway, extracts=False, pausable=True)
    first = Journal(tmp_path / "own" / "journal.sqlite3")
    queue, eye = make_queue(script, journal=first)
    row = queue.add(pull())
    eye.until(row, lambda row: row.pausable and row.moved_bytes == 140)
    queue.pause([row])
    eye.until(row, lambda row: row.waiting_for is Waiting.PAUSED)
    assert queue.shutdown(30)
    _, later = make_queue(script, journal=Journal(first.path))
    found = later.until(row, State.INTERRUPTED)
    assert found.permille == 700


def test_a_part_is_asked_to_stop_with_the_whole_or_alone() -> None:
    whole = Cancellation()
    with whole.below() as part, whole.below() as other:
        part.ask_to_stop()
        assert (part.stopping, other.stopping, whole.stopping, part.cancelled) == (True, False, False, False)
        whole.ask_to_stop()
        assert other.stopping
        other.cancel()
        assert not whole.cancelled
        whole.cancel()
        assert part.cancelled
