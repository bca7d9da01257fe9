"""The detour of a pull via the library: on to the engine, or not if it cannot take it."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

from PySide6.QtCore import QObject, Signal

from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.operations.detour import Detour
from longshore.transfers.transfer import (
    Endpoint,
    LibraryPlace,
    Operation,
    RegistryPlace,
    State,
    TransferRequest,
)
from qt.models.made import ENGINE, transfer

REFERENCE = Reference.parse("registry.acme.io/charts/web:0.1.0")
AMD = Platform.parse("linux/amd64")


class Transfers(QObject):
    """Notes what is asked for."""

    succeeded = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[TransferRequest] = []

    def ask(self, wanted: list[TransferRequest]) -> list[str]:
        self.asked += wanted
        return [str(len(self.asked))]


def test_what_an_engine_cannot_take_stays_in_the_library_unchanged(qtbot: Any, tmp_path: Any) -> None:
    transfers: Any = Transfers()
    images = Mock(library=LibraryPlace(tmp_path))
    detour = Detour(Mock(), Mock(), images, transfers)
    source = Endpoint(RegistryPlace("registry.acme.io"), REFERENCE)
    pull = TransferRequest(Operation.PULL, source, Endpoint(ENGINE, REFERENCE), AMD)
    detour.take(pull, unfit=True)
    (first,) = transfers.asked
    assert first.platform is None and first.destination.place == images.library
    transfers.succeeded.emit(transfer("1", state=State.SUCCEEDED))
    assert len(transfers.asked) == 1
    detour.take(pull)
    assert transfers.asked[-1].platform == AMD
    transfers.succeeded.emit(transfer("2", state=State.SUCCEEDED))
    assert len(transfers.asked) == 3 and transfers.asked[-1].destination.place == ENGINE
