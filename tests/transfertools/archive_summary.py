"""The content of an archive, as numbers and names that a test can compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from longshore.archives.access import Moved
from longshore.archives.archive import Archive, open_archive
from longshore.archives.compression import Compression
from longshore.archives.model import ArchiveFormat
from longshore.cancellation import Cancellation
from longshore.oci.manifest import Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """One image of an archive.

    *digest*: of its manifest or index; *made*: the archive has no manifest, and the digest is that of the manifest
    which Longshore creates for it. *image_id*: of the configuration, "" for an index of several. *size*: bytes of the
    layers as stored in the archive, each counted once. *missing*: platforms that its index lists but the archive does
    not contain.
    """

    references: tuple[Reference, ...]
    digest: str
    image_id: str
    platforms: tuple[Platform, ...]
    missing: tuple[Platform, ...]
    size: int
    layers: int
    made: bool


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """The content of an archive.

    *blobs*: configurations, layers and manifests in it. Sizes in bytes: *size* of the file, *unpacked* of its tar.
    """

    path: Path
    format: ArchiveFormat
    compression: Compression
    images: tuple[ImageSummary, ...]
    blobs: int
    size: int
    unpacked: int


def inspect_archive(
    path: Path, *, cancellation: Cancellation | None = None, moved: Moved = lambda count: None
) -> ArchiveSummary:
    """Verify the archive at *path* and return its content; see :func:`open_archive`."""
    return summary_of(open_archive(path, cancellation=cancellation or Cancellation(), moved=moved))


def summary_of(archive: Archive) -> ArchiveSummary:
    """Return the content of an open archive."""
    listing = archive.listing
    rows = []
    blobs: set[str] = set()
    for entry in listing.archived:
        if not entry.made:
            blobs |= {entry.top.digest, *(image.manifest.digest for image in entry.images)}
        blobs |= {image.manifest.config.digest for image in entry.images}
        images = entry.runnable or entry.images
        named = {layer.digest for image in entry.images for layer in image.manifest.layers}
        layers = {digest: member for digest in named if (member := archive.member(digest))}
        blobs |= layers.keys()
        rows.append(
            ImageSummary(
                references=entry.references,
                digest=entry.top.digest,
                image_id=images[0].manifest.config.digest if isinstance(entry.top, Manifest) else "",
                platforms=tuple(
                    dict.fromkeys(image.platform for image in images if image.platform is not None)
                ),
                missing=tuple(
                    child.platform
                    for child in entry.missing
                    if child.platform is not None and not child.is_attestation
                ),
                size=sum(layer.size for layer in layers.values()),
                layers=len(layers),
                made=entry.made,
            )
        )
    return ArchiveSummary(
        path=archive.path,
        format=listing.format,
        compression=archive.compression,
        images=tuple(rows),
        blobs=len(blobs),
        size=archive.size,
        unpacked=archive.contents.size,
    )
