"""Reads the platforms of the shown images when somebody wants them: for a column and a filter of Local images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from longshore.application.clients import Clients
from longshore.application.image_platforms import image_platforms
from longshore.application.stores import open_store
from longshore.errors import LongshoreError
from longshore.models.images import ImageModel
from longshore.operations.place_watch import PlaceState, PlaceStatus
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.cancellation import Cancellation

#: Images after which the rows show what is known so far.
STEP = 100


class ImagePlatforms(QObject):
    """Keeps what was read, by place and image: content does not change under an ID. GUI thread; nothing blocks."""

    def __init__(
        self, clients: Clients, tasks: Tasks, status: Callable[[], PlaceStatus], images: ImageModel
    ) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._status = status
        self._images = images
        self._known: dict[LocalPlace, dict[str, tuple[str, ...]]] = {}
        self._reading: Cancellation | None = None
        self._read_place: LocalPlace | None = None
        images.platforms_wanted.connect(self.look)

    @Slot()
    def look(self) -> None:
        """Show what is known of the shown images, and read the rest, if somebody wants it."""
        status = self._status()
        if not self._images.wants_platforms or status.place is None:
            return
        shown: dict[str, tuple[str, ...]] = {}
        missing: tuple[LocalPlace, list[str]] | None = None
        for part in self._images.parts:
            place = part.place or status.place
            known = self._known.setdefault(place, {})
            shown |= known
            new = [image for image in dict.fromkeys(i.image_id for i in part.images) if image not in known]
            # Images of several places are those of places that respond.
            if new and missing is None and (part.place is not None or status.state is PlaceState.READY):
                missing = place, new[:STEP]
        self._images.set_platforms(shown)
        if self._reading is not None and self._read_place in (missing or ()):
            return  # it looks again when it has ended
        self.stop()
        if missing is not None:
            self._read(*missing)

    def stop(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _read(self, place: LocalPlace, images: list[str]) -> None:
        self._read_place = place
        self._reading = self._tasks.run(
            self._tasks.listing,
            lambda cancellation: dict(
                image_platforms(open_store(place, self._clients), images, cancellation)
            ),
            done=lambda found: self._came(place, found),
            failed=self._failed,
            name="platforms",
        )

    def _came(self, place: LocalPlace, found: dict[str, tuple[str, ...]]) -> None:
        self._reading = None
        self._known.setdefault(place, {}).update(found)
        self.look()

    def _failed(self, _: LongshoreError) -> None:
        self._reading = None  # the place is away; its next list asks again
