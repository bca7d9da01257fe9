"""Other places that have an image that a tag is to point to again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from longshore.application import requests
from longshore.cancellation import Cancelled
from longshore.engine.model import ImageStore
from longshore.errors import LongshoreError
from longshore.oci.reference import Reference
from longshore.transfers.transfer import EXPECTED, UNDOES, Endpoint, EnginePlace, LibraryPlace, RegistryPlace
from longshore.transfers.ways.deadline import within

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.tag_history.history import TagHistory
    from longshore.application.undo.goal import Goal
    from longshore.cancellation import Cancellation
    from longshore.transfers.transfer import Place, TransferRequest

_log = logging.getLogger(__name__)

#: Most places that are asked, and seconds that each has to respond.
MOST = 12
SECONDS = 5.0


def find_source(
    goal: Goal,
    now: str,
    clients: Clients,
    history: TagHistory,
    library: LibraryPlace,
    cancellation: Cancellation,
) -> TransferRequest | None:
    """The transfer that brings the image of *goal* to its place, from the first other place found to have it.

    *now*: what the tag points to. None if no place that Longshore knows has it. Raises Cancelled.
    """
    for source in _ends(goal, clients, history, library, cancellation):
        request = requests.move(source, Endpoint(goal.place, goal.reference))
        options = {**dict(request.options), EXPECTED: now}
        if goal.undoes:
            options[UNDOES] = goal.undoes
        return replace(request, options=tuple(sorted(options.items())))
    return None


def _ends(
    goal: Goal, clients: Clients, history: TagHistory, library: LibraryPlace, cancellation: Cancellation
) -> Iterator[Endpoint]:
    """Places that have the image, the nearest first."""
    asked = 0
    for place, name in _candidates(goal, history, library):
        if asked == MOST:
            return
        asked += 1
        try:
            with within(cancellation, SECONDS) as bounded:
                found = _end(place, name, goal, clients, bounded)
        except Cancelled:
            cancellation.raise_if_cancelled()
            continue
        except LongshoreError as error:
            _log.info("%s is not a source for %s: %s", place, goal.reference, error)
            continue
        if found is not None:
            yield found


def _candidates(goal: Goal, history: TagHistory, library: LibraryPlace) -> Iterator[tuple[Place, Reference]]:
    """Places that may have the image, with a name by which they may have it. Without those that cannot give it."""
    assert goal.digest
    seen: set[tuple[object, str]] = {(goal.place, goal.reference.path)}
    found: list[tuple[Place, Reference]] = [(library, goal.reference.with_digest(goal.digest))]
    for text in goal.origins:
        try:
            origin = Reference.parse(text)
        except LongshoreError:
            continue
        if origin.digest:
            found.append((RegistryPlace(origin.domain), origin.with_tag(None)))
    for record in history.with_digest(goal.digest):
        name = record.reference.with_tag(None).with_digest(goal.digest)
        found.append((record.place, name))
    for place, name in found:
        key = (place, name.path if isinstance(place, RegistryPlace) else "")
        if key in seen or (place == goal.place and not isinstance(place, RegistryPlace)):
            continue
        seen.add(key)
        yield place, name


def _end(
    place: Place, name: Reference, goal: Goal, clients: Clients, cancellation: Cancellation
) -> Endpoint | None:
    """The image in *place*; None if it does not have it. *goal* is in another place."""
    digest, to_engine = goal.digest or "", isinstance(goal.place, EnginePlace)
    match place:
        case RegistryPlace(host):
            found = clients.registry(host).head(name.path, name.digest, cancellation=cancellation)
            return None if found is None else Endpoint(place, name)
        case LibraryPlace(path):
            library = clients.library(path)
            if not library.check():
                return None
            held = library.holding(digest) if to_engine else digest if library.names(digest) else ""
            return Endpoint(place, None, held) if held else None
        case EnginePlace(address):
            engine = clients.engine(address)
            keeps = engine.probe(cancellation).store is ImageStore.CONTAINERD
            # Another store would make another manifest of it.
            image = engine.image(digest) if keeps or to_engine else None
            return None if image is None or image.partial else Endpoint(place, None, digest)
        case _:
            return None
