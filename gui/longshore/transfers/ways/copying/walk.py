"""Finds the parts of an image: from its tag through indexes and manifests to blobs, and its referrers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from longshore.cancellation import Cancellation
from longshore.errors import InvalidManifest, LongshoreError, NotInLibrary, NotInRegistry
from longshore.oci.attached_tags import COSIGN, tag_for
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import Verifier
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig
from longshore.oci.manifest import (
    ACCEPT,
    DOCKER_CONFIG,
    DOCKER_FOREIGN_LAYER,
    OCI_CONFIG,
    OCI_LAYER,
    Index,
    Manifest,
)
from longshore.oci.platform import Platform
from longshore.registry.failures import REFUSALS
from longshore.side_by_side import ask_all
from longshore.transfers.content.protocol import ContentReader
from longshore.transfers.errors import no_platform
from longshore.transfers.ways.copying.selection import chosen as chosen_of
from longshore.transfers.ways.copying.selection import one_platform, without

#: The maximum number of manifests of one image, including referrers; more is an attack.
MOST_MANIFESTS = 2000
#: The maximum nesting of indexes, and of referrers of referrers.
DEEPEST = 6
#: Layers that only their vendor may distribute (OCI image-spec, "Non-Distributable Layers"; Docker's foreign layers).
FOREIGN = frozenset({DOCKER_FOREIGN_LAYER}) | {
    OCI_LAYER.replace("layer.", "layer.nondistributable.") + packing for packing in ("", "+gzip", "+zstd")
}

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Content:
    """All parts of one image, in an order in which they can be stored.

    *top*: the manifest that the destination's name will point to. *below*: the manifests it needs, children before
    parents; *beside*: its referrers, each with the name (digest or tag) that it gets, subjects before their referrers.
    *blobs*: by digest, without the blobs of *foreign* layers. *layers*: the digests of the blobs that are layers, in
    order. *loose*: children of an index that are not manifests. *pruned*: the top is a new index of chosen platforms.
    *picked*: the top's platform, if it is one image of an index with several. *gone*: digests of attestations that are
    missing at the source and were left out. *unlisted*: why the source does not list the image's referrers.
    """

    top: Manifest | Index
    pruned: bool = False
    picked: Platform | None = None
    below: list[Manifest | Index] = field(default_factory=list)
    beside: list[tuple[str, Manifest | Index]] = field(default_factory=list)
    blobs: dict[str, Descriptor] = field(default_factory=dict)
    layers: dict[str, Descriptor] = field(default_factory=dict)
    foreign: dict[str, Descriptor] = field(default_factory=dict)
    loose: dict[str, Descriptor] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    unlisted: str = ""

    @property
    def manifests(self) -> list[Manifest | Index]:
        """All manifests and indexes, including referrers."""
        return [*self.below, self.top, *(found for _, found in self.beside)]


def walk(
    reader: ContentReader,
    name: str,
    *,
    platform: Platform | None = None,
    platforms: Sequence[Platform] = (),
    referrers: bool = False,
    subject: str = "",
    cancellation: Cancellation,
) -> Content:
    """Read the image that *name*, a tag or a digest, points to.

    *platform*: only the image for this platform, which the name itself then points to, with its digest unchanged.
    *platforms*: only these platforms of an index. *referrers*: also the referrers of any part. *subject*: the image in
    errors; by default *name*. Raises NotInRegistry, NotInLibrary, InvalidManifest and others.
    """
    top, pruned, picked = top_of(
        reader, name, platform=platform, platforms=platforms, subject=subject, cancellation=cancellation
    )
    content = walk_down(
        reader, top, pruned=pruned, chosen=bool(platforms), referrers=referrers, cancellation=cancellation
    )
    content.picked = picked
    return content


def walk_down(
    reader: ContentReader,
    top: Manifest | Index,
    *,
    pruned: bool = False,
    chosen: bool = False,
    referrers: bool = False,
    cancellation: Cancellation,
) -> Content:
    """Like :func:`walk`, for a *top* that was already read (see :func:`top_of`).

    *chosen*: only some of its platforms are copied. Their missing attestations (registries that clean up untagged
    manifests remove them: ananthakumaran/moneyman 789) are then left out, and ``top`` is a new index.
    """
    content = Content(top, pruned)
    known: dict[str, Manifest | Index] = {}
    if chosen and isinstance(top, Index):
        known, content.gone = _attestations(reader, top, cancellation)
        if content.gone:
            content.top, content.pruned = without(top, content.gone), True
    content.below = _descend(reader, [content.top], content, cancellation, known)
    if referrers:
        _refer(reader, content, cancellation)
    for found in content.manifests:
        if isinstance(found, Manifest):
            _take_blobs(found, content)
    content.blobs.update(content.loose)
    return content


def top_of(
    reader: ContentReader,
    name: str,
    *,
    platform: Platform | None = None,
    platforms: Sequence[Platform] = (),
    subject: str = "",
    cancellation: Cancellation,
) -> tuple[Manifest | Index, bool, Platform | None]:
    """The manifest that *name* will point to at the destination. Parameters and errors as for :func:`walk`.

    Also returns whether it is a new index, and the platform of an image picked from an index of several.
    """
    subject = subject or name
    top = reader.manifest(name, cancellation=cancellation)
    if isinstance(top, Index):
        if platform is not None:
            child = one_platform(top, platform, subject)
            picked = child.platform if len(top.images) > 1 else None
            return reader.manifest(child.digest, cancellation=cancellation), False, picked
        if platforms:
            made = chosen_of(top, platforms, subject)
            return made, made is not top, None
    elif platform is not None or platforms:
        _check_platform(reader, top, [platform] if platform is not None else platforms, subject, cancellation)
    return top, False, None


def _attestations(
    reader: ContentReader, index: Index, cancellation: Cancellation
) -> tuple[dict[str, Manifest | Index], set[str]]:
    """The attestations of *index*, and the digests of the missing ones."""

    def read(digest: str, cancellation: Cancellation) -> Manifest | Index | None:
        try:
            return reader.manifest(digest, cancellation=cancellation)
        except (NotInRegistry, NotInLibrary):
            return None

    digests = [one.digest for one in index.manifests if one.is_attestation and one.media_type in ACCEPT]
    if len(digests) > MOST_MANIFESTS:
        raise _too_complex()
    found = dict(zip(digests, ask_all(read, digests, cancellation), strict=True))
    known = {digest: one for digest, one in found.items() if one is not None}
    return known, found.keys() - known.keys()


def _too_complex() -> InvalidManifest:
    return InvalidManifest(
        "The image is too complex.", detail="too many manifests, or indexes are nested too deeply"
    )


def _descend(
    reader: ContentReader,
    level: Iterable[Manifest | Index],
    content: Content,
    cancellation: Cancellation,
    known: Mapping[str, Manifest | Index] = MappingProxyType({}),
) -> list[Manifest | Index]:
    """All manifests that *level* needs, without *level*, children before parents. *known*: manifests already read."""

    def read(child: Descriptor, cancellation: Cancellation) -> Manifest | Index:
        if child.digest in known:
            return known[child.digest]
        try:
            return reader.manifest(child.digest, cancellation=cancellation)
        except (NotInRegistry, NotInLibrary) as error:
            if not child.is_attestation:
                raise
            raise InvalidManifest(
                "An attestation of this image is missing at the source.",
                subject=child.digest,
                advice="Copy selected platforms instead of all: missing attestations are then left out.",
                detail=error.detail,
            ) from error

    level = list(level)
    levels: list[list[Manifest | Index]] = []
    while True:
        wanted: dict[str, Descriptor] = {}
        for index in level:
            for child in index.manifests if isinstance(index, Index) else ():
                # BuildKit's caches are indexes of blobs.
                (wanted if child.media_type in ACCEPT else content.loose)[child.digest] = child
        if not wanted:
            break
        if len(levels) >= DEEPEST or sum(map(len, levels)) + len(wanted) > MOST_MANIFESTS:
            raise _too_complex()
        level = ask_all(read, list(wanted.values()), cancellation)
        levels.append(level)
    # A manifest needed at two depths is stored before the first that needs it.
    return list({found.digest: found for below in reversed(levels) for found in below}.values())


def _refer(reader: ContentReader, content: Content, cancellation: Cancellation) -> None:
    """Add the referrers of the image and its parts, and their referrers."""
    seen = {found.digest for found in content.manifests}
    level: list[Manifest | Index] = [*content.below, content.top]
    for _ in range(DEEPEST):
        found: dict[str, Manifest | Index] = {}
        for about in ask_all(
            lambda one, part: _referring(reader, one.digest, content, part), level, cancellation
        ):
            for name, one in about:
                if name not in seen:
                    found[name] = one
        if not found:
            return
        seen |= found.keys()
        if len(seen) > MOST_MANIFESTS:
            raise InvalidManifest("The image has too many referrers.", detail=f"more than {MOST_MANIFESTS}")
        needed = _descend(reader, found.values(), content, cancellation)
        content.beside += [(one.digest, one) for one in needed if one.digest not in seen]
        content.beside += found.items()
        level = list(found.values())


def _referring(
    reader: ContentReader, digest: str, content: Content, cancellation: Cancellation
) -> list[tuple[str, Manifest | Index]]:
    """The referrers of *digest*, each with its name.

    If the source refuses to list them, the image is copied anyway and *content* has the reason.
    """

    found: list[tuple[str, Manifest | Index]] = []

    def refused(error: LongshoreError) -> None:
        content.unlisted = error.message

    def read(name: str, *, listed: bool) -> None:
        try:
            found.append((name, reader.manifest(name, cancellation=cancellation)))
        except (NotInRegistry, NotInLibrary) as error:
            if listed:
                refused(error)
        except REFUSALS as error:
            refused(error)

    about: list[Descriptor] = []
    try:
        about = reader.referrers(digest, refused=refused, cancellation=cancellation)
    except (*REFUSALS, InvalidManifest) as error:
        refused(error)
    for one in about:
        if one.media_type in ACCEPT:
            read(one.digest, listed=True)
    for ending in COSIGN:
        read(tag_for(digest, ending), listed=False)
    return found


def _take_blobs(manifest: Manifest, content: Content) -> None:
    content.blobs.setdefault(manifest.config.digest, manifest.config)
    for layer in manifest.layers:
        if layer.media_type in FOREIGN:
            content.foreign[layer.digest] = layer
        else:
            content.blobs.setdefault(layer.digest, layer)
            content.layers.setdefault(layer.digest, layer)


def _check_platform(
    reader: ContentReader,
    manifest: Manifest,
    wanted: Sequence[Platform],
    subject: str,
    cancellation: Cancellation,
) -> None:
    """Check that an image without an index is for one of *wanted*. An image that names no platform may be for any."""
    config = manifest.config
    if config.media_type not in (OCI_CONFIG, DOCKER_CONFIG) or config.size > LARGEST_CONFIG:
        return
    raw = _verified(reader, config, cancellation)
    platform = ImageConfig.from_bytes(raw).platform
    if platform is not None and not any(one.matches(platform) for one in wanted):
        raise no_platform(wanted, [platform], subject)


def _verified(reader: ContentReader, blob: Descriptor, cancellation: Cancellation) -> bytes:
    """All bytes of a small *blob*. Raises DigestMismatch, so that damaged content is never interpreted."""
    verifier = Verifier(blob.digest, blob.size)
    parts: list[bytes] = []
    with reader.blob(blob, cancellation=cancellation) as pieces:
        for piece in pieces:
            verifier.update(piece)
            parts.append(piece)
    verifier.finish()
    return b"".join(parts)
