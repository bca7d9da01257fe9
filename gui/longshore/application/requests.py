"""Creates transfer requests from an image, its place and a target. The two places determine the operation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from longshore.errors import InvalidInput
from longshore.oci.local_image import LocalImage
from longshore.oci.platform import Platform
from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.transfers.transfer import (
    NATIVE,
    ONLY_SIGNED,
    REF_NAME,
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
    reference: Reference,
    place: LocalPlace,
    platform: Platform | None = None,
    *,
    whole: bool = False,
    only_signed: bool = False,
    native: bool = False,
) -> TransferRequest:
    """Pull *reference* (default tag ``latest``) from its registry into *place*, under the same name.

    *platform* None: the place's own, or with *whole* all platforms, unchanged (the library only). *only_signed*: fail
    unless it is signed by one of the user's keys. *native*: the engine fetches the layers itself (engines only).
    """
    named = reference.with_default_tag()
    options = [(NATIVE, "1")] if native else []
    options += [(ONLY_SIGNED, "1")] if only_signed else []
    options += [("platforms", "all")] if whole else []
    return TransferRequest(
        Operation.PULL,
        Endpoint(RegistryPlace(named.domain), named),
        Endpoint(place, named),
        platform,
        options=tuple(options),
    )


def may_be_fetched(request: TransferRequest) -> bool:
    """Whether *request* is a pull into an engine whose layers Longshore may fetch: one that is not native."""
    return (
        isinstance(request.source.place, RegistryPlace)
        and isinstance(request.destination.place, EnginePlace)
        and NATIVE not in dict(request.options)
    )


def natively(request: TransferRequest) -> TransferRequest:
    """Return the same pull into an engine, with the layers fetched by the engine itself."""
    return replace(request, options=tuple(sorted({**dict(request.options), NATIVE: "1"}.items())))


def push(source: Endpoint, target: Reference) -> TransferRequest:
    """Push an image of an engine, the library or an archive to *target*, in its registry."""
    operation = Operation.LOAD if isinstance(source.place, ArchivePlace) else Operation.PUSH
    return TransferRequest(operation, source, Endpoint(RegistryPlace(target.domain), target))


def copy(
    source: Reference, target: Reference, platforms: Iterable[Platform] = (), *, referrers: bool = False
) -> TransferRequest:
    """Copy from registry to registry: the whole image unchanged, or only *platforms*.

    *referrers*: include its signatures and SBOMs.
    """
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


def move(
    source: Endpoint, destination: Endpoint, *, referrers: bool = False, ref_name: str = ""
) -> TransferRequest:
    """Move an image between any two places; the kinds of the places give the operation its name.

    *ref_name*: the destination's name in an image layout, if it is not the whole reference.
    """
    kinds = type(source.place), type(destination.place)
    operation = Operation.COPY
    if kinds[1] is ArchivePlace:
        operation = Operation.SAVE
    elif kinds[0] is ArchivePlace:
        operation = Operation.LOAD
    elif kinds == (RegistryPlace, EnginePlace):
        operation = Operation.PULL
    elif kinds == (EnginePlace, RegistryPlace):
        operation = Operation.PUSH
    options = {REF_NAME: ref_name, "referrers": "1" if referrers else ""}
    return TransferRequest(
        operation, source, destination, options=tuple(sorted(each for each in options.items() if each[1]))
    )


def save(source: Endpoint, archive: ArchivePlace, platform: Platform | None = None) -> TransferRequest:
    """Save an image, or only *platform* of it, to its own archive."""
    return TransferRequest(Operation.SAVE, source, Endpoint.of(archive, source.name), platform)


def load(source: Endpoint, place: LocalPlace) -> TransferRequest:
    """Load an image from an archive into *place*, under its name there.

    If *source* names no image, load all of them, which only an engine supports.
    """
    return TransferRequest(Operation.LOAD, source, Endpoint.of(place, source.name))


def carry(source: Endpoint, place: LocalPlace) -> TransferRequest:
    """Copy an image of an engine or the library to another such *place*, under the same name."""
    return TransferRequest(Operation.COPY, source, Endpoint.of(place, source.name))


def to_share(image: LocalImage, place: LocalPlace) -> TransferRequest | None:
    """Pull *image* into *place* again if its registry has it, otherwise push it there under its own name.

    None for an image without a name, and for a local one whose name has no owner: nobody may push it to Docker Hub.
    """
    reference = image.reference
    if reference is None:
        return None
    if any(name.startswith(f"{reference.name}@") for name in image.repo_digests):
        return pull(reference, place)
    ownerless = reference.domain == DOCKER_HUB and reference.path.startswith("library/")
    return None if ownerless else push(Endpoint.of(place, image.name), reference.with_digest(None))


def index(
    parts: Sequence[Endpoint], destination: Endpoint, *, replacing: bool = False, ref_name: str = ""
) -> TransferRequest:
    """Make one index of *parts*, images of several platforms in any places, at *destination*.

    That is a registry, the library or an archive. *replacing*: a later image takes the place of an earlier one of the
    same platform. *ref_name*: as for :func:`move`. Raises InvalidInput for a destination by digest and for parts that
    can't be joined.
    """
    from longshore.transfers.index_parts import index_request

    if destination.reference is None or destination.reference.digest is not None:
        raise InvalidInput("An index needs a name with a tag.", subject=destination.name.shown)
    named = replace(destination, reference=destination.reference.with_default_tag())
    return index_request(parts, named, replacing=replacing, ref_name=ref_name)
