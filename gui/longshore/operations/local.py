"""The left side: which place's images are shown, and what is done to them there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QObject, Signal

from longshore.engine.address import EngineAddress, current_address
from longshore.models.image_model import ImageModel
from longshore.models.tag_model import TagModel
from longshore.oci.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.operations.engine_watch import EngineStatus, EngineWatch
from longshore.operations.engines import Engines
from longshore.operations.services import Services
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.engine.model import ImageDetails, LocalImage


class Local(QObject):
    """The engine of the left pane and its images. Lives in the GUI thread; every method returns at once."""

    status_changed = Signal(object)  # EngineStatus
    images_changed = Signal()
    arrived = Signal(object)  # Reference that was awaited and now stands in the list

    def __init__(
        self,
        services: Services,
        tasks: Tasks,
        environ: Mapping[str, str],
        engine_url: str | None,
        images: ImageModel,
        tags: TagModel,
    ) -> None:
        super().__init__()
        self._services = services
        self._tasks = tasks
        self._environ = environ
        self._engine_url = engine_url
        self._images = images
        self._tags = tags
        self._awaited: set[Reference] = set()
        self.engines = Engines(services, tasks, environ)
        self.status_changed.connect(self.engines.note)
        self.watch = EngineWatch(
            services, tasks, status_changed=self.status_changed.emit, images_listed=self._images_listed
        )

    def start(self) -> None:
        """Find the engine that the user means, and every other there is a trace of."""
        self._watch_current()

    def stop(self) -> None:
        """Look no more."""
        self.watch.stop()

    # -- which engine

    def _watch_current(self) -> None:
        try:
            address = current_address(self._engine_url, self._environ)
        except LongshoreError as error:
            self.watch.fail(error)
        else:
            self.watch.watch(address)
        self.engines.look(near=True)

    @property
    def status(self) -> EngineStatus:
        """The engine of the left pane, and how it is."""
        return self.watch.status

    @property
    def images(self) -> list[LocalImage]:
        """The images shown, a row per reference."""
        return list(self._images.images)

    def index_of(self, reference: Reference) -> QModelIndex:
        """The row of *reference*; not valid if it is not there."""
        return self._images.index_of(reference)

    def await_image(self, address: EngineAddress, reference: Reference) -> None:
        """*reference* came to the engine at *address*: tell by :attr:`arrived` when it stands in the list."""
        if address == self.watch.status.address:
            self._awaited.add(reference)
            self.watch.refresh()

    def select_engine(self, address: EngineAddress) -> None:
        """Show the images of the engine at *address*. Running transfers go on where they were."""
        if address != self.watch.status.address:
            self._images.set_images([])
            self._tags.set_local([])
            self.watch.watch(address)

    def retry_engine(self) -> None:
        """Try the engine again now; also reads contexts and environment again when there was no address."""
        if self.watch.status.address is None:
            self._watch_current()
        else:
            self.watch.refresh()

    def _images_listed(self, images: list[LocalImage]) -> None:
        self._images.set_images(images)
        self._tags.set_local(images)
        self.images_changed.emit()
        for reference in list(self._awaited):
            if self._images.index_of(reference).isValid():
                self._awaited.discard(reference)
                self.arrived.emit(reference)

    # -- what is done to images

    def tag(self, source: str, target: Reference, done: Callable[[LongshoreError | None], None]) -> None:
        """Give the local image *source* (a reference or an id) another name."""
        self._on_engine(lambda engine: engine.tag(source, target), done)

    def remove(self, names: list[str], *, force: bool, done: Callable[[LongshoreError | None], None]) -> None:
        """Remove references (or images by id, where they have no name) from the engine, one by one."""

        def remove(engine: Any) -> None:
            for name in names:
                engine.remove(name, force=force)

        self._on_engine(remove, done)

    def inspect(self, name: str, done: Callable[[ImageDetails | LongshoreError], None]) -> None:
        """Read all the engine knows of one image."""

        async def run() -> None:
            address = self.watch.status.address
            if address is None:
                return
            try:
                engine = self._services.engine(address)
                done(await self._tasks.call(self._tasks.quick, engine.image, name))
            except LongshoreError as error:
                done(error)

        self._tasks.spawn(run(), "inspect")

    def _on_engine(self, work: Callable[[Any], Any], done: Callable[[LongshoreError | None], None]) -> None:
        async def run() -> None:
            address = self.watch.status.address
            if address is None:
                return
            try:
                engine = self._services.engine(address)
                await self._tasks.call(self._tasks.quick, work, engine)
            except LongshoreError as error:
                done(error)
            else:
                done(None)
            self.watch.refresh()

        self._tasks.spawn(run(), "engine call")
