"""The platforms of the images that an index is to be made of: read in workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.oci.platform import Platform
    from longshore.operations.tasks import Tasks
    from longshore.transfers.transfer import Endpoint


class PartsReader:
    """GUI thread; returns at once."""

    def __init__(self, clients: Clients, tasks: Tasks) -> None:
        self._clients = clients
        self._tasks = tasks

    def read(
        self,
        parts: Iterable[Endpoint],
        found: Callable[[Endpoint, tuple[Platform, ...] | LongshoreError], None],
    ) -> None:
        """Report the platforms of each of *parts*, or the error, to *found*, one by one; none: it is not an image.

        On Docker Hub it counts as a pull.
        """
        for part in parts:
            told = partial(found, part)
            self._tasks.run(
                self._tasks.listing,
                partial(self._ask, part),
                done=told,
                failed=told,
                name="parts of an index",
            )

    def _ask(self, part: Endpoint, cancellation: Cancellation) -> tuple[Platform, ...]:
        from longshore.application.inspection.inspecting import inspect

        found = inspect(part, self._clients, cancellation, sizes=False)
        if found.platforms:
            return tuple(
                one.platform for one in found.platforms if one.platform is not None and one.here is not False
            )
        return (found.platform,) if found.platform is not None else ()
