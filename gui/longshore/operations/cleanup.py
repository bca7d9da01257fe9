"""Clean-ups of engines and the library: what they have, plans by changing rules, and runs."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from longshore.application.cleanup.plan import Contents, Part, PlacePlan
from longshore.application.cleanup.rules import Rules
from longshore.application.clients import Clients
from longshore.application.pins import Pins
from longshore.application.stores import open_store
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks
from longshore.transfers.transfer import LibraryPlace

if TYPE_CHECKING:
    from longshore.application.cleanup.running import Outcome
    from longshore.application.requests import LocalPlace
    from longshore.application.states import State
    from longshore.cancellation import Cancellation
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference

#: Seconds between two reports of a run's progress.
TELL = 0.1
#: Tags whose state is asked for at registries.
MOST_STATES = 100


class CleanUps:
    """Reads, plans and runs. GUI thread; every method returns at once, and reports in the GUI thread."""

    def __init__(self, clients: Clients, tasks: Tasks, pins: Pins) -> None:
        self._clients = clients
        self._tasks = tasks
        self.pins = pins

    def read(self, place: LocalPlace, told: Callable[[Contents | LongshoreError], None]) -> Cancellation:
        """Read what *place* has. *told* gets its images first and then, perhaps much later, also their usage."""

        def images() -> Contents:
            return Contents(place, tuple(open_store(place, self._clients).images()))

        def usage() -> Contents:
            from longshore.application.usage import measured

            store = open_store(place, self._clients)
            found, problem = measured(store, cancellation)
            # Listed again: the images of the forecast are those of the plan.
            return Contents(place, tuple(store.images()), found, problem)

        async def read() -> None:
            try:
                for pool, work in ((self._tasks.quick, images), (self._tasks.listing, usage)):
                    found = await self._tasks.call(pool, work)
                    if cancellation.cancelled:
                        return
                    told(found)
            except LongshoreError as error:
                if not cancellation.cancelled:
                    told(error)
            finally:
                self._tasks.release(cancellation)

        cancellation = self._tasks.cancellation()
        if self._tasks.spawn(read(), "read what can be cleaned up") is None:
            self._tasks.release(cancellation)
        return cancellation

    def plan(
        self,
        contents: Sequence[Contents],
        rules: Rules,
        done: Callable[[list[PlacePlan] | LongshoreError], None],
    ) -> Cancellation:
        """Make the plans for *contents* by *rules*."""

        def make(cancellation: Cancellation) -> list[PlacePlan]:
            pinned = self.pins.all()
            plans = []
            for one in contents:
                cancellation.raise_if_cancelled()
                plans.append(one.plan(rules, pinned))
            return plans

        return self._tasks.run(self._tasks.quick, make, done=done, failed=done, name="plan a clean-up")

    def states(
        self,
        place: LocalPlace,
        images: Sequence[LocalImage],
        done: Callable[[Mapping[Reference, State]], None],
    ) -> Cancellation:
        """Compare *images* with their registries, at most :data:`MOST_STATES` of them."""

        def ask(cancellation: Cancellation) -> dict[Reference, State]:
            from longshore.application.states import compare, of_images

            heres = of_images(images[:MOST_STATES], picked=isinstance(place, LibraryPlace))
            found = compare(self._clients, heres, cancellation)
            return {one.here.reference: one.state for one in found}

        return self._tasks.run(self._tasks.listing, ask, done=done, name="states of images")

    def run(
        self,
        parts: Sequence[Part],
        told: Callable[[int, int, str], None],
        done: Callable[[list[Outcome] | LongshoreError], None],
    ) -> Cancellation:
        """Carry out *parts*, one place after the other.

        *told* gets the number of images that are done, of all, and the name of the next one. Cancelling the result
        stops between two images: *done* gets the outcomes in any case.
        """
        stop = self._tasks.cancellation()
        count = sum(len(part.ticked) for part in parts)
        latest = [(0, "")]
        lock = threading.Lock()

        def work(_: Cancellation) -> list[Outcome]:
            from longshore.application.cleanup import running
            from longshore.application.tag_history.recording import recording_store
            from longshore.transfers.tag_changes import TagOperation

            group = uuid.uuid4().hex
            outcomes = []
            before = 0
            for part in parts:

                def tell(number: int, image: LocalImage, before: int = before) -> None:
                    with lock:
                        latest[0] = (before + number, image.name.shown)

                if stop.cancelled:
                    outcomes.append(running.not_reached(part.plan, part.ticked))
                    continue
                place = part.plan.place
                store = recording_store(place, self._clients, TagOperation.CLEAN_UP, group=group)
                outcomes.append(running.carry_out(part.plan, part.ticked, store, self.pins.all, stop, tell))
                before += len(part.ticked)
            return outcomes

        async def tell() -> None:
            while True:
                with lock:
                    number, name = latest[0]
                told(number, count, name)
                await asyncio.sleep(TELL)

        def ended(found: list[Outcome] | LongshoreError) -> None:
            self._tasks.release(stop)
            if teller is not None:
                teller.cancel()
            done(found)

        self._tasks.run(self._tasks.listing, work, done=ended, failed=ended, name="clean up")
        teller = self._tasks.spawn(tell(), "tell how far the clean-up is")
        return stop
