"""What a pull can choose from: the platforms of an image, their sizes, and what each would fetch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from longshore.application.inspection.content import Inspection
from longshore.application.inspection.presence import present_platforms
from longshore.application.inspection.sharing import KnownImage, shared_layers
from longshore.application.inspection.values import Inspected, Layer, PlatformSize
from longshore.errors import DigestMismatch, InvalidContent, InvalidInput, NotInRegistry
from longshore.oci.image_config import ImageConfig
from longshore.oci.manifest import Index, Manifest
from longshore.oci.platform import Platform
from longshore.side_by_side import ask_all
from longshore.transfers.transfer import Endpoint, EnginePlace, RegistryPlace

if TYPE_CHECKING:
    from datetime import datetime

    from longshore.application.clients import Clients
    from longshore.application.requests import LocalPlace
    from longshore.cancellation import Cancellation
    from longshore.oci.reference import Reference

#: Configurations that are read side by side.
_ASKERS = 4


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """One platform that can be pulled. Sizes in compressed bytes.

    *size*: None if it was not read. *to_fetch*: what the place does not have yet; None if that is not known. *own*: the
    place pulls it unless another one is chosen. *layers*: for :func:`with_costs`.
    """

    platform: Platform | None
    digest: str
    size: int | None = None
    to_fetch: int | None = None
    own: bool = False
    config: tuple[str, int] = ("", 0)
    layers: tuple[Layer, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PullChoices:
    """What *reference* points to. *is_index*: it has several images; *whole*: the bytes of all of them together, each
    content once; None if they were not read. *created*: of the own platform's image."""

    reference: Reference
    digest: str
    choices: tuple[PlatformChoice, ...]
    is_index: bool = False
    whole: int | None = None
    created: datetime | None = None


def pull_choices(
    reference: Reference, place: LocalPlace, clients: Clients, cancellation: Cancellation
) -> PullChoices:
    """Read what *reference* points to. Blocks: a request for the index, and two for each platform.

    On Docker Hub, which counts manifests as pulls, only the index is read. Raises LongshoreError.
    """
    named = reference.with_default_tag()
    own = clients.engine(place.address).platform if isinstance(place, EnginePlace) else Platform.host()
    with Inspection(Endpoint(RegistryPlace(named.domain), named), clients, cancellation) as inspection:
        top = inspection.top()
        if isinstance(top, Manifest):
            choice, created = _choice(inspection, top, None)
            return PullChoices(
                named, top.digest, (replace(choice, own=True),), whole=choice.size, created=created
            )
        selected = top.select(own)
        digest = selected.digest if selected is not None else ""
        listed = [
            PlatformChoice(one.platform, one.digest, own=one.digest == digest)
            for one in inspection.platforms(top)
        ]
        if inspection.counts:
            return PullChoices(named, top.digest, tuple(listed), is_index=True)
        return _with_sizes(named, top, listed, inspection, cancellation)


def _with_sizes(
    reference: Reference,
    top: Index,
    listed: Sequence[PlatformChoice],
    inspection: Inspection,
    cancellation: Cancellation,
) -> PullChoices:
    read = inspection.manifests([one.digest for one in listed])
    present = [one for one in listed if read.get(one.digest) is not None]

    def ask(one: PlatformChoice, part: Cancellation) -> tuple[PlatformChoice, datetime | None]:
        part.raise_if_cancelled()
        found = read[one.digest]
        assert found is not None
        choice, created = _choice(inspection, found, one.platform)
        return replace(choice, own=one.own), created

    answers = ask_all(ask, present, cancellation, _ASKERS)
    found = {choice.digest: choice for choice, _ in answers}
    blobs = {
        part.digest: part.size
        for manifest in read.values()
        if manifest is not None
        for part in (manifest.config, *manifest.layers)
    }
    created = next((when for choice, when in answers if choice.own), None)
    return PullChoices(
        reference,
        top.digest,
        tuple(found.get(one.digest, one) for one in listed),
        is_index=True,
        whole=sum(blobs.values()) if len(present) == len(listed) else None,
        created=created,
    )


def _choice(
    inspection: Inspection, image: Manifest, platform: Platform | None
) -> tuple[PlatformChoice, datetime | None]:
    try:
        config = ImageConfig.from_bytes(inspection.config(image))
    except DigestMismatch:
        raise
    except (NotInRegistry, InvalidContent, InvalidInput):
        config = ImageConfig()
    diff_ids = config.diff_ids if len(config.diff_ids) == len(image.layers) else ("",) * len(image.layers)
    layers = tuple(
        Layer(one.digest, one.size, one.media_type, diff_id)
        for one, diff_id in zip(image.layers, diff_ids, strict=True)
    )
    choice = PlatformChoice(
        platform or config.platform,
        image.digest,
        image.compressed_size,
        config=(image.config.digest, image.config.size),
        layers=layers,
    )
    return choice, config.created


def choices_here(found: PullChoices, place: LocalPlace, clients: Clients) -> Mapping[str, bool]:
    """Whether *place* has each choice, by digest. Blocks. Raises EngineError, LibraryError."""
    platforms = tuple(
        PlatformSize(one.platform, one.digest, one.size, config_digest=one.config[0]) for one in found.choices
    )
    return present_platforms(Inspected(_end(found), digest=found.digest, platforms=platforms), place, clients)


def with_costs(
    found: PullChoices, known: Sequence[KnownImage], here: Mapping[str, bool] = MappingProxyType({})
) -> PullChoices:
    """*found* with what each platform would fetch into a place with the images *known*. Pure.

    *here*: whether the place has a choice as a whole. An engine may fetch more: classic ones keep only layers that they
    pulled or pushed before (say "about" for less).
    """
    return replace(
        found,
        choices=tuple(
            replace(one, to_fetch=0 if here.get(one.digest) else _cost(one, found, known))
            for one in found.choices
        ),
    )


def _end(found: PullChoices) -> Endpoint:
    return Endpoint(RegistryPlace(found.reference.domain), found.reference)


def _cost(choice: PlatformChoice, found: PullChoices, known: Sequence[KnownImage]) -> int | None:
    if choice.size is None:
        return None
    ids = {image.image_id for image in known} | {digest for image in known for digest in image.blobs}
    if {choice.digest, choice.config[0]} & (ids - {""}):
        return 0
    if not known:
        return choice.size
    seen = shared_layers(Inspected(_end(found), layers=choice.layers), known)
    if any(layer.here is None for layer in seen):
        return None
    parts: Mapping[str, int] = {
        layer.digest: layer.size or 0
        for layer, shared in zip(choice.layers, seen, strict=True)
        if not shared.here
    }
    # With all its layers, its configuration is there too, or is too small to matter.
    return sum(parts.values()) + choice.config[1] if parts else 0
