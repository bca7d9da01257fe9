"""Converts a transfer to a row of the journal, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from longshore.errors import LongshoreError
from longshore.transfers.journal import codec
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    FolderPlace,
    RegistryPlace,
    State,
    TransferRequest,
    TransferSnapshot,
)

#: The columns of a row that come from its snapshot.
COLUMNS = (
    "id", "operation", "registries", "names", "request", "state", "created", "started", "finished", "attempt",
    "permille", "moved_bytes", "total_bytes", "digest", "plan", "moved", "error", "notes",
)  # fmt: skip
#: The columns that hold documents and lists, and the maximum number of characters read from one.
LONG = frozenset({"registries", "names", "request", "plan", "moved", "error", "notes"})
LONGEST = 1_000_000
#: The range of valid times (seconds since 1970); the last is in the year 2242.
_TIMES = (0.0, 2.0**33)
_MOST_ATTEMPTS = 1_000_000


def to_row(snapshot: TransferSnapshot) -> tuple[Any, ...]:
    """The values of :data:`COLUMNS` for *snapshot*."""
    request = snapshot.request
    return (
        snapshot.id,
        request.operation.value,
        _writable(_registries(request)),
        _writable(" ".join(filter(None, (_name(request.source), _name(request.destination))))),
        json.dumps(codec.request_to_json(request), separators=(",", ":")),
        snapshot.state.value,
        snapshot.created.timestamp(),
        None if snapshot.started is None else snapshot.started.timestamp(),
        None if snapshot.finished is None else snapshot.finished.timestamp(),
        snapshot.attempt,
        snapshot.permille,
        snapshot.moved_bytes,
        snapshot.total_bytes,
        _writable(snapshot.digest),
        None if snapshot.plan is None else json.dumps(codec.plan_to_json(snapshot.plan)),
        None if snapshot.moved is None else json.dumps(codec.moved_to_json(snapshot.moved)),
        None if snapshot.error is None else json.dumps(codec.error_to_json(snapshot.error)),
        json.dumps(codec.notes_to_json(snapshot.notes)),
    )


def from_row(values: tuple[Any, ...]) -> TransferSnapshot:
    """The transfer from *values*, without layers. Raises ValueError for any invalid row."""
    try:
        row = dict(zip(COLUMNS, values, strict=True))
        return TransferSnapshot(
            id=_text(row["id"]),
            request=codec.request_from_json(json.loads(row["request"])),
            state=State(row["state"]),
            permille=_whole(row["permille"], 1000),
            moved_bytes=codec.whole(row["moved_bytes"]),
            total_bytes=_whole(row["total_bytes"]),
            speed=None,
            seconds_left=None,
            created=_time(row["created"]),
            started=None if row["started"] is None else _time(row["started"]),
            finished=None if row["finished"] is None else _time(row["finished"]),
            attempt=codec.whole(row["attempt"], _MOST_ATTEMPTS),
            plan=None if row["plan"] is None else codec.plan_from_json(json.loads(row["plan"])),
            moved=None if row["moved"] is None else codec.moved_from_json(json.loads(row["moved"])),
            digest=_text(row["digest"]),
            error=None if row["error"] is None else codec.error_from_json(json.loads(row["error"])),
            notes=codec.notes_from_json(json.loads(row["notes"])),
        )
    except (LongshoreError, LookupError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise ValueError(f"not a row of the journal: {error!r}") from error
    except RecursionError:
        raise ValueError("not a row of the journal: nested too deeply") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {type(value).__name__}")
    return value


def _whole(value: object, most: int = codec.MOST) -> int | None:
    return None if value is None else codec.whole(value, most)


def _time(seconds: object) -> datetime:
    if not isinstance(seconds, int | float) or not _TIMES[0] <= seconds <= _TIMES[1]:
        raise ValueError(f"not a time: {seconds!r}")
    return datetime.fromtimestamp(seconds, UTC)


def _writable(value: str) -> str:
    """*value* without lone surrogates, which file names may contain and SQLite refuses."""
    return value.encode("utf-8", "replace").decode()


def _registries(request: TransferRequest) -> str:
    places = (request.source.place, request.destination.place)
    hosts = [place.host for place in places if isinstance(place, RegistryPlace)]
    return f" {' '.join(hosts)} " if hosts else ""


def _name(endpoint: Endpoint) -> str:
    if isinstance(endpoint.place, ArchivePlace | FolderPlace):
        return endpoint.place.path.name
    return endpoint.name.copied
