"""Removing tags from a registry: what goes with them is shown before anything does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.registry.removal import RemovalPlan


class Removal:
    """GUI thread; every method returns at once. *removed*: called with host and repository after a removal."""

    def __init__(self, clients: Clients, tasks: Tasks, removed: Callable[[str, str], None]) -> None:
        self._services = clients
        self._tasks = tasks
        self._removed = removed

    def look(
        self,
        host: str,
        repository: str,
        tags: Sequence[str],
        done: Callable[[RemovalPlan | LongshoreError], None],
    ) -> Cancellation:
        """Find out what goes with *tags*. *done* is called in the GUI thread, unless it was cancelled."""
        cancellation = self._tasks.cancellation()

        async def run() -> None:
            def ask() -> RemovalPlan:
                from longshore.registry.removal import look

                return look(self._services.registry(host), repository, tags, cancellation)

            try:
                found = await self._tasks.call(self._tasks.listing, ask)
            except Cancelled:
                return
            except LongshoreError as error:
                done(error)
                return
            finally:
                self._tasks.release(cancellation)
            done(found)

        self._tasks.spawn(run(), "look what a removal takes along")
        return cancellation

    def remove(self, plan: RemovalPlan, done: Callable[[LongshoreError | None], None]) -> None:
        """Do it; *done* is called in the GUI thread with None or the first error, after which nothing more was done."""

        async def run() -> None:
            def act() -> None:
                from longshore.registry.removal import remove

                remove(self._services.registry(plan.host), plan)

            error: LongshoreError | None = None
            try:
                await self._tasks.call(self._tasks.listing, act)
            except LongshoreError as found:
                error = found
            done(error)
            self._removed(plan.host, plan.repository)

        self._tasks.spawn(run(), "remove tags")
