"""Thousands of repositories and tags, written straight into a registry's folder.

The layout is that of distribution's filesystem driver (``registry/storage/paths.go``). The registry may be
running meanwhile: it reads the folder again for every request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from testbed.layers import image_config, make_layer
from testbed.registry import PrivateRegistry
from testbed.remote_images import LINUX_AMD64, MEDIA_TYPES, descriptor, digest_of, document

FIRST_DATE = datetime(2024, 1, 1, tzinfo=UTC)


def seed_many_repositories(
    registry: PrivateRegistry | Path,
    count: int,
    *,
    name: Callable[[int], str] = lambda number: f"team{number % 100:02}/service-{number:05}",
    tag: str = "latest",
) -> list[str]:
    """Write ``count`` repositories that all contain the same small image under one tag; returns their names.

    For thousands, use a registry that is ``in_memory``: 0.3 ms each instead of up to 4.
    ``registry`` is a `PrivateRegistry` or the root of its storage.
    """
    store = Store(registry)
    layer_digest, manifest, config = store.small_image(FIRST_DATE, 0)
    names = [name(number) for number in range(count)]
    for repository in names:
        store.link(repository, [tag], manifest, [layer_digest, config])
    return names


def seed_many_tags(
    registry: PrivateRegistry | Path,
    repository: str,
    count: int,
    *,
    tag: Callable[[int], str] = lambda number: f"v{number // 100}.{number // 10 % 10}.{number % 10}",
    distinct: bool = True,
) -> dict[str, str]:
    """Write ``count`` tags into one repository; returns the digest of each.

    With ``distinct`` each tag has its own manifest and configuration (an hour later than the one before), all
    with the same layer; without, they all share one manifest.
    """
    store = Store(registry)
    digests: dict[str, str] = {}
    for number in range(count):
        if distinct or number == 0:
            layer_digest, manifest, config = store.small_image(FIRST_DATE + timedelta(hours=number), number)
        name = tag(number)
        store.link(repository, [name], manifest, [layer_digest, config])
        digests[name] = manifest
    return digests


class Store:
    """The folder of a registry that stores its data in files."""

    def __init__(self, registry: PrivateRegistry | Path) -> None:
        storage = registry.storage if isinstance(registry, PrivateRegistry) else registry
        self._root = storage / "docker" / "registry" / "v2"
        self._shared_layer = make_layer(1000, "many")
        self.put_blob(b"".join(self._shared_layer.blocks()))
        self._shared_layer.close()

    def put_blob(self, data: bytes) -> str:
        """Store a blob; returns its digest."""
        hexadecimal = hashlib.sha256(data).hexdigest()
        folder = self._root / "blobs" / "sha256" / hexadecimal[:2] / hexadecimal
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "data").write_bytes(data)
        return f"sha256:{hexadecimal}"

    def small_image(self, created: datetime, number: int) -> tuple[str, str, str]:
        """Store an image of one small layer; returns the digests of the layer, the manifest and the configuration."""
        types = MEDIA_TYPES["oci"]
        layer = self._shared_layer
        config = document(image_config([layer.diff_id], LINUX_AMD64, created, {"number": str(number)}))
        manifest = document(
            {
                "schemaVersion": 2,
                "mediaType": types["manifest"],
                "config": descriptor(types["config"], digest_of(config), len(config)),
                "layers": [descriptor(types["layer"], layer.digest, layer.size)],
            }
        )
        return layer.digest, self.put_blob(manifest), self.put_blob(config)

    def link(self, repository: str, tags: list[str], manifest: str, blobs: list[str]) -> None:
        """Add stored blobs to a repository, and a stored manifest under ``tags``."""
        folder = self._root / "repositories" / repository
        manifest_hex = manifest.removeprefix("sha256:")
        self._write_link(folder / "_manifests" / "revisions" / "sha256" / manifest_hex, manifest)
        for blob in blobs:
            self._write_link(folder / "_layers" / "sha256" / blob.removeprefix("sha256:"), blob)
        for tag in tags:
            # Without the tag's index (its history), which is never read but makes a third of the files.
            self._write_link(folder / "_manifests" / "tags" / tag / "current", manifest)

    @staticmethod
    def _write_link(folder: Path, digest: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "link").write_text(digest, "ascii")
