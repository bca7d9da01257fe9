"""Whole repositories as one job: rules that are kept, and plans that are made before anything moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks
from longshore.settings import Settings
from longshore.transfers.ways.mirror import MirrorPlan, MirrorRule, MirrorRules, plan_mirror

#: Seconds between two words of how far a plan has come.
TELL = 0.2


class Mirrors:
    """GUI thread; registries are asked in worker threads."""

    def __init__(self, clients: Clients, tasks: Tasks, settings: Settings) -> None:
        self._services = clients
        self._tasks = tasks
        self.rules = MirrorRules(settings)

    def plan(
        self,
        rule: MirrorRule,
        told: Callable[[int, int], None],
        done: Callable[[MirrorPlan | LongshoreError], None],
    ) -> Cancellation:
        """Compare both ends of *rule*. In the GUI thread *told* hears how many tags of how many were looked at, and
        *done* the end, unless what is returned was cancelled."""
        cancellation = self._tasks.cancellation()
        self._tasks.spawn(self._plan(rule, told, done, cancellation), "plan a mirror")
        return cancellation

    async def _plan(
        self,
        rule: MirrorRule,
        told: Callable[[int, int], None],
        done: Callable[[MirrorPlan | LongshoreError], None],
        cancellation: Cancellation,
    ) -> None:
        latest = [(0, 0)]

        def look() -> MirrorPlan:
            return plan_mirror(
                rule,
                self._services,
                cancellation=cancellation,
                told=lambda count, total: latest.__setitem__(0, (count, total)),
            )

        work = asyncio.ensure_future(self._tasks.call(self._tasks.listing, look))
        try:
            while not work.done():
                await asyncio.wait([work], timeout=TELL)
                if latest[0][1] and not cancellation.cancelled and not work.done():
                    told(*latest[0])
            if not cancellation.cancelled:
                done(work.result())
        except Cancelled:
            pass
        except LongshoreError as error:
            if not cancellation.cancelled:
                done(error)
        finally:
            cancellation.cancel()
            self._tasks.release(cancellation)
            if work.done():
                _look_at(work)
            else:
                work.cancel()


def _look_at(work: asyncio.Future[MirrorPlan]) -> None:
    """asyncio complains of an exception that nobody has looked at, and a plan that was cancelled has no reader."""
    if not work.cancelled():
        work.exception()
