"""Transfers in JSON. docs/command-line.md describes the fields; scripts rely on them."""

from __future__ import annotations

from typing import Any

from longshore.cli.output import error_values
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    FolderPlace,
    LibraryPlace,
    Place,
    RegistryPlace,
    TransferRequest,
    TransferSnapshot,
)


def transfer_values(row: TransferSnapshot) -> dict[str, Any]:
    """A transfer at one moment. Sizes in bytes, times in seconds."""
    plan, moved = row.plan, row.moved
    return {
        "id": row.id,
        **request_values(row.request),
        "state": row.state.value,
        "permille": row.permille,
        "moved_bytes": row.moved_bytes,
        "total_bytes": row.total_bytes,
        "bytes_per_second": row.speed,
        "seconds_left": row.seconds_left,
        "attempt": row.attempt,
        "waiting_for": None if row.waiting_for is None else row.waiting_for.value,
        "plan": None
        if plan is None
        else {"layers": plan.layers, "bytes": plan.total_bytes, "present_bytes": plan.here_bytes},
        "moved": None
        if moved is None
        else {
            "bytes": moved.bytes,
            "layers": moved.layers_moved,
            "layers_present": moved.layers_skipped,
            "layers_mounted": moved.layers_mounted,
        },
        "digest": row.manifest_digest or None,
        "image_id": row.image_id or None,
        "created": row.created.isoformat(),
        "finished": None if row.finished is None else row.finished.isoformat(),
        "notes": [{"kind": note.kind.value, "text": note.text} for note in row.notes],
        "error": None if row.error is None else error_values(row.error),
    }


def request_values(request: TransferRequest) -> dict[str, Any]:
    """What a transfer moves, from where and to where."""
    return {
        "operation": request.operation.value,
        "source": _source_values(request.source),
        "destination": end_values(request.destination),
        "platform": None if request.platform is None else str(request.platform),
        "options": dict(request.options),
    }


def _source_values(end: Endpoint) -> dict[str, Any]:
    # An archive is read whatever its format; the request's is only a default.
    return end_values(end) | ({"format": None} if isinstance(end.place, ArchivePlace) else {})


def end_values(end: Endpoint) -> dict[str, Any]:
    """One end of a transfer: its place, and the image's name there."""
    return {
        **place_values(end.place),
        "reference": None if end.reference is None else str(end.reference),
        "image_id": end.image_id or None,
    }


def place_values(place: Place) -> dict[str, str]:
    """A place."""
    match place:
        case EnginePlace(address):
            return {"place": "engine", "name": address.name, "url": address.url}
        case RegistryPlace(host):
            return {"place": "registry", "host": host}
        case LibraryPlace(path):
            return {"place": "library", "path": str(path)}
        case ArchivePlace(path, kind):
            return {"place": "archive", "path": str(path), "format": kind}
        case FolderPlace(path):
            return {"place": "folder", "path": str(path)}
