"""Containers of an engine, and how one is run from an image, as values. Immutable; crosses threads freely; no SDK."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

#: The exit code of a program that was killed: 128 and the number of the signal.
KILLED = 137


class ContainerState(enum.Enum):
    """The state of a container. OTHER: one that this program does not know."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    EXITED = "exited"
    REMOVING = "removing"
    DEAD = "dead"
    OTHER = "other"

    @property
    def alive(self) -> bool:
        """Whether its process exists, so that it can be stopped."""
        return self in (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)


@dataclass(frozen=True, slots=True)
class Container:
    """One container of an engine. All texts are made safe to show.

    *status*: the engine's own words ("Up 2 minutes"). *image*: the name that it was created from, or an id.
    *image_id*: of the image, as the engine's list of containers reports it; see :func:`containers.by_image`.
    *exit_code*: of a container that has exited, None otherwise or if the engine does not report it.
    """

    id: str
    name: str
    state: ContainerState
    status: str = ""
    image: str = ""
    image_id: str = ""
    command: str = ""
    created: datetime | None = None
    ports: tuple[str, ...] = ()
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a container that is reached through one of the engine's machine.

    *host*: that port, 0 lets the engine choose. *address*: of the machine, "" for all. *protocol*: ``tcp``, ``udp`` or
    ``sctp``.
    """

    container: int
    host: int = 0
    address: str = ""
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the engine's machine (an absolute path), or a volume by its name, at *target* in the container."""

    source: str
    target: str
    read_only: bool = False
    volume: bool = False


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A container to create from *image* (a reference or an id) and to start.

    Empty values leave the image's own. *command*: its words. *entrypoint*: a program. *publish_all*: every port that
    the image exposes gets a free port of the machine. *remove*: the engine removes the container when it exits.
    *detach*: do not follow its output.
    """

    image: str
    command: tuple[str, ...] = ()
    name: str = ""
    entrypoint: str = ""
    ports: tuple[Port, ...] = ()
    publish_all: bool = False
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # may contain secrets
    mounts: tuple[Mount, ...] = ()
    network: str = ""
    working_directory: str = ""
    user: str = ""
    remove: bool = False
    detach: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The container runs. *name*: its own, or the one that the engine has given it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class OutputPiece:
    """Bytes of the container's output, as they came; *error*: of its standard error."""

    data: bytes
    error: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """The container has exited. *exit_code*: None if the engine does not report it.

    *out_of_memory*: whether the engine reports that it was killed because memory ran out.
    """

    exit_code: int | None
    out_of_memory: bool = False


RunEvent = Started | OutputPiece | Ended
