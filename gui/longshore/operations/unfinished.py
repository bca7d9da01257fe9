"""What unfinished downloads keep on disk: how much it is, and its removal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks
from longshore.transfers.transfer import LibraryPlace

if TYPE_CHECKING:
    from longshore.library.library import Library

#: Gets the bytes that are kept, or why they are not known.
Told = Callable[[int | LongshoreError], None]


class Unfinished:
    """Measures and removes the unfinished downloads in the library's folder.

    GUI thread; every method returns at once and reports in the GUI thread.
    """

    def __init__(self, clients: Clients, tasks: Tasks, library: Callable[[], LibraryPlace]) -> None:
        self._clients = clients
        self._tasks = tasks
        self._library = library

    def measure(self, told: Told) -> None:
        """Report the bytes of all unfinished downloads, and of finished ones that nothing needs."""
        self._run(lambda library: library.unfinished_bytes(), told)

    def remove(self, told: Told) -> None:
        """Remove those that nobody is writing, and report the bytes of the others."""

        def work(library: Library) -> int:
            library.drop_unfinished()
            return library.unfinished_bytes()

        self._run(work, told)

    def _run(self, work: Callable[[Library], int], told: Told) -> None:
        path = self._library().path
        self._tasks.run(
            self._tasks.quick,
            lambda _: work(self._clients.library(path)),
            done=told,
            failed=told,
            name="unfinished downloads",
        )
