"""Reads in workers which layers of an image the shown place shares, and which a registry has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from longshore.transfers.transfer import RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.inspection.sharing import KnownImage, LayerReport
    from longshore.application.inspection.values import Inspected
    from longshore.application.requests import LocalPlace
    from longshore.cancellation import Cancellation
    from longshore.errors import LongshoreError
    from longshore.oci.reference import Reference
    from longshore.operations.tasks import Tasks


class Layers(QObject):
    """GUI thread; every method returns at once. Only the latest request is answered: earlier ones are cancelled."""

    def __init__(self, clients: Clients, tasks: Tasks) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._reading: Cancellation | None = None
        #: The images of a place, until they change.
        self._known: tuple[LocalPlace, list[KnownImage]] | None = None

    @Slot()
    def forget(self) -> None:
        """The images of the shown place have changed, or another place is shown."""
        self._known = None

    def report(self, found: Inspected, place: LocalPlace, done: Callable[[LayerReport], None]) -> None:
        """Call *done* with what *place* knows of the layers of *found*; not if that can't be read."""
        self.stop()
        kept = self._known[1] if self._known is not None and self._known[0] == place else None

        def work(cancellation: Cancellation) -> tuple[list[KnownImage], LayerReport]:
            from longshore.application.inspection.sharing import known_images, layer_report

            known = known_images(place, self._clients, cancellation) if kept is None else kept
            return known, layer_report(found, known)

        def answer(read: tuple[list[KnownImage], LayerReport]) -> None:
            self._reading = None
            self._known = place, read[0]
            done(read[1])

        def failed(error: LongshoreError) -> None:
            self._reading = None

        self._reading = self._tasks.run(
            self._tasks.listing, work, done=answer, failed=failed, name="shared layers"
        )

    def compare(
        self,
        found: Inspected,
        reference: Reference,
        done: Callable[[tuple[bool | None, ...]], None],
        failed: Callable[[LongshoreError], None],
    ) -> None:
        """Report whether the registry has each layer of *found* under the name *reference* to *done*."""
        from longshore.transfers.transfer import Endpoint

        end = Endpoint(RegistryPlace(reference.domain), reference)

        def work(cancellation: Cancellation) -> tuple[bool | None, ...]:
            from longshore.application.inspection.inspecting import inspect
            from longshore.application.inspection.sharing import present_layers

            other = inspect(end, self._clients, cancellation, found.platform, sizes=False)
            return present_layers(found, other)

        self._tasks.run(self._tasks.listing, work, done=done, failed=failed, name="layers of a registry")

    def stop(self) -> None:
        """Read nothing more."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
