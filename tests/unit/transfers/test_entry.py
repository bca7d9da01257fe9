"""A single row: the names that it writes, and what each change of its state leaves behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from longshore.engine.address import EngineAddress, Origin
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.reference import Reference
from longshore.transfers.errors import InternalError
from longshore.transfers.progress.progress import Progress
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    Operation,
    Phase,
    Plan,
    State,
    TransferRequest,
    Waiting,
)
from transfertools import ENGINE, copy, pull, push

APP = Reference.parse("127.0.0.1:5000/app:1")


def at_work(*, pausable: bool = True) -> Entry:
    """A row in its second attempt, with one of two layers moved."""
    entry = Entry(pull(), state=State.RUNNING, attempt=2, retries=1, engine_returns=1, pausable=pausable)
    entry.progress = Progress(extracts=False)
    entry.progress.feed(LayerProgress("a" * 12, LayerState.TRANSFERRING, 60, 60))
    entry.progress.feed(LayerProgress("a" * 12, LayerState.DONE))
    entry.progress.feed(LayerProgress("b" * 12, LayerState.TRANSFERRING, 10, 40))
    entry.plan = Plan(2, 100)
    entry.digest = "sha256:x"
    return entry


@pytest.mark.parametrize("state", list(State))
def test_an_attempt_runs_while_it_plans_moves_or_ends(state: State) -> None:
    assert Entry(pull(), state=state).active == (state in (State.PLANNING, State.RUNNING, State.CANCELLING))


def test_where_it_goes() -> None:
    other = EngineAddress("other", "unix:///elsewhere/docker.sock", Origin.OPTION)
    both = TransferRequest(
        Operation.COPY, Endpoint(EnginePlace(ENGINE), APP), Endpoint(EnginePlace(other), APP)
    )
    assert (Entry(both).engine, Entry(both).hosts) == (other, set())
    between = copy("127.0.0.1:5000/a:1", "127.0.0.1:6000/b:1")
    assert (Entry(between).engine, Entry(between).hosts) == (None, {"127.0.0.1:5000", "127.0.0.1:6000"})
    assert (Entry(pull()).engine, Entry(pull()).hosts) == (ENGINE, {"127.0.0.1:5000"})


def test_the_names_that_it_writes() -> None:
    pushed = push("app:1", "127.0.0.1:5000/app:1")
    assert Entry(pushed).ends == {(pushed.destination.place, APP), (EnginePlace(ENGINE), APP)}
    between = copy("127.0.0.1:5000/a:1", "127.0.0.1:6000/b:1")
    assert Entry(between).ends == {(between.destination.place, between.destination.reference)}
    archive = ArchivePlace(Path("/there/app.tar"), "oci")
    for source, name in ((Endpoint(EnginePlace(ENGINE), APP), APP),
                         (Endpoint(EnginePlace(ENGINE), None, "sha256:1"), "sha256:1")):  # fmt: skip
        saved = TransferRequest(Operation.SAVE, source, Endpoint(archive, None))
        assert Entry(saved).ends == {(archive, name), (EnginePlace(ENGINE), name)}


def test_what_has_ended_keeps_what_it_showed_and_waits_for_nothing() -> None:
    entry = at_work()
    entry.pausing = entry.paused = True
    entry.stop_at = 1.0
    entry.end(State.FAILED)
    assert (entry.pausing, entry.paused, entry.stop_at, entry.progress) == (False, False, None, None)
    shown = entry.snapshot(0.0)
    assert (shown.state, shown.phase, shown.waiting_for) == (State.FAILED, None, None)
    assert (shown.permille, shown.moved_bytes, shown.total_bytes) == (700, 70, 100)
    assert shown.moved is not None and (shown.moved.bytes, shown.moved.layers_moved) == (70, 1)
    assert (shown.speed, shown.seconds_left) == (None, None)
    assert shown.finished is not None
    assert entry.carried == {"a" * 12}


@pytest.mark.parametrize(("paused", "why"), [(True, Waiting.PAUSED), (False, None)])
def test_what_was_asked_to_stop_waits_unless_it_was_asked_to_go_on(paused: bool, why: Waiting | None) -> None:
    entry = at_work()
    entry.pausing, entry.paused, entry.stop_at = True, paused, 1.0
    assert entry.snapshot(0.0).phase is Phase.PAUSING
    entry.pause()
    assert (entry.state, entry.waiting_for) == (State.QUEUED, why)
    assert (entry.pausing, entry.paused, entry.stop_at) == (False, False, None)
    assert entry.snapshot(0.0).permille == 700


def test_only_what_can_go_on_remembers_the_layers_that_it_moved() -> None:
    entry = at_work(pausable=False)
    entry.freeze()
    assert entry.carried == frozenset()


def test_again_is_as_new_but_for_its_place() -> None:
    entry = at_work()
    created, asked = entry.created, entry.asked
    entry.error = InternalError("no")
    entry.idle = 9.0
    entry.end(State.FAILED)
    entry.again()
    fresh = Entry(pull(), id=entry.id, created=created)
    assert replace(entry.snapshot(0.0), pausable=False) == fresh.snapshot(0.0)
    assert (entry.asked, entry.retries, entry.engine_returns, entry.idle) == (asked + 1, 0, 0, 0.0)
    assert (entry.carried, entry.pausing, entry.paused) == (frozenset(), False, False)


def test_a_new_row_is_not_yet_on_disk() -> None:
    """It may not start until the journal has it."""
    entry = Entry(pull())
    assert (entry.asked, entry.settled) == (1, 0)
    entry.settled = entry.asked
    entry.end(State.FAILED)
    entry.again()
    assert entry.settled < entry.asked


def test_a_row_comes_back_from_the_journal_as_it_was() -> None:
    entry = at_work()
    entry.error = InternalError("no")
    entry.end(State.INTERRUPTED)
    kept = replace(entry.snapshot(0.0), layers=())
    back = Entry.restored(kept)
    assert replace(back.snapshot(0.0), pausable=kept.pausable) == kept
    assert back.settled == back.asked  # it is on disk: it may start at once


def test_a_countdown_is_shown_only_while_the_row_waits() -> None:
    entry = Entry(pull(), retries=1, most_tries=3)
    assert entry.wait_for(Waiting.BACKOFF, until=110.0)
    assert not entry.wait_for(Waiting.BACKOFF, until=110.0)
    assert entry.wait_for(Waiting.BACKOFF, until=111.0)
    shown = entry.snapshot(100.0)
    assert (shown.waiting_seconds, shown.waiting_for, shown.next_try) == (11.0, Waiting.BACKOFF, (2, 3))
    assert entry.snapshot(200.0).waiting_seconds == 0.0
    entry.state = State.CANCELLING
    shown = entry.snapshot(100.0)
    assert (shown.waiting_seconds, shown.waiting_for) == (None, None)
    assert Entry(pull(), retries=1).snapshot(0.0).next_try is None


def test_a_row_is_urgent_until_it_is_paused_or_queued_again() -> None:
    row = Entry(pull(), urgent=True)
    row.pause()  # an attempt that goes on by itself
    assert row.urgent
    row.paused = True
    row.pause()
    assert not row.urgent
    row.urgent = True
    row.again()
    assert not row.urgent
