"""The library's images, as values. Immutable; crosses threads freely; no I/O. Sizes in bytes, compressed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from longshore.oci.descriptor import Descriptor
from longshore.oci.image_config import ImageConfig
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class LibraryImage:
    """One row: one name, or an untagged image.

    *name*: the layout's text in place of a reference, made safe to show (only a tag, as some tools write it; "" for an
    untagged image). *digest*: of the manifest or index. *created*: of this machine's platform, or the first. *size*: of
    the present contents, each counted once. *missing*: contents that the image refers to and the library does not have.
    *subject*: for a signature or SBOM, the digest of its image.
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
    """One image of an index, or the only one. *whole*: all of it is present."""

    platform: Platform | None
    digest: str
    size: int
    whole: bool


@dataclass(frozen=True, slots=True)
class LibraryDetails:
    """The details of one image. *references*: all its names. *referrers*: its attachments.

    *config* and *layers*: of this machine's platform, or the first that is present; None and empty if it is not an
    image.
    """

    image: LibraryImage
    references: tuple[Reference, ...]
    platforms: tuple[LibraryPlatform, ...]
    config: ImageConfig | None
    layers: tuple[Descriptor, ...]
    referrers: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True)
class Freed:
    """The result of a removal: bytes freed on disk, and blobs."""

    bytes: int = 0
    blobs: int = 0
