"""What the shown images take on disk: read in the background whenever they have changed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.application.clients import Clients
from longshore.application.stores import open_store
from longshore.errors import LongshoreError
from longshore.operations.place_watch import PlaceState, PlaceStatus
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.cancellation import Cancellation
    from longshore.oci.disk_usage import DiskUsage

#: Milliseconds without a change before it is read: a pull or a removal changes the list several times.
PAUSE = 700


class ShownUsage(QObject):
    """The usage of the shown place. GUI thread. One reading at a time; changes meanwhile lead to another."""

    changed = Signal(object)  # DiskUsage, or None while it is not known

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        status: Callable[[], PlaceStatus],
        others: Callable[[], Sequence[PlaceStatus]] = tuple,
    ) -> None:
        """*status*: of the current place. *others*: of those that are shown beside it."""
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._status = status
        self._others = others
        #: What is known now: of the current place, and of each place that is shown.
        self.latest: DiskUsage | None = None
        self.known: Mapping[LocalPlace, DiskUsage] = {}
        self._place: LocalPlace | None = None
        self._reading: Cancellation | None = None
        self._again = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PAUSE)
        self._soon.timeout.connect(self._read)

    @Slot()
    def look(self) -> None:
        """Read it again soon: the images have changed, or another place is shown."""
        place = self._status().place
        if place != self._place:
            self._place = place
            self._end()
            self._tell({})
        self._soon.start()

    def stop(self) -> None:
        """Read no more."""
        self._soon.stop()
        self._end()

    def _end(self) -> None:
        self._again = False
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    @Slot()
    def _read(self) -> None:
        status = self._status()
        if status.state is not PlaceState.READY or status.place is None or status.place != self._place:
            return
        if self._reading is not None:
            self._again = True
            return
        ready = [one.place for one in (status, *self._others()) if one.state is PlaceState.READY]
        places = [place for place in ready if place is not None]

        def read(cancellation: Cancellation) -> dict[LocalPlace, DiskUsage]:
            found: dict[LocalPlace, DiskUsage] = {}
            for place in places:
                # What one does not report says nothing about the others.
                with contextlib.suppress(LongshoreError):
                    found[place] = open_store(place, self._clients).usage(cancellation, counting=False)
            return found

        self._reading = self._tasks.run(self._tasks.listing, read, done=self._done, name="usage")

    def _done(self, found: dict[LocalPlace, DiskUsage]) -> None:
        self._reading = None
        self._tell(found)
        self._next()

    def _tell(self, known: Mapping[LocalPlace, DiskUsage]) -> None:
        self.known = known
        self.latest = None if self._place is None else known.get(self._place)
        self.changed.emit(self.latest)

    def _next(self) -> None:
        if self._again:
            self._again = False
            self._soon.start()
