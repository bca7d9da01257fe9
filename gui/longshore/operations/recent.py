"""Recently used repositories, from the journal of transfers: for registries that cannot list."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

from longshore.oci.reference import Reference
from longshore.operations.tasks import Tasks
from longshore.transfers.journal.history import HistoryFilter
from longshore.transfers.journal.journal import Journal
from longshore.transfers.transfer import RegistryPlace, State

#: Maximum transfers to read, the latest first.
_MOST = 500
#: Milliseconds in which several requests become one.
_GATHER = 400


class RecentRepositories(QObject):
    """Reads recent repositories. GUI thread; the journal is read in a worker thread.

    *told* is called in the GUI thread with the references, the latest first.
    """

    def __init__(self, tasks: Tasks, journal: Journal, told: Callable[[list[Reference]], None]) -> None:
        super().__init__()
        self._tasks = tasks
        self._journal = journal
        self._told = told
        self._gather = QTimer(self)
        self._gather.setSingleShot(True)
        self._gather.setInterval(_GATHER)
        self._gather.timeout.connect(self._look)

    def look(self) -> None:
        """Read the journal after a short delay; it must be open by then."""
        self._gather.start()

    def stop(self) -> None:
        """Stop reading."""
        self._gather.stop()

    @Slot()
    def _look(self) -> None:
        self._tasks.run(
            self._tasks.quick,
            lambda _: recent_references(self._journal),
            done=self._told,
            name="recent repositories",
        )


def recent_references(journal: Journal) -> list[Reference]:
    """Return the references pulled, pushed and copied successfully, the latest first. Blocks.

    Returns nothing if the journal is closed.
    """
    try:
        rows = journal.history(HistoryFilter(states=(State.SUCCEEDED,)), limit=_MOST)
    except RuntimeError:
        return []
    found: dict[Reference, None] = {}
    for row in rows:
        for end in (row.request.source, row.request.destination):
            if isinstance(end.place, RegistryPlace) and end.reference is not None:
                found[end.reference] = None
    return list(found)
