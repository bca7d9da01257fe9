"""Updates of local images: plans, snoozes and the minimum age."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.application.updates.snoozes import Snoozes
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.updates.model import Update, UpdatePlan
    from longshore.application.updates.planning import Wanted
    from longshore.cancellation import Cancellation
    from longshore.oci.reference import Reference

#: Seconds between two reports of how far a plan is.
TELL = 0.1


class Updates:
    """Makes plans. GUI thread; every method returns at once, and registries are asked in worker threads."""

    def __init__(self, clients: Clients, tasks: Tasks, snoozes: Snoozes) -> None:
        self._clients = clients
        self._tasks = tasks
        self.snoozes = snoozes

    def plan(
        self,
        places: Sequence[LocalPlace],
        wanted: Wanted,
        told: Callable[[int, int], None],
        done: Callable[[UpdatePlan | LongshoreError], None],
    ) -> Cancellation:
        """Compare the images of *places* with their registries.

        *told* gets the number of updates that are weighed and of all; *done* gets the plan, or why no place can be
        read. Neither is called after a cancel.
        """
        latest = [(0, 0)]

        def make(cancellation: Cancellation) -> UpdatePlan:
            from longshore.application.stores import open_store
            from longshore.application.updates.planning import plan

            contents, failed = [], None
            for place in places:
                cancellation.raise_if_cancelled()
                try:
                    contents.append((place, open_store(place, self._clients).images()))
                except LongshoreError as error:
                    failed = error
            if failed is not None and not contents:
                raise failed

            def tell(ready: int, count: int) -> None:
                latest[0] = (ready, count)

            return plan(self._clients, contents, wanted, cancellation, tell)

        async def tell() -> None:
            while not cancellation.cancelled:
                if latest[0][1]:
                    told(*latest[0])
                await asyncio.sleep(TELL)

        def ended(found: UpdatePlan | LongshoreError) -> None:
            if teller is not None:
                teller.cancel()
            done(found)

        cancellation = self._tasks.run(
            self._tasks.listing, make, done=ended, failed=ended, name="plan updates"
        )
        teller = self._tasks.spawn(tell(), "tell how far the plan of updates is")
        return cancellation

    def snooze(self, updates: Iterable[Update], until: date | None) -> None:
        """Do not offer *updates* until that day, or until their next change."""
        self.snoozes.add({(one.reference, one.kind): one.seen for one in updates}, until)

    def wake(self, references: Iterable[Reference]) -> None:
        """Offer the updates of *references* again."""
        self.snoozes.end(references)

    def wanted(self, *, major: bool, only: Sequence[Reference] = ()) -> Wanted:
        """What to look for, with the user's snoozes and minimum age."""
        from longshore.application.updates.planning import Wanted

        return Wanted(
            major=major, minimum_age=self.snoozes.minimum_age, snoozes=self.snoozes.all(), only=only
        )

    def judged(self, found: UpdatePlan) -> UpdatePlan:
        """*found* after the snoozes have changed."""
        wanted = self.wanted(major=False)
        return replace(found, updates=tuple(wanted.judged(one) for one in found.updates))
