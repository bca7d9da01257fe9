"""What a window wishes to have moved, as requests for the queue: the places of both ends decide what it is called."""

from __future__ import annotations

from collections.abc import Iterable

from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Operation,
    RegistryPlace,
    TransferRequest,
)

#: A place of the left pane.
LocalPlace = EnginePlace | LibraryPlace


def pull(
    reference: Reference, place: LocalPlace, platform: Platform | None = None, *, whole: bool = False
) -> TransferRequest:
    """*reference* (``latest`` where it names nothing) from its registry into *place*, under the same name.

    *platform* None: the place's own, or with *whole* all that there are, byte for byte (the library only).
    """
    named = reference.with_default_tag()
    return TransferRequest(
        Operation.PULL,
        Endpoint(RegistryPlace(named.domain), named),
        Endpoint(place, named),
        platform,
        options=(("platforms", "all"),) if whole else (),
    )


def push(source: Reference | None, image_id: str, target: Reference, place: LocalPlace) -> TransferRequest:
    """An image of *place*, by its name or else its id, to where *target* says."""
    return TransferRequest(
        Operation.PUSH,
        Endpoint(place, source, image_id),
        Endpoint(RegistryPlace(target.domain), target),
    )


def copy(
    source: Reference, target: Reference, platforms: Iterable[Platform] = (), *, referrers: bool = False
) -> TransferRequest:
    """From registry to registry: all of the image byte for byte, or only *platforms*; with *referrers* its signatures
    and SBOMs too."""
    options: dict[str, str] = {}
    chosen = ",".join(sorted({str(platform) for platform in platforms}))
    if chosen:
        options["platforms"] = chosen
    if referrers:
        options["referrers"] = "1"
    return TransferRequest(
        Operation.COPY,
        Endpoint(RegistryPlace(source.domain), source),
        Endpoint(RegistryPlace(target.domain), target),
        options=tuple(sorted(options.items())),
    )


def save(
    reference: Reference | None, image_id: str, source: LocalPlace | RegistryPlace, archive: ArchivePlace
) -> TransferRequest:
    """An image into an archive of its own."""
    return TransferRequest(
        Operation.SAVE, Endpoint(source, reference, image_id), Endpoint(archive, reference, image_id)
    )


def load(
    archive: ArchivePlace, place: LocalPlace, reference: Reference | None = None, image_id: str = ""
) -> TransferRequest:
    """An image of an archive into *place*, under the name that it bears there; with neither name nor digest all of
    them, which only an engine takes."""
    return TransferRequest(
        Operation.LOAD, Endpoint(archive, reference, image_id), Endpoint(place, reference, image_id)
    )


def publish(
    archive: ArchivePlace, reference: Reference | None, image_id: str, target: Reference
) -> TransferRequest:
    """An image of an archive, by its name there or else its digest, to where *target* says."""
    return TransferRequest(
        Operation.LOAD,
        Endpoint(archive, reference, image_id),
        Endpoint(RegistryPlace(target.domain), target),
    )


def carry(
    reference: Reference | None, image_id: str, source: LocalPlace, target: LocalPlace
) -> TransferRequest:
    """An image from one place of the left pane to another, under the same name."""
    return TransferRequest(
        Operation.COPY, Endpoint(source, reference, image_id), Endpoint(target, reference, image_id)
    )
