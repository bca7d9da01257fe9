"""Values that a registry returns. Immutable, any thread, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from longshore.oci.platform import Platform

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing. *next*: the key of the next page, None on the last. *total*: of all pages, if known."""

    items: list[T]
    next: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class RegistryInfo:
    """How a registry is reached. *auth*: ``none``, ``basic`` or ``bearer``. *url*: its base. *realm*: token service."""

    auth: str
    url: str
    realm: str = ""


@dataclass(frozen=True, slots=True)
class TagDetails:
    """One tag.

    *size*: compressed bytes of the layers of one platform (the host's, or else the first), None if unknown.
    *created*: of that platform's image. *images*: the digests of all images of an index, to recognise an image that
    was pulled alone; empty for a single image and if they are unknown. *config*: the digest of that platform's
    configuration, "" if it is unknown: engines that unpack images know them by it, whoever compressed the layers.
    """

    tag: str
    digest: str
    size: int | None
    platforms: tuple[Platform, ...]
    created: datetime | None
    media_type: str
    images: tuple[str, ...] = ()
    config: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """What one manifest names in its registry.

    *blobs*: digest and compressed bytes of configuration and layers; none for an index. *children*: the digests of an
    index's manifests, attestations included.
    """

    blobs: tuple[tuple[str, int], ...] = ()
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformDetails:
    """One image of an index. *size*: compressed bytes of configuration and layers."""

    platform: Platform | None
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload session.

    *offset*: bytes that the registry has confirmed, where the upload resumes. *sent*: bytes that it accepted, whatever
    it reports later. *chunk_min*: its OCI-Chunk-Min-Length. *elsewhere*: True if the registry named another host for
    the session than the one that was asked.
    """

    repository: str
    location: str
    offset: int = 0
    chunk_min: int = 0
    sent: int = 0
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """One repository in a vendor's listing. *name*: the path as references spell it. None: not reported."""

    name: str
    description: str = ""
    stars: int | None = None
    official: bool = False
    private: bool = False
    tag_count: int | None = None
    updated: datetime | None = None
