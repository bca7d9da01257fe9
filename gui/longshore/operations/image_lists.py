"""Files that name images: read, and compared with a place and the registries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.image_lists.model import ImageList
    from longshore.application.states import Compared
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference


class ImageLists:
    """Reads files that name images. GUI thread; files are read and registries asked in worker threads."""

    def __init__(self, clients: Clients, tasks: Tasks, environ: Mapping[str, str]) -> None:
        self._clients = clients
        self._tasks = tasks
        self._environ = environ

    def read(
        self, files: Iterable[Path], found: Callable[[list[ImageList], list[LongshoreError]], None]
    ) -> None:
        """Report what *files* name to *found*, and the errors of those that cannot be read, in the GUI thread."""
        files = list(files)
        lists: list[ImageList] = []
        errors: list[LongshoreError] = []

        def read(cancellation: Cancellation) -> None:
            from longshore.application.image_lists.reading import ListReader

            reader = ListReader(self._environ)
            for file in files:
                cancellation.raise_if_cancelled()
                try:
                    lists.append(reader.read(file))
                except LongshoreError as error:
                    errors.append(error)

        self._tasks.run(
            self._tasks.listing,
            read,
            done=lambda _: found(lists, errors),
            failed=lambda error: found(lists, [*errors, error]),
            name="read a list of images",
        )

    def compare(
        self,
        references: Sequence[Reference],
        images: Sequence[LocalImage],
        done: Callable[[list[Compared]], None],
        *,
        picked: bool,
    ) -> Cancellation:
        """Report the state of each of *references* to *done*, in the GUI thread, unless the result is cancelled.

        *images*: of the place that they are compared with; *picked*: it may have one platform of an index.
        """

        def compare(cancellation: Cancellation) -> list[Compared]:
            from longshore.application import states

            return states.compare(
                self._clients, states.of_images(images, picked=picked, only=references), cancellation
            )

        return self._tasks.run(self._tasks.listing, compare, done=done, name="compare a list of images")
