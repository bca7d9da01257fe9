"""Removes tags from a registry, after showing what else is removed with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.registry.removal import RemovalPlan


class TagRemoval:
    """Plans and removes. GUI thread; every method returns at once. *removed*: gets host and repository afterwards."""

    def __init__(self, clients: Clients, tasks: Tasks, removed: Callable[[str, str], None]) -> None:
        self._clients = clients
        self._tasks = tasks
        self._removed = removed

    def look(
        self,
        host: str,
        repository: str,
        tags: Sequence[str],
        done: Callable[[RemovalPlan | LongshoreError], None],
    ) -> Cancellation:
        """Find out what is removed with *tags*. *done* is called in the GUI thread, unless cancelled."""

        def ask(cancellation: Cancellation) -> RemovalPlan:
            from longshore.registry.removal import look

            client, lister = self._clients.registry(host), self._clients.lister(host)
            return look(client, repository, tags, cancellation, lister=lister)

        return self._tasks.run(self._tasks.listing, ask, done=done, failed=done, name="plan a removal")

    def remove(self, plan: RemovalPlan, done: Callable[[LongshoreError | None], None]) -> None:
        """Carry out *plan*, up to the first error. *done* is called in the GUI thread with that error or None."""

        def act(_: Cancellation) -> None:
            from longshore.application.removal import remove_tags

            remove_tags(self._clients, plan)

        def told(error: LongshoreError | None) -> None:
            done(error)
            self._removed(plan.host, plan.repository)

        self._tasks.run(self._tasks.listing, act, done=told, failed=told, name="remove tags")
