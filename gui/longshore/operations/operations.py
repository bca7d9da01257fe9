"""What a window may ask for. Every method returns at once; what comes of it is told by signals and models."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.cancellation import Cancelled
from longshore.credentials import Credential, StoredIn
from longshore.engine.address import EngineAddress, current_address, known_addresses
from longshore.models.image_model import ImageModel
from longshore.models.registry_model import RegistryEntry, RegistryModel
from longshore.models.tag_model import TagModel
from longshore.models.transfer_model import TransferModel
from longshore.oci.errors import (
    AccessDenied,
    LongshoreError,
    NotInRegistry,
    RegistryError,
    SignInFailed,
    SignInRequired,
)
from longshore.oci.platform import Platform
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.operations.book import RegistryBook
from longshore.operations.engine_watch import EngineState, EngineStatus, EngineWatch
from longshore.operations.feed import TransferFeed
from longshore.operations.listing import Listing
from longshore.operations.services import Services
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig
from longshore.settings import Folders, Settings
from longshore.transfers.changes import Changes, SetAside
from longshore.transfers.journal import Journal
from longshore.transfers.queue import TransferQueue
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    Operation,
    RegistryPlace,
    State,
    TransferRequest,
    TransferSnapshot,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from longshore.engine.model import ImageDetails, LocalImage
    from longshore.registry.model import TagDetails

_log = logging.getLogger(__name__)

#: Transfers at once, unless the user says otherwise.
CONCURRENCY = 3


@dataclass(frozen=True, slots=True)
class PushTarget:
    """One image to push: what it is here, and what it shall be called there."""

    source: Reference | None
    image_id: str
    target: Reference


class Operations(QObject):
    """The use cases. Lives in the GUI thread."""

    engine_status_changed = Signal(object)  # EngineStatus
    engines_found = Signal(object)  # list[EngineAddress]
    images_changed = Signal()
    pulled = Signal(object)  # Reference that now stands in the engine's list
    pushed = Signal(object)  # Reference that now stands in its registry
    tag_needed = Signal(object, object)  # Reference without tag, list of the tags there are
    failed = Signal(object)  # LongshoreError of something that has no row to be shown in
    sign_in_wanted = Signal(str)  # host
    tally_changed = Signal()  # transfers came, went or changed state

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
        self._environ = environ
        self._engine_url = engine_url
        self.settings = settings
        self.book = RegistryBook(settings, registries)
        self.services = Services(environ, self.book.config)
        self.tasks = Tasks()
        self.images, self.registries, self.tags, self.transfers = models
        self.listing = Listing(
            self.services, self.tasks, self.book, self.registries, self.tags, self._listing_failed
        )
        self.watch = EngineWatch(
            self.services,
            self.tasks,
            status_changed=self.engine_status_changed.emit,
            images_listed=self._images_listed,
        )
        self.journal = Journal(folders.state / "journal.sqlite3")
        self.feed = TransferFeed(self._take_changes, self)
        self.feed.changed.connect(self._transfers_changed)
        self.queue = TransferQueue(
            self.services,
            self.journal,
            concurrency=settings.get("concurrency", CONCURRENCY),
            wake=self.feed.wake,
        )
        self._awaited_images: set[Reference] = set()
        self._states: dict[str, State] = {}
        self._errors: dict[str, LongshoreError | None] = {}
        self._kept: dict[str, str] = {}
        self._users: dict[str, str] = {}
        self._ages = QTimer(self)
        self._ages.setInterval(60_000)
        self._ages.timeout.connect(self.images.refresh_ages)
        self._ages.timeout.connect(self.tags.refresh_ages)
        self._show_registries()

    # -- life

    def start(self) -> None:
        """Begin: find the engine, read the journal. Called once the window is on the screen and the loop runs."""
        self.queue.start()
        self._ages.start()
        self._watch_current()
        self._load_users()

    async def close(self) -> bool:
        """Stop every transfer and all work. True if nothing is left running; returns within about two seconds."""
        self._ages.stop()
        self.feed.stop()
        self.watch.stop()
        self.listing.stop_tags()
        clean = await self.tasks.call(self.tasks.quick, self.queue.shutdown, 1.5)
        await self.tasks.close()
        self.services.close()
        return clean

    # -- engines

    def _watch_current(self) -> None:
        try:
            address = current_address(self._engine_url, self._environ)
        except LongshoreError as error:
            self.watch.fail(error)
        else:
            self.watch.watch(address)
        self._do(self._find_engines(), "find engines")

    async def _find_engines(self) -> None:
        found = await self.tasks.call(self.tasks.quick, known_addresses, self._environ)
        self.engines_found.emit(found)

    @property
    def engine(self) -> EngineStatus:
        """The engine of the left pane, and how it is."""
        return self.watch.status

    def select_engine(self, address: EngineAddress) -> None:
        """Show the images of the engine at *address*. Running transfers go on where they were."""
        if address != self.watch.status.address:
            self.images.set_images([])
            self.tags.set_local([])
            self.watch.watch(address)

    def retry_engine(self) -> None:
        """Try the engine again now; also reads contexts and environment again when there was no address."""
        if self.watch.status.address is None:
            self._watch_current()
        else:
            self.watch.refresh()

    def _images_listed(self, images: list[LocalImage]) -> None:
        self.images.set_images(images)
        self.tags.set_local(images)
        self.images_changed.emit()
        for reference in list(self._awaited_images):
            if self.images.index_of(reference).isValid():
                self._awaited_images.discard(reference)
                self.pulled.emit(reference)

    # -- registries

    def _entries(self) -> list[RegistryEntry]:
        return [
            RegistryEntry(
                config=config,
                title=self.title(config.host),
                pinned=self.book.pins(config.host),
                user=self._users.get(config.host, ""),
            )
            for config in self.book.configs()
        ]

    def title(self, host: str) -> str:
        """What a registry is called."""
        return "Docker Hub" if host == DOCKER_HUB else host

    def user(self, host: str) -> str:
        """Who is signed in at *host*, "" for nobody or not known yet."""
        return self._users.get(host, "")

    def first_host(self) -> str:
        """The registry to offer when nothing else says one: the first that the user added."""
        hosts = [config.host for config in self.book.configs()]
        return hosts[1] if len(hosts) > 1 else hosts[0]

    def where_kept(self, host: str) -> str:
        """One sentence for a person: where a secret for *host* will be kept. Known once the users are loaded."""
        return self._kept.get(host, "")

    def _destination(self, host: str) -> str:
        try:
            place = self.services.credentials.destination(host)
        except LongshoreError as error:
            return f"{error.message} {error.advice}".strip()
        if place.stored_in is StoredIn.HELPER:
            return f"It will be kept by docker-credential-{place.name}, as docker login does."
        return f"It will stand in {place.path} as base64, readable to you alone, as docker login leaves it."

    def _show_registries(self) -> None:
        self.registries.set_registries(self._entries())

    def _load_users(self) -> None:
        self._do(self._find_users(), "who is signed in")

    async def _find_users(self) -> None:
        for config in self.book.configs():
            try:
                user = await self.tasks.call(self.tasks.quick, self.services.credentials.whose, config.host)
            except LongshoreError as error:
                _log.info("credentials of %s: %s", config.host, error)
                user = None
            self._users[config.host] = user or ""
            self._kept[config.host] = await self.tasks.call(self.tasks.quick, self._destination, config.host)
        self._show_registries()

    def add_registry(self, config: RegistryConfig) -> None:
        """Add a registry to the tree (it persists) and list it."""
        self.book.add(config)
        self.services.forget_registry(config.host)
        self._show_registries()
        self.listing.list_repositories(config.host)
        self._load_users()

    def remove_registry(self, host: str) -> None:
        """Take a registry out of the tree; nothing in the registry is touched."""
        self.book.remove(host)
        self.services.forget_registry(host)
        self._show_registries()

    def pin(self, host: str, repository: str) -> None:
        """Keep *repository* below *host* for good."""
        self.book.pin(host, repository)
        self._show_registries()

    def unpin(self, host: str, repository: str) -> None:
        """The reverse of :meth:`pin`."""
        self.book.unpin(host, repository)
        self._show_registries()

    def _listing_failed(self, host: str, error: LongshoreError) -> None:
        _log.info("listing %s: %s (%s)", host, error, error.detail)

    def sign_in(
        self,
        host: str,
        credential: Credential,
        *,
        keep: bool,
        done: Callable[[LongshoreError | None], None],
    ) -> None:
        """Check *credential* with the registry, and store it where docker keeps it (or *keep* it for this run only).

        *done* is called in the GUI thread with None or the error. On success the registry is listed again.
        """

        def check() -> None:
            self.services.registry(host).sign_in(credential)
            if keep:
                self.services.credentials.save(host, credential)
            else:
                self.services.credentials.keep_for_this_run(host, credential)

        self._do(self._signed(host, check, done), "sign in")

    def sign_out(self, host: str, done: Callable[[LongshoreError | None], None]) -> None:
        """Forget the credential of *host* here and where docker keeps it."""
        self._do(self._signed(host, lambda: self.services.credentials.forget(host), done), "sign out")

    async def _signed(
        self, host: str, work: Callable[[], None], done: Callable[[LongshoreError | None], None]
    ) -> None:
        try:
            await self.tasks.call(self.tasks.quick, work)
        except LongshoreError as error:
            done(error)
            return
        self.services.forget_registry(host)
        done(None)
        await self._find_users()
        self.listing.list_repositories(host)
        if self.listing.tag_place is not None and self.listing.tag_place[0] == host:
            self.listing.refresh_tags()

    # -- moving

    def pull(self, references: Iterable[Reference], platform: Platform | None = None) -> list[str]:
        """Queue a pull of each reference into the engine shown. The ids of the transfers; empty without an engine."""
        address = self.watch.status.address
        if address is None:
            return []
        engine = EnginePlace(address)
        ids = []
        for reference in references:
            named = reference.with_default_tag()
            request = TransferRequest(
                Operation.PULL,
                Endpoint(RegistryPlace(named.domain), named),
                Endpoint(engine, named),
                platform,
            )
            ids.append(self.queue.add(request))
        return ids

    def pull_repository(self, reference: Reference) -> None:
        """Pull *reference*, which has no tag: its ``latest``, or :attr:`tag_needed` when there is none."""
        self._do(self._pull_repository(reference), "pull repository")

    async def _pull_repository(self, reference: Reference) -> None:
        cancellation = self.tasks.cancellation()
        try:
            if await self.listing.exists(reference.with_tag("latest")):
                self.pull([reference])
                return
            names = await self.listing.tag_names(reference.domain, reference.path, cancellation)
        except NotInRegistry:
            names = []
        except Cancelled:
            return
        except RegistryError as error:
            # We cannot ask, the engine may be able to: it pulls, and its row tells how that went.
            _log.info("cannot look for tags of %s: %s", reference, error)
            self.pull([reference])
            return
        finally:
            self.tasks.release(cancellation)
        if names:
            self.tag_needed.emit(reference, names)
        else:
            self.pull([reference])  # fails, and its row says why

    def push(self, targets: Iterable[PushTarget]) -> list[str]:
        """Queue a push of each target from the engine shown. The ids of the transfers."""
        address = self.watch.status.address
        if address is None:
            return []
        engine = EnginePlace(address)
        return [
            self.queue.add(
                TransferRequest(
                    Operation.PUSH,
                    Endpoint(engine, target.source, target.image_id),
                    Endpoint(RegistryPlace(target.target.domain), target.target),
                )
            )
            for target in targets
        ]

    def find_existing(
        self, references: Iterable[Reference], found: Callable[[Reference, bool | LongshoreError], None]
    ) -> None:
        """Tell by *found*, in the GUI thread, one by one, whether each reference stands in its registry already."""

        async def look(reference: Reference) -> None:
            try:
                found(reference, await self.listing.exists(reference))
            except LongshoreError as error:
                found(reference, error)

        for reference in references:
            self._do(look(reference), "look for tag")

    # -- images

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
                engine = self.services.engine(address)
                done(await self.tasks.call(self.tasks.quick, engine.image, name))
            except LongshoreError as error:
                done(error)

        self._do(run(), "inspect")

    def inspect_remote(
        self, reference: Reference, done: Callable[[Reference, TagDetails | LongshoreError], None]
    ) -> None:
        """Read what the registry tells of *reference*."""

        async def run() -> None:
            def ask() -> TagDetails:
                client = self.services.registry(reference.domain)
                return client.tag_details(reference.path, reference.digest or reference.tag or "latest")

            try:
                done(reference, await self.tasks.call(self.tasks.listing, ask))
            except LongshoreError as error:
                done(reference, error)

        self._do(run(), "inspect remote")

    def _on_engine(self, work: Callable[[Any], Any], done: Callable[[LongshoreError | None], None]) -> None:
        async def run() -> None:
            address = self.watch.status.address
            if address is None:
                return
            try:
                engine = self.services.engine(address)
                await self.tasks.call(self.tasks.quick, work, engine)
            except LongshoreError as error:
                done(error)
            else:
                done(None)
            self.watch.refresh()

        self._do(run(), "engine call")

    # -- transfers

    def _take_changes(self) -> Changes:
        return self.queue.take_changes()

    @Slot(object)
    def _transfers_changed(self, changes: Changes) -> None:
        self.transfers.apply(changes)
        if changes.set_aside is not None:
            self.failed.emit(_journal_error(changes.set_aside))
        for removed in changes.removed:
            self._states.pop(removed, None)
            self._errors.pop(removed, None)
        for snapshot in changes.snapshots:
            before = self._states.get(snapshot.id)
            self._states[snapshot.id] = snapshot.state
            self._errors[snapshot.id] = snapshot.error
            if before is not snapshot.state and snapshot.state is State.SUCCEEDED and before is not None:
                self._succeeded(snapshot)
        self.tally_changed.emit()

    def _succeeded(self, snapshot: TransferSnapshot) -> None:
        destination = snapshot.request.destination
        reference = destination.reference
        if reference is None:
            return
        if isinstance(destination.place, EnginePlace):
            if destination.place.address == self.watch.status.address:
                self._awaited_images.add(reference)
                self.watch.refresh()
        elif isinstance(destination.place, RegistryPlace):
            self.registries.add_repository(reference.domain, reference.path)
            if self.listing.tag_place == (reference.domain, reference.path):
                self.listing.refresh_tags()
            self.pushed.emit(reference)

    def set_limits(self, concurrency: int, per_registry: int) -> None:
        """How many transfers may run at once, in all and per registry (0: no own limit). Kept in the settings."""
        self.settings.set("concurrency", concurrency)
        self.settings.set("per_registry", per_registry)
        self.queue.set_limits(concurrency=concurrency, per_registry=per_registry)

    @property
    def concurrency(self) -> int:
        """Transfers at once."""
        return int(self.settings.get("concurrency", CONCURRENCY))

    @property
    def per_registry(self) -> int:
        """Transfers at once with one registry; 0 for no limit of its own."""
        return int(self.settings.get("per_registry", 0))

    def retry_refused(self, host: str) -> None:
        """Start again what failed for want of rights at *host*: the user has signed in."""
        refused = (SignInRequired, SignInFailed, AccessDenied)
        self.queue.retry(
            [
                row
                for row, error in self._errors.items()
                if isinstance(error, refused)
                and error.registry == host
                and self._states.get(row) is State.FAILED
            ]
        )

    @property
    def unfinished(self) -> int:
        """How many transfers are queued or running."""
        return sum(1 for state in self._states.values() if not state.finished)

    def _do(self, coroutine: Any, name: str) -> None:
        self.tasks.spawn(coroutine, name)


def _journal_error(aside: SetAside) -> LongshoreError:
    where = f" It was set aside as {aside.path.name}." if aside.path is not None else ""
    return LongshoreError(
        f"The journal of transfers could not be used: {aside.reason}.{where}",
        subject=str(aside.path or ""),
        advice="A new one was begun; nothing in your engine or registries is affected.",
    )


__all__ = ["EngineState", "Operations", "PushTarget"]
