"""A recorded change of a tag, and how it becomes a row of the tag history and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from longshore.oci.digest import valid_digest
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import (
    ArchivePlace,
    EnginePlace,
    FolderPlace,
    LibraryPlace,
    Place,
    RegistryPlace,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The columns of a row that a record has, in order.
COLUMNS = (
    "id", "at", "place", "repository", "tag", "operation", "before", "after", "open", "by", "transfer", "together",
    "undoes", "undone_by", "origins",
)  # fmt: skip
#: The maximum number of characters read from one column.
LONGEST = 20_000
#: Most origins that are kept of one record.
MOST_ORIGINS = 16
#: The range of valid times (seconds since 1970); the last is in the year 2242.
_TIMES = (0.0, 2.0**33)


@dataclass(frozen=True, slots=True)
class TagRecord:
    """A change of a tag that Longshore made or saw. Immutable; crosses threads freely.

    *reference*: the tag, in full. *before*, *after*: the digest (image ID in an engine) that it pointed to, "" for
    none, None for unknown. *open*: it was announced, and nobody has reported yet how it ended: it is being made, or the
    program was killed. *by*: the user who was signed in to the registry, or the local user; "" if somebody else did it.
    *transfer*: the id of the transfer that made it. *group*: records with the same group are undone together.
    *undoes*: the id of the record that this one undid. *undone_by*: the id of the record that undid this one.
    *origins*: references by digest under which registries may have what *before* names.
    """

    id: str
    at: datetime
    place: Place
    reference: Reference
    operation: TagOperation
    before: str | None
    after: str | None
    open: bool = False
    by: str = ""
    transfer: str = ""
    group: str = ""
    undoes: str = ""
    undone_by: str = ""
    origins: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The tag alone."""
        return self.reference.tag or ""


def place_key(place: Place) -> str:
    """The same text for every address of the same place. An engine has the same key whatever its context is called."""
    match place:
        case EnginePlace(address):
            return f"engine {address.url}"
        case RegistryPlace(host):
            return f"registry {host}"
        case LibraryPlace(path):
            return f"library {path}"
        case ArchivePlace(path):
            return f"archive {path}"
        case FolderPlace(path):
            return f"folder {path}"


def to_row(record: TagRecord) -> tuple[Any, ...]:
    """The values of :data:`COLUMNS` for *record*."""
    from longshore.transfers.journal.codec import place_to_json

    return (
        record.id,
        record.at.timestamp(),
        json.dumps(place_to_json(record.place), separators=(",", ":")),
        record.reference.name,
        record.tag,
        record.operation.value,
        record.before,
        record.after,
        int(record.open),
        record.by,
        record.transfer,
        record.group,
        record.undoes,
        record.undone_by,
        json.dumps(record.origins[:MOST_ORIGINS]),
    )


def from_row(values: Sequence[Any]) -> TagRecord:
    """The record from *values* of :data:`COLUMNS`. Raises ValueError for any invalid row."""
    from longshore.errors import LongshoreError
    from longshore.transfers.journal.codec import place_from_json

    row = dict(zip(COLUMNS, values, strict=True))
    try:
        at = float(row["at"])
        if not _TIMES[0] <= at <= _TIMES[1]:
            raise ValueError("not a time")
        texts = {
            name: _text(row[name]) for name in ("id", "by", "transfer", "undoes", "undone_by", "together")
        }
        return TagRecord(
            texts["id"],
            datetime.fromtimestamp(at, UTC),
            place_from_json(json.loads(row["place"])),
            Reference.parse(f"{row['repository']}:{row['tag']}"),
            TagOperation(row["operation"]),
            _digest(row["before"]),
            _digest(row["after"]),
            row["open"] == 1,
            texts["by"],
            texts["transfer"],
            texts["together"],
            texts["undoes"],
            texts["undone_by"],
            tuple(_text(one) for one in json.loads(row["origins"])[:MOST_ORIGINS]),
        )
    except (LongshoreError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a record: {error!r}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _digest(value: object) -> str | None:
    if value is None or value == "":
        return None if value is None else ""
    if not isinstance(value, str) or not valid_digest(value):
        raise ValueError("not a digest")
    return value
