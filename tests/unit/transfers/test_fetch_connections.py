"""Connections for fetching: limits per registry, turns, and registries that want fewer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.transfers import connections as module
from longshore.transfers.connections import PER_BLOB, PER_HOST, Connections
from transfertools import wait_until

HOST = "registry.example"


class Holder:
    """A thread that holds a connection until it is told to release it."""

    def __init__(self, connections: Connections, host: str = HOST) -> None:
        self.cancellation = Cancellation()
        self.held = threading.Event()
        self.ended: list[str] = []
        self._release = threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(connections, host))
        self._thread.start()

    def _hold(self, connections: Connections, host: str) -> None:
        try:
            with connections.slot(host, self.cancellation):
                self.held.set()
                self._release.wait(20)
            self.ended.append("released")
        except Cancelled:
            self.ended.append("cancelled")

    def release(self) -> None:
        self._release.set()
        self._thread.join(20)


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    made: list[Holder] = []

    def hold(connections: Connections, host: str = HOST) -> Holder:
        made.append(Holder(connections, host))
        return made[-1]

    yield hold
    for one in made:
        one.release()


def queued(connections: Connections, count: int) -> None:
    wait_until(lambda: len(connections._queues[HOST]) == count, "they wait")


def test_a_registry_has_a_limit_of_its_own(hold: Callable[..., Holder]) -> None:
    connections = Connections(per_host=2)
    first, second = hold(connections), hold(connections)
    assert first.held.wait(20) and second.held.wait(20)
    third = hold(connections)
    queued(connections, 1)
    assert hold(connections, "other.example").held.wait(20)
    assert not third.held.is_set()
    first.release()
    assert third.held.wait(20)


def test_whoever_has_waited_longest_is_next(hold: Callable[..., Holder]) -> None:
    connections = Connections(per_host=1)
    first = hold(connections)
    assert first.held.wait(20)
    second = hold(connections)
    queued(connections, 1)
    third = hold(connections)
    queued(connections, 2)
    first.release()
    assert second.held.wait(20)
    assert not third.held.is_set()
    second.release()
    assert third.held.wait(20)


@pytest.mark.parametrize("end", [Cancellation.cancel, Cancellation.ask_to_stop])
def test_who_gives_up_waiting_holds_up_nobody(
    hold: Callable[..., Holder], end: Callable[[Cancellation], None]
) -> None:
    connections = Connections(per_host=1)
    first = hold(connections)
    assert first.held.wait(20)
    second = hold(connections)
    queued(connections, 1)
    third = hold(connections)
    queued(connections, 2)
    end(second.cancellation)
    queued(connections, 1)
    second.release()
    assert second.ended == ["cancelled"]
    first.release()
    assert third.held.wait(20)


def test_a_failure_gives_its_connection_back() -> None:
    connections = Connections(per_host=1)
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError), connections.slot(HOST, Cancellation()):
            raise ZeroDivisionError
    with connections.slot(HOST, Cancellation()):
        pass


def test_the_limit_may_change_at_any_time(hold: Callable[..., Holder]) -> None:
    connections = Connections(per_host=1)
    first, second = hold(connections), hold(connections)
    wait_until(lambda: first.held.is_set() or second.held.is_set())
    queued(connections, 1)
    connections.per_host = 2
    assert first.held.wait(20) and second.held.wait(20)
    connections.per_host = 0
    assert connections.limit(HOST) == 1  # none at all would wait for ever


def test_a_registry_that_wants_fewer_gets_one_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)  # type: ignore[attr-defined]
    connections = Connections()
    assert (connections.limit(HOST), connections.per_blob) == (PER_HOST, PER_BLOB) == (10, 6)
    connections.slow_down(HOST)
    connections.slow_down(HOST, 5.0)  # never shorter than before
    assert (connections.limit(HOST), connections.limit("other.example")) == (1, PER_HOST)
    now += 59.9
    assert connections.limit(HOST) == 1
    now += 0.2
    assert connections.limit(HOST) == PER_HOST
    assert connections.ranges(HOST)
    connections.no_ranges(HOST)
    assert (connections.ranges(HOST), connections.ranges("other.example")) == (False, True)
    now += 3600.1
    assert connections.ranges(HOST)
