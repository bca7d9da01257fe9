"""The small manifests of ours that a tag is moved to before it is deleted, and those that a killed run left.

See ``tag_deletion``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from longshore.cancellation import Cancellation
from longshore.errors import InvalidContent, NotInRegistry
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Index,
    Manifest,
)
from longshore.side_by_side import ask_all

if TYPE_CHECKING:
    from longshore.registry.client import RegistryClient

_MARK = "longshore-deleted-tag"
_EMPTY = b"{}"
#: Most manifests of the right size that are read to find leftovers, and requests at a time.
_MOST_READ = 200
_AT_ONCE = 12


class Substitute(NamedTuple):
    """A manifest, its media type, and the blobs that it needs."""

    raw: bytes
    media_type: str
    blobs: tuple[bytes, ...]


def substitute(tag: str, *, docker: bool) -> Substitute:
    """A manifest for *tag* that nothing else points to. Its size depends only on the arguments."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {_MARK: tag, "nonce": os.urandom(16).hex()}},
            "rootfs": {"type": "layers", "diff_ids": [sha256_of(_EMPTY)]},
        }
    ).encode()
    layer = DOCKER_LAYER_GZIP if docker else OCI_LAYER
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": Descriptor(
                DOCKER_CONFIG if docker else OCI_CONFIG, sha256_of(config), len(config)
            ).to_json(),
            "layers": [Descriptor(layer, sha256_of(_EMPTY), len(_EMPTY)).to_json()],
            "annotations": {_MARK: tag},
        }
    ).encode()
    return Substitute(raw, media_type, (config, _EMPTY))


def is_substitute(image: Manifest | Index, tag: str) -> bool:
    """Whether *image* is a small manifest of ours, which a killed run left under *tag*."""
    return (
        isinstance(image, Manifest)
        and image.annotations.get(_MARK) == tag
        and [layer.digest for layer in image.layers] == [sha256_of(_EMPTY)]
    )


def leftovers(
    client: RegistryClient, repository: str, heads: Mapping[str, Descriptor], cancellation: Cancellation
) -> frozenset[str]:
    """The tags in *heads* that a killed run left on a substitute.

    Only manifests of exactly the right size are read: usually none. Blocks. Raises RegistryError, Cancelled.
    """

    def left(tag: str, part: Cancellation) -> bool:
        try:
            return is_substitute(client.manifest(repository, heads[tag].digest, cancellation=part), tag)
        except (NotInRegistry, InvalidContent):
            return False

    likely = [
        tag
        for tag, head in heads.items()
        if head.media_type in (OCI_MANIFEST, DOCKER_MANIFEST)
        and head.size == len(substitute(tag, docker=head.media_type == DOCKER_MANIFEST).raw)
    ][:_MOST_READ]
    found = ask_all(left, likely, cancellation, _AT_ONCE)
    return frozenset(tag for tag, yes in zip(likely, found, strict=True) if yes)
