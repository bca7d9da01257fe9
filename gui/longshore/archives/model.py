"""What an archive holds, once it was checked. Immutable; crosses threads freely."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from longshore.archives.contents import Member
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
    """The image of one platform. *manifest*: as it stands in the archive, or else made of what does. *config*: None
    for what is no image (a signature, provenance). *layers*: the files that hold them, lowest first; None for one
    that is to be had elsewhere only (a foreign layer)."""

    manifest: Manifest
    config: ImageConfig | None
    config_bytes: bytes = field(repr=False)
    layers: tuple[Member | None, ...]
    platform: Platform | None

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

    def settled(self) -> Archived:
        """What can be handed on as whole: the one image that is here of an index whose others are not."""
        if not self.missing or len(self.runnable) != 1:
            return self
        return replace(self, top=self.runnable[0].manifest, images=self.runnable, missing=(), indexes=())


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
    """All that is in an archive. *documents*: manifests, indexes and configurations by digest. *remarks*: what a person
    should know of it."""

    format: ArchiveFormat
    archived: tuple[Archived, ...]
    documents: Mapping[str, bytes] = field(repr=False)
    remarks: tuple[Remark, ...] = ()
