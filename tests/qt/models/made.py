"""Images, tags, registries and transfers for the model tests: short functions that make the real dataclasses."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt

from longshore.engine.address import EngineAddress
from longshore.models.registry_row import RegistryEntry
from longshore.oci.layer import LayerState
from longshore.oci.local_image import LocalImage
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    LayerSnapshot,
    Operation,
    RegistryPlace,
    State,
    TransferRequest,
    TransferSnapshot,
)

NOW = datetime.now(UTC)
ENGINE = EnginePlace(EngineAddress("default", "unix:///var/run/docker.sock"))


def sha(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def image(name: str | None, **fields: Any) -> LocalImage:
    reference = Reference.parse(name) if name else None
    if reference is not None and reference.digest is None:
        reference = reference.with_default_tag()
    given: dict[str, Any] = {
        "image_id": sha(name or "nameless"),
        "created": NOW - timedelta(hours=2, minutes=5),
        "size": 184_000_000,
        "dangling": name is None,
    }
    return LocalImage(reference, **{**given, **fields})


def entry(host: str, **fields: Any) -> RegistryEntry:
    return RegistryEntry(RegistryConfig(host), **fields)


def request(
    name: str = "127.0.0.1:5000/acme/web:main", operation: Operation = Operation.PULL
) -> TransferRequest:
    reference = Reference.parse(name)
    remote, local = Endpoint(RegistryPlace(reference.domain), reference), Endpoint(ENGINE, reference)
    ends = (local, remote) if operation is Operation.PUSH else (remote, local)
    return TransferRequest(operation, *ends)


def transfer(name: str = "a", **fields: Any) -> TransferSnapshot:
    base = TransferSnapshot(
        id=name,
        request=request(),
        state=State.QUEUED,
        permille=None,
        moved_bytes=0,
        total_bytes=None,
        speed=None,
        seconds_left=None,
        created=NOW,
    )
    return replace(base, **fields)


def layer(
    name: str, state: LayerState = LayerState.TRANSFERRING, current: int = 0, total: int | None = 1000
) -> LayerSnapshot:
    return LayerSnapshot(name, state, current, total, current * 1000 // total if total else None)


def texts(model: QAbstractItemModel, column: int = 0, parent: QModelIndex | None = None) -> list[Any]:
    parent = parent or QModelIndex()
    return [model.index(row, column, parent).data() for row in range(model.rowCount(parent))]


def headers(model: QAbstractItemModel) -> list[Any]:
    return [model.headerData(column, Qt.Orientation.Horizontal) for column in range(model.columnCount())]


def row_texts(model: QAbstractItemModel, row: int, parent: QModelIndex | None = None) -> list[Any]:
    parent = parent or QModelIndex()
    return [model.index(row, column, parent).data() for column in range(model.columnCount(parent))]
