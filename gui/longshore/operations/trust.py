"""Connection settings of registries, and certificates that the user decides to trust."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.application.registries import RegistryBook
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError, RegistryUnreachable, UnexpectedReply
from longshore.operations.tasks import Tasks
from longshore.registry.config import RegistryConfig
from longshore.shared_files import read_file, write_durably

if TYPE_CHECKING:
    from longshore.registry.certificate import CertificateReport

#: Maximum bytes to read from a CA file.
_LARGEST_CA = 4 << 20

Done = Callable[[LongshoreError | None], None]


class Trust:
    """Settings and trusted certificates. GUI thread; every method returns at once.

    *folder*: stores the trusted certificates, one file per registry. *changed*: called with the host of a registry
    whose connection settings changed.
    """

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        book: RegistryBook,
        folder: Path,
        changed: Callable[[str], None],
    ) -> None:
        self._clients = clients
        self._tasks = tasks
        self._book = book
        self._folder = folder
        self._changed = changed

    def config(self, host: str) -> RegistryConfig:
        """Return the settings of *host*."""
        return self._book.config(host)

    def look(self, host: str, done: Callable[[CertificateReport | LongshoreError], None]) -> None:
        """Fetch the certificate of *host*; *done* is called in the GUI thread."""

        def ask(cancellation: Cancellation) -> CertificateReport:
            return self._clients.registry(host).certificate(cancellation=cancellation)

        self._tasks.run(self._tasks.quick, ask, done=done, failed=done, name="look at a certificate")

    def probe(self, config: RegistryConfig, done: Callable[[LongshoreError | None], None]) -> Cancellation:
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

    def trust(self, report: CertificateReport, done: Done) -> None:
        """Save the certificate in *report*, which the user has seen, as trusted for that registry only."""
        config, host = self._book.config(report.config.host), report.config.host
        path = self.file_of(host)

        def keep(_: Cancellation) -> None:
            from longshore.registry.certificate import with_certificate

            before = ""
            try:
                if config.ca_file is not None:
                    with contextlib.suppress(FileNotFoundError):
                        before = read_file(config.ca_file, _LARGEST_CA).decode("ascii", "replace")
                # CA files that the user chose stay; a certificate trusted earlier for the same host is replaced.
                kept = with_certificate(before, report, replacing=config.ca_file == path)
                write_durably(path, kept.encode("ascii", "replace"))
            except OSError as error:
                raise LongshoreError(
                    "The certificate could not be saved.",
                    subject=str(error.filename or path),
                    advice="Check that the file is readable and its folder writable.",
                    detail=error.strerror or str(error),
                ) from error

        self._save(keep, replace(config, ca_file=path), done)

    def forget(self, host: str) -> None:
        """Delete the certificate trusted for *host*, which is removed from the book."""
        file = self.file_of(host)
        if self._book.config(host).ca_file == file:
            self._tasks.run(
                self._tasks.quick, lambda _: file.unlink(missing_ok=True), name="forget a certificate"
            )

    def file_of(self, host: str) -> Path:
        """Return the file of the certificate trusted for *host*."""
        # A host may contain brackets and colons, which some file systems refuse.
        return self._folder / f"{re.sub(r'[^a-z0-9.-]', '_', host)}.crt"

    def save(self, config: RegistryConfig, done: Done) -> None:
        """Save *config* as the settings of a registry, if its files can be used."""

        def check(_: Cancellation) -> None:
            from longshore.registry import connecting
            from longshore.registry.tls import UnusableFiles, check_files

            try:
                check_files(config)
            except UnusableFiles as error:
                raise connecting.of_files(error, config) from error

        self._save(check, config, done)

    def _save(self, before: Callable[[Cancellation], None], config: RegistryConfig, done: Done) -> None:
        def save(_: None) -> None:
            self._book.add(config)
            self._clients.forget_registry(config.host)
            # A new registry is in the tree before *done* is called, because the caller expands it.
            self._changed(config.host)
            done(None)

        self._tasks.run(self._tasks.quick, before, done=save, failed=done, name="registry settings")
