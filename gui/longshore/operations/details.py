"""Reads the image that Details shows: what the selection rests at, never what it passes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    from pathlib import Path

    from longshore.application.clients import Clients
    from longshore.application.inspection.access import PullAccess
    from longshore.application.inspection.pretty import Pretty
    from longshore.application.inspection.values import Document, Inspected
    from longshore.application.subject import Subject
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.operations.tasks import Tasks

#: Milliseconds that the selection rests before anything is read: an arrow key that is held repeats every 30.
SETTLE = 120
#: Most images that are kept after they were read, and most bytes of their documents.
_KEPT, _KEPT_BYTES = 256, 32 * 1024 * 1024


class Details(QObject):
    """Follows the selection. GUI thread; every method returns at once.

    Results are kept by digest, those of an engine by image ID. A registry that counts reading a manifest as a pull is
    read only when the user asks for it: :attr:`withheld`.
    """

    subject_changed = Signal(object)  # Subject, or None
    subject_updated = Signal(object)  # the same Subject, of which its row knows more by now
    settled = Signal(object)  # Subject that the selection rests at
    inspected = Signal(object, object)  # Subject, Inspected
    failed = Signal(object, object)  # Subject, LongshoreError
    withheld = Signal(object)  # Subject that read() would read

    def __init__(self, clients: Clients, tasks: Tasks, counts: Callable[[str], bool]) -> None:
        """*counts*: whether the registry of a host counts reading a manifest as a pull."""
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._counts = counts
        self._subject: Subject | None = None
        self._shown = False
        self._told = False  # what is known of the subject
        self._reading: Cancellation | None = None
        #: Further questions about the selected image.
        self._also: list[Cancellation] = []
        self._kept: OrderedDict[object, Inspected] = OrderedDict()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(SETTLE)
        self._rest.timeout.connect(self._settle)

    @property
    def subject(self) -> Subject | None:
        """The selected image."""
        return self._subject

    def set_shown(self, shown: bool) -> None:
        """Set whether the panel is visible: nothing is read for a hidden one."""
        if shown != self._shown:
            self._shown = shown
            self._end()
            if shown:
                self._present()

    def follow(self, subject: Subject | None) -> None:
        """The user has selected *subject*; None: nothing."""
        if subject == self._subject:
            return  # the panel has the one that it was given, and takes answers for no other
        before, self._subject = self._subject, subject
        if subject is not None and before is not None and _knows_more(subject, before):
            if self._shown:
                self.subject_updated.emit(subject)
                if not self._told:
                    self._recall(subject)  # now that its digest is known
            return
        self._end()
        if self._shown:
            self._present()

    def _present(self) -> None:
        subject = self._subject
        self.subject_changed.emit(subject)
        if subject is None:
            return
        self._rest.start()
        self._told = False
        self._recall(subject)

    def _recall(self, subject: Subject) -> None:
        """Report what is kept of *subject*, if anything is."""
        key = _key(subject)
        if (found := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            self._told = True
            if self._reading is not None:
                self._reading.cancel()
                self._reading = None
            self.inspected.emit(subject, replace(found, end=subject.end))

    @Slot()
    def read(self) -> None:
        """Read the selected image again, even if that counts as a pull."""
        if self._subject is not None and self._shown:
            self._end()
            self._kept.pop(_key(self._subject), None)
            self._read(self._subject)

    def find_access(self, subject: Subject, done: Callable[[PullAccess], None]) -> None:
        """Find out who can pull *subject* with one HEAD without credentials. *done* is not called once another image is
        selected."""
        reference = subject.end.reference
        if reference is None or subject != self._subject:
            return
        clients = self._clients

        def ask(cancellation: Cancellation) -> PullAccess:
            from longshore.application.inspection.access import who_can_pull

            return who_can_pull(reference, clients, cancellation)

        self._also.append(self._tasks.run(self._tasks.listing, ask, done=done, name="who can pull"))

    def lay_out(self, document: Document, done: Callable[[Pretty], None]) -> None:
        """Make the lines of *document* for people. *done* is not called if the user selects another image."""

        def lay_out(cancellation: Cancellation) -> Pretty:
            from longshore.application.inspection.pretty import pretty

            return pretty(document.raw, cancellation)

        self._also.append(self._tasks.run(self._tasks.quick, lay_out, done=done, name="lines of a document"))

    def save(self, document: Document, path: Path, done: Callable[[LongshoreError | None], None]) -> None:
        """Write *document* as *path*, unchanged."""

        def save(_: Cancellation) -> None:
            from longshore.application.attached.exporting import write_file

            write_file(path, document.raw)

        self._tasks.run(
            self._tasks.quick, save, done=lambda _: done(None), failed=done, name="save a document"
        )

    def stop(self) -> None:
        """Read nothing more."""
        self._shown = False
        self._end()

    def _end(self) -> None:
        self._rest.stop()
        for cancellation in (self._reading, *self._also):
            if cancellation is not None:
                cancellation.cancel()
        self._reading, self._also = None, []

    @Slot()
    def _settle(self) -> None:
        subject = self._subject
        if subject is None:
            return
        self.settled.emit(subject)
        if self._rest.isActive() or self._subject is None:
            return  # the user has gone on
        subject = self._subject  # of which its row may know more by now
        if self._told or self._reading is not None:
            return
        place = subject.end.place
        if isinstance(place, RegistryPlace) and self._counts(place.host):
            self.withheld.emit(subject)
        else:
            self._read(subject)

    def _read(self, subject: Subject) -> None:
        clients = self._clients

        def inspect(cancellation: Cancellation) -> Inspected:
            from longshore.application.inspection.inspecting import inspect

            return inspect(subject.end, clients, cancellation, sizes=False)

        def done(found: Inspected) -> None:
            self._reading = None
            self._keep(subject, found)
            self._told = True
            self.inspected.emit(self._subject, found)

        def failed(error: LongshoreError) -> None:
            self._reading = None
            self.failed.emit(self._subject, error)

        self._reading = self._tasks.run(
            self._tasks.listing, inspect, done=done, failed=failed, name="details of an image"
        )

    def _keep(self, subject: Subject, found: Inspected) -> None:
        key = _key(subject, found.digest)
        if key is not None:
            self._kept[key] = found
            while len(self._kept) > 1 and (len(self._kept) > _KEPT or self._kept_bytes() > _KEPT_BYTES):
                self._kept.popitem(last=False)

    def _kept_bytes(self) -> int:
        return sum(len(document.raw) for found in self._kept.values() for document in found.documents)


def _knows_more(subject: Subject, before: Subject) -> bool:
    """True if *subject* is the same image as *before*, with more details."""
    if subject.end != before.end:
        return False
    return subject.key == before.key or (subject.is_remote and not before.digest)


def _key(subject: Subject, digest: str = "") -> object:
    """What the content of *subject* is kept by, None if that is not known: the digest in a registry, which another tag
    may have too; else all that the row knows, because an engine's answer changes with the names of an image."""
    if not subject.is_remote:
        return subject.key
    reference = subject.end.reference
    digest = digest or subject.digest
    return (subject.end.place, reference and reference.path, digest) if digest else None
