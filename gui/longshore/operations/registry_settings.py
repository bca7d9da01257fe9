"""Settings of registries: tried before a registry is added, checked, and saved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from longshore.application.clients import Clients
from longshore.application.registries import RegistryBook
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, RegistryUnreachable, UnexpectedReply
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig

Done = Callable[[LongshoreError | None], None]


class RegistrySettings:
    """Tries and saves settings. GUI thread; every method returns at once.

    *changed*: called with the host of a registry whose settings changed.
    """

    def __init__(
        self, clients: Clients, tasks: Tasks, book: RegistryBook, changed: Callable[[str], None]
    ) -> None:
        self._clients = clients
        self._tasks = tasks
        self._book = book
        self._changed = changed

    def probe(self, config: RegistryConfig, done: Done) -> Cancellation:
        """Find out whether a registry answers with the settings *config*, before it is added.

        *done* is called in the GUI thread: with None if one does (even if it requires a sign-in or its certificate is
        not trusted yet, which its row explains), or with the error; not after the returned cancellation was cancelled.
        """

        def ask(cancellation: Cancellation) -> None:
            with contextlib.closing(self._clients.trial(config)) as client:
                client.check(cancellation=cancellation)

        def failed(error: LongshoreError) -> None:
            silent = isinstance(error, RegistryUnreachable | UnexpectedReply)
            done(error if silent else None)

        return self._tasks.run(self._tasks.quick, ask, done=done, failed=failed, name="look for a registry")

    def save(self, config: RegistryConfig, done: Done) -> None:
        """Save *config* as the settings of a registry, if its files can be used."""

        def check(_: Cancellation) -> None:
            from longshore.registry import connecting
            from longshore.registry.tls import UnusableFiles, check_files

            try:
                check_files(config)
            except UnusableFiles as error:
                raise connecting.of_files(error, config) from error

        self.change(check, config, done)

    def change(self, work: Callable[[Cancellation], None], config: RegistryConfig, done: Done) -> None:
        """Do *work* in a worker; unless it fails, *config* then becomes the settings of its registry.

        *done* is called in the GUI thread with None or the error.
        """

        def save(_: None) -> None:
            self._book.add(config)
            self._clients.forget_registry(config.host)
            # A new registry is in the tree before *done* is called, because the caller expands it.
            self._changed(config.host)
            done(None)

        self._tasks.run(self._tasks.quick, work, done=save, failed=done, name="registry settings")
