"""Puts images into a registry through the distribution API, without an engine.

Uses only the push part of the OCI distribution-spec: POST and PUT of blobs, PUT of manifests, children before
their index.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin, urlsplit

from testbed.errors import TestbedError
from testbed.layers import Layer, image_config, make_layer

Platform = tuple[str, str]
Format = Literal["oci", "docker"]

LINUX_AMD64: Platform = ("linux", "amd64")
MEDIA_TYPES: dict[Format, dict[str, str]] = {
    "oci": {
        "manifest": "application/vnd.oci.image.manifest.v1+json",
        "index": "application/vnd.oci.image.index.v1+json",
        "config": "application/vnd.oci.image.config.v1+json",
        "layer": "application/vnd.oci.image.layer.v1.tar+gzip",
    },
    "docker": {
        "manifest": "application/vnd.docker.distribution.manifest.v2+json",
        "index": "application/vnd.docker.distribution.manifest.list.v2+json",
        "config": "application/vnd.docker.container.image.v1+json",
        "layer": "application/vnd.docker.image.rootfs.diff.tar.gzip",
    },
}
REQUEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SeededImage:
    """One platform's image in a registry. Sizes are compressed bytes."""

    platform: Platform
    digest: str
    size: int
    config_digest: str
    layer_digests: tuple[str, ...]
    layer_sizes: tuple[int, ...]
    diff_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeededRepository:
    """The result of `seed_repository`; ``digest`` is what the tags point to (manifest or index)."""

    repository: str
    tags: tuple[str, ...]
    digest: str
    media_type: str
    images: tuple[SeededImage, ...]

    @property
    def layer_bytes(self) -> int:
        """Compressed bytes of all layers of all platforms."""
        return sum(size for image in self.images for size in image.layer_sizes)


class RegistryWriter:
    """A connection that pushes. One thread at a time.

    Args:
        address: ``host:port``.
        credentials: name and password for Basic.
        token: a Bearer token, instead.
        ca_file: use TLS and trust this authority.
        prefix: path before ``/v2/``.
    """

    def __init__(
        self,
        address: str,
        *,
        credentials: tuple[str, str] | None = None,
        token: str = "",
        ca_file: Path | None = None,
        prefix: str = "",
    ) -> None:
        if ca_file is not None:
            context = ssl.create_default_context(cafile=str(ca_file))
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                address, timeout=REQUEST_SECONDS, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(address, timeout=REQUEST_SECONDS)
        self._base = f"{'https' if ca_file else 'http'}://{address}{prefix.rstrip('/')}"
        self._headers = {}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif credentials:
            self._headers["Authorization"] = "Basic " + b64encode(":".join(credentials).encode()).decode()

    def close(self) -> None:
        self._connection.close()

    def has_blob(self, repository: str, digest: str) -> bool:
        status, _ = self._call("HEAD", f"/v2/{repository}/blobs/{digest}", 200, 404)
        return status == 200

    def put_layer(self, repository: str, layer: Layer) -> None:
        """Upload a layer in one piece, unless the repository has it."""
        self._put_blob(repository, layer.digest, layer.size, layer.blocks())

    def put_blob(self, repository: str, data: bytes) -> str:
        """Upload a blob, unless the repository has it; returns its digest."""
        digest = digest_of(data)
        self._put_blob(repository, digest, len(data), iter([data]))
        return digest

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> str:
        """Store a manifest or index under a tag or its digest; returns its digest."""
        self._call(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            201,
            headers={"Content-Type": media_type, "Content-Length": str(len(data))},
            body=[data],
        )
        return digest_of(data)

    def _put_blob(self, repository: str, digest: str, size: int, blocks: Iterator[bytes]) -> None:
        if self.has_blob(repository, digest):
            return
        _, location = self._call(
            "POST", f"/v2/{repository}/blobs/uploads/", 202, headers={"Content-Length": "0"}
        )
        place = urlsplit(urljoin(f"{self._base}/", location))
        query = f"{place.query}&digest={digest}" if place.query else f"digest={digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._call("PUT", f"{place.path}?{query}", 201, headers=headers, body=blocks, whole_path=True)

    def _call(
        self,
        method: str,
        path: str,
        *expected: int,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] | None = None,
        whole_path: bool = False,
    ) -> tuple[int, str]:
        """Send one request; returns its status and its Location."""
        target = path if whole_path else urlsplit(self._base).path + path
        self._connection.request(method, target, body=body, headers={**self._headers, **(headers or {})})
        response = self._connection.getresponse()
        text = response.read()
        if response.status not in expected:
            raise TestbedError(f"{method} {path}: {response.status} {text[:300].decode('utf-8', 'replace')}")
        return response.status, response.headers.get("Location", "")


