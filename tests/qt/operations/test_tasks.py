"""Work in threads and the report of its end; the end of all tasks, even of those that swallow their cancellation."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

import pytest

from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks
from waiting import until


def play(scene: Callable[[Tasks], Awaitable[None]]) -> None:
    """Run *scene*, and end all work after it."""

    async def whole() -> None:
        tasks = Tasks()
        try:
            await scene(tasks)
        finally:
            await tasks.close()

    asyncio.run(whole())


class Ear:
    """Records all reports, each with the name of its thread."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object, str]] = []

    def hears(self, what: str) -> Callable[[object], None]:
        return lambda value: self.heard.append((what, value, threading.current_thread().name))

    @property
    def words(self) -> list[tuple[str, object]]:
        return [(what, value) for what, value, _ in self.heard]

    def run(self, tasks: Tasks, work: Callable[[Cancellation], object]) -> Cancellation:
        return tasks.run(
            tasks.quick,
            work,
            finished=self.hears("finished"),
            done=self.hears("done"),
            failed=self.hears("failed"),
            name="test",
        )


def test_the_result_is_reported_where_the_loop_runs() -> None:
    async def scene(tasks: Tasks) -> None:
        ear = Ear()
        ear.run(tasks, lambda _: threading.current_thread().name)
        await until(lambda: not tasks._tasks)
        (_, worker, here), done = ear.heard
        assert str(worker).startswith("longshore-quick")
        assert ear.words == [("finished", worker), ("done", worker)]
        assert here == done[2] == threading.current_thread().name
        assert not tasks._cancellations, "it was released"

    play(scene)


def test_an_error_is_reported_and_a_fault_of_ours_as_one(caplog: pytest.LogCaptureFixture) -> None:
    known = LongshoreError("No.")

    def refuse(_: Cancellation) -> None:
        raise known

    async def scene(tasks: Tasks) -> None:
        ear = Ear()
        ear.run(tasks, refuse)
        await until(lambda: ear.words == [("failed", known)])
        tasks.run(tasks.quick, refuse, name="nothing is listening")
        await until(lambda: "nothing is listening: No." in caplog.text)
        assert not tasks._cancellations

    with caplog.at_level(logging.INFO, "longshore"):
        play(scene)


@pytest.mark.expects_log("unexpected in .*")
def test_a_fault_of_ours_is_reported_as_an_error() -> None:
    async def scene(tasks: Tasks) -> None:
        ear = Ear()
        ear.run(tasks, lambda _: 1 // 0)
        await until(lambda: bool(ear.heard))
        ((what, error),) = ear.words
        assert what == "failed" and isinstance(error, LongshoreError) and "ZeroDivision" in error.detail

    play(scene)


def test_after_a_cancel_nothing_is_reported_but_what_was_finished() -> None:
    async def scene(tasks: Tasks) -> None:
        heeding, late, wrong = Ear(), Ear(), Ear()
        began, go = threading.Barrier(4, timeout=20), threading.Event()

        def heed(cancellation: Cancellation) -> None:
            began.wait()
            assert cancellation.wait(20)
            cancellation.raise_if_cancelled()

        def go_on(_: Cancellation) -> str:
            began.wait()
            assert go.wait(20)
            return "written"

        def fail(_: Cancellation) -> None:
            began.wait()
            assert go.wait(20)
            raise LongshoreError("No.")

        running = [heeding.run(tasks, heed), late.run(tasks, go_on), wrong.run(tasks, fail)]
        await asyncio.to_thread(began.wait)
        for cancellation in running:
            cancellation.cancel()
        go.set()
        await until(lambda: not tasks._tasks)
        assert heeding.heard == wrong.heard == []
        assert late.words == [("finished", "written")]
        assert not tasks._cancellations

    play(scene)


def test_the_end_cancels_what_runs_and_begins_nothing() -> None:
    began, ended = threading.Event(), threading.Event()

    def work(cancellation: Cancellation) -> None:
        began.set()
        if cancellation.wait(20):
            ended.set()

    async def scene(tasks: Tasks) -> None:
        ear = Ear()
        ear.run(tasks, work)
        await until(began.is_set)
        await tasks.close()
        assert await asyncio.to_thread(ended.wait, 20)
        assert ear.run(tasks, work).cancelled
        await asyncio.sleep(0)
        assert ear.heard == [] and not tasks._cancellations

    play(scene)


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
