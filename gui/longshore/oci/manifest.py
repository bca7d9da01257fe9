"""Manifests and indexes, parsed from untrusted bytes (OCI image-spec manifest.md, image-index.md).

The original bytes are kept: a digest covers bytes, so copies are never serialised again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from longshore.errors import InvalidManifest
from longshore.oci.descriptor import Descriptor, strings
from longshore.oci.digest import sha256_of
from longshore.oci.foreign_json import MANIFEST, parse_json
from longshore.oci.image_config import ImageConfig
from longshore.oci.platform import Platform
from longshore.text import plain

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = OCI_LAYER + "+gzip"
OCI_LAYER_ZSTD = OCI_LAYER + "+zstd"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

#: Send all four with every manifest request: with fewer, registries convert the manifest and its digest changes.
ACCEPT = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)

#: Most bytes of a manifest; registries themselves accept this much (distribution-spec: at least 4 MiB).
LARGEST_MANIFEST = 4 * 1024 * 1024

_INDEXES = (OCI_INDEX, DOCKER_LIST)
#: Media types of the manifest of a single image.
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+"
# Media types that do not name the kind: the document itself has to.
_GENERIC = ("", "application/json", "application/octet-stream", "binary/octet-stream", "text/plain")

__all__ = [
    "ACCEPT",
    "DOCKER_CONFIG",
    "DOCKER_FOREIGN_LAYER",
    "DOCKER_LAYER_GZIP",
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "LARGEST_MANIFEST",
    "MANIFESTS",
    "OCI_CONFIG",
    "OCI_EMPTY",
    "OCI_INDEX",
    "OCI_LAYER",
    "OCI_LAYER_GZIP",
    "OCI_LAYER_ZSTD",
    "OCI_MANIFEST",
    "ImageConfig",
    "Index",
    "Manifest",
    "parse_manifest",
    "type_of_artifact",
]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of one image or artifact. Immutable, any thread.

    *raw*: the original bytes; *digest*: their sha256.
    """

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    raw: bytes = field(repr=False)
    digest: str
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    subject: Descriptor | None = None
    artifact_type: str = ""

    @property
    def compressed_size(self) -> int:
        """Bytes of the configuration and the layers, each content counted once: the size of a first pull."""
        return sum({part.digest: part.size for part in (self.config, *self.layers)}.values())

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.raw), artifact_type=self.artifact_type)


