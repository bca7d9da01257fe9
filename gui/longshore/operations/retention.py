"""Reads a registry's repository for a clean-up, and carries out its retention plan."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.cleanup.retention import RetentionPlan
    from longshore.application.cleanup.retention_run import RetentionResult
    from longshore.application.cleanup.tags import RepositoryContents
    from longshore.oci.reference import Reference


class Retention(QObject):
    """Clean-ups of repositories. GUI thread; every method returns at once.

    *removed*: gets host and repository after a run. The callbacks are called in the GUI thread, also after a cancelled
    run, which has a result like any other.
    """

    #: Crosses to the GUI thread: a callback, and its two numbers.
    _told = Signal(object, int, int)

    def __init__(self, clients: Clients, tasks: Tasks, removed: Callable[[str, str], None]) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._removed = removed
        self._told.connect(lambda call, done, total: call(done, total))

    def read(
        self,
        repository: Reference,
        done: Callable[[RepositoryContents | LongshoreError], None],
        progress: Callable[[int, int], None],
    ) -> Cancellation:
        """Read *repository*. *progress* gets the numbers of images read and of all."""

        def ask(cancellation: Cancellation) -> RepositoryContents:
            from longshore.application.cleanup.tags import read_repository

            return read_repository(
                self._clients, repository, cancellation, told=lambda *n: self._told.emit(progress, *n)
            )

        return self._tasks.run(
            self._tasks.listing, ask, done=done, failed=done, name="read a repository for a clean-up"
        )

    def run(
        self,
        plan: RetentionPlan,
        ticked: Collection[str],
        done: Callable[[RetentionResult | LongshoreError], None],
        progress: Callable[[int, int], None],
    ) -> Cancellation:
        """Carry out *plan*. *progress* gets the numbers of tags removed and of all."""
        stop = Cancellation()

        def act(ending: Cancellation) -> RetentionResult:
            from longshore.application.cleanup.retention_run import carry_out

            # A cancelled run reports what it did, unless the program ends.
            with ending.waking(stop.cancel):
                return carry_out(self._clients, plan, ticked, stop, lambda *n: self._told.emit(progress, *n))

        def told(found: RetentionResult | LongshoreError) -> None:
            done(found)
            repository = plan.contents.repository
            self._removed(repository.domain, repository.path)

        self._tasks.run(self._tasks.listing, act, done=told, failed=told, name="clean up a repository")
        return stop
