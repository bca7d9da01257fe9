"""Layers as registries have them: compressed with gzip, of an archive that has them plainly and no manifest.

What ``docker save`` of a classic engine writes is such an archive. As it is it would go onto a registry three times as
large as ``docker push`` sends it, and come down so to everybody. A manifest tells each layer's digest before its bytes
come: they are compressed twice, once to learn it and once to send it, for no more of the disk is to be had than there
is. The same bytes come out both times.
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

#: Layers that are compressed side by side.
_SIDE_BY_SIDE = max(1, min(4, os.cpu_count() or 1))


class PackedLayers:
    """Of one archive. Thread-safe once :meth:`manifest` was called, which is before anybody knows what to ask for."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._members: dict[str, Member] = {}

    def manifest(self, archived: Archived, cancellation: Cancellation) -> Manifest | None:
        """The manifest that *archived* gets; None where it has one, or no layer that is not compressed."""
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