@dataclass(frozen=True, slots=True)
class Index:
    """An index (manifest list): the same image for several platforms. Immutable, any thread."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    raw: bytes = field(repr=False)
    digest: str
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    subject: Descriptor | None = None
    artifact_type: str = ""

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The children that are images, in the index's order, without attestations."""
        return tuple(child for child in self.manifests if not child.is_attestation)

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms of the images, in the index's order, each once."""
        return tuple(dict.fromkeys(child.platform for child in self.images if child.platform is not None))

    def select(self, platform: Platform) -> Descriptor | None:
        """The child that an engine of *platform* would run, None if there is none.

        The first exact match, else the best older variant that also runs there. The only image of an index is
        returned as well if it names no platform, because nothing excludes it.
        """
        for wanted in platform.runs():
            for child in self.images:
                if child.platform is not None and wanted.matches(child.platform):
                    return child
        if len(self.images) == 1 and self.images[0].platform is None:
            return self.images[0]
        return None

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of this index."""
        return Descriptor(self.media_type, self.digest, len(self.raw), artifact_type=self.artifact_type)


def type_of_artifact(found: Manifest | Index) -> str:
    """The type of what is no image, "" for an image: ``artifactType``, else that of its configuration (image-spec,
    manifest.md)."""
    if (
        found.artifact_type
        or isinstance(found, Index)
        or found.config.media_type in (OCI_CONFIG, DOCKER_CONFIG)
    ):
        return found.artifact_type
    # Many tools leave an image's configuration under a generic type.
    known = ("application/json", "application/octet-stream", "text/plain", "")
    return "" if found.config.media_type in known else found.config.media_type


def parse_manifest(raw: bytes, media_type: str | None) -> Manifest | Index:
    """Parse *raw*, at most 4 MiB. *media_type*: the registry's Content-Type, None or generic if it sent none.

    Raises InvalidManifest for everything that is not an OCI or Docker schema 2 manifest or index. This includes
    documents that are valid as both, or whose own type differs from the announced one (CVE-2021-41190): their
    digest would mean two different images. Any thread.
    """
    if len(raw) > LARGEST_MANIFEST:
        raise InvalidManifest(
            "The manifest is too large.", detail=f"{len(raw)} bytes; the limit is {LARGEST_MANIFEST}"
        )
    document = _document(raw)
    announced = (media_type or "").partition(";")[0].strip().lower()
    kind = _kind(document, announced)
    digest = sha256_of(raw)
    annotations = strings(document.get("annotations"))
    subject = _optional(document.get("subject"), "subject")
    artifact_type = document.get("artifactType")
    artifact_type = artifact_type if isinstance(artifact_type, str) else ""
    if kind in _INDEXES:
        if document.get("layers") or document.get("config"):
            raise _broken("an index that contains layers or a configuration")
        children = _descriptors(document.get("manifests"), "manifests")
        return Index(kind, children, raw, digest, annotations, subject, artifact_type)
    if document.get("manifests"):
        raise _broken("a manifest that contains manifests")
    config = Descriptor.from_json(document.get("config"), what="config")
    layers = _descriptors(document.get("layers"), "layers")
    return Manifest(kind, config, layers, raw, digest, annotations, subject, artifact_type)


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = parse_json(raw, MANIFEST)
    except ValueError as error:
        shown = plain(raw[:200].decode("utf-8", "replace"), 120)
        raise InvalidManifest("The response is not a manifest.", detail=f"{error}\n{shown}") from error
    if not isinstance(document, dict):
        raise InvalidManifest("The response is not a manifest.", detail="not a JSON object")
    return document


def _kind(document: dict[str, Any], announced: str) -> str:
    """The media type of the document: one of the four supported types."""
    version = document.get("schemaVersion")
    if version == 1 or announced.startswith(_SCHEMA1):
        raise InvalidManifest(
            "The image uses manifest schema 1, which engines no longer support.",
            advice="Pull it once with an old engine and push it again, or ask its publisher for a newer build.",
        )
    if version != 2 or isinstance(version, bool):
        raise _broken(f"its schemaVersion is {plain(repr(version), 40)}")
    own = document.get("mediaType")
    if own is not None and not isinstance(own, str):
        raise _broken("its mediaType is not text")
    own = own or ""
    if announced in _GENERIC:
        announced = own
    if own and own != announced:
        raise _broken(f"announced as {plain(announced, 100)}, but its mediaType is {plain(own, 100)}")
    if announced in (*_INDEXES, *MANIFESTS):
        return announced
    if announced:
        raise InvalidManifest(
            "The manifest's type is not supported.",
            advice="Longshore supports OCI and Docker (schema 2) images and artifacts.",
            detail=f"media type {announced}",
        )
    # OCI allows documents without mediaType; their fields decide then.
    return OCI_INDEX if "manifests" in document and "config" not in document else OCI_MANIFEST


def _descriptors(value: object, what: str) -> tuple[Descriptor, ...]:
    # Go writes an empty list as null.
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _broken(f"{what} is not a list")
    return tuple(Descriptor.from_json(item, what=f"{what}[{index}]") for index, item in enumerate(value))


def _optional(value: object, what: str) -> Descriptor | None:
    return None if value is None else Descriptor.from_json(value, what=what)


def _broken(why: str) -> InvalidManifest:
    return InvalidManifest("The manifest is broken.", detail=why)
