"""Uncompressed layers of an archive, as they are sent to a registry."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from archivetools import SUFFIXES, Image, digest_of, docker_parts, layer, oci_parts, write
from longshore.archives.archive import open_archive
from longshore.cancellation import Cancellation, Cancelled
from longshore.oci.manifest import OCI_LAYER_GZIP
from longshore.transfers.content.packing import PackedLayers


@pytest.mark.parametrize("packed", SUFFIXES)
def test_what_is_sent_is_what_was_promised_from_any_offset(tmp_path: Path, packed: str) -> None:
    image = Image(layers=(os.urandom(700_000), layer("two", 300_000), layer("two", 300_000)))
    archive = open_archive(write(tmp_path, docker_parts(image), packed), cancellation=Cancellation())
    layers = PackedLayers(archive)
    made = layers.manifest(archive.listing.archived[0], Cancellation())
    assert made is not None
    assert made.config.digest == digest_of(image.config)
    assert len(made.layers) == 3
    for wanted, plain in zip(made.layers, image.layers, strict=True):
        assert wanted.media_type == OCI_LAYER_GZIP
        whole = b""
        for offset in (0, 1, wanted.size - 1, wanted.size):
            blob = layers.blob(wanted.digest, offset, Cancellation())
            assert blob is not None
            with blob as pieces:
                sent = b"".join(pieces)
            whole = whole or sent
            assert sent == whole[offset:]
        assert (digest_of(whole), len(whole)) == (wanted.digest, wanted.size)
        assert gzip.decompress(whole) == plain
    assert layers.blob(digest_of(image.config), 0, Cancellation()) is None


def test_what_has_a_manifest_or_is_compressed_is_left_as_it_is(tmp_path: Path) -> None:
    for name, parts in (("a", oci_parts(Image())), ("b", docker_parts(Image(packed="gzip")))):
        archive = open_archive(write(tmp_path, parts, name=name), cancellation=Cancellation())
        assert PackedLayers(archive).manifest(archive.listing.archived[0], Cancellation()) is None


def test_compressing_can_be_cancelled(tmp_path: Path) -> None:
    archive = open_archive(write(tmp_path, docker_parts(Image())), cancellation=Cancellation())
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled):
        PackedLayers(archive).manifest(archive.listing.archived[0], cancellation)
