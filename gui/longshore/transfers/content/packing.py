"""Compresses layers with gzip, as registries have them, for an archive with plain layers and no manifest.

``docker save`` of a classic engine writes such archives. Unchanged, a pushed image would be three times as large as one
sent by ``docker push``, and so would every later pull. A manifest needs each layer's digest before its bytes are sent,
so each layer is compressed twice, once for the digest and once for sending: keeping the result would take extra disk
space. Both runs give the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

from longshore.archives.archive import Archive
from longshore.archives.compression import Compression, Packer
from longshore.archives.images import made_manifest
from longshore.archives.model import Archived
from longshore.archives.scan import Member
from longshore.cancellation import Cancellation
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import OCI_LAYER_GZIP, Manifest
from longshore.side_by_side import ask_all

#: Layers compressed in parallel.
_SIDE_BY_SIDE = max(1, min(4, os.cpu_count() or 1))


class PackedLayers:
    """The compressed layers of one archive.

    Thread-safe after :meth:`manifest`; before it nobody knows the digests to ask for.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._members: dict[str, Member] = {}

    def manifest(self, archived: Archived, cancellation: Cancellation) -> Manifest | None:
        """The manifest made for *archived*; None if it has its own, or has no uncompressed layer."""
        image = archived.images[0]
        layers = [self._archive.member(layer.digest) for layer in image.manifest.layers]
        plain = {layer.digest: layer for layer in layers if layer and layer.compression is Compression.NONE}
        config = self._archive.member(image.manifest.config.digest)
        if not archived.made or not plain or config is None:
            return None
        packed = ask_all(
            self._measured,
            list(plain.values()),
            cancellation,
            _SIDE_BY_SIDE,
        )
        found = dict(zip(plain, packed, strict=True))
        self._members |= {one.digest: plain[digest] for digest, one in found.items()}
        return made_manifest(config, [found.get(layer.digest, layer) for layer in image.manifest.layers])

    def blob(
        self, digest: str, offset: int, cancellation: Cancellation
    ) -> AbstractContextManager[Iterable[bytes]] | None:
        """The bytes of a compressed layer; None for any other blob."""
        member = self._members.get(digest)
        return None if member is None else self._read(member, offset, cancellation)

    @contextlib.contextmanager
    def _read(self, member: Member, offset: int, cancellation: Cancellation) -> Iterator[Iterable[bytes]]:
        with self._archive.read(member, cancellation=cancellation) as pieces:
            yield _from(_packed(pieces), offset)

    def _measured(self, member: Member, cancellation: Cancellation) -> Descriptor:
        digest, size = hashlib.sha256(), 0
        with self._archive.read(member, cancellation=cancellation) as pieces:
            for chunk in _packed(pieces):
                digest.update(chunk)
                size += len(chunk)
        return Descriptor(OCI_LAYER_GZIP, f"sha256:{digest.hexdigest()}", size)


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = Packer(Compression.GZIP)
    for piece in pieces:
        if out := packer.feed(piece):
            yield out
    yield packer.end()


def _from(chunks: Iterator[bytes], offset: int) -> Iterator[bytes]:
    """*chunks* without their first *offset* bytes."""
    for chunk in chunks:
        if offset >= len(chunk):
            offset -= len(chunk)
            continue
        yield chunk[offset:]
        offset = 0
