"""What the library tells of its images. Immutable; crosses threads freely; no I/O. Sizes in bytes, compressed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from longshore.oci.descriptor import Descriptor
from longshore.oci.image_config import ImageConfig
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class LibraryImage:
    """One row: one name, or an image without any.

    *name*: what stands in the layout in place of a reference, made safe to show (a tag alone, as some tools write it;
    "" for an image without a name). *digest*: of the manifest or index. *created*: of this machine's platform, or the
    first. *size*: what is here, each content once. *missing*: contents that the image names and the library has not.
    *subject*: for a signature or SBOM, the digest of the image it belongs to.
    """

    reference: Reference | None
    name: str
    digest: str
    media_type: str
    created: datetime | None
    size: int
    platforms: tuple[Platform, ...] = ()
    missing: int = 0
    subject: str = ""
    artifact_type: str = ""


@dataclass(frozen=True, slots=True)
class LibraryPlatform:
    """One image of an index, or the only one. *whole*: all of it is here."""

    platform: Platform | None
    digest: str
    size: int
    whole: bool


@dataclass(frozen=True, slots=True)
class LibraryDetails:
    """All that is known of one image. *config* and *layers*: of this machine's platform, or the first that is here;
    None and empty for what is no image. *references*: all its names. *referrers*: what is attached to it."""

    image: LibraryImage
    references: tuple[Reference, ...]
    platforms: tuple[LibraryPlatform, ...]
    config: ImageConfig | None
    layers: tuple[Descriptor, ...]
    referrers: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True)
class Freed:
    """What a removal has given back: bytes on disk, and blobs."""

    bytes: int = 0
    blobs: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What lies in the folder. *partial*: bytes of downloads that were cut and can be taken up again."""

    bytes: int
    blobs: int
    partial: int
