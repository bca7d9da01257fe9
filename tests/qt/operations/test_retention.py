"""The clean-up of a repository in the window: progress, results, and a run that is stopped."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from longshore.application.cleanup import retention_run, tags
from longshore.application.cleanup.retention_run import RetentionResult
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.operations.retention import Retention
from waiting import until

from .conftest import Desk

REPOSITORY = Reference("r.example", "team/app")


class Plan:
    """All that the operation needs of one."""

    class contents:  # noqa: N801
        repository = REPOSITORY


@pytest.mark.parametrize("fails", [False, True])
def test_reading_says_how_far_it_is_until_it_ends(play, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    go_on = threading.Event()
    outcome: Any = LongshoreError("No.") if fails else "the contents"

    def read(clients: Any, repository: Reference, cancellation: Cancellation, *, told: Any) -> Any:
        told(3, 7)
        assert repository == REPOSITORY and go_on.wait(20)
        if fails:
            raise outcome
        return outcome

    monkeypatch.setattr(tags, "read_repository", read)

    async def scene(desk: Desk) -> None:
        heard: list[Any] = []
        retention = Retention(desk.clients, desk.tasks, lambda *_: None)
        retention.read(REPOSITORY, heard.append, lambda *far: heard.append(far))
        await until(lambda: heard == [(3, 7)])
        go_on.set()
        await until(lambda: heard == [(3, 7), outcome])

    play(scene)


def test_a_run_that_is_stopped_has_a_result(play, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def run(clients: Any, plan: Any, ticked: Any, cancellation: Cancellation, told: Any) -> RetentionResult:
        told(1, 2)
        begun.set()
        assert cancellation.wait(20)
        return RetentionResult(["a"], left=["b"], cancelled=True)

    monkeypatch.setattr(retention_run, "carry_out", run)

    async def scene(desk: Desk) -> None:
        heard: list[Any] = []
        removed: list[tuple[str, str]] = []
        retention = Retention(desk.clients, desk.tasks, lambda *place: removed.append(place))
        stop = retention.run(Plan(), ["a", "b"], heard.append, lambda *far: heard.append(far))  # type: ignore[arg-type]
        await until(begun.is_set)
        stop.cancel()
        await until(lambda: len(heard) == 2)
        assert heard[0] == (1, 2) and heard[1].cancelled and removed == [("r.example", "team/app")]

    play(scene)


def test_a_run_ends_with_the_program(play, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def run(clients: Any, plan: Any, ticked: Any, cancellation: Cancellation, told: Any) -> RetentionResult:
        begun.set()
        assert cancellation.wait(20)
        ended.set()
        return RetentionResult(cancelled=True)

    monkeypatch.setattr(retention_run, "carry_out", run)

    async def scene(desk: Desk) -> None:
        heard: list[Any] = []
        retention = Retention(desk.clients, desk.tasks, lambda *_: None)
        retention.run(Plan(), ["a"], heard.append, lambda *_: None)  # type: ignore[arg-type]
        await until(begun.is_set)

    play(scene)
    assert ended.wait(20), "closing cancels the run"
