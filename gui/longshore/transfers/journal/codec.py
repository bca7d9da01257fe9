"""Converts requests and outcomes to plain data for the journal, and back. They contain no secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longshore.engine.address import EngineAddress
from longshore.errors import LongshoreError, Remedy, UnavailableCause
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers import errors  # noqa: F401  (its classes are found below by their codes)
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    FolderPlace,
    LibraryPlace,
    Moved,
    NoteKind,
    Operation,
    Place,
    Plan,
    RegistryPlace,
    TransferNote,
    TransferRequest,
)

Json = dict[str, Any]
#: The largest whole number that the journal stores.
MOST = 2**63 - 1


def whole(value: object, most: int = MOST) -> int:
    """Return *value* if it is a whole number from 0 to *most*. Raises ValueError otherwise."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"not a number from 0 to {most}")
    return value


def request_to_json(request: TransferRequest) -> Json:
    """*request* as data that :func:`request_from_json` reads, also in later versions."""
    data: Json = {
        "operation": request.operation.value,
        "source": endpoint_to_json(request.source),
        "destination": endpoint_to_json(request.destination),
    }
    if request.platform is not None:
        data["platform"] = str(request.platform)
    if request.options:
        data["options"] = dict(request.options)
    return data


def request_from_json(data: Json) -> TransferRequest:
    """The request from *data*. Raises ValueError or a LongshoreError on data that is not a request."""
    try:
        platform = data.get("platform")
        return TransferRequest(
            operation=Operation(data["operation"]),
            source=endpoint_from_json(data["source"]),
            destination=endpoint_from_json(data["destination"]),
            platform=None if platform is None else Platform.parse(platform),
            options=tuple(sorted((str(k), str(v)) for k, v in data.get("options", {}).items())),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a transfer request: {error!r}") from error


def endpoint_to_json(endpoint: Endpoint) -> Json:
    """*endpoint* as data."""
    data: Json = {"place": place_to_json(endpoint.place)}
    if endpoint.reference is not None:
        data["reference"] = str(endpoint.reference)
    if endpoint.image_id:
        data["image_id"] = endpoint.image_id
    return data


def endpoint_from_json(data: Json) -> Endpoint:
    """The endpoint from *data*. Raises ValueError, KeyError, TypeError or a LongshoreError on other data."""
    reference = data.get("reference")
    return Endpoint(
        place_from_json(data["place"]),
        None if reference is None else Reference.parse(reference),
        str(data.get("image_id", "")),
    )


def place_to_json(place: Place) -> Json:
    """*place* as data."""
    match place:
        case EnginePlace(address):
            return {"kind": "engine", "address": address.to_json()}
        case RegistryPlace(host):
            return {"kind": "registry", "host": host}
        case LibraryPlace(path):
            return {"kind": "library", "path": str(path)}
        case ArchivePlace(path, format):
            return {"kind": "archive", "path": str(path), "format": format}
        case FolderPlace(path):
            return {"kind": "folder", "path": str(path)}


def place_from_json(data: Json) -> Place:
    """The place from *data*. Raises ValueError, KeyError, TypeError or a LongshoreError on other data."""
    match data["kind"]:
        case "engine":
            return EnginePlace(EngineAddress.from_json(data["address"]))
        case "registry":
            return RegistryPlace(str(data["host"]))
        case "library":
            return LibraryPlace(Path(data["path"]))
        case "archive":
            return ArchivePlace(Path(data["path"]), str(data["format"]))
        case "folder":
            return FolderPlace(Path(data["path"]))
        case kind:
            raise ValueError(f"unknown kind of place: {kind!r}")


def plan_to_json(plan: Plan) -> Json:
    """*plan* as data."""
    return {name: getattr(plan, name) for name in _PLAN}


def plan_from_json(data: Json) -> Plan:
    """The plan from *data*; names unknown to this version are ignored. Raises ValueError or TypeError."""
    return Plan(**_fields(data, _PLAN))


_PLAN = ("layers", "total_bytes", "here_layers", "here_bytes", "estimated", "digest", "compressed")


def moved_to_json(moved: Moved) -> Json:
    """*moved* as data."""
    return {name: getattr(moved, name) for name in _MOVED}


def moved_from_json(data: Json) -> Moved:
    """The amounts moved from *data*; names unknown to this version are ignored. Raises ValueError or TypeError."""
    return Moved(**_fields(data, _MOVED))


_MOVED = ("bytes", "layers_moved", "layers_skipped", "layers_mounted")


def _fields(data: Json, names: tuple[str, ...]) -> Json:
    if not isinstance(data, dict):
        raise ValueError("not an object")
    return {name: _field(name, data[name]) for name in names if name in data}


def _field(name: str, value: object) -> object:
    kind = _KINDS.get(name)
    if kind is None:
        return whole(value)
    if not isinstance(value, kind):
        raise ValueError(f"{name} is not a {kind.__name__}")
    return value


#: The fields of a plan that are not numbers.
_KINDS: dict[str, type] = {"estimated": bool, "digest": str, "compressed": bool}


def notes_to_json(notes: tuple[TransferNote, ...]) -> list[list[str]]:
    """*notes* as data."""
    return [[note.kind.value, note.text] for note in notes]


def notes_from_json(data: list[list[str]]) -> tuple[TransferNote, ...]:
    """The notes from *data*; kinds unknown to this version are ignored. Raises ValueError or TypeError."""
    known = {kind.value for kind in NoteKind}
    return tuple(TransferNote(NoteKind(kind), str(text)) for kind, text in data if kind in known)


def error_to_json(error: LongshoreError) -> Json:
    """*error* as data: its code, its text, and the additional fields of its class."""
    data: Json = {"code": error.code}
    for name in ("message", "subject", "advice", "detail", "registry", "certificate", "retry_after"):
        value = getattr(error, name, None)
        if value:
            data[name] = value
    cause = getattr(error, "cause", None)
    if isinstance(cause, UnavailableCause):
        data["cause"] = cause.value
    if error.remedy is not type(error).remedy:
        data["remedy"] = error.remedy.value
    return data


def error_from_json(data: Json) -> LongshoreError:
    """The error from *data*, of its own class; a plain LongshoreError if this version does not know the class.

    Raises ValueError or TypeError on data that is not an error.
    """
    if not isinstance(data, dict):
        raise ValueError("not an error")
    words: Json = {name: str(data.get(name, "")) for name in ("subject", "advice", "detail", "registry")}
    # A remedy unknown to this version leaves the default of the class.
    words["remedy"] = next((one for one in Remedy if one.value == data.get("remedy")), None)
    message = str(data.get("message", ""))
    kind = _classes().get(str(data.get("code")), LongshoreError)
    more: Json = {}
    if "cause" in data:
        more["cause"] = UnavailableCause(data["cause"])
    if "certificate" in data:
        more["certificate"] = str(data["certificate"])
    if "retry_after" in data:
        more["retry_after"] = float(data["retry_after"])
    try:
        return kind(message, **words, **more)
    except TypeError:
        return LongshoreError(message, **words)


def _classes() -> dict[str, type[LongshoreError]]:
    def walk(kind: type[LongshoreError]) -> Iterator[type[LongshoreError]]:
        yield kind
        for below in kind.__subclasses__():
            yield from walk(below)

    return {kind.code: kind for kind in reversed(list(walk(LongshoreError)))}
