"""Operations on images of one place: read their details, give them names, remove them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from longshore.application import removal, tagging
from longshore.application.clients import Clients
from longshore.application.requests import LocalPlace
from longshore.application.stores import Store, open_store
from longshore.application.tag_history.recording import recording_store
from longshore.application.tagging import Wanted
from longshore.errors import LongshoreError
from longshore.oci.image_name import ImageName
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.removal import LocalRemoval
    from longshore.engine.model import ImageDetails
    from longshore.library.model import LibraryDetails


class ImageChanges(QObject):
    """The operations. GUI thread; every method returns at once, and *done* is called in the GUI thread."""

    def __init__(self, clients: Clients, tasks: Tasks) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks

    def refresh(self) -> None:
        """List the images again now."""
        raise NotImplementedError

    def tag(
        self, place: LocalPlace, wanted: Sequence[Wanted], done: Callable[[LongshoreError | None], None]
    ) -> None:
        """Give images of *place* further names."""
        self._in_place(place, lambda store: tagging.carry_out(store, wanted), done)

    def plan_removal(
        self,
        place: LocalPlace,
        images: Sequence[ImageName],
        done: Callable[[list[LocalRemoval] | LongshoreError], None],
    ) -> None:
        """Find out which containers use *images* of *place*. *done* is called in the GUI thread."""
        self._tasks.run(
            self._tasks.quick,
            lambda _: removal.look(place, self._clients, images),
            done=done,
            failed=done,
            name="plan a removal",
        )

    def remove(
        self,
        place: LocalPlace,
        removals: Sequence[LocalRemoval],
        *,
        force: bool,
        done: Callable[[LongshoreError | None], None],
    ) -> None:
        """Remove references (or unnamed images) from *place*, one by one. One that fails does not stop the others;
        *done* gets the first error."""

        def remove(store: Store) -> None:
            failure: LongshoreError | None = None
            listed = store.images()
            for one in removals:
                try:
                    removal.carry_out(store, one, store.images() if force else listed, force=force)
                except LongshoreError as error:
                    failure = failure or error
            if failure is not None:
                raise failure

        self._in_place(place, remove, done)

    def inspect(
        self,
        place: LocalPlace,
        image: ImageName,
        done: Callable[[ImageDetails | LibraryDetails | LongshoreError], None],
    ) -> None:
        """Read the details of one image from *place*."""
        self._tasks.run(
            self._tasks.quick,
            lambda _: open_store(place, self._clients).image(image.asked),
            done=done,
            failed=done,
            name="inspect",
        )

    def _in_place(
        self,
        place: LocalPlace,
        work: Callable[[Store], object],
        done: Callable[[LongshoreError | None], None],
    ) -> None:
        def told(error: LongshoreError | None) -> None:
            done(error)
            self.refresh()

        self._tasks.run(
            self._tasks.quick,
            lambda _: work(recording_store(place, self._clients)),
            done=lambda _: told(None),
            failed=told,
            name="local images",
        )
