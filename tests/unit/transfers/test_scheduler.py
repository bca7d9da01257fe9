"""Which rows start, which wait and for what, and when to look again: a pure function."""

from __future__ import annotations

import pytest

from longshore.engine.address import EngineAddress, Origin
from longshore.transfers.queue.row import Entry
from longshore.transfers.queue.scheduler import Decision, Limits, decide
from longshore.transfers.transfer import State, TransferRequest, Waiting
from transfertools import copy, pull, push

NOW = 1000.0


def entry(request: TransferRequest, state: State = State.QUEUED, **more: object) -> Entry:
    made = Entry(request, state=state, settled=1)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def names(count: int, host: str = "127.0.0.1:5000") -> list[TransferRequest]:
    return [pull(f"{host}/app:{number}") for number in range(count)]


def look(rows: list[Entry], limits: Limits | None = None, *, held: bool = False) -> Decision:
    return decide(rows, limits or Limits(), held=held, now=NOW)


def test_as_many_as_may_run_start_from_the_top() -> None:
    rows = [entry(request) for request in names(5)]
    found = look(rows, Limits(2))
    assert found.start == rows[:2]
    assert found.waiting == rows[2:]
    assert [row.waiting_for for row in rows] == [None, None, *[Waiting.SLOT] * 3]
    assert found.wake_in is None
    # Reported once.
    assert look(rows, Limits(0)).waiting == rows[:2]


@pytest.mark.parametrize("state", [State.PLANNING, State.RUNNING, State.CANCELLING])
def test_what_is_active_takes_a_slot(state: State) -> None:
    first, second, third = names(3)
    rows = [entry(first, state), entry(second), entry(third)]
    assert look(rows, Limits(2)).start == [rows[1]]
    assert look(rows, Limits(1)).start == []


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED])
def test_what_has_ended_takes_none(state: State) -> None:
    first, second = names(2)
    rows = [entry(first, state), entry(second)]
    found = look(rows, Limits(1))
    assert (found.start, found.waiting) == ([rows[1]], [])


def test_a_registry_has_a_limit_of_its_own() -> None:
    here, there = names(3), names(1, "127.0.0.1:6000")
    rows = [entry(here[0], State.RUNNING), entry(here[1]), entry(here[2]), entry(there[0])]
    assert look(rows, Limits(9, 2)).start == [rows[1], rows[3]]
    assert rows[2].waiting_for is Waiting.SLOT
    assert look(rows, Limits(9, 1)).start == [rows[3]]
    assert look(rows, Limits(9, None)).start == rows[1:]


def test_both_registries_of_a_copy_count() -> None:
    rows = [
        entry(copy("127.0.0.1:5000/a:1", "127.0.0.1:6000/a:1"), State.RUNNING),
        entry(pull("127.0.0.1:6000/b:1")),
        entry(pull("127.0.0.1:5000/b:1")),
        entry(pull("127.0.0.1:7000/b:1")),
    ]
    assert look(rows, Limits(9, 1)).start == [rows[3]]


def test_no_two_write_the_same_name() -> None:
    rows = [
        entry(push("a:1", "127.0.0.1:5000/app:1"), State.RUNNING),
        entry(push("b:1", "127.0.0.1:5000/app:1")),
        entry(push("b:1", "127.0.0.1:5000/app:2")),
        entry(push("c:1", "127.0.0.1:5000/app:2")),
        # A push gives the image that name in the engine as well.
        entry(pull("127.0.0.1:5000/app:1")),
    ]
    found = look(rows, Limits(9))
    assert found.start == [rows[2]]
    assert found.waiting == [rows[1], rows[3], rows[4]]


def test_the_same_name_on_two_engines_is_two() -> None:
    other = EngineAddress("other", "unix:///elsewhere/docker.sock", Origin.OPTION)
    rows = [entry(pull()), entry(pull(address=other))]
    assert look(rows, Limits(9)).start == rows


def test_a_held_queue_starts_nothing() -> None:
    rows = [entry(request) for request in names(2)]
    found = look(rows, held=True)
    assert (found.start, found.waiting) == ([], rows)
    assert {row.waiting_for for row in rows} == {Waiting.HOLD}
    assert look(rows, held=True).waiting == []
    assert look(rows).start == rows


@pytest.mark.parametrize("why", [Waiting.ENGINE, Waiting.PAUSED])
def test_what_waits_for_something_else_is_left_alone(why: Waiting) -> None:
    first, second = (entry(request) for request in names(2))
    first.wait_for(why)
    found = look([first, second], Limits(1))
    assert (found.start, found.waiting, first.waiting_for) == ([second], [], why)


def test_a_row_that_is_not_on_disk_takes_no_slot_and_does_not_start() -> None:
    first, second = (entry(request) for request in names(2))
    first.asked = 2
    found = look([first, second], Limits(1))
    assert (found.start, found.waiting, first.waiting_for) == ([second], [], None)
    first.settled = 2
    assert look([first, second], Limits(1)).start == [first]


def test_a_countdown_is_waited_out_and_the_nearest_one_wakes() -> None:
    rows = [entry(request) for request in names(4)]
    rows[0].wait_for(Waiting.BACKOFF, until=NOW + 8.0)
    rows[1].wait_for(Waiting.RATE_LIMIT, until=NOW + 3.0)
    rows[2].wait_for(Waiting.BACKOFF, until=NOW + 5.0)
    found = look(rows)
    assert (found.start, found.waiting) == ([rows[3]], [])
    assert found.wake_in == 3.0
    assert [row.waiting_for for row in rows] == [
        Waiting.BACKOFF,
        Waiting.RATE_LIMIT,
        Waiting.BACKOFF,
        None,
    ]


def test_a_countdown_that_is_over_starts() -> None:
    row = entry(pull())
    row.wait_for(Waiting.BACKOFF, until=NOW)
    found = look([row])
    assert (found.start, found.wake_in) == ([row], None)


def test_a_countdown_that_is_over_waits_for_a_slot() -> None:
    first, second = (entry(request) for request in names(2))
    second.wait_for(Waiting.BACKOFF, until=NOW - 1.0)
    found = look([first, second], Limits(1))
    assert (found.start, found.waiting, second.waiting_for) == ([first], [second], Waiting.SLOT)


def test_three_at_once_unless_told_otherwise() -> None:
    assert (Limits().concurrency, Limits().per_registry) == (3, None)


def test_what_the_user_starts_himself_ignores_limits_and_a_held_queue() -> None:
    rows = [entry(one) for one in names(4)]
    rows[3].urgent = True
    assert look(rows, Limits(1), held=True).start == [rows[3]]
    found = look(rows, Limits(2))
    assert found.start == [*rows[:2], rows[3]]
    assert rows[2].waiting_for is Waiting.SLOT
    # It counts in the limit of the others.
    running = [entry(one, State.RUNNING, urgent=True) for one in names(2)]
    assert look([*running, rows[2]], Limits(2)).start == []


def test_what_the_user_starts_himself_never_writes_a_name_that_another_writes() -> None:
    rows = [
        entry(push("a:1", "127.0.0.1:5000/app:1"), State.RUNNING),
        entry(push("b:1", "127.0.0.1:5000/app:1"), urgent=True),
    ]
    assert look(rows, Limits(9)).start == []
    assert rows[1].waiting_for is Waiting.SLOT
    assert look(rows[1:], Limits(0)).start == rows[1:]
