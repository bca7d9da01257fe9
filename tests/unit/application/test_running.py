"""A run of transfers for callers that wait."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.application.running import Run
from longshore.transfers.transfer import State, TransferRequest, TransferSnapshot


class _Queue:
    """Each look finds the next of the *states* of every row, then nothing."""

    wake: Callable[[], None]

    def __init__(self, states: list[State]) -> None:
        self.states = states
        self.rows: list[str] = []
        self.cancelled: list[str] = []

    def add(self, request: TransferRequest) -> str:
        self.rows.append(str(request))
        self.wake()
        return str(request)

    def take_changes(self) -> Any:
        state = self.states.pop(0)
        if self.states:
            self.wake()
        return SimpleNamespace(snapshots=[SimpleNamespace(id=row, state=state) for row in set(self.rows)])

    def cancel(self, rows: list[str]) -> None:
        self.cancelled = rows
        self.states = [State.CANCELLED]
        self.wake()


def _run(states: list[State]) -> tuple[Run, _Queue]:
    queue = _Queue(states)

    def opened(wake: Callable[[], None]) -> _Queue:
        queue.wake = wake
        return queue

    session: Any = SimpleNamespace(queue=opened)
    return Run(session), queue


def test_equal_requests_are_one_and_every_change_is_reported() -> None:
    run, queue = _run([State.QUEUED, State.RUNNING, State.SUCCEEDED])
    seen: list[State] = []

    def changed(rows: list[TransferSnapshot]) -> None:
        seen.extend(row.state for row in rows)

    requests: list[Any] = ["a", "a"]
    assert [row.state for row in run.wait(requests, changed)] == [State.SUCCEEDED]
    assert seen == [State.QUEUED, State.RUNNING, State.SUCCEEDED]
    assert queue.cancelled == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_exception_while_waiting_cancels(error: type[BaseException]) -> None:
    run, queue = _run([State.RUNNING, State.RUNNING])

    def changed(rows: list[TransferSnapshot]) -> None:
        raise error

    requests: list[Any] = ["a", "b"]
    with pytest.raises(error):
        run.wait(requests, changed)
    assert queue.cancelled == ["a", "b"]


def test_cancelled_from_elsewhere() -> None:
    run, queue = _run([State.RUNNING])
    requests: list[Any] = ["a"]
    run.cancel()
    assert [row.state for row in run.wait(requests, lambda rows: None)] == [State.CANCELLED]
    assert queue.cancelled == ["a"]
