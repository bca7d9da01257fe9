"""All places at once: every engine that responds, and the library, each watched on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.operations.place_watch import PlaceState, PlaceStatus, PlaceWatch
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.oci.local_image import LocalImage

#: Most places that are watched at once; each takes a thread and a connection.
MOST = 16
#: Seconds between checks of a place that does not answer: a remote one may take seconds to refuse.
POLL = 10.0


class AllPlaces:
    """Watches several places. GUI thread; every method returns at once. *changed*: images or states have changed."""

    def __init__(self, clients: Clients, tasks: Tasks, changed: Callable[[], None]) -> None:
        self._clients = clients
        self._tasks = tasks
        self._changed = changed
        self._watches: dict[LocalPlace, PlaceWatch] = {}
        self._images: dict[LocalPlace, list[LocalImage]] = {}

    def watch(self, places: Sequence[LocalPlace]) -> None:
        """Watch *places*, at most :data:`MOST`, and no others. Those that stay are not asked again."""
        wanted = list(dict.fromkeys(places))[:MOST]
        for place in [each for each in self._watches if each not in wanted]:
            self._watches.pop(place).stop()
            self._images.pop(place, None)
        for place in wanted:
            if place not in self._watches:
                watch = self._watches[place] = PlaceWatch(
                    self._clients,
                    self._tasks,
                    status_changed=lambda _status: self._changed(),
                    images_listed=partial(self._listed, place),
                    poll=POLL,
                )
                watch.watch(place)

    def _listed(self, place: LocalPlace, images: list[LocalImage]) -> None:
        self._images[place] = images
        self._changed()

    @property
    def places(self) -> list[LocalPlace]:
        """The watched places."""
        return list(self._watches)

    def status(self, place: LocalPlace) -> PlaceStatus | None:
        """The status of *place*, None if it is not watched."""
        watch = self._watches.get(place)
        return None if watch is None else watch.status

    def images(self, place: LocalPlace) -> list[LocalImage] | None:
        """The images of *place*; None if it is not listed yet or does not respond."""
        status = self.status(place)
        if status is None or status.state is not PlaceState.READY:
            return None
        return self._images.get(place)

    def refresh(self, place: LocalPlace | None = None) -> None:
        """List the images of *place*, or of all, again now."""
        for each, watch in self._watches.items():
            if place in (None, each):
                watch.refresh()

    def stop(self) -> None:
        """Watch nothing."""
        self.watch(())
