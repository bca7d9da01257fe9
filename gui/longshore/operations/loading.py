"""Archives into a place: what one holds decides how many transfers that is."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from longshore.cancellation import Cancellation, Cancelled
from longshore.oci.errors import LongshoreError
from longshore.operations import wishes
from longshore.operations.moving import Moving
from longshore.operations.tasks import Tasks
from longshore.operations.wishes import LocalPlace
from longshore.transfers.transfer import ArchivePlace, EnginePlace, TransferRequest

_log = logging.getLogger(__name__)


class Loading:
    """GUI thread; archives are looked through in worker threads."""

    def __init__(self, tasks: Tasks, moving: Moving) -> None:
        self._tasks = tasks
        self._moving = moving

    def load(self, files: Iterable[Path], place: LocalPlace) -> None:
        """Queue the loading of all that *files* hold. What is wrong with one is said in its row."""
        for file in files:
            archive = ArchivePlace(file)
            if isinstance(place, EnginePlace):
                self._moving.ask([wishes.load(archive, place)])  # an engine takes it as a whole
            else:
                self._tasks.spawn(self._each(archive, place), "look into an archive")

    async def _each(self, archive: ArchivePlace, place: LocalPlace) -> None:
        cancellation = self._tasks.cancellation()
        try:
            found = await self._tasks.call(self._tasks.listing, _requests, archive, place, cancellation)
        except Cancelled:
            return
        except LongshoreError as error:
            # Its row finds the same, and is where one looks for it.
            _log.info("archive %s: %s", archive.path, error)
            found = []
        finally:
            self._tasks.release(cancellation)
        self._moving.ask(found or [wishes.load(archive, place)])


def _requests(archive: ArchivePlace, place: LocalPlace, cancellation: Cancellation) -> list[TransferRequest]:
    """A transfer for each name, and for each image without one. Raises ArchiveError, Cancelled."""
    from longshore.archives.archive import open_archive

    requests = []
    for image in open_archive(archive.path, cancellation=cancellation).listing.archived:
        for name in image.references or (None,):
            requests.append(wishes.load(archive, place, name, "" if name else image.top.digest))
    return requests
