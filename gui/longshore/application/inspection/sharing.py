"""Which layers of an image a place has, which other images share them, and the image that it was built on.

An unpacked layer is the same only on top of the same layers: engines know it by its chain (OCI image-spec, config.md,
"Layer ChainID"). Compressed layers are the same if their digests are equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.errors import InvalidReference
from longshore.oci.digest import valid_digest
from longshore.oci.reference import Reference
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.inspection.values import Inspected
    from longshore.application.requests import LocalPlace
    from longshore.cancellation import Cancellation

#: The annotations and labels that name the base image (OCI image-spec, annotations.md).
BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"


@dataclass(frozen=True, slots=True)
class KnownImage:
    """An image of an engine or the library, by its layers.

    *names*: its references, as people write them; empty for an untagged one. *diff_ids*: of an engine's image, the
    lowest first. *blobs*: digests of the compressed content, of the library's.
    """

    image_id: str
    names: tuple[str, ...] = ()
    diff_ids: tuple[str, ...] = ()
    blobs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SharedLayer:
    """One layer, seen from a place. *here*: the place has it, None if that can't be known. *others*: the ids of the
    other images there that have it."""

    here: bool | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BaseImage:
    """The image that another one was built on.

    *name*: a reference, "" for an untagged image. *digest*: as a label names it, "" otherwise. *layers*: how many of
    the lowest layers are its own, None if that is not known. *labelled*: a label says so; otherwise it has the same
    layers.
    """

    name: str
    digest: str = ""
    image_id: str = ""
    layers: int | None = None
    labelled: bool = False


def known_images(place: LocalPlace, clients: Clients, cancellation: Cancellation) -> list[KnownImage]:
    """The images of *place* by their layers. Blocks, in a large engine for seconds the first time; raises Cancelled."""
    if isinstance(place, EnginePlace):
        engine = clients.engine(place.address)
        names = _names((row.image_id, row.reference) for row in engine.images())
        return [
            KnownImage(image_id, names.get(image_id, ()), diff_ids)
            for image_id, diff_ids in engine.diff_ids(cancellation).items()
        ]
    library = clients.library(place.path)
    names = _names((image.digest, image.reference) for image in library.images() if not image.subject)
    return [
        KnownImage(digest, names.get(digest, ()), blobs=blobs)
        for digest, blobs in library.usage().images.items()
    ]


def _names(rows: Iterable[tuple[str, Reference | None]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for image_id, reference in rows:
        if reference is not None:
            found[image_id] = (*found.get(image_id, ()), reference.familiar)
    return found


def shared_layers(found: Inspected, known: Sequence[KnownImage]) -> tuple[SharedLayer, ...]:
    """Each layer of *found*, seen from a place with the images *known*. Pure."""
    own = {found.image_id, found.digest, found.manifest_digest, found.config_digest} - {""}
    chain = tuple(layer.diff_id for layer in found.layers)
    # How many of the lowest layers each image has: equal ones above different ones are others.
    common = [(image, _common(chain, image.diff_ids)) for image in known]
    out = []
    for number, layer in enumerate(found.layers):
        by_chain = all(chain[: number + 1])
        having = [
            image.image_id
            for image, count in common
            if (by_chain and number < count) or (layer.digest and layer.digest in image.blobs)
        ]
        # Without a digest in the form that the place uses, nothing can be said.
        answerable = not known or any(
            (by_chain and image.diff_ids) or (layer.digest and image.blobs) for image in known
        )
        here = bool(having) if answerable else None
        out.append(SharedLayer(here, tuple(one for one in having if one not in own)))
    return tuple(out)


def _common(chain: Sequence[str], other: Sequence[str]) -> int:
    """How many of the lowest layers are equal."""
    return sum(
        1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(chain, other, strict=False))
    )


@dataclass(frozen=True, slots=True)
class LayerReport:
    """The layers of an image, seen from one place. *shared* and *names* (of the other images that have a layer) are in
    the order of the layers. *base*: the image that it was built on, if that can be told."""

    shared: tuple[SharedLayer, ...]
    names: tuple[tuple[str, ...], ...]
    base: BaseImage | None


def layer_report(found: Inspected, known: Sequence[KnownImage]) -> LayerReport:
    """All that *known*, the images of a place, tell about the layers of *found*. Pure; takes milliseconds."""
    shared = shared_layers(found, known)
    return LayerReport(
        shared, tuple(names_of(layer.others, known) for layer in shared), base_image(found, known)
    )


def present_layers(found: Inspected, other: Inspected) -> tuple[bool | None, ...]:
    """Whether *other*, the same image elsewhere, has each layer of *found*; None if that can't be known. Pure."""
    digests = {layer.digest for layer in other.layers if layer.digest}
    chain = tuple(layer.diff_id for layer in other.layers)
    out: list[bool | None] = []
    for number, layer in enumerate(found.layers):
        mine = tuple(one.diff_id for one in found.layers[: number + 1])
        if layer.digest and layer.digest in digests:
            out.append(True)
        elif all(mine) and all(chain):
            out.append(mine == chain[: number + 1])
        else:
            out.append(False if layer.digest and digests else None)
    return tuple(out)


def base_image(found: Inspected, known: Sequence[KnownImage] = ()) -> BaseImage | None:
    """The image that *found* was built on: as its annotations or labels say, else the one of *known* with the most
    equal lowest layers. None if neither tells. Pure."""
    chain = tuple(layer.diff_id for layer in found.layers)
    marks = {**dict(found.labels), **dict(found.annotations)}
    name = _reference(marks.get(BASE_NAME, ""))
    digest = marks.get(BASE_DIGEST, "")
    best = _longest_prefix(chain, known)
    if not name:
        if best is None:
            return None
        return BaseImage(next(iter(best.names), ""), image_id=best.image_id, layers=len(best.diff_ids))
    named = next(
        (
            image
            for image in known
            if name in image.names and image.diff_ids and chain[: len(image.diff_ids)] == image.diff_ids
        ),
        None,
    )
    return BaseImage(
        name,
        digest if valid_digest(digest) else "",
        "" if named is None else named.image_id,
        None if named is None else len(named.diff_ids),
        labelled=True,
    )


def _longest_prefix(chain: tuple[str, ...], known: Sequence[KnownImage]) -> KnownImage | None:
    """The image with the most layers that are the lowest of *chain*, but not all of it; rather one with a name."""
    if not chain or not all(chain):
        return None
    found = (
        image
        for image in known
        if 0 < len(image.diff_ids) < len(chain) and chain[: len(image.diff_ids)] == image.diff_ids
    )
    return max(found, key=lambda image: (len(image.diff_ids), bool(image.names)), default=None)


def _reference(text: str) -> str:
    """*text* as people write the reference; "" if it is none."""
    try:
        return Reference.parse(text).familiar if text else ""
    except InvalidReference:
        return ""


def names_of(image_ids: Iterable[str], known: Sequence[KnownImage], most: int = 20) -> tuple[str, ...]:
    """The names of images of *known*, in their order; the id of one without a name. At most *most*."""
    by_id = {image.image_id: image for image in known}
    names = (
        next(iter(by_id[image_id].names), image_id) if image_id in by_id else image_id
        for image_id in image_ids
    )
    return tuple(itertools.islice(names, most))
