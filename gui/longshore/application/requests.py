"""Requests for the queue, from an image, the place that it is in, and a target. The two places decide the operation."""

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


def push(source: Endpoint, target: Reference) -> TransferRequest:
    """An image of an engine, of the library or of an archive to *target*, in its registry."""
    operation = Operation.LOAD if isinstance(source.place, ArchivePlace) else Operation.PUSH
    return TransferRequest(operation, source, Endpoint(RegistryPlace(target.domain), target))


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


def save(source: Endpoint, archive: ArchivePlace) -> TransferRequest:
    """An image into an archive of its own."""
    return TransferRequest(Operation.SAVE, source, Endpoint.of(archive, source.name))


def load(source: Endpoint, place: LocalPlace) -> TransferRequest:
    """An image of an archive into *place*, under the name that it has there; all of its images, which only an engine
    takes, where *source* names none."""
    return TransferRequest(Operation.LOAD, source, Endpoint.of(place, source.name))


def carry(source: Endpoint, place: LocalPlace) -> TransferRequest:
    """An image of an engine or of the library to another such *place*, under the same name."""
    return TransferRequest(Operation.COPY, source, Endpoint.of(place, source.name))
