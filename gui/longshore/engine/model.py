"""What an engine tells about itself and its images. Immutable; crosses threads freely; no SDK."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longshore.oci.platform import Platform
    from longshore.oci.reference import Reference


class ImageStore(enum.Enum):
    """How the engine keeps images. It decides what an image's id and size mean.

    CLASSIC: the id is the configuration's digest, sizes are unpacked. CONTAINERD: the id is the manifest's or
    index's digest, sizes are compressed plus unpacked. PODMAN: as CLASSIC, with another stream of events.
    """

    CLASSIC = "classic"
    CONTAINERD = "containerd"
    PODMAN = "podman"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The engine behind an address.

    *name*: its machine's. *platform*: what it pulls when nothing else is asked for.

    *insecure_registries*: hosts and networks (CIDR) that the engine talks to without TLS or without checking
    it; *mirrors*: URLs that it asks before Docker Hub. *swarm_manager*: it can tell the nodes of a swarm.
    """

    name: str
    version: str
    api_version: str
    os: str
    architecture: str
    platform: Platform
    store: ImageStore
    insecure_registries: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    swarm_manager: bool = False


@dataclass(frozen=True, slots=True)
class SwarmNode:
    """One engine of a swarm. *name*: its machine's. *manager*: else a worker. *own*: the engine that was asked."""

    name: str
    manager: bool
    ready: bool
    own: bool = False


@dataclass(frozen=True, slots=True)
class ImagePlatform:
    """One platform of an image that is for several. *here*: the engine has it; *size*: compressed bytes, 0 if not."""

    platform: Platform
    here: bool
    size: int = 0


@dataclass(frozen=True, slots=True)
class ImageDetails:
    """All an engine knows of one image. Sizes in bytes, texts as the engine has them.

    *platforms*: of the whole index, which only containerd's store keeps; empty for the other stores. *partial*: that
    store has the image unpacked, and not all of what it was unpacked from: it runs, and cannot be pushed or saved.
    """

    image_id: str
    references: tuple[Reference, ...]
    repo_digests: tuple[str, ...]
    created: datetime | None
    size: int
    platform: Platform | None
    diff_ids: tuple[str, ...]
    labels: tuple[tuple[str, str], ...] = ()
    environment: tuple[str, ...] = field(default=(), repr=False)  # people keep secrets there
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = ""
    user: str = ""
    ports: tuple[str, ...] = ()
    author: str = ""
    platforms: tuple[ImagePlatform, ...] = ()
    partial: bool = False


class EventKind(enum.Enum):
    """What an engine's event is about."""

    CONNECTED = "connected"  # ours: the stream stands, whatever happens from now on will be told
    IMAGE = "image"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something that changes the list of images. *id*: an image's, a container's, or the reference of a pull.

    *reference*: the name concerned as far as the engine says one, else empty.
    """

    kind: EventKind
    action: str = ""
    id: str = ""
    reference: str = ""
