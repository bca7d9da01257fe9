"""Certificates of registries, and the user's decision to trust one."""

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
from longshore.errors import LongshoreError
from longshore.operations.registry_settings import Done, RegistrySettings
from longshore.operations.tasks import Tasks
from longshore.shared_files import read_file, write_durably

if TYPE_CHECKING:
    from longshore.registry.certificate import CertificateReport

#: Maximum bytes to read from a CA file.
_LARGEST_CA = 4 << 20


class Certificates:
    """Fetches and trusts certificates. GUI thread; every method returns at once.

    *folder*: stores the trusted certificates, one file per registry.
    """

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        book: RegistryBook,
        settings: RegistrySettings,
        folder: Path,
    ) -> None:
        self._clients = clients
        self._tasks = tasks
        self._book = book
        self._settings = settings
        self._folder = folder

    def look(self, host: str, done: Callable[[CertificateReport | LongshoreError], None]) -> None:
        """Fetch the certificate of *host*; *done* is called in the GUI thread."""

        def ask(cancellation: Cancellation) -> CertificateReport:
            return self._clients.registry(host).certificate(cancellation=cancellation)

        self._tasks.run(self._tasks.quick, ask, done=done, failed=done, name="look at a certificate")

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

        self._settings.change(keep, replace(config, ca_file=path), done)

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
