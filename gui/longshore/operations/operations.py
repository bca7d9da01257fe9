"""What a window may ask for, by side: ``local`` (left), ``remote`` (right), ``moving`` (below).

Every method returns at once; what comes of it is told by signals and models.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.application.clients import Services
from longshore.application.engine_groups import EngineGroups
from longshore.application.registries import RegistryBook
from longshore.models.image_model import ImageModel
from longshore.models.registry_model import RegistryModel
from longshore.models.tag_model import TagModel
from longshore.models.transfer_model import TransferModel
from longshore.operations.contents import ContentsReader
from longshore.operations.detour import Detour
from longshore.operations.loading import Loading
from longshore.operations.local import Local
from longshore.operations.mirrors import Mirrors
from longshore.operations.moving import Moving
from longshore.operations.recent import RecentRepositories
from longshore.operations.remote import Remote
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig
from longshore.settings import Folders, Settings
from longshore.transfers.transfer import EnginePlace, LibraryPlace, RegistryPlace, TransferSnapshot


class Operations(QObject):
    """Owns the sides, the clients and the workers, and lets each side know what happened on another.

    Lives in the GUI thread.
    """

    pushed = Signal(object)  # Reference that now stands in its registry

    def __init__(
        self,
        folders: Folders,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        engine_url: str | None,
        registries: list[RegistryConfig],
        models: tuple[ImageModel, RegistryModel, TagModel, TransferModel],
    ) -> None:
        super().__init__()
        images, registry_model, tags, transfers = models
        book = RegistryBook(settings, registries)
        self.services = Services(environ, book.config, cache=folders.cache)
        self.tasks = Tasks()
        self.groups = EngineGroups(settings)
        self.local = Local(
            self.services, self.tasks, settings, folders.data / "library", environ, engine_url, images, tags
        )
        certificates = folders.config / "certificates"
        self.remote = Remote(self.services, self.tasks, book, registry_model, tags, certificates)
        self.contents = ContentsReader(self.services, self.tasks)
        self.mirrors = Mirrors(self.services, self.tasks, settings)
        self.moving = Moving(
            self.services,
            self.tasks,
            settings,
            folders.state / "journal.sqlite3",
            self.remote.listing,
            transfers,
        )
        self.recent = RecentRepositories(self.tasks, self.moving.journal, self.remote.set_recent)
        self.loading = Loading(self.tasks, self.moving)
        self.detour = Detour(self.services, self.tasks, self.local, self.moving)
        self.moving.succeeded.connect(self._succeeded)
        self._ages = QTimer(self)
        self._ages.setInterval(60_000)
        self._ages.timeout.connect(images.refresh_ages)
        self._ages.timeout.connect(tags.refresh_ages)

    def start(self) -> None:
        """Begin: find the engine, read the journal. Called once the window is on the screen and the loop runs."""
        self.moving.start()
        self._ages.start()
        self.local.start()
        self.remote.start()
        self.recent.look()

    async def close(self) -> bool:
        """Stop every transfer and all work. True if nothing is left running; returns within about two seconds."""
        self._ages.stop()
        self.moving.stop()
        self.local.stop()
        self.remote.stop()
        self.recent.stop()
        clean = await self.tasks.call(self.tasks.quick, self.moving.shutdown, 1.5)
        await self.tasks.close()
        self.services.close()
        return clean

    def abandon(self) -> None:
        """What :meth:`close` does for transfers, where the loop is ending. Blocks for about two seconds."""
        self.tasks.abandon()
        self.moving.stop()
        self.moving.shutdown(1.5)

    @Slot(object)
    def _succeeded(self, snapshot: TransferSnapshot) -> None:
        self.recent.look()
        destination = snapshot.request.destination
        reference = destination.reference
        if reference is None:
            return
        if isinstance(destination.place, EnginePlace | LibraryPlace):
            self.local.await_image(destination.place, reference)
        elif isinstance(destination.place, RegistryPlace):
            self.remote.expect(reference)
            self.pushed.emit(reference)
