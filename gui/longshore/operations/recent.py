"""Which repositories were moved from or to lately, by the journal of transfers: for registries that do not list."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot

from longshore.oci.reference import Reference
from longshore.operations.tasks import Tasks
from longshore.transfers.journal.history import HistoryFilter
from longshore.transfers.journal.journal import Journal
from longshore.transfers.transfer import RegistryPlace, State

#: Transfers that are looked at, the latest first.
_MOST = 500
#: Milliseconds in which several wishes to look become one.
_GATHER = 400


class RecentRepositories(QObject):
    """GUI thread; the journal is read in a worker. *told* is called in the GUI thread with what was found, the latest
    first."""

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
        """Read the journal, a moment later; it must be open by then."""
        self._gather.start()

    def stop(self) -> None:
        """Look no more."""
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
    """What was pulled, pushed and copied well, the latest first; nothing when the journal is closed. Blocks."""
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
