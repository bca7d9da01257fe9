"""Keeps the list of local images up to date: probes the place, lists its images, follows events, reconnects."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from longshore.application.clients import Clients
from longshore.application.requests import LocalPlace
from longshore.application.stores import Store, open_store
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import EngineAddress
from longshore.errors import EngineUnavailable, LongshoreError
from longshore.operations.tasks import Tasks
from longshore.transfers.transfer import EnginePlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from longshore.engine.model import EngineInfo
    from longshore.oci.local_image import LocalImage

_log = logging.getLogger(__name__)

#: Seconds between checks of a place that does not answer.
POLL = 1.0
#: Seconds of gathering events before the images are listed again: one pull causes several events.
GATHER = 0.1
#: Seconds that a list of images may take before the place is asked whether it still responds.
SLOW = 5.0
#: Seconds until the images are listed again without an event, in case one was lost before the stream began.
RELIST = 60.0


class PlaceState(enum.Enum):
    """The states of the watched place."""

    CONNECTING = "connecting"
    READY = "ready"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class PlaceStatus:
    """The status of the place, for the window.

    ``error`` is set if it is UNAVAILABLE, ``info`` for an engine that is READY; ``place`` is None if there is no place
    to watch.
    """

    state: PlaceState
    place: LocalPlace | None
    info: EngineInfo | None = None
    error: LongshoreError | None = None

    @property
    def address(self) -> EngineAddress | None:
        """The engine's address, None for the library."""
        return self.place.address if isinstance(self.place, EnginePlace) else None


class PlaceWatch:
    """Watches one place at a time. GUI thread; the blocking work runs in *tasks*.

    *poll*: seconds between checks of a place that does not answer; :data:`POLL` unless given.
    """

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        *,
        status_changed: Callable[[PlaceStatus], None],
        images_listed: Callable[[list[LocalImage]], None],
        poll: float | None = None,
    ) -> None:
        self._poll = poll
        self._clients = clients
        self._tasks = tasks
        self._status_changed = status_changed
        self._images_listed = images_listed
        self._task: asyncio.Task[None] | None = None
        self._cancellation: Cancellation | None = None
        self._wanted = asyncio.Event()  # a new list, or another attempt, is requested
        self.status = PlaceStatus(PlaceState.CONNECTING, None)

    def watch(self, place: LocalPlace) -> None:
        """Watch *place* from now on; the previous watch ends."""
        self.stop()
        self._wanted = asyncio.Event()
        self._say(PlaceStatus(PlaceState.CONNECTING, place))
        self._cancellation = self._tasks.cancellation()
        self._task = self._tasks.spawn(self._run(place, self._cancellation, self._wanted), "place watch")

    def fail(self, error: LongshoreError) -> None:
        """Report *error*: there is no place to watch (e.g. an unknown context)."""
        self.stop()
        self._say(PlaceStatus(PlaceState.UNAVAILABLE, None, error=error))

    def refresh(self) -> None:
        """List the images, or try the place, again now."""
        self._wanted.set()

    def stop(self) -> None:
        """End the watch; returns at once."""
        if self._cancellation is not None:
            self._cancellation.cancel()
            self._tasks.release(self._cancellation)
            self._cancellation = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _say(self, status: PlaceStatus) -> None:
        if status != self.status:
            self.status = status
            self._status_changed(status)

    async def _run(self, place: LocalPlace, cancellation: Cancellation, wanted: asyncio.Event) -> None:
        while not cancellation.cancelled:
            try:
                store = await self._tasks.call(self._tasks.quick, open_store, place, self._clients)
                info = await self._tasks.call(self._tasks.quick, store.probe)
                ending = Cancellation()
                with cancellation.waking(ending.cancel):
                    try:
                        await self._follow(store, info, place, ending, wanted)
                    finally:
                        ending.cancel()  # a frozen engine's stream would last as long as the program
            except LongshoreError as error:
                if not cancellation.cancelled:
                    if self.status.state is PlaceState.READY:
                        _log.info("lost: %s", error)
                    await self._unavailable(place, error)
            except Cancelled:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wanted.wait(), POLL if self._poll is None else self._poll)
            wanted.clear()

    async def _unavailable(self, place: LocalPlace, error: LongshoreError) -> None:
        if not isinstance(error, EngineUnavailable):
            # A broken stream says little; a new probe shows why the place does not answer now.
            try:
                store = await self._tasks.call(self._tasks.quick, open_store, place, self._clients)
                await self._tasks.call(self._tasks.quick, store.probe)
                if error.transient:
                    return
            except LongshoreError as fresh:
                error = fresh
        self._say(PlaceStatus(PlaceState.UNAVAILABLE, place, error=error))

    async def _follow(
        self,
        store: Store,
        info: EngineInfo | None,
        place: LocalPlace,
        cancellation: Cancellation,
        wanted: asyncio.Event,
    ) -> None:
        loop = asyncio.get_running_loop()

        def follow() -> None:
            with contextlib.closing(store.events(cancellation)) as events:
                for _event in events:
                    if not wanted.is_set():
                        loop.call_soon_threadsafe(wanted.set)

        stream = loop.run_in_executor(self._tasks.lasting, follow)
        stream.add_done_callback(_retrieve)
        stream.add_done_callback(lambda _: wanted.set())
        while True:
            wanted.clear()
            images = await self._list(store)
            if cancellation.cancelled:
                return
            self._say(PlaceStatus(PlaceState.READY, place, info=info))
            self._images_listed(images)
            if stream.done():
                stream.result()  # raises the error that ended it
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wanted.wait(), RELIST)
            await asyncio.sleep(GATHER)

    async def _list(self, store: Store) -> list[LocalImage]:
        """List the images. Raises why the place does not respond, long before a frozen engine's list times out."""
        listing = asyncio.ensure_future(self._tasks.call(self._tasks.quick, store.images))
        listing.add_done_callback(_retrieve)
        while not (await asyncio.wait({listing}, timeout=SLOW))[0]:
            # A long list takes its time, a frozen engine for ever: this tells which of them it is.
            await self._tasks.call(self._tasks.quick, store.probe)
        return listing.result()


def _retrieve(ended: asyncio.Future[Any]) -> None:
    """Retrieve the exception that ended a stream or a list: asyncio logs one that nobody retrieves.

    After the watch was stopped or went on, nothing else retrieves it.
    """
    if not ended.cancelled():
        ended.exception()
