"""Creates the tar of an archive piece by piece, for a file or for an engine that loads it.

Both kinds have their content as ``blobs/sha256/<hex>``, byte by byte as it was given, and the lists at the end. A
docker-archive has docker's own list, ``manifest.json``, which every engine since 1.10 reads (layers may be compressed
with gzip), and the OCI layout's besides, as engines from 25.0 on write it: those with containerd's store go by it and
keep the digests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from longshore.archives.compression import Compression, unpacked
from longshore.archives.model import ArchiveFormat
from longshore.archives.scan import MANIFEST_FILE
from longshore.archives.tarstream import TAR_END, tar_header, tar_padding
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import Verifier, sha256_of
from longshore.oci.layout import INDEX_FILE, LAYOUT_FILE, LayoutEntry, LayoutIndex, blob_path, layout_file
from longshore.oci.manifest import Index, Manifest
from longshore.oci.reference import Reference

#: Returns the bytes of a blob; they are verified here.
ReadBlob = Callable[[Descriptor], AbstractContextManager[Iterable[bytes]]]


class ArchiveWriter:
    """Yields the bytes of an archive, in the order of the calls; the caller passes them on. One thread."""

    def __init__(self, format: ArchiveFormat) -> None:
        self.format = format
        self._index = LayoutIndex()
        self._rows: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        self._written: set[str] = set()
        self._layout = True

    def has(self, digest: str) -> bool:
        """Whether the archive already has the blob."""
        return digest in self._written

    def blob(self, wanted: Descriptor, data: Iterable[bytes]) -> Iterator[bytes]:
        """A blob; nothing if the archive already has it. Raises DigestMismatch; the archive is then unusable."""
        if wanted.digest in self._written:
            return
        self._written.add(wanted.digest)
        verifier = Verifier(wanted.digest, wanted.size)
        yield tar_header(blob_path(wanted.digest), wanted.size)
        for chunk in data:
            verifier.update(chunk)
            yield bytes(chunk)
        verifier.finish()
        yield tar_padding(wanted.size)

    def document(self, raw: bytes) -> Iterator[bytes]:
        """A manifest, index or configuration."""
        yield from self.blob(Descriptor("", sha256_of(raw), len(raw)), (raw,))

    def file(self, name: str, size: int, data: Iterable[bytes]) -> Iterator[bytes]:
        """A file with another name; only its size is known in advance."""
        yield tar_header(name, size)
        yield from data
        yield tar_padding(size)

    def list_image(self, top: Manifest | Index, references: Sequence[Reference], ref_name: str = "") -> None:
        """List *top* in index.json under *references*, or without a name. The archive has its documents and blobs.

        *ref_name*: what other tools call it, if that is not the whole reference.
        """
        for reference in references or (None,):
            self._index = self._index.with_entry(LayoutEntry.named(top.descriptor, reference, ref_name))

    def list_for_docker(self, config: str, layers: Sequence[str], references: Sequence[Reference]) -> None:
        """List the image with the configuration *config*, a digest, in manifest.json. *layers*: the names of their
        files, lowest first."""
        row = self._rows.setdefault((config, tuple(layers)), [])
        # Docker's list has only tags. Full names: Podman takes a short name for a local one.
        row += [str(name) for name in references if name.digest is None and str(name) not in row]

    def leave_out_layout(self) -> None:
        """Omit index.json, because the archive lacks blobs of its manifests."""
        self._layout = False

    def end(self) -> Iterator[bytes]:
        """The lists, and the end of the tar."""
        if self.format is ArchiveFormat.OCI or self._layout:
            yield from self._whole(LAYOUT_FILE, layout_file())
            yield from self._whole(INDEX_FILE, self._index.to_bytes())
        if self.format is ArchiveFormat.DOCKER:
            rows = [
                {
                    "Config": blob_path(config),
                    "RepoTags": names or None,
                    "Layers": list(layers),
                }
                for (config, layers), names in self._rows.items()
            ]
            yield from self._whole(MANIFEST_FILE, json.dumps(rows, separators=(",", ":")).encode())
        yield TAR_END

    def _whole(self, name: str, content: bytes) -> Iterator[bytes]:
        return self.file(name, len(content), (content,))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An image to write to an archive. *top*: what its names point to. *image*: the one platform in docker's list.
    *documents*: the bytes of all manifests and configurations of *top*, by digest."""

    top: Manifest | Index
    image: Manifest
    references: tuple[Reference, ...]
    documents: Mapping[str, bytes] = field(repr=False)


def docker_archive(
    images: Sequence[Outgoing],
    layers: Sequence[Descriptor],
    read: ReadBlob,
    instead: Mapping[str, Descriptor] | None = None,
    *,
    whole: bool = True,
) -> Iterator[bytes]:
    """A docker-archive of *images*. *layers*: the layers of all images, read with *read* in this order.

    *instead*: uncompressed replacements by a layer's digest, for engines that do not support zstd. *whole*: whether
    *layers* are complete; otherwise they are those that the engine lacks. Then, and with *instead*, the archive has
    only docker's own list. Raises the errors of *read*, and DigestMismatch.
    """
    instead = instead or {}
    writer = ArchiveWriter(ArchiveFormat.DOCKER)
    for outgoing in images:
        for raw in outgoing.documents.values():
            yield from writer.document(raw)
    for layer in layers:
        sent = instead.get(layer.digest, layer)
        if writer.has(sent.digest):
            continue
        with read(layer) as data:
            yield from writer.blob(sent, data if sent is layer else unpacked(data, Compression.ZSTD))
    for outgoing in images:
        writer.list_image(outgoing.top, outgoing.references)
        names = [blob_path(instead.get(layer.digest, layer).digest) for layer in outgoing.image.layers]
        writer.list_for_docker(outgoing.image.config.digest, names, outgoing.references)
    if instead or not whole:
        writer.leave_out_layout()
    yield from writer.end()
