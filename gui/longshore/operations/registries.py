"""The right pane: the registries, their sign-ins, and requests to them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.application.clients import Clients
from longshore.application.registries import RegistryBook
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.models.columns import NodeState
from longshore.models.registries import RegistryModel
from longshore.models.registry_row import RegistryEntry
from longshore.models.tags import TagModel
from longshore.oci.reference import Reference, registry_name
from longshore.operations.certificates import Certificates
from longshore.operations.listing import Listing
from longshore.operations.registry_settings import RegistrySettings
from longshore.operations.retention import Retention
from longshore.operations.sign_in import SignIns
from longshore.operations.tag_removal import TagRemoval
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig

if TYPE_CHECKING:
    pass

_log = logging.getLogger(__name__)


class Registries(QObject):
    """The registries of the right pane. GUI thread; every method returns at once."""

    settings_changed = Signal(str)  # host

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        book: RegistryBook,
        registries: RegistryModel,
        tags: TagModel,
        certificates: Path,
    ) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self.book = book
        self._registries = registries
        self.listing = Listing(clients, tasks, book, registries, tags, self._listing_failed)
        self.sign_ins = SignIns(clients, tasks, book)
        self.sign_ins.changed.connect(self._show_registries)
        self.sign_ins.switched.connect(self._switched)
        self.settings = RegistrySettings(clients, tasks, book, self._settings_changed)
        self.certificates = Certificates(clients, tasks, book, self.settings, certificates)
        self.tag_removal = TagRemoval(clients, tasks, self._tags_removed)
        self.retention = Retention(clients, tasks, self._tags_removed)
        self._auth: dict[str, str] = {}
        registries.state_changed.connect(self._state_changed)
        self._show_registries()

    def start(self) -> None:
        """Read the sign-ins."""
        self.sign_ins.start()

    def stop(self) -> None:
        """Stop all requests."""
        self.sign_ins.stop()
        self.listing.stop_tags()

    def _entries(self) -> list[RegistryEntry]:
        return [
            RegistryEntry(
                config=config,
                title=self.title(config.host),
                pinned=self.book.pins(config.host),
                recent=self.book.recent(config.host),
                user=self.sign_ins.account(config.host).user,
                auth=self._auth.get(config.host, ""),
                trouble=self.sign_ins.account(config.host).trouble,
            )
            for config in self.book.configs()
        ]

    def title(self, host: str) -> str:
        """Return the title of a registry."""
        return self.book.config(host).title or registry_name(host)

    def user(self, host: str) -> str:
        """Return who is signed in at *host*, "" if nobody or not known yet."""
        return self.sign_ins.account(host).user

    def first_host(self) -> str:
        """Return the registry to offer by default: the first that the user added."""
        hosts = [config.host for config in self.book.configs()]
        return hosts[1] if len(hosts) > 1 else hosts[0]

    def refuses(self, host: str) -> bool:
        """Return True if *host* could not be listed: it requires a sign-in, is not trusted or does not respond."""
        return self._registries.state(host) is NodeState.FAILED

    @Slot()
    def _show_registries(self) -> None:
        self._registries.set_registries(self._entries())

    @Slot(str)
    def _state_changed(self, host: str) -> None:
        """Update the entry of *host*: a listing shows how the registry authenticates."""
        if self._registries.state(host) not in (NodeState.READY, NodeState.FAILED, NodeState.NO_CATALOGUE):
            return
        auth = self._clients.registry(host).auth
        if self._auth.get(host, "") != auth:
            self._auth[host] = auth
            # Not while the model is changing.
            QTimer.singleShot(0, self, self._show_registries)

    @Slot(str)
    def _switched(self, host: str) -> None:
        """Refresh *host* after another user signed in, who may see other repositories."""
        self._clients.forget_registry(host)
        self._list_again(host)

    def _settings_changed(self, host: str) -> None:
        self._show_registries()
        self.sign_ins.load(host)
        self._list_again(host)
        self.settings_changed.emit(host)

    def _tags_removed(self, host: str, repository: str) -> None:
        if self.listing.tag_place == (host, repository):
            self.listing.refresh_tags()

    def _list_again(self, host: str) -> None:
        if self._registries.state(host) is not NodeState.IDLE:
            self.listing.list_repositories(host)
        if self.listing.tag_place is not None and self.listing.tag_place[0] == host:
            self.listing.refresh_tags()

    def add_registry(
        self, config: RegistryConfig, done: Callable[[LongshoreError | None], None] = lambda error: None
    ) -> None:
        """Add a registry to the tree, or change its settings to *config*; saved for later runs.

        *done* is called in the GUI thread with None, or with the error if its files cannot be used; then nothing has
        changed.
        """
        self.settings.save(config, done)

    def remove_registry(self, host: str) -> None:
        """Remove a registry from the tree; the registry itself does not change."""
        self.certificates.forget(host)
        self.book.remove(host)
        self._clients.forget_registry(host)
        self._show_registries()

    def look_again(self) -> None:
        """Show registries and pins that another Longshore added, changed or removed."""
        known = {config.host for config in self.book.configs()}
        changed = self.book.look_again()
        for host in changed:
            self._clients.forget_registry(host)
        self._show_registries()
        now = {config.host for config in self.book.configs()}
        for host in changed & now:
            self._list_again(host)
        if now - known:
            self.sign_ins.load(*(now - known))

    def pin(self, host: str, repository: str) -> None:
        """Show *repository* below *host* permanently."""
        self.book.pin(host, repository)
        self._show_registries()

    def unpin(self, host: str, repository: str) -> None:
        """Undo :meth:`pin`."""
        self.book.unpin(host, repository)
        self._show_registries()

    def set_kind(self, host: str, kind: str) -> None:
        """Set the vendor of *host* (a *kind* of ``registry.listing``; ``auto``: detect it), save it and list again."""
        self.add_registry(replace(self.book.config(host), kind=kind))

    def set_recent(self, references: Iterable[Reference]) -> None:
        """Set the references of the history, the latest first: they are offered if a registry cannot list."""
        if self.book.set_recent(references):
            self._show_registries()

    def _listing_failed(self, host: str, error: LongshoreError) -> None:
        _log.info("listing %s: %s (%s)", host, error, error.detail)

    def expect(self, reference: Reference) -> None:
        """Show the repository of *reference*, which was just pushed, and its tag if its tags are shown."""
        self._registries.add_repository(reference.domain, reference.path)
        if self.listing.tag_place == (reference.domain, reference.path):
            self.listing.refresh_tags()

    # -- queries

    def find_digests(
        self, references: Iterable[Reference], found: Callable[[Reference, str | LongshoreError | None], None]
    ) -> None:
        """Report what each reference points to in its registry, to *found*, one by one, in the GUI thread.

        *found* gets the digest, None if the reference does not exist, or the error.
        """

        def ask(reference: Reference, cancellation: Cancellation) -> str | None:
            client = self._clients.registry(reference.domain)
            head = client.head(reference, cancellation=cancellation)
            return None if head is None else head.digest

        for reference in references:
            told = partial(found, reference)
            self._tasks.run(
                self._tasks.listing, partial(ask, reference), done=told, failed=told, name="look for tag"
            )
