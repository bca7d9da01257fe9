"""An engine's data about itself and its images, as values. Immutable; crosses threads freely; no SDK."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longshore.oci.image_config import HistoryEntry, RunConfig
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference


class ImageStore(enum.Enum):
    """The engine's image store, which determines the meaning of an image's id and size.

    CLASSIC: the id is the configuration's digest, sizes are unpacked. CONTAINERD: the id is the manifest's or index's
    digest, sizes are compressed plus unpacked. PODMAN: as CLASSIC, with another stream of events.
    """

    CLASSIC = "classic"
    CONTAINERD = "containerd"
    PODMAN = "podman"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The engine behind an address.

    *name*: of its machine. *platform*: what it pulls by default. *mirrors*: URLs that it tries before Docker Hub.
    *swarm_manager*: it can list the nodes of a swarm.
    """

    name: str
    version: str
    os: str
    architecture: str
    platform: Platform
    store: ImageStore
    mirrors: tuple[str, ...] = ()
    swarm_manager: bool = False


@dataclass(frozen=True, slots=True)
class SwarmNode:
    """One engine of a swarm.

    *name*: of its machine. *manager*: otherwise a worker. *own*: the engine that was asked.
    """

    name: str
    manager: bool
    ready: bool
    own: bool = False


@dataclass(frozen=True, slots=True)
class ImagePlatform:
    """One platform of a multi-platform image. *here*: the engine has it; *size*: compressed bytes, 0 if it does not.

    *digest*: of its manifest, "" if the engine does not report it.
    """

    platform: Platform
    here: bool
    size: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ImageAttestation:
    """The manifest with the provenance and SBOMs of one image of an index. *subject*: the digest of that image.

    *size*: compressed bytes, 0 if the engine does not have it.
    """

    digest: str
    subject: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class ImageDetails:
    """An engine's data about one image. Sizes in bytes, texts as the engine has them.

    *platforms*: of the whole index, which only containerd's store keeps; empty for the other stores. *partial*: that
    store has the image unpacked, but not all of its compressed content: it runs, but cannot be pushed or saved.
    """

    image_id: str
    references: tuple[Reference, ...]
    repo_digests: tuple[str, ...]
    created: datetime | None
    size: int
    platform: Platform | None
    diff_ids: tuple[str, ...]
    labels: tuple[tuple[str, str], ...] = ()
    environment: tuple[str, ...] = field(default=(), repr=False)  # may contain secrets
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = ""
    user: str = ""
    ports: tuple[str, ...] = ()
    author: str = ""
    platforms: tuple[ImagePlatform, ...] = ()
    partial: bool = False
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageDescription:
    """All that an engine reports about one image. Sizes in bytes.

    *raw*: the document of ``/images/NAME/json``, as it was sent. *history*: the steps, the first one first; whether a
    step made a layer is judged by size and instruction, because the engine does not report it. *layer_sizes*: of the
    unpacked layers, the lowest first. *size_on_disk*: compressed and unpacked content together; None if the engine only
    reports ``details.size``. *attestations*: only of containerd's store.
    """

    details: ImageDetails
    run: RunConfig
    raw: bytes = field(repr=False)
    history: tuple[HistoryEntry, ...] = ()
    layer_sizes: tuple[int, ...] = ()
    size_on_disk: int | None = None
    attestations: tuple[ImageAttestation, ...] = ()


class EventKind(enum.Enum):
    """The subject of an engine's event."""

    CONNECTED = "connected"  # ours: the stream is connected, all later events will be reported
    IMAGE = "image"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """An event that changes the list of images. *id*: of an image or container, or the reference of a pull.

    *reference*: the name concerned, empty if the engine does not report it.
    """

    kind: EventKind
    action: str = ""
    id: str = ""
    reference: str = ""
