"""The left pane: the place whose images are shown, and the operations on them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Signal

from longshore.application import user_files
from longshore.application.clients import Clients
from longshore.application.requests import LocalPlace
from longshore.application.stores import open_store
from longshore.engine.address import EngineAddress, current_address
from longshore.errors import LongshoreError
from longshore.models.images import ImageModel
from longshore.oci.reference import Reference
from longshore.operations.all_places import AllPlaces
from longshore.operations.engines import Engines, EngineState
from longshore.operations.image_changes import ImageChanges
from longshore.operations.place_watch import PlaceState, PlaceStatus, PlaceWatch
from longshore.operations.tasks import Tasks
from longshore.settings import Folders, Settings
from longshore.transfers.transfer import EnginePlace, LibraryPlace

if TYPE_CHECKING:
    from longshore.oci.local_image import LocalImage

#: Seconds between checks of an engine that did not answer, while the library is shown instead.
POLL = 2.0
#: Seconds in which the lists of several places are gathered before they are shown.
GATHER = 0.06


class Images(ImageChanges):
    """The place of the left pane and its images. GUI thread; every method returns at once.

    The place is an engine, or the library, which is shown if no engine answers at the start. When one answers later,
    :attr:`engine_answers` reports it; whether the place changes depends on what the user has done meanwhile.
    """

    status_changed = Signal(object)  # PlaceStatus
    images_changed = Signal()
    #: Reference, or ID of an image without a name, that was awaited and is now listed; and its place.
    arrived = Signal(object, object)
    places_changed = Signal()  # all places are shown, or no longer; or one of them has come, gone or changed
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
    ) -> None:
        super().__init__(clients, tasks)
        self._settings = settings
        self._folders = folders
        self._environ = environ
        self._engine_url = engine_url
        self._images = images
        self._awaited: set[tuple[LocalPlace, Reference | str]] = set()
        self.engines = Engines(clients, tasks, environ)
        self.engines.changed.connect(self._engines_changed)
        self.status_changed.connect(self.engines.note)
        self._lists: dict[LocalPlace, list[LocalImage]] = {}
        #: Returns the name of a place, safe to show.
        self.title_of: Callable[[LocalPlace], str] = lambda place: type(place).__name__
        #: All places are shown, instead of one.
        self.showing_all = False
        self._gathering: asyncio.Task[None] | None = None
        self._others = AllPlaces(clients, tasks, self._gather_soon)
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
        self._others.stop()
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
        if self.showing_all:
            self._watch_others()
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

    def select_all(self) -> None:
        """Show the images of all places: of every engine that responds, and of the library.

        The place that was shown stays the current one: images are pulled and loaded into it.
        """
        if not self.showing_all:
            self._stop_looking()
            self._starting = False
            self.showing_all = True
            self._images.set_compressed(False)
            self._images.set_chosen(())
            self._watch_others()
            self._gather()

    def _watch_others(self) -> None:
        engines = [
            EnginePlace(each.address) for each in self.engines.found if each.state is EngineState.READY
        ]
        everywhere: list[LocalPlace] = [*engines, self.library]
        # One that stopped responding is still watched, to see it come back.
        kept = [place for place in self._others.places if place not in everywhere]
        home = self.watch.status.place
        self._others.watch([place for place in (*everywhere, *kept) if place != home])
        self._gather_soon()

    def _gather_soon(self) -> None:
        if self._gathering is None or self._gathering.done():
            self._gathering = self._tasks.spawn(self._gather_later(), "gather places")

    async def _gather_later(self) -> None:
        await asyncio.sleep(GATHER)
        self._gathering = None
        self._gather()

    def _gather(self) -> None:
        """Show the images of all places as they are known now."""
        if not self.showing_all:
            return
        from longshore.models.image_row import PlacedImages

        parts = []
        for place in self.places:
            images = self._known(place)
            if images is not None:
                library = isinstance(place, LibraryPlace)
                parts.append(PlacedImages(images, library, place, self.title_of(place)))
        self._images.set_places(parts)
        for place in self.places:
            self._look_for_awaited(place)
        self.images_changed.emit()
        self.places_changed.emit()

    def _known(self, place: LocalPlace) -> list[LocalImage] | None:
        if place != self.watch.status.place:
            return self._others.images(place)
        return self._lists.get(place) if self.watch.status.state is PlaceState.READY else None

    @property
    def places(self) -> list[LocalPlace]:
        """The places that are shown, the current one first."""
        home = self.watch.status.place
        return [*([] if home is None else [home]), *(self._others.places if self.showing_all else [])]

    def status_of(self, place: LocalPlace) -> PlaceStatus:
        """The status of *place*, one of :attr:`places`; that of the current place for any other."""
        return self._others.status(place) or self.watch.status

    def images_of(self, place: LocalPlace) -> list[LocalImage]:
        """The images of *place* as far as they are known, one per reference."""
        return list(
            (self._others.images(place) if place in self._others.places else self._lists.get(place)) or []
        )

    def _show(self, place: LocalPlace) -> None:
        if self.showing_all:
            self.showing_all = False
            self._others.stop()
            self.places_changed.emit()
            if place == self.watch.status.place:
                self._show_again(place)
                return
        if place == self.watch.status.place:
            return
        # Show its last known images until it has been asked again.
        images = self._lists.get(place, [])
        self._images.set_compressed(isinstance(place, LibraryPlace))
        self._images.set_chosen(())
        self._images.forget_fresh()
        self._awaited.clear()
        self._images.set_images(images)
        self.watch.watch(place)

    def _show_again(self, place: LocalPlace) -> None:
        """Show the current place alone, after all places were shown."""
        self._images.set_compressed(isinstance(place, LibraryPlace))
        self._images.set_chosen(())
        self._images.set_images(self._lists.get(place, []))
        self.status_changed.emit(self.watch.status)
        self.images_changed.emit()

    def refresh(self) -> None:
        """List the images again now."""
        self.watch.refresh()
        self._others.refresh()

    def retry(self) -> None:
        """Try the engine again now; also read contexts and environment again if there was no address."""
        if self._missing is not None and not self._missing.done():
            self._look_now.set()
        elif self.watch.status.place is None:
            self._watch_current()
        else:
            self.refresh()

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
        if place in self.places:
            self._awaited.add((place, sought))
            self.refresh()

    def _images_listed(self, images: list[LocalImage]) -> None:
        place = self.watch.status.place
        if place is not None:
            self._lists[place] = images
        if self.showing_all:
            self._gather_soon()
            return
        self._images.set_images(images)
        self.images_changed.emit()
        if place is not None:
            self._look_for_awaited(place)

    def _look_for_awaited(self, place: LocalPlace) -> None:
        for awaited in [each for each in self._awaited if each[0] == place]:
            if self._images.index_of(awaited[1], place).isValid():
                self._awaited.discard(awaited)
                self.arrived.emit(awaited[1], place)
