"""Archives into a place: what one holds decides how many transfers that is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from longshore.application import requests
from longshore.application.requests import LocalPlace
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.operations.tasks import Tasks
from longshore.operations.transfers import Transfers
from longshore.transfers.transfer import ArchivePlace, EnginePlace

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """An image that an archive holds: one of its names, None for an image without any, and its digest."""

    archive: ArchivePlace
    reference: Reference | None
    digest: str


class Loading:
    """GUI thread; archives are looked through in worker threads."""

    def __init__(self, tasks: Tasks, transfers: Transfers) -> None:
        self._tasks = tasks
        self._transfers = transfers

    def load(self, files: Iterable[Path], place: LocalPlace) -> None:
        """Queue the loading of all that *files* hold. What is wrong with one is said in its row."""
        for file in files:
            archive = ArchivePlace(file)
            if isinstance(place, EnginePlace):
                self._transfers.ask([requests.load(archive, place)])  # an engine takes it as a whole
            else:
                self._load_each(archive, place)

    def _load_each(self, archive: ArchivePlace, place: LocalPlace) -> None:
        def ask(found: list[Held]) -> None:
            held = [
                requests.load(archive, place, one.reference, "" if one.reference else one.digest)
                for one in found
            ]
            self._transfers.ask(held or [requests.load(archive, place)])

        def failed(error: LongshoreError) -> None:
            # Its row finds the same, and is where one looks for it.
            _log.info("archive %s: %s", archive.path, error)
            ask([])

        self._tasks.run(
            self._tasks.listing, partial(_held, archive), done=ask, failed=failed, name="look into an archive"
        )

    def look(self, files: Iterable[Path], found: Callable[[list[Held], list[LongshoreError]], None]) -> None:
        """Tell by *found*, in the GUI thread, all that *files* hold, and what is wrong with those that hold nothing."""

        archives = [ArchivePlace(file) for file in files]
        held: list[Held] = []
        errors: list[LongshoreError] = []

        def look(cancellation: Cancellation) -> None:
            for archive in archives:
                try:
                    held.extend(_held(archive, cancellation))
                except LongshoreError as error:
                    errors.append(error)

        def failed(error: LongshoreError) -> None:
            found(held, [*errors, error])

        self._tasks.run(
            self._tasks.listing,
            look,
            done=lambda _: found(held, errors),
            failed=failed,
            name="look into archives",
        )


def _held(archive: ArchivePlace, cancellation: Cancellation) -> list[Held]:
    """What is in *archive*, an image once for each of its names. Raises ArchiveError, Cancelled."""
    from longshore.archives.archive import open_archive

    return [
        Held(archive, name, image.top.digest)
        for image in open_archive(archive.path, cancellation=cancellation).listing.archived
        for name in image.references or (None,)
    ]
