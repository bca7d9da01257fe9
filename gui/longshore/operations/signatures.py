"""The user's keys for signatures and the rules about them, as the window changes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from longshore.errors import LongshoreError

if TYPE_CHECKING:
    from longshore.application.signatures.gate import KeyGate
    from longshore.application.signatures.listing import ListedKey
    from longshore.application.signatures.scopes import Scope
    from longshore.cancellation import Cancellation
    from longshore.operations.tasks import Tasks

#: Called in the GUI thread with the keys and rules of a registry, or with an error.
Done = Callable[["list[ListedKey] | LongshoreError"], None]


class Signatures(QObject):
    """Reads and changes keys and rules. GUI thread; every method returns at once.

    Each method calls its *done* with the registry's keys and rules as they are then, or with the error.
    """

    changed = Signal()  # keys or rules were changed here

    def __init__(self, tasks: Tasks, gate: KeyGate) -> None:
        super().__init__()
        self._tasks = tasks
        self.gate = gate

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
