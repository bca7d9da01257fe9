"""Loads archives into a place: the content of an archive decides the number of transfers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from longshore.application import requests
from longshore.application.archives import images_in
from longshore.application.requests import LocalPlace
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks
from longshore.operations.transfers import Transfers
from longshore.transfers.transfer import ArchivePlace, Endpoint, EnginePlace

_log = logging.getLogger(__name__)


class Loading:
    """Loads archives. GUI thread; archives are read in worker threads."""

    def __init__(self, tasks: Tasks, transfers: Transfers) -> None:
        self._tasks = tasks
        self._transfers = transfers

    def load(self, files: Iterable[Path], place: LocalPlace) -> None:
        """Queue transfers for all images in *files*. The row of a file shows what is wrong with it."""
        for file in files:
            archive = ArchivePlace(file)
            if isinstance(place, EnginePlace):
                # An engine loads an archive as a whole.
                self._transfers.ask([requests.load(Endpoint(archive, None), place)])
            else:
                self._load_each(archive, place)

    def _load_each(self, archive: ArchivePlace, place: LocalPlace) -> None:
        def ask(found: list[Endpoint]) -> None:
            self._transfers.ask(requests.load(one, place) for one in found or [Endpoint(archive, None)])

        def failed(error: LongshoreError) -> None:
            # Its row fails with the same error, and is where the user looks for it.
            _log.info("archive %s: %s", archive.path, error)
            ask([])

        self._tasks.run(
            self._tasks.listing,
            partial(images_in, archive),
            done=ask,
            failed=failed,
            name="look into an archive",
        )

    def look(
        self, files: Iterable[Path], found: Callable[[list[Endpoint], list[LongshoreError]], None]
    ) -> None:
        """Report all images in *files*, and the errors of files without images, to *found* in the GUI thread.

        An image is listed once for each of its names, with its digest as id.
        """
        archives = [ArchivePlace(file) for file in files]
        images: list[Endpoint] = []
        errors: list[LongshoreError] = []

        def look(cancellation: Cancellation) -> None:
            for archive in archives:
                try:
                    images.extend(images_in(archive, cancellation))
                except LongshoreError as error:
                    errors.append(error)

        def failed(error: LongshoreError) -> None:
            found(images, [*errors, error])

        self._tasks.run(
            self._tasks.listing,
            look,
            done=lambda _: found(images, errors),
            failed=failed,
            name="look into archives",
        )