def seed_repository(
    registry_address: str,
    repository: str,
    tags: Sequence[str] = ("latest",),
    *,
    layers: Sequence[int] = (10_000, 30_000, 50_000),
    platforms: Sequence[Platform] = (LINUX_AMD64,),
    created: datetime | None = None,
    labels: Mapping[str, str] | None = None,
    image_format: Format = "oci",
    index: bool | None = None,
    seed: object = None,
    credentials: tuple[str, str] | None = None,
    token: str = "",
    ca_file: Path | None = None,
    prefix: str = "",
) -> SeededRepository:
    """Put one image under all ``tags`` of a repository.

    Args:
        layers: bytes of random data per layer, for each platform.
        platforms: more than one makes an index; ``index=True`` also makes one for a single platform.
        created: the date in the configuration; now if left out.
        image_format: ``oci``, or ``docker`` for schema 2 manifests and manifest lists.
        seed: equal seeds make equal layers (images can share them); without it, the repository's
            name and first tag.

    Raises:
        TestbedError: the registry refused a request.
    """
    types = MEDIA_TYPES[image_format]
    root = f"{repository}:{tags[0] if tags else ''}" if seed is None else seed
    many = len(platforms) > 1 if index is None else index
    writer = RegistryWriter(
        registry_address, credentials=credentials, token=token, ca_file=ca_file, prefix=prefix
    )
    with closing(writer):
        images = []
        for platform in platforms:
            manifest, image = _put_image(
                writer, repository, layers, platform, created or datetime.now(UTC), labels or {}, types, root
            )
            images.append(image)
            for reference in [image.digest] if many else list(tags) or [image.digest]:
                writer.put_manifest(repository, reference, manifest, types["manifest"])
        if not many:
            return SeededRepository(
                repository, tuple(tags), images[0].digest, types["manifest"], tuple(images)
            )
        written = document(
            {
                "schemaVersion": 2,
                "mediaType": types["index"],
                "manifests": [
                    descriptor(types["manifest"], image.digest, image.size)
                    | {"platform": {"os": image.platform[0], "architecture": image.platform[1]}}
                    for image in images
                ],
            }
        )
        for reference in list(tags) or [digest_of(written)]:
            writer.put_manifest(repository, reference, written, types["index"])
    return SeededRepository(repository, tuple(tags), digest_of(written), types["index"], tuple(images))


@dataclass(frozen=True, slots=True)
class _LayerFacts:
    size: int
    digest: str
    diff_id: str


# By bytes of content and seed: a layer that the repository already has need not be made again to name it.
_known_layers: dict[tuple[int, str], _LayerFacts] = {}


def _put_layer(writer: RegistryWriter, repository: str, size: int, seed: str) -> _LayerFacts:
    known = _known_layers.get((size, seed))
    if known is not None and writer.has_blob(repository, known.digest):
        return known
    layer = make_layer(size, seed)
    try:
        writer.put_layer(repository, layer)
    finally:
        layer.close()
    facts = _known_layers[size, seed] = _LayerFacts(layer.size, layer.digest, layer.diff_id)
    return facts


def _put_image(
    writer: RegistryWriter,
    repository: str,
    sizes: Sequence[int],
    platform: Platform,
    created: datetime,
    labels: Mapping[str, str],
    types: Mapping[str, str],
    seed: object,
) -> tuple[bytes, SeededImage]:
    """Upload the blobs of one platform's image; the caller uploads its manifest."""
    name = f"{seed}/{'/'.join(platform)}"
    layers = [_put_layer(writer, repository, size, f"{name}/{at}") for at, size in enumerate(sizes)]
    config = document(image_config([layer.diff_id for layer in layers], platform, created, labels))
    config_digest = writer.put_blob(repository, config)
    manifest = document(
        {
            "schemaVersion": 2,
            "mediaType": types["manifest"],
            "config": descriptor(types["config"], config_digest, len(config)),
            "layers": [descriptor(types["layer"], layer.digest, layer.size) for layer in layers],
        }
    )
    return manifest, SeededImage(
        platform,
        digest_of(manifest),
        len(manifest),
        config_digest,
        tuple(layer.digest for layer in layers),
        tuple(layer.size for layer in layers),
        tuple(layer.diff_id for layer in layers),
    )


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor(media_type: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def document(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
