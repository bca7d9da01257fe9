"""The progress and the result of a mirror plan, as the sheet receives them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from longshore.application.mirrors.rules import MirrorRule
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.operations import mirrors as mirrors_module
from longshore.operations.mirrors import Mirrors
from waiting import until

from .conftest import Desk

RULE = MirrorRule("x", Reference("a.io", "x"), Reference("b.io", "x"))
Plan = Callable[[Cancellation, Callable[[int, int], None]], Any]


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Plan], None]:
    """Return a function that replaces planning by the test's own, which does not have to wait for registries."""

    def plan_with(work: Plan) -> None:
        def plan_rule(rule: Any, clients: Any, *, cancellation: Cancellation, told: Any, claims: Any) -> Any:
            return work(cancellation, told)

        monkeypatch.setattr(mirrors_module, "plan_rule", plan_rule)
        monkeypatch.setattr(mirrors_module, "TELL", 0.005)

    return plan_with


@pytest.mark.parametrize("fails", [False, True])
def test_a_plan_says_how_far_it_is_until_it_ends(play, planned, fails: bool) -> None:
    go_on = threading.Event()
    outcome: Any = LongshoreError("No.") if fails else "the plan"

    def work(cancellation: Cancellation, told: Callable[[int, int], None]) -> Any:
        told(3, 7)
        assert go_on.wait(20)
        if fails:
            raise outcome
        return outcome

    planned(work)

    async def scene(desk: Desk) -> None:
        heard: list[Any] = []
        mirrors = Mirrors(desk.clients, desk.tasks, desk.settings)
        mirrors.plan(RULE, lambda *far: heard.append(far), heard.append)
        await until(lambda: len(heard) > 1)
        assert set(heard) == {(3, 7)}
        go_on.set()
        await until(lambda: not desk.tasks._tasks)
        assert heard[-1] is outcome and heard.count(outcome) == 1

    play(scene)


def test_a_plan_that_was_cancelled_says_no_more(play, planned) -> None:
    def work(cancellation: Cancellation, told: Callable[[int, int], None]) -> Any:
        told(3, 7)
        assert cancellation.wait(20)
        told(4, 7)
        cancellation.raise_if_cancelled()

    planned(work)

    async def scene(desk: Desk) -> None:
        heard: list[Any] = []
        mirrors = Mirrors(desk.clients, desk.tasks, desk.settings)
        plan = mirrors.plan(RULE, lambda *far: heard.append(far), heard.append)
        await until(lambda: bool(heard))
        plan.cancel()
        heard.clear()
        await until(lambda: not desk.tasks._tasks)
        assert heard == []

    play(scene)
