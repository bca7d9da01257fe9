"""Reads what is attached to the image that Details shows, and runs scanners."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from longshore.errors import InvalidContent
from longshore.transfers.transfer import EnginePlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment, Found
    from longshore.application.attached.reading import Said
    from longshore.application.attached.registry_scans import RegistryScan
    from longshore.application.attached.scanning import Scanner
    from longshore.application.clients import Clients
    from longshore.application.signatures.gate import KeyGate
    from longshore.application.signatures.verifying import Verdict
    from longshore.application.subject import Subject
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.models.attached import FindingRow, PackageRow
    from longshore.oci.scan_result import ScanResult
    from longshore.operations.tasks import Tasks
    from longshore.transfers.content.protocol import ContentReader
    from longshore.transfers.transfer import Endpoint

#: Documents that are read by themselves, and the bytes of the largest; others when their row is selected.
READ_BY_ITSELF = 12
LARGEST_BY_ITSELF = 4 * 1024 * 1024
#: Images whose attachments are kept after they were read.
_KEPT = 8


@dataclass(slots=True)
class Read:
    """What one document says. *packages*, *findings*: rows of its table, made in a worker.

    *verdict*: on a signature.
    """

    said: Said
    packages: list[PackageRow] = field(default_factory=list)
    findings: list[FindingRow] = field(default_factory=list)
    verdict: Verdict | None = None


@dataclass(slots=True)
class _Kept:
    """What was found, and read of it. *wanted*: what the user has selected; it is read next. *complete*: nothing is
    left that is read by itself, and the registry has been asked for its own scan."""

    subject: Subject
    found: Found
    read: dict[Attachment, Read] = field(default_factory=dict)
    own: tuple[RegistryScan, list[FindingRow]] | None = None
    wanted: Attachment | None = None
    complete: bool = False


class Attached(QObject):
    """GUI thread; every method returns at once. Signals name the subject that was asked for: compare it."""

    found = Signal(object, object)  # Subject, Found
    read = Signal(object, object, object)  # Subject, Attachment, Read
    registry_scanned = Signal(object, object, object)  # Subject, RegistryScan, list[FindingRow]
    ended = Signal(object)  # Subject of which everything that is read by itself was read
    failed = Signal(object, object)  # Subject, LongshoreError
    withheld = Signal(object)  # Subject that look(…, asked=True) would read
    scanners_found = Signal(object)  # list[Scanner]
    scan_began = Signal(object, object, object)  # Subject, Scanner, Console
    scanned = Signal(object, object, object)  # Subject, ScanResult, list[FindingRow]
    scan_failed = Signal(object, object)  # Subject, LongshoreError; None: it was stopped
    saved = Signal(object)  # LongshoreError, or None

    def __init__(
        self,
        clients: Clients,
        tasks: Tasks,
        counts: Callable[[str], bool],
        environ: Mapping[str, str] = os.environ,
        gate: KeyGate | None = None,
    ) -> None:
        """*counts*: whether the registry of a host counts reading a manifest as a pull. *gate*: has the user's keys."""
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._counts = counts
        self._environ = environ
        self._gate = gate
        self._reading: Cancellation | None = None
        #: By place and name: of the same image, rows know more and more.
        self._kept: OrderedDict[Endpoint, _Kept] = OrderedDict()
        self._scan: Cancellation | None = None
        self._scanned: Subject | None = None

    # -- what is attached

    def look(self, subject: Subject, *, asked: bool = False) -> None:
        """Read what is attached to *subject*, or emit :attr:`withheld` if that would count as pulls and the user has
        not *asked*."""
        self.leave()
        kept = self._kept.get(subject.end)
        if kept is not None and _is_of(kept, subject):
            self._kept.move_to_end(subject.end)
            self.found.emit(subject, kept.found)
            for attachment, read in kept.read.items():
                self.read.emit(subject, attachment, read)
            if kept.own is not None:
                self.registry_scanned.emit(subject, *kept.own)
            if self._reading is None:  # otherwise what was selected meanwhile is being read
                self._next(subject, kept)
            return
        if not asked and any(self._counts(host) for host in _hosts(subject)):
            self.withheld.emit(subject)
            return

        def find(cancellation: Cancellation) -> Found:
            from longshore.application.attached.finding import find

            return find(subject.end, self._clients, cancellation)

        def done(found: Found) -> None:
            kept = self._kept[subject.end] = _Kept(subject, found)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            self.found.emit(subject, found)
            self._next(subject, kept)

        self._run(find, done, lambda error: self._fail(subject, error))

    def leave(self) -> None:
        """Read nothing more: another image is selected, or the tab is hidden. A scan continues."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def forget(self, subject: Subject) -> None:
        """Read *subject* from its place the next time."""
        self._kept.pop(subject.end, None)

    def forget_verdicts(self, shown: Subject | None) -> None:
        """The user's keys have changed: verify what is kept again, of *shown*, which Attached shows, at once.

        Where that counts as pulls, nothing is verified before the user looks again.
        """
        from longshore.application.signatures.attached_signatures import SIGNATURES

        for end, kept in list(self._kept.items()):
            verdicts = {one: read for one, read in kept.read.items() if one.kind in SIGNATURES}
            seen = shown is not None and shown.end == end and _is_of(kept, shown)
            if any(self._counts(host) for host in _hosts(kept.subject)):
                del self._kept[end]
                for one, read in verdicts.items():
                    if seen:
                        self.read.emit(shown, one, replace(read, verdict=None))
                continue
            for one in verdicts:
                del kept.read[one]
            if seen and shown is not None:
                self.leave()  # what is being verified is so with the keys before
                self._next(shown, kept)

    def read_one(self, subject: Subject, attachment: Attachment) -> None:
        """Read a document next, because the user has selected it."""
        kept = self._kept.get(subject.end)
        if kept is not None and attachment not in kept.read:
            kept.wanted = attachment
            if self._reading is None:
                self._next(subject, kept)

    def _next(self, subject: Subject, kept: _Kept) -> None:
        """Read what the user has selected, then what is read by itself, then the registry's own scan."""
        from longshore.application.attached.reading import READABLE
        from longshore.application.signatures.attached_signatures import SIGNATURES

        small = [
            one
            for one in kept.found.attachments
            if one.kind in {*READABLE, *SIGNATURES}
            and one.document is not None
            and one.size <= LARGEST_BY_ITSELF
        ]
        first = [kept.wanted] if kept.wanted is not None else []
        waiting = [one for one in (*first, *small[:READ_BY_ITSELF]) if one not in kept.read]
        if waiting:
            self._read(subject, kept, waiting[0])
        elif not kept.complete:
            self._ask_registry(subject, kept)
        else:
            self._end(subject)

    def _end(self, subject: Subject) -> None:
        self._reading = None
        self.ended.emit(subject)

    def _fail(self, subject: Subject, error: LongshoreError) -> None:
        self._reading = None
        self.failed.emit(subject, error)

    def _read(self, subject: Subject, kept: _Kept, attachment: Attachment) -> None:
        def read(cancellation: Cancellation) -> Read:
            from longshore.application.attached.reading import said
            from longshore.models.attached import finding_rows, package_rows
            from longshore.transfers.content.open import open_reader

            reader = open_reader(kept.found.end, self._clients)
            verdict = None
            try:
                found = said(attachment, reader, cancellation)
                if self._gate is not None:
                    verdict = self._verdict(kept.found.end, attachment, reader, cancellation)
            except InvalidContent as error:
                found = replace(found, problem=error)
            finally:
                reader.close()
            return Read(
                found,
                package_rows(found.sbom.packages) if found.sbom is not None else [],
                finding_rows(found.scan.findings) if found.scan is not None else [],
                verdict,
            )

        def done(found: Read) -> None:
            kept.read[attachment] = found
            self.read.emit(subject, attachment, found)
            self._next(subject, kept)

        self._run(read, done, lambda error: self._fail(subject, error))

    def _verdict(
        self, end: Endpoint, attachment: Attachment, reader: ContentReader, cancellation: Cancellation
    ) -> Verdict | None:
        """The verdict on a signature, by the user's keys for its repository. In a worker."""
        from longshore.application.signatures.attached_signatures import verdict_of

        gate = self._gate
        assert gate is not None
        keys = () if end.reference is None else gate.book.read().of(end.reference)
        return verdict_of(
            attachment, reader, keys, lambda: gate.verify(end, self._clients, cancellation), cancellation
        )

    def _ask_registry(self, subject: Subject, kept: _Kept) -> None:
        def ask(cancellation: Cancellation) -> tuple[RegistryScan, list[FindingRow]] | None:
            from longshore.application.attached.registry_scans import registry_scan
            from longshore.models.attached import finding_rows

            own = registry_scan(kept.found, self._clients, cancellation, self._environ)
            return None if own is None else (own, finding_rows(own.result.findings))

        def done(own: tuple[RegistryScan, list[FindingRow]] | None) -> None:
            kept.complete = True
            if own is not None:
                kept.own = own
                self.registry_scanned.emit(subject, *own)
            self._next(subject, kept)

        # Its refusal hides nothing else: the attachments are shown.
        self._run(ask, done, lambda error: self._end(subject))

    def _run(
        self, work: Callable[..., object], done: Callable[..., None], failed: Callable[..., None]
    ) -> None:
        self._reading = self._tasks.run(
            self._tasks.listing, work, done=done, failed=failed, name="what is attached to an image"
        )

    # -- files

    def save(self, subject: Subject, attachment: Attachment, path: Path) -> None:
        """Save the document of *attachment*, unchanged and verified, as *path*."""
        kept = self._kept.get(subject.end)
        if kept is None:
            return
        found = kept.found

        def save(cancellation: Cancellation) -> None:
            from longshore.application.attached.exporting import save_document
            from longshore.transfers.content.open import open_reader

            reader = open_reader(found.end, self._clients)
            try:
                save_document(attachment, reader, path, cancellation)
            finally:
                reader.close()

        self._write(save)

    def export(self, table: Callable[[], str], path: Path) -> None:
        """Write what *table* returns, called in a worker, as *path*."""

        def export(cancellation: Cancellation) -> None:
            from longshore.application.attached.exporting import write_file

            write_file(path, table().encode())

        self._write(export)

    def _write(self, work: Callable[[Cancellation], None]) -> None:
        self._tasks.run(
            self._tasks.quick,
            work,
            done=lambda _: self.saved.emit(None),
            failed=self.saved.emit,
            name="a file of what is attached",
        )

    # -- scans

    @property
    def scanned_subject(self) -> Subject | None:
        """The image that is being scanned."""
        return self._scanned

    def look_for_scanners(self) -> None:
        """Find the installed scanners; see :attr:`scanners_found`."""

        def look(cancellation: Cancellation) -> list[Scanner]:
            from longshore.application.attached.scanning import installed

            return installed(self._environ)

        self._tasks.run(self._tasks.quick, look, done=self.scanners_found.emit, name="installed scanners")

    def scan(self, subject: Subject, scanner: Scanner) -> None:
        """Scan *subject*, one image at a time."""
        from longshore.application.console import Console

        if self._scan is not None:
            return
        console = Console()
        self._scanned = subject

        def scan(cancellation: Cancellation) -> tuple[ScanResult, list[FindingRow]]:
            from longshore.application.attached.scanning import scan
            from longshore.models.attached import finding_rows

            result = scan(
                scanner,
                subject.end,
                self._environ,
                lambda line: console.feed(f"{line}\n".encode()),
                cancellation,
            )
            return result, finding_rows(result.findings)

        def done(result: tuple[ScanResult, list[FindingRow]]) -> None:
            self._scan = self._scanned = None
            self.scanned.emit(subject, *result)

        def failed(error: LongshoreError) -> None:
            self._scan = self._scanned = None
            self.scan_failed.emit(subject, error)

        self._scan = self._tasks.run(
            self._tasks.runs, scan, done=done, failed=failed, name=f"{scanner.name} scans an image"
        )
        self.scan_began.emit(subject, scanner, console)

    def stop_scan(self) -> None:
        """End the running scan."""
        if self._scan is not None:
            subject = self._scanned
            self._scan.cancel()
            self._scan = self._scanned = None
            self.scan_failed.emit(subject, None)

    def stop(self) -> None:
        """Read and scan nothing more."""
        self.leave()
        if self._scan is not None:
            self._scan.cancel()


def _is_of(kept: _Kept, subject: Subject) -> bool:
    """Whether *kept* is of the image that *subject* is now: a tag may have moved since."""
    if subject.is_remote:
        return subject.digest == kept.found.digest
    return subject.key == kept.subject.key


def _hosts(subject: Subject) -> set[str]:
    """The registries that would be asked about *subject*."""
    if isinstance(subject.end.place, RegistryPlace):
        return {subject.end.place.host}
    if isinstance(subject.end.place, EnginePlace) and subject.image is not None:
        from longshore.application.attached.finding import registries_of

        return {one.domain for one in registries_of(subject.end.reference, subject.image.repo_digests)[:1]}
    return set()
