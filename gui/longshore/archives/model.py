"""What an archive holds, once it was checked. Immutable; crosses threads freely."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from longshore.oci.descriptor import Descriptor
from longshore.oci.image_config import ImageConfig
from longshore.oci.manifest import Index, Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference


class ArchiveFormat(enum.Enum):
    """The two kinds of archives; the values are those of ArchivePlace."""

    DOCKER = "docker"
    OCI = "oci"


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """The image of one platform. *manifest*: as it is in the archive, or made from what is there. *config*: None for
    what is not an image (a signature, provenance). *whole*: all of its layers are there; those that only their vendor
    may distribute need not be."""

    manifest: Manifest
    config: ImageConfig | None
    config_bytes: bytes = field(repr=False)
    platform: Platform | None
    whole: bool = True

    @property
    def is_image(self) -> bool:
        """Whether an engine could run it."""
        return self.config is not None and (self.platform is None or self.platform.known)


@dataclass(frozen=True, slots=True)
class Archived:
    """What an archive lists as one: an image, or an index with the images of several platforms.

    *made*: the archive has no manifest, and *top* was made for it. *missing*: children of an index that are not here:
    engines save one platform, and the whole index with it. *indexes*: those below *top*.
    """

    references: tuple[Reference, ...]
    top: Manifest | Index
    images: tuple[ArchivedImage, ...]
    missing: tuple[Descriptor, ...] = ()
    made: bool = False
    indexes: tuple[Index, ...] = ()

    @property
    def runnable(self) -> tuple[ArchivedImage, ...]:
        """The images without what belongs to them."""
        return tuple(image for image in self.images if image.is_image)

    @property
    def documents(self) -> dict[str, bytes]:
        """The manifests, indexes and configurations by digest."""
        found = {self.top.digest: self.top.raw} | {index.digest: index.raw for index in self.indexes}
        for image in self.images:
            found |= {
                image.manifest.digest: image.manifest.raw,
                image.manifest.config.digest: image.config_bytes,
            }
        return found

    @property
    def ids(self) -> frozenset[str]:
        """The ids that engines give to it: the digest of its index, manifest or configuration."""
        images = (image.manifest for image in self.images)
        return frozenset(
            (self.top.digest, *(digest for each in images for digest in (each.digest, each.config.digest)))
        )

    def settled(self, platform: Platform | None = None) -> Archived:
        """What can be handed on as whole: if parts of an index are missing, the only image that is there. Where there
        are several: the one that an engine of *platform* would run, or all of them if that is None."""
        images = self.runnable
        if not self.missing or not images or (platform is None and len(images) > 1):
            return self
        return self.reduced((platform and select_image(images, platform)) or images[0])

    def reduced(self, image: ArchivedImage) -> Archived:
        """Only *image* of it, under the same names."""
        return replace(self, top=image.manifest, images=(image,), missing=(), indexes=())


def select_image(images: Iterable[ArchivedImage], platform: Platform) -> ArchivedImage | None:
    """The one that an engine of *platform* would run, the best first; None if there is none."""
    here = list(images)
    for wanted in platform.runs():
        for image in here:
            if image.platform is not None and wanted.matches(image.platform):
                return image
    return None


class Oddity(enum.Enum):
    """What is wrong with an archive that can be used all the same."""

    LISTS_DIFFER = "lists differ"  # index.json and manifest.json: the second was used
    ABSENT = "absent"  # index.json lists an image whose manifest is not here
    TWICE = "twice"  # a file is in it several times: the last one was used
    IGNORED = "ignored"  # files that belong to no image, as macOS adds them


@dataclass(frozen=True, slots=True)
class Remark:
    """One oddity. *text*: digests or names of files, from outside."""

    oddity: Oddity
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """All that is in an archive. *documents*: what is JSON by digest. *remarks*: what a person should know of it."""

    format: ArchiveFormat
    archived: tuple[Archived, ...]
    documents: Mapping[str, bytes] = field(repr=False)
    remarks: tuple[Remark, ...] = ()

    def documents_of(self, archived: Archived) -> dict[str, bytes]:
        """Those of *archived* by digest, and its layers that are JSON as well (provenance, SBOMs)."""
        layers = (layer.digest for image in archived.images for layer in image.manifest.layers)
        return archived.documents | {each: self.documents[each] for each in layers if each in self.documents}
