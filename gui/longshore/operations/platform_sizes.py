"""The sizes of an image's platforms, and which of them the shown place has: read in workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.inspection.values import Inspected
    from longshore.application.requests import LocalPlace
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.operations.tasks import Tasks


class PlatformSizes(QObject):
    """GUI thread; every method returns at once. Only the latest request is answered: earlier ones are cancelled."""

    def __init__(self, clients: Clients, tasks: Tasks) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._reading: Cancellation | None = None

    def read(
        self,
        found: Inspected,
        place: LocalPlace | None,
        done: Callable[[Inspected, Mapping[str, bool]], None],
        failed: Callable[[LongshoreError], None],
    ) -> None:
        """Report *found* with its sizes to *done*, and which platforms *place* has by digest; empty: unknown."""
        self.stop()

        def work(cancellation: Cancellation) -> tuple[Inspected, Mapping[str, bool]]:
            from longshore.application.inspection.inspecting import with_sizes
            from longshore.application.inspection.presence import present_platforms
            from longshore.errors import EngineError, LibraryError

            whole = with_sizes(found, self._clients, cancellation)
            if place is None:
                return whole, {}
            try:
                return whole, present_platforms(whole, place, self._clients)
            except (EngineError, LibraryError):
                return whole, {}  # the pane says what is wrong with it

        def answer(read: tuple[Inspected, Mapping[str, bool]]) -> None:
            self._reading = None
            done(*read)

        def refused(error: LongshoreError) -> None:
            self._reading = None
            failed(error)

        self._reading = self._tasks.run(
            self._tasks.listing, work, done=answer, failed=refused, name="sizes of platforms"
        )

    def stop(self) -> None:
        """Read nothing more."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
