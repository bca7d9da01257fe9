"""Compares two images, wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from longshore.application.clients import Clients
from longshore.operations.tasks import Tasks

if TYPE_CHECKING:
    from longshore.application.comparing.values import ComparedPackages, Comparison
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.transfers.transfer import Endpoint


class Comparing:
    """Reads both images. GUI thread; every method returns at once, and *done* is called in the GUI thread."""

    def __init__(self, clients: Clients, tasks: Tasks) -> None:
        self._clients = clients
        self._tasks = tasks

    def read(
        self, left: Endpoint, right: Endpoint, done: Callable[[Comparison | LongshoreError], None]
    ) -> Cancellation:
        """Compare the images at *left* and *right*."""

        def look(cancellation: Cancellation) -> Comparison:
            from longshore.application.comparing import reading

            return reading.read(left, right, self._clients, cancellation)

        return self._tasks.run(self._tasks.listing, look, done=done, failed=done, name="compare")

    def read_packages(
        self, compared: Comparison, done: Callable[[ComparedPackages | LongshoreError], None]
    ) -> Cancellation:
        """Compare the packages of the SBOMs of both images."""

        def look(cancellation: Cancellation) -> ComparedPackages:
            from longshore.application.comparing import reading

            return reading.read_packages(compared, self._clients, cancellation)

        return self._tasks.run(self._tasks.listing, look, done=done, failed=done, name="compare packages")
