"""The use cases of a window by pane: ``images`` (left), ``registries`` (right), ``transfers`` (below).

Every method returns at once; signals and models report the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.application import user_files
from longshore.application.choices import Choices
from longshore.application.clients import Clients
from longshore.application.engine_groups import EngineGroups
from longshore.application.pins import Pins
from longshore.application.registries import RegistryBook
from longshore.application.signatures.gate import KEYS_FILE, KeyGate
from longshore.application.tag_news import TagNews
from longshore.application.updates.snoozes import Snoozes
from longshore.models.images import ImageModel
from longshore.models.registries import RegistryModel
from longshore.models.tags import TagModel
from longshore.models.transfers import TransferModel
from longshore.operations.attached import Attached
from longshore.operations.builds import Builds
from longshore.operations.cleanup import CleanUps
from longshore.operations.comparing import Comparing
from longshore.operations.containers import Containers
from longshore.operations.details import Details
from longshore.operations.detour import Detour
from longshore.operations.files import Files
from longshore.operations.image_lists import ImageLists
from longshore.operations.image_platforms import ImagePlatforms
from longshore.operations.images import Images
from longshore.operations.index_parts import PartsReader
from longshore.operations.layers import Layers
from longshore.operations.loading import Loading
from longshore.operations.mirrors import Mirrors
from longshore.operations.platform_sizes import PlatformSizes
from longshore.operations.platforms import ContentsReader
from longshore.operations.recent import RecentRepositories
from longshore.operations.registries import Registries
from longshore.operations.signatures import Signatures
from longshore.operations.states import States
from longshore.operations.tag_signatures import TagSignatures
from longshore.operations.tasks import Tasks
from longshore.operations.transfers import Transfers
from longshore.operations.undo import Undoing
from longshore.operations.unfinished import Unfinished
from longshore.operations.updates import Updates
from longshore.operations.usage import ShownUsage
from longshore.registry.config import RegistryConfig
from longshore.settings import Folders, Settings
from longshore.transfers.builds import names_of
from longshore.transfers.hand_over import HandOver
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Operation,
    RegistryPlace,
    TransferSnapshot,
)

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected
    from longshore.application.requests import LocalPlace
    from longshore.application.undo.goal import Verdict
    from longshore.oci.reference import Reference
    from longshore.operations.place_watch import PlaceStatus


class Operations(QObject):
    """Owns the use cases, the clients and the workers, and passes events from one pane's use cases to the others.

    GUI thread.
    """

    pushed = Signal(object)  # Reference that is now in its registry

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
        self.clients = Clients(environ, book.config, cache=folders.cache)
        self.clients.hand_over = HandOver(lambda: self.images.library.path)
        gate = KeyGate(folders.config / KEYS_FILE, book.config, environ)
        self.clients.gate = gate
        self.tag_history = user_files.tag_history(folders, settings, self.clients.user_of)
        self.tasks = Tasks()
        self.signatures = Signatures(self.clients, self.tasks, gate)
        self.groups = EngineGroups(settings)
        self.images = Images(self.clients, self.tasks, settings, folders, environ, engine_url, images)
        self.states = States(self.clients, self.tasks, book, images, tags, self._status_of, self.tag_history)
        self.states.minutes = Choices.read(settings).check_minutes
        self.clients.recorder = TagNews(self.tag_history, self.states.heard)
        self.images.images_changed.connect(self.states.look)
        self.images.status_changed.connect(self.states.look)
        self.usage = ShownUsage(
            self.clients,
            self.tasks,
            lambda: self.images.status,
            lambda: [self.images.status_of(place) for place in self.images.places[1:]],
        )
        self.images.images_changed.connect(self.usage.look)
        self.images.status_changed.connect(self.usage.look)
        self.platforms = ImagePlatforms(self.clients, self.tasks, lambda: self.images.status, images)
        self.images.images_changed.connect(self.platforms.look)
        self.images.status_changed.connect(self.platforms.look)
        self.unfinished = Unfinished(self.clients, self.tasks, lambda: self.images.library)
        self.cleanup = CleanUps(self.clients, self.tasks, Pins(settings))
        self.updates = Updates(self.clients, self.tasks, Snoozes(settings))
        certificates = folders.config / "certificates"
        self.registries = Registries(self.clients, self.tasks, book, registry_model, tags, certificates)
        self.attached = Attached(
            self.clients, self.tasks, lambda host: book.config(host).is_hub, environ, gate
        )
        self.details = Details(self.clients, self.tasks, lambda host: book.config(host).is_hub)
        self.index_parts = PartsReader(self.clients, self.tasks)
        self.layers = Layers(self.clients, self.tasks)
        self.images.images_changed.connect(self.layers.forget)
        self.platform_sizes = PlatformSizes(self.clients, self.tasks)
        self.registries.settings_changed.connect(self.states.switched)
        self.registries.sign_ins.switched.connect(self.states.switched)
        self.tag_signatures = TagSignatures(self.clients, self.tasks, self.signatures, tags)
        self.files = Files(
            self.clients, self.tasks, lambda: self.images.library.path, folders.cache, self._copy_on_engine
        )
        self.contents = ContentsReader(self.clients, self.tasks)
        self.mirrors = Mirrors(self.clients, self.tasks, settings)
        self.transfers = Transfers(
            self.clients,
            self.tasks,
            settings,
            user_files.journal_file(folders),
            self.registries.listing,
            transfers,
        )
        self.undo = Undoing(
            self.clients,
            self.tasks,
            self.tag_history,
            lambda: self.images.library,
            self.transfers.ask,
        )
        self.undo.undone.connect(self._undone)
        self.recent = RecentRepositories(self.tasks, self.transfers.journal, self.registries.set_recent)
        self.image_lists = ImageLists(self.clients, self.tasks, environ)
        self.comparing = Comparing(self.clients, self.tasks)
        self.containers = Containers(self.clients, self.tasks)
        self.loading = Loading(self.tasks, self.transfers)
        self.builds = Builds(self.tasks, settings, environ)
        self.detour = Detour(self.clients, self.tasks, self.images, self.transfers)
        self.transfers.succeeded.connect(self.states.transferred)
        self.transfers.succeeded.connect(self._succeeded)
        self._ages = QTimer(self)
        self._ages.setInterval(60_000)
        self._ages.timeout.connect(images.refresh_ages)
        self._ages.timeout.connect(tags.refresh_ages)

    def _copy_on_engine(self, about: Inspected) -> Endpoint | None:
        """Where on a shown engine an image of a registry seems to be."""
        from longshore.application.files.opening import local_copy

        images = self.images
        engines = [place for place in images.places if isinstance(place, EnginePlace)]
        return local_copy(about, ((place, images.images_of(place)) for place in engines))

    def _status_of(self, place: LocalPlace | None) -> PlaceStatus:
        """The status of a shown place; of the current one for None."""
        return self.images.status if place is None else self.images.status_of(place)

    def start(self) -> None:
        """Find the engine and read the journal. Call it once the window is shown and the event loop runs."""
        self.transfers.start()
        self._ages.start()
        self.states.start()
        self.images.start()
        self.registries.start()
        self.recent.look()
        self.undo.look()

    async def close(self) -> bool:
        """Stop all transfers and other work, within about two seconds. Return True if nothing is left running."""
        self._ages.stop()
        self.transfers.stop()
        self.images.stop()
        self.usage.stop()
        self.platforms.stop()
        self.details.stop()
        self.attached.stop()
        self.layers.stop()
        self.platform_sizes.stop()
        self.states.stop()
        self.files.forget()
        self.registries.stop()
        self.tag_signatures.stop()
        self.signatures.leave()
        self.recent.stop()
        self.undo.stop()
        clean = await self.tasks.call(self.tasks.quick, self.transfers.shutdown, 1.5)
        await self.tasks.close()
        self.clients.close()
        self.tag_history.close()
        return clean

    def abandon(self) -> None:
        """Stop the transfers as :meth:`close` does, while the event loop is ending. Blocks for about two seconds."""
        self.tasks.abandon()
        self.transfers.stop()
        self.transfers.shutdown(1.5)
        self.tag_history.close()

    @Slot(object)
    def _undone(self, verdicts: list[Verdict]) -> None:
        """Show the tags as they are now."""
        for verdict in verdicts:
            if isinstance(verdict.goal.place, RegistryPlace):
                self.registries.expect(verdict.goal.reference)
        self.images.refresh()

    @Slot(object)
    def _succeeded(self, snapshot: TransferSnapshot) -> None:
        self.recent.look()
        destination = snapshot.request.destination
        reference = destination.reference
        if snapshot.request.operation is Operation.BUILD and isinstance(destination.place, EnginePlace):
            sought: list[Reference | str] = [*names_of(snapshot.request)]
            for name in sought or [snapshot.digest]:
                self.images.await_image(destination.place, name)
            return
        if reference is None:
            return
        if isinstance(destination.place, EnginePlace | LibraryPlace):
            self.images.await_image(destination.place, reference)
        elif isinstance(destination.place, RegistryPlace):
            self.registries.expect(reference)
            self.pushed.emit(reference)
