"""The right side: the registries, who is signed in to them, and what they are asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from longshore.credentials import Credential, StoredIn
from longshore.models.registry_model import RegistryEntry, RegistryModel
from longshore.models.tag_model import TagModel
from longshore.oci.errors import LongshoreError
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.operations.book import RegistryBook
from longshore.operations.listing import Listing
from longshore.operations.services import Services
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig

if TYPE_CHECKING:
    from longshore.registry.model import TagDetails

_log = logging.getLogger(__name__)


class Remote(QObject):
    """The registries of the right pane. Lives in the GUI thread; every method returns at once."""

    def __init__(
        self,
        services: Services,
        tasks: Tasks,
        book: RegistryBook,
        registries: RegistryModel,
        tags: TagModel,
    ) -> None:
        super().__init__()
        self._services = services
        self._tasks = tasks
        self.book = book
        self._registries = registries
        self.listing = Listing(services, tasks, book, registries, tags, self._listing_failed)
        self._kept: dict[str, str] = {}
        self._users: dict[str, str] = {}
        self._show_registries()

    def start(self) -> None:
        """Find out who is signed in where."""
        self._load_users()

    def stop(self) -> None:
        """Ask no more."""
        self.listing.stop_tags()

    def _entries(self) -> list[RegistryEntry]:
        return [
            RegistryEntry(
                config=config,
                title=self.title(config.host),
                pinned=self.book.pins(config.host),
                recent=self.book.recent(config.host),
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
            place = self._services.credentials.destination(host)
        except LongshoreError as error:
            return f"{error.message} {error.advice}".strip()
        if place.stored_in is StoredIn.HELPER:
            return f"It will be kept by docker-credential-{place.name}, as docker login does."
        return f"It will stand in {place.path} as base64, readable to you alone, as docker login leaves it."

    def _show_registries(self) -> None:
        self._registries.set_registries(self._entries())

    def _load_users(self) -> None:
        self._tasks.spawn(self._find_users(), "who is signed in")

    async def _find_users(self) -> None:
        for config in self.book.configs():
            try:
                user = await self._tasks.call(
                    self._tasks.quick, self._services.credentials.whose, config.host
                )
            except LongshoreError as error:
                _log.info("credentials of %s: %s", config.host, error)
                user = None
            self._users[config.host] = user or ""
            self._kept[config.host] = await self._tasks.call(
                self._tasks.quick, self._destination, config.host
            )
        self._show_registries()

    def add_registry(self, config: RegistryConfig) -> None:
        """Add a registry to the tree (it persists) and list it."""
        self.book.add(config)
        self._services.forget_registry(config.host)
        self._show_registries()
        self.listing.list_repositories(config.host)
        self._load_users()

    def remove_registry(self, host: str) -> None:
        """Take a registry out of the tree; nothing in the registry is touched."""
        self.book.remove(host)
        self._services.forget_registry(host)
        self._show_registries()

    def pin(self, host: str, repository: str) -> None:
        """Keep *repository* below *host* for good."""
        self.book.pin(host, repository)
        self._show_registries()

    def unpin(self, host: str, repository: str) -> None:
        """The reverse of :meth:`pin`."""
        self.book.unpin(host, repository)
        self._show_registries()

    def set_kind(self, host: str, kind: str) -> None:
        """*host* is of the make *kind* (of ``registry.listing``; ``auto``: find out). It persists; list it anew."""
        self.add_registry(replace(self.book.config(host), kind=kind))

    def set_recent(self, references: Iterable[Reference]) -> None:
        """The history holds these, the latest first: they are offered where a registry does not list."""
        if self.book.set_recent(references):
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
            self._services.registry(host).sign_in(credential)
            if keep:
                self._services.credentials.save(host, credential)
            else:
                self._services.credentials.keep_for_this_run(host, credential)

        self._tasks.spawn(self._signed(host, check, done), "sign in")

    def sign_out(self, host: str, done: Callable[[LongshoreError | None], None]) -> None:
        """Forget the credential of *host* here and where docker keeps it."""
        self._tasks.spawn(
            self._signed(host, lambda: self._services.credentials.forget(host), done), "sign out"
        )

    async def _signed(
        self, host: str, work: Callable[[], None], done: Callable[[LongshoreError | None], None]
    ) -> None:
        try:
            await self._tasks.call(self._tasks.quick, work)
        except LongshoreError as error:
            done(error)
            return
        self._services.forget_registry(host)
        done(None)
        await self._find_users()
        self.listing.list_repositories(host)
        if self.listing.tag_place is not None and self.listing.tag_place[0] == host:
            self.listing.refresh_tags()

    def expect(self, reference: Reference) -> None:
        """*reference* was written to its registry: show its repository, and its tag where those are shown."""
        self._registries.add_repository(reference.domain, reference.path)
        if self.listing.tag_place == (reference.domain, reference.path):
            self.listing.refresh_tags()

    # -- questions

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
            self._tasks.spawn(look(reference), "look for tag")

    def inspect_remote(
        self, reference: Reference, done: Callable[[Reference, TagDetails | LongshoreError], None]
    ) -> None:
        """Read what the registry tells of *reference*."""

        async def run() -> None:
            def ask() -> TagDetails:
                client = self._services.registry(reference.domain)
                return client.tag_details(reference.path, reference.digest or reference.tag or "latest")

            try:
                done(reference, await self._tasks.call(self._tasks.listing, ask))
            except LongshoreError as error:
                done(reference, error)

        self._tasks.spawn(run(), "inspect remote")
