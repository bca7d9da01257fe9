"""The detour for a pull that an engine cannot finish: into the library, which keeps partial layers, then to it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from PySide6.QtCore import QObject, Slot

from longshore.application import requests
from longshore.application.clients import Clients
from longshore.errors import LongshoreError
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.operations.images import Images
from longshore.operations.tasks import Tasks
from longshore.operations.transfers import Transfers
from longshore.transfers.transfer import Endpoint, EnginePlace, TransferRequest, TransferSnapshot

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Second:
    source: Endpoint
    engine: EnginePlace


class Detour(QObject):
    """Pulls via the library. GUI thread. The second step is not saved: after a restart the image is in the library."""

    def __init__(self, clients: Clients, tasks: Tasks, images: Images, transfers: Transfers) -> None:
        super().__init__()
        self._clients = clients
        self._tasks = tasks
        self._images = images
        self._transfers = transfers
        self._second: dict[str, _Second] = {}
        transfers.succeeded.connect(self._arrived)

    def take(self, request: TransferRequest, *, unfit: bool = False) -> None:
        """Pull the image of *request* into the library, for the engine's platform, then copy it to the engine.

        *unfit*: the engine cannot take it, such as a Helm chart: it stays in the library, unchanged.
        """
        engine, reference = request.destination.place, request.source.reference
        if not isinstance(engine, EnginePlace) or reference is None:
            return
        if unfit:
            self._transfers.ask([requests.pull(reference, self._images.library, None)])
            return
        if request.platform is not None:
            self._begin(reference, engine, request.platform)
            return

        def unknown(error: LongshoreError) -> None:
            # Then pull all platforms: more to transfer, and the engine takes its own.
            _log.info("the platform of %s is not known: %s", engine.address.url, error)
            self._begin(reference, engine, None)

        self._tasks.run(
            self._tasks.quick,
            lambda _: self._clients.engine(engine.address).platform,
            done=lambda platform: self._begin(reference, engine, platform),
            failed=unknown,
            name="download via the library",
        )

    def _begin(self, reference: Reference, engine: EnginePlace, platform: Platform | None) -> None:
        request = requests.pull(reference, self._images.library, platform)
        (row,) = self._transfers.ask([request])
        self._second[row] = _Second(request.destination, engine)

    @Slot(object)
    def _arrived(self, snapshot: TransferSnapshot) -> None:
        second = self._second.pop(snapshot.id, None)
        if second is not None:
            self._transfers.ask([requests.carry(second.source, second.engine)])
