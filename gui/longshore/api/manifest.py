"""The manifest of an image, as programs see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import DOCKER_CONFIG, OCI_CONFIG, Index
from longshore.oci.manifest import Manifest as ImageManifest
from longshore.oci.platform import Platform


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index. Immutable, any thread. Sizes in bytes.

    *raw*: the original bytes, whose sha256 is *digest*. *platforms*: of all its images; empty for artifacts and for
    images that name none. *layers* and *config*: of a single image; an index has none. *manifests*: what an index
    refers to, attestations included.
    """

    raw: bytes = field(repr=False)
    digest: str
    media_type: str
    platforms: tuple[Platform, ...] = ()
    layers: tuple[Descriptor, ...] = ()
    config: Descriptor | None = None
    manifests: tuple[Descriptor, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)

    @property
    def is_index(self) -> bool:
        """True for an index of several images, False for one image or artifact."""
        return self.config is None


def has_platform(found: ImageManifest) -> bool:
    """Whether the configuration of *found* is that of an image, which names its platform."""
    return found.config.media_type in (OCI_CONFIG, DOCKER_CONFIG)


def public(found: ImageManifest | Index, platform: Platform | None = None) -> Manifest:
    """*found* as programs see it. *platform*: of a single image, from its configuration."""
    if isinstance(found, Index):
        return Manifest(
            found.raw,
            found.digest,
            found.media_type,
            found.platforms,
            manifests=found.manifests,
            annotations=found.annotations,
        )
    return Manifest(
        found.raw,
        found.digest,
        found.media_type,
        () if platform is None else (platform,),
        found.layers,
        found.config,
        annotations=found.annotations,
    )
