"""The left pane: the place whose images are shown, and the operations on them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QObject, Signal

from longshore.application import removal, tagging, user_files
from longshore.application.clients import Clients
from longshore.application.requests import LocalPlace
from longshore.application.stores import Store, open_store
from longshore.application.tag_history.recording import recording_store
from longshore.application.tagging import Wanted
from longshore.engine.address import EngineAddress, current_address
from longshore.errors import LongshoreError
from longshore.models.images import ImageModel
from longshore.models.tags import TagModel
from longshore.oci.image_name import ImageName
from longshore.oci.reference import Reference
from longshore.operations.engines import Engines, EngineState
from longshore.operations.place_watch import PlaceState, PlaceStatus, PlaceWatch
from longshore.operations.tasks import Tasks
from longshore.settings import Folders, Settings
from longshore.transfers.transfer import EnginePlace, LibraryPlace

if TYPE_CHECKING:
    from longshore.application.removal import LocalRemoval
    from longshore.engine.model import ImageDetails
    from longshore.library.model import LibraryDetails
    from longshore.oci.local_image import LocalImage

#: Seconds between checks of an engine that did not answer, while the library is shown instead.
POLL = 2.0


class Images(QObject):
    """The place of the left pane and its images. GUI thread; every method returns at once.

    The place is an engine, or the library, which is shown if no engine answers at the start. When one answers later,
    :attr:`engine_answers` reports it; whether the place changes depends on what the user has done meanwhile.
    """

    status_changed = Signal(object)  # PlaceStatus
    images_changed = Signal()
    arrived = Signal(
        object
    )  # Reference, or ID of an image without a name, that was awaited and is now listed
    library_instead = Signal(object)  # LongshoreError: why no engine's images are shown
    engine_answers = Signal(object)  # EngineAddress that did not answer before; the library is still shown

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        settings: Settings,
        folders: Folders,
        environ: Mapping[str, str],
        engine_url: str | None,
        images: ImageModel,
        tags: TagModel,
    ) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._settings = settings
        self._folders = folders
        self._environ = environ
        self._engine_url = engine_url
        self._images = images
        self._tags = tags
        self._awaited: set[Reference | str] = set()
        self.engines = Engines(clients, tasks, environ)
        self.engines.changed.connect(self._engines_changed)
        self.status_changed.connect(self.engines.note)
        self._lists: dict[LocalPlace, list[LocalImage]] = {}
        self._starting = True
        #: The engine selected at the start, if it did not answer.
        self.meant: EngineAddress | None = None
        self._missing: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self.watch = PlaceWatch(
            clients, tasks, status_changed=self._status_changed, images_listed=self._images_listed
        )

    def start(self) -> None:
        """Find the engine that the user has configured, and all other known engines."""
        self._watch_current()

    def stop(self) -> None:
        """Stop all watches."""
        self._stop_looking()
        self.watch.stop()

    # -- the place

    def _watch_current(self) -> None:
        try:
            address = current_address(self._engine_url, self._environ)
        except LongshoreError as error:
            # The requested engine does not exist: showing another one would hide the mistake.
            self._starting = False
            self.watch.fail(error)
        else:
            self.watch.watch(EnginePlace(address))
        self.engines.look(near=True)

    def _status_changed(self, status: PlaceStatus) -> None:
        decides = self._starting and status.state is not PlaceState.CONNECTING
        if decides:
            self._starting = False
            if status.state is PlaceState.UNAVAILABLE and status.address is not None:
                self.engines.note(status)
                self._library_instead(status.address, status.error)
                return
        self.status_changed.emit(status)

    def _engines_changed(self) -> None:
        if self._missing is None or self._missing.done():
            return
        for found in self.engines.found:
            if found.state is EngineState.READY:
                self._stop_looking()
                self.engine_answers.emit(found.address)
                return

    def _library_instead(self, address: EngineAddress, error: LongshoreError | None) -> None:
        self.meant = address
        self._show(self.library)
        self.library_instead.emit(error)
        self._look_now = asyncio.Event()
        self._missing = self._tasks.spawn(self._look_for(address, self._look_now), "look for the engine")
        self._engines_changed()

    async def _look_for(self, address: EngineAddress, now: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(now.wait(), POLL)
            wished = now.is_set()
            now.clear()
            try:
                store = await self._tasks.call(
                    self._tasks.quick, open_store, EnginePlace(address), self._clients
                )
                await self._tasks.call(self._tasks.quick, store.probe)
            except LongshoreError as error:
                if wished:
                    self.library_instead.emit(error)
            else:
                break
        if wished:
            self._show(EnginePlace(address))
        else:
            self.engine_answers.emit(address)

    def _stop_looking(self) -> None:
        if self._missing is not None:
            self._missing.cancel()
            self._missing = None

    @property
    def status(self) -> PlaceStatus:
        """The place of the left pane and its state."""
        return self.watch.status

    @property
    def library(self) -> LibraryPlace:
        """The library, in the folder that the user chose or in the default one."""
        return user_files.chosen_library(self._folders, self._settings)

    @property
    def own_library(self) -> bool:
        """True if the library is in the default folder."""
        return self.library == user_files.own_library(self._folders)

    def choose_library(self, folder: Path) -> None:
        """Use the library in *folder* from now on, and show it. The content of the other folder stays there."""
        user_files.choose_library(self._folders, self._settings, folder)
        self.select_place(self.library)

    def select_place(self, place: LocalPlace) -> None:
        """Show the images of *place*. Running transfers continue with their own places."""
        self._stop_looking()
        self._starting = False
        self._show(place)

    def _show(self, place: LocalPlace) -> None:
        if place == self.watch.status.place:
            return
        # Show its last known images until it has been asked again.
        images = self._lists.get(place, [])
        self._images.set_compressed(isinstance(place, LibraryPlace))
        self._images.set_chosen(())
        self._images.forget_fresh()
        self._awaited.clear()
        self._images.set_images(images)
        self._tags.set_local(images, picked=isinstance(place, LibraryPlace))
        self.watch.watch(place)

    def retry(self) -> None:
        """Try the engine again now; also read contexts and environment again if there was no address."""
        if self._missing is not None and not self._missing.done():
            self._look_now.set()
        elif self.watch.status.place is None:
            self._watch_current()
        else:
            self.watch.refresh()

    # -- its images

    @property
    def images(self) -> list[LocalImage]:
        """The images shown, one per reference."""
        return list(self._images.images)

    def index_of(self, reference: Reference) -> QModelIndex:
        """Return the index of *reference*; invalid if it is not listed."""
        return self._images.index_of(reference)

    def await_image(self, place: LocalPlace, sought: Reference | str) -> None:
        """Emit :attr:`arrived` when *sought*, which was transferred to *place*, appears in the list.

        *sought*: a reference, or the ID of an image without a name.
        """
        if place == self.watch.status.place:
            self._awaited.add(sought)
            self.watch.refresh()

    def _images_listed(self, images: list[LocalImage]) -> None:
        place = self.watch.status.place
        if place is not None:
            self._lists[place] = images
        self._images.set_images(images)
        self._tags.set_local(images, picked=isinstance(place, LibraryPlace))
        self.images_changed.emit()
        for sought in list(self._awaited):
            if self._images.index_of(sought).isValid():
                self._awaited.discard(sought)
                self.arrived.emit(sought)

    # -- operations on images

    def tag(self, wanted: Sequence[Wanted], done: Callable[[LongshoreError | None], None]) -> None:
        """Give local images further names."""
        self._in_place(lambda store: tagging.carry_out(store, wanted), done)

    def plan_removal(
        self, images: Sequence[ImageName], done: Callable[[list[LocalRemoval] | LongshoreError], None]
    ) -> None:
        """Find out which containers use *images*. *done* is called in the GUI thread."""
        place = self.watch.status.place
        if place is not None:
            self._tasks.run(
                self._tasks.quick,
                lambda _: removal.look(place, self._clients, images),
                done=done,
                failed=done,
                name="plan a removal",
            )

    def remove(
        self,
        removals: Sequence[LocalRemoval],
        *,
        force: bool,
        done: Callable[[LongshoreError | None], None],
    ) -> None:
        """Remove references (or unnamed images) from the place, one by one. One that fails does not stop the others;
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

        self._in_place(remove, done)

    def inspect(
        self, image: ImageName, done: Callable[[ImageDetails | LibraryDetails | LongshoreError], None]
    ) -> None:
        """Read the details of one image from the place."""
        place = self.watch.status.place
        if place is not None:
            self._tasks.run(
                self._tasks.quick,
                lambda _: open_store(place, self._clients).image(image.asked),
                done=done,
                failed=done,
                name="inspect",
            )

    def _in_place(
        self, work: Callable[[Store], object], done: Callable[[LongshoreError | None], None]
    ) -> None:
        place = self.watch.status.place
        if place is None:
            return

        def told(error: LongshoreError | None) -> None:
            done(error)
            self.watch.refresh()

        self._tasks.run(
            self._tasks.quick,
            lambda _: work(recording_store(place, self._clients)),
            done=lambda _: told(None),
            failed=told,
            name="local images",
        )
