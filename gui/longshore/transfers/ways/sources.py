"""The sources of what Longshore loads into an engine: the library, or an archive."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from longshore.archives.archive import open_archive
from longshore.archives.compression import Compression, unpacked
from longshore.archives.model import Archived, ArchivedImage
from longshore.archives.writing import ReadBlob
from longshore.errors import (
    ArchiveDamaged,
    ArchiveError,
    InvalidContent,
    InvalidManifest,
    LibraryError,
)
from longshore.oci.descriptor import Descriptor
from longshore.oci.image_config import LARGEST_CONFIG, ImageConfig
from longshore.oci.manifest import DOCKER_CONFIG, OCI_CONFIG, OCI_LAYER, Index, Manifest
from longshore.transfers.content.choice import chosen, tell_remarks
from longshore.transfers.transfer import ArchivePlace, LibraryPlace
from longshore.transfers.ways.loading import tag_of
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.oci.platform import Platform

#: Indexes within indexes are followed this deep, as in archives.
_DEEPEST = 3


class Source(Protocol):
    """Images for an engine. Made for one attempt, with the platform that the engine runs; one thread.

    *images*: each has a platform that can be run. Every call may block, and raises LongshoreError or Cancelled.
    """

    images: Sequence[Archived]

    def in_order(self, layers: Iterable[Descriptor]) -> list[Descriptor]:
        """*layers* in the order in which they must be read. Raises an error if one is not there."""

    def plain(self, layer: Descriptor) -> Descriptor | None:
        """A layer in zstd as it is decompressed, for engines that cannot read zstd; None for any other layer."""

    def reading(self) -> AbstractContextManager[ReadBlob]:
        """A function that reads the layers, each once. The caller verifies their bytes."""


class ArchiveSource:
    """See Source. The request's reference (or its ``image_id``, any of the image's digests) names one image of the
    archive; without either all are loaded, each under its own names. All of the file is read and checked first: raises
    as :func:`open_archive`."""

    def __init__(self, job: Job, platform: Platform) -> None:
        source = job.request.source
        assert isinstance(source.place, ArchivePlace)
        self._cancellation = job.cancellation
        self._archive = open_archive(source.place.path, cancellation=job.cancellation)
        self.images: Sequence[Archived] = [one for one in chosen(self._archive, source) if one.runnable]
        tell_remarks(self._archive, job.tell)
        if not self.images:
            raise ArchiveError(
                "The archive contains no image that an engine can run.",
                subject=str(source.place.path),
                advice="It may contain a signature or another artifact: load it into a registry or the library.",
            )
        if job.request.destination.reference is not None and len(self.images) > 1:
            raise ArchiveError(
                "The archive contains several images, which can't share one name.",
                subject=str(source.place.path),
                advice="Load them under their own names, or choose one of them.",
            )

    def in_order(self, layers: Iterable[Descriptor]) -> list[Descriptor]:
        """See Source: a compressed archive can only be read forward. Raises ArchiveDamaged."""
        offsets = {}
        for layer in layers:
            member = self._archive.member(layer.digest)
            if member is None:
                raise ArchiveDamaged(
                    "The archive does not contain layers that only their vendor may distribute.",
                    subject=str(self._archive.path),
                    advice="Pull the image from its registry instead.",
                )
            offsets[layer] = member.offset
        return sorted(offsets, key=offsets.__getitem__)

    def plain(self, layer: Descriptor) -> Descriptor | None:
        """See Source."""
        member = self._archive.member(layer.digest)
        if member is None or member.compression is not Compression.ZSTD:
            return None
        return Descriptor(OCI_LAYER, member.diff_id, member.unpacked)

    @contextlib.contextmanager
    def reading(self) -> Iterator[ReadBlob]:
        """See Source. Raises ArchiveDamaged if the file is not the one that was checked."""
        with self._archive.reading(cancellation=self._cancellation) as read:

            @contextlib.contextmanager
            def layer(wanted: Descriptor) -> Iterator[Iterable[bytes]]:
                member = self._archive.member(wanted.digest)
                assert member is not None
                yield read(member, 0)

            yield layer


class LibrarySource:
    """See Source. One image, which stays whole until the attempt is over."""

    def __init__(self, job: Job, platform: Platform) -> None:
        source = job.request.source
        assert isinstance(source.place, LibraryPlace)
        self._cancellation = job.cancellation
        self._library = job.clients.library(source.place.path)
        self._platform = platform
        lease = self._library.lease()
        job.closing.callback(lease.close)
        image = source.reference or source.image_id
        top = self._library.hold_entry(lease, image).descriptor
        self._children: list[ArchivedImage] = []
        self._indexes: list[Index] = []
        self._missing: list[Descriptor] = []
        self._seen: set[str] = set()
        name = tag_of(source.reference)
        found = Archived(
            () if name is None else (name,),
            self._walk(top),
            tuple(self._children),
            tuple(self._missing),
            indexes=tuple(self._indexes),
        )
        if not found.runnable:
            raise InvalidManifest(
                "This is not an image that an engine can run.",
                subject=str(image),
                advice="It may be a signature or another artifact: push it to a registry.",
            )
        self.images: Sequence[Archived] = [found]

    def in_order(self, layers: Iterable[Descriptor]) -> list[Descriptor]:
        """See Source. Raises NotInLibrary."""
        found = list(layers)
        for layer in found:
            with self._library.read(layer, cancellation=self._cancellation):
                pass
        return found

    def plain(self, layer: Descriptor) -> Descriptor | None:
        """See Source. In a tar the size comes before the content: the layer is decompressed twice."""
        if not layer.media_type.endswith("zstd"):
            return None
        diff_id, size = hashlib.sha256(), 0
        with self._library.read(layer, cancellation=self._cancellation) as pieces:
            for piece in unpacked(pieces, Compression.ZSTD, subject=layer.digest):
                diff_id.update(piece)
                size += len(piece)
        return Descriptor(OCI_LAYER, f"sha256:{diff_id.hexdigest()}", size)

    def reading(self) -> AbstractContextManager[ReadBlob]:
        """See Source."""
        return contextlib.nullcontext(partial(self._library.read, cancellation=self._cancellation))

    def _walk(self, wanted: Descriptor, depth: int = 0) -> Manifest | Index:
        """Read a manifest and all below it. What cannot be read counts as missing, except the image for the engine."""
        self._cancellation.raise_if_cancelled()
        found = self._library.manifest(wanted.digest)
        if isinstance(found, Manifest):
            self._children.append(self._image(found, wanted))
            return found
        if depth >= _DEEPEST:
            raise InvalidManifest("The image's indexes are nested too deeply.", subject=wanted.digest)
        self._indexes.append(found)
        selected = found.select(self._platform)
        for child in found.manifests:
            if child.digest in self._seen:
                continue
            self._seen.add(child.digest)
            try:
                self._walk(child, depth + 1)
            except (LibraryError, InvalidContent):
                if child is selected:
                    raise
                self._missing.append(child)
        return found

    def _image(self, manifest: Manifest, wanted: Descriptor) -> ArchivedImage:
        if manifest.config.size > LARGEST_CONFIG:
            raise InvalidManifest("The image's configuration is too large.", subject=manifest.digest)
        with self._library.read(manifest.config, cancellation=self._cancellation) as pieces:
            raw = b"".join(pieces)
        is_image = manifest.config.media_type in (OCI_CONFIG, DOCKER_CONFIG)
        config = ImageConfig.from_bytes(raw) if is_image else None
        platform = wanted.platform or (config.platform if config else None)
        whole = all(self._library.blob_size(layer.digest) == layer.size for layer in manifest.layers)
        return ArchivedImage(manifest, config, raw, platform, whole)
