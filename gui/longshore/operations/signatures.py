"""The user's keys for signatures and the rules about them, as the window changes them."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from longshore.errors import LongshoreError, NotInRegistry
from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.signatures.gate import KeyGate
    from longshore.application.signatures.listing import ListedKey
    from longshore.application.signatures.scopes import Scope
    from longshore.application.signatures.verifying import Verdict
    from longshore.application.subject import Subject
    from longshore.cancellation import Cancellation
    from longshore.operations.tasks import Tasks

#: Called in the GUI thread with the keys and rules of a registry, or with an error.
Done = Callable[["list[ListedKey] | LongshoreError"], None]
#: Most verdicts of :meth:`Signatures.verify` that are kept.
_KEPT = 256


class Signatures(QObject):
    """Reads and changes keys and rules. GUI thread; every method returns at once.

    Each method calls its *done* with the registry's keys and rules as they are then, or with the error.
    """

    changed = Signal()  # keys or rules were changed here

    def __init__(self, clients: Clients, tasks: Tasks, gate: KeyGate) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self.gate = gate
        self._kept: OrderedDict[object, Verdict] = OrderedDict()
        self._verifying: Cancellation | None = None
        self.changed.connect(self._kept.clear)

    def verify(
        self,
        subject: Subject,
        done: Callable[[Verdict | LongshoreError | None], None],
        *,
        asked: bool = False,
    ) -> None:
        """Verify the signatures of *subject* in its registry or the library, in place of what is being verified now.

        *asked*: by the user. Otherwise a known verdict is enough, *done* gets None if there are no keys and no rule for
        its repository, and registries that count this as a pull are not asked. An image of an engine is looked for in
        the registry that it comes from, which happens only if *asked*.
        """
        self.leave()
        known = None if asked else self._kept.get(subject.key)
        if known is not None or (not asked and subject.is_in_engine):
            done(known)
            return
        clients, gate = self._clients, self.gate

        def work(cancellation: Cancellation) -> Verdict | None:
            from longshore.application.attached.finding import with_attachments

            reference, place = subject.end.reference, subject.end.place
            if not asked:
                keys = gate.book.read()
                if reference is None or not (keys.of(reference) or keys.rule(reference)):
                    return None
                if isinstance(place, RegistryPlace) and clients.registry(place.host).registry.is_hub:
                    return None
            verdicts: list[Verdict] = []
            for end in with_attachments(subject.end, clients):
                # Podman knows an image by its own digest and by that of its index, of which one is signed.
                with contextlib.suppress(NotInRegistry):
                    verdicts.append(gate.verify(end, clients, cancellation))
                    if verdicts[-1].signed:
                        return verdicts[-1]
            if not verdicts:
                raise NotInRegistry(
                    "The image is not in its registry any more.",
                    registry=reference.domain if reference is not None else "",
                    subject=subject.shown,
                )
            return verdicts[0]

        def keep(verdict: Verdict | None) -> None:
            if verdict is not None:
                self._kept[subject.key] = verdict
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            done(verdict)

        self._verifying = self._tasks.run(
            self._tasks.listing, work, done=keep, failed=done, name="signatures of an image"
        )

    def leave(self) -> None:
        """Verify nothing more for Details: another image is selected."""
        if self._verifying is not None:
            self._verifying.cancel()
            self._verifying = None

    def read(self, host: str, done: Done) -> None:
        """Read the keys and rules of the registry *host*."""
        self._run(host, done, None)

    def add(self, host: str, scope: str, path: Path, name: str, done: Done) -> None:
        """Trust the public key in *path* for *scope*, a path or pattern below *host*, or "" for all of it."""

        def add() -> None:
            from longshore.application.signatures.book import key_of_file
            from longshore.application.signatures.scopes import below

            self.gate.book.add(key_of_file(below(host, scope), path, name))

        self._run(host, done, add)

    def remove(self, host: str, scope: Scope, name: str, done: Done) -> None:
        """Remove the key *name* of *scope*."""
        self._run(host, done, lambda: self.gate.book.remove(scope, name))

    def set_only_signed(self, host: str, scope: Scope | None, on: bool, done: Done) -> None:
        """Set or drop the rule of *scope*; None: of the whole registry."""

        def change() -> None:
            from longshore.application.signatures.scopes import below

            self.gate.book.set_only_signed(below(host, "") if scope is None else scope, on)

        self._run(host, done, change)

    def _run(self, host: str, done: Done, change: Callable[[], object] | None) -> None:
        def work(_: Cancellation) -> list[ListedKey]:
            from longshore.application.signatures.listing import listed

            if change is not None:
                change()
            return listed(self.gate.book.read(), host)

        def finished(_: list[ListedKey]) -> None:
            if change is not None:
                self.changed.emit()

        self._tasks.run(
            self._tasks.quick, work, done=done, failed=done, finished=finished, name="keys for signatures"
        )
