"""Rows of a queue that pull one image into several engines."""

from __future__ import annotations

from collections.abc import Iterable

from longshore.engine.address import EngineAddress
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import NATIVE, EnginePlace, RegistryPlace


def engines_beside(entry: Entry, rows: Iterable[Entry]) -> dict[str, EngineAddress]:
    """The other rows that have not ended and pull the image of *entry* into other engines, by id, with these engines.

    Without those whose engines are to pull by themselves. The lock of the rows is held.
    """
    request = entry.request
    if not isinstance(request.source.place, RegistryPlace) or not isinstance(
        request.destination.place, EnginePlace
    ):
        return {}
    found: dict[str, EngineAddress] = {}
    for other in rows:
        place = other.request.destination.place
        if (
            not other.state.finished
            and isinstance(place, EnginePlace)
            and place != request.destination.place
            and other.request.source == request.source
            and other.request.platform == request.platform
            and dict(other.request.options).get(NATIVE) != "1"
        ):
            found[other.id] = place.address
    return found
