"""The content of a checked archive. Immutable; crosses threads freely."""

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
    """The image of one platform.

    *manifest*: the archive's own, or one made from its content. *config*: None if it is not an image (a signature,
    provenance). *whole*: all its layers are present, except those that only their vendor may distribute.
    """

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
    """One entry of an archive: an image, or an index with the images of several platforms.

    *made*: the archive has no manifest, and *top* was made for it. *missing*: children of an index that are not in the
    archive: engines save one platform together with the whole index. *indexes*: those below *top*. *ref_names*: its
    names in the image layout unchanged, as other tools look them up; untrusted.
    """

    references: tuple[Reference, ...]
    top: Manifest | Index
    images: tuple[ArchivedImage, ...]
    missing: tuple[Descriptor, ...] = ()
    made: bool = False
    indexes: tuple[Index, ...] = ()
    ref_names: tuple[str, ...] = ()

    @property
    def runnable(self) -> tuple[ArchivedImage, ...]:
        """The images, without their attestations."""
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
        """The entry itself, or only one present image if parts of its index are missing.

        Of several present images: the one that an engine of *platform* would run; if *platform* is None, the whole
        entry.
        """
        images = self.runnable
        if not self.missing or not images or (platform is None and len(images) > 1):
            return self
        return self.reduced((platform and select_image(images, platform)) or images[0])

    def reduced(self, image: ArchivedImage) -> Archived:
        """The entry with only *image*, under the same names."""
        return replace(self, top=image.manifest, images=(image,), missing=(), indexes=())


def select_image(images: Iterable[ArchivedImage], platform: Platform) -> ArchivedImage | None:
    """The image that an engine of *platform* would run, preferring the best match; None if there is none."""
    here = list(images)
    for wanted in platform.runs():
        for image in here:
            if image.platform is not None and wanted.matches(image.platform):
                return image
    return None


class Oddity(enum.Enum):
    """A defect of an archive that can be used nevertheless."""

    LISTS_DIFFER = "lists differ"  # index.json and manifest.json: the second was used
    ABSENT = "absent"  # index.json lists an image whose manifest is missing
    TWICE = "twice"  # a file occurs several times: the last one was used
    IGNORED = "ignored"  # files that belong to no image, such as those macOS adds


@dataclass(frozen=True, slots=True)
class Remark:
    """One oddity. *text*: digests or file names, from outside."""

    oddity: Oddity
    text: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The whole content of an archive.

    *documents*: all JSON files, by digest. *remarks*: oddities to show to the user.
    """

    format: ArchiveFormat
    archived: tuple[Archived, ...]
    documents: Mapping[str, bytes] = field(repr=False)
    remarks: tuple[Remark, ...] = ()

    def documents_of(self, archived: Archived) -> dict[str, bytes]:
        """The documents of *archived* by digest, including its layers that are JSON (provenance, SBOMs)."""
        layers = (layer.digest for image in archived.images for layer in image.manifest.layers)
        return archived.documents | {each: self.documents[each] for each in layers if each in self.documents}
