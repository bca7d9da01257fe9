"""The end of all tasks, also of those that miss being told."""

from __future__ import annotations

import asyncio

from longshore.operations.tasks import Tasks


def test_a_task_that_swallows_a_cancel_is_cancelled_again() -> None:
    swallowed = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed.append(1)

    async def run() -> None:
        tasks = Tasks()
        task = tasks.spawn(stubborn(), "stubborn")
        await asyncio.sleep(0)
        await tasks.close()
        assert task is not None
        assert task.cancelled()

    asyncio.run(run())
    assert swallowed == [1]
