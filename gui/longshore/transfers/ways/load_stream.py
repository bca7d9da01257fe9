"""An image of the library as the stream that an engine loads: what ``docker save`` of newer engines writes.

One tar that every engine can read: it is an OCI image layout, which engines with containerd's store take as it is,
digest and all; and its ``manifest.json`` names the same blobs for the classic store and Podman. Those read layers
compressed with gzip too (measured: 20.10). zstd they learned late, so for them such a layer is decompressed on its way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.archives.compression import Compression, unpacked
from longshore.archives.scan import MANIFEST_FILE
from longshore.archives.tarstream import TAR_END, tar_header, tar_padding
from longshore.oci.descriptor import Descriptor
from longshore.oci.layout import (
    INDEX_FILE,
    LAYOUT_FILE,
    LayoutEntry,
    LayoutIndex,
    blob_path,
    layout_file,
)

if TYPE_CHECKING:
    from longshore.cancellation import Cancellation
    from longshore.library.library import Library
    from longshore.oci.manifest import Manifest
    from longshore.oci.reference import Reference

#: Hears of a layer how many of its bytes have gone out.
Told = Callable[[Descriptor, int], None]


@dataclass(frozen=True, slots=True)
class LoadStream:
    """What to send. *skipped*: digests of layers that the engine has and does not read again.

    *plainly*: decompress zstd; then the digests are not those of the manifest, and the layout is left out.
    """

    library: Library
    manifest: Manifest
    name: Reference | None
    plainly: bool = False
    skipped: frozenset[str] = frozenset()

    def chunks(self, told: Told, cancellation: Cancellation) -> Iterator[bytes]:
        """The tar. Raises NotInLibrary, LibraryDamaged, Cancelled."""
        layers = list({layer.digest: layer for layer in self.manifest.layers}.values())
        unpacks = {layer.digest for layer in layers if self.plainly and layer.media_type.endswith("zstd")}
        if not unpacks and not self.skipped:
            entry = LayoutEntry.named(self.manifest.descriptor, self.name)
            yield from _file(LAYOUT_FILE, layout_file())
            yield from _file(INDEX_FILE, LayoutIndex((entry,)).to_bytes())
            yield from _file(blob_path(self.manifest.digest), self.manifest.raw)
        yield from _file(MANIFEST_FILE, self._docker())
        for blob in (self.manifest.config, *layers):
            if blob.digest in self.skipped:
                continue
            size = blob.size
            if blob.digest in unpacks:
                # A tar tells the length first: it is decompressed twice.
                size = sum(len(piece) for piece in self._unpacked(blob, cancellation))
            yield tar_header(blob_path(blob.digest), size)
            pieces = (
                self._unpacked(blob, cancellation)
                if blob.digest in unpacks
                else self._read(blob, cancellation)
            )
            yield from self._counted(blob, size, pieces, told)
            yield tar_padding(size)
        yield TAR_END

    def _docker(self) -> bytes:
        image = {
            "Config": blob_path(self.manifest.config.digest),
            "RepoTags": None if self.name is None else [str(self.name)],
            "Layers": [blob_path(layer.digest) for layer in self.manifest.layers],
        }
        return json.dumps([image]).encode()

    def _read(self, blob: Descriptor, cancellation: Cancellation) -> Iterator[bytes]:
        with self.library.read(blob, cancellation=cancellation) as pieces:
            yield from pieces

    def _unpacked(self, blob: Descriptor, cancellation: Cancellation) -> Iterator[bytes]:
        return unpacked(self._read(blob, cancellation), Compression.ZSTD, subject=blob.digest)

    @staticmethod
    def _counted(blob: Descriptor, size: int, pieces: Iterable[bytes], told: Told) -> Iterator[bytes]:
        sent = 0
        for piece in pieces:
            yield piece
            sent += len(piece)
            told(blob, sent * blob.size // size if size else 0)


def _file(name: str, content: bytes) -> Iterator[bytes]:
    yield tar_header(name, len(content))
    yield content + tar_padding(len(content))
