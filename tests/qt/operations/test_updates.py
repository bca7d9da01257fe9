"""Plans of updates: made in a worker, told in the GUI thread, and not told after a cancel."""

from __future__ import annotations

from typing import Any

from longshore.application.updates.model import UpdatePlan
from longshore.application.updates.snoozes import Snoozes
from longshore.engine.address import current_address
from longshore.errors import EngineUnavailable, LongshoreError
from longshore.operations.updates import Updates
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from waiting import until


def test_a_plan_of_places_and_of_none_that_responds(play: Any) -> None:
    async def scene(desk: Any) -> None:
        updates = Updates(desk.clients, desk.tasks, Snoozes(desk.settings))
        library = LibraryPlace(desk.home / "library")
        nowhere = EnginePlace(current_address(f"unix://{desk.home}/none.sock", {}))
        told: list[UpdatePlan | LongshoreError] = []
        wanted = updates.wanted(major=False)
        updates.plan([library, nowhere], wanted, lambda *_: None, told.append)
        await until(lambda: len(told) == 1, what="the plan")
        assert told[0] == UpdatePlan()
        updates.plan([nowhere], wanted, lambda *_: None, told.append)
        await until(lambda: len(told) == 2, what="the error")
        assert isinstance(told[1], EngineUnavailable)
        never: list[UpdatePlan | LongshoreError] = []
        updates.plan([library], wanted, lambda *_: None, never.append).cancel()
        updates.plan([library], wanted, lambda *_: None, told.append)
        await until(lambda: len(told) == 3, what="the last plan")
        assert never == []

    play(scene)
