"""Engines as a person reads them: what they are, whether they answer, and what a swarm behind one means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.errors import EngineUnavailable, LongshoreError, UnavailableCause
from longshore.models import errors
from longshore.models.text import safe, tr

if TYPE_CHECKING:
    from longshore.engine.address import EngineAddress
    from longshore.engine.model import EngineInfo, SwarmNode

#: Nodes of a swarm that are named; of more the number is told.
MOST_NODES = 12


def maker(info: EngineInfo) -> str:
    """``Docker 28.5.2``."""
    from longshore.engine.model import ImageStore

    name = "Podman" if info.store is ImageStore.PODMAN else "Docker"
    # Without what a distribution adds: 28.5.2+dfsg4.
    return f"{name} {safe(info.version.partition('+')[0], 40)}".strip()


def store(info: EngineInfo) -> str:
    """How it keeps images, where there is a choice."""
    from longshore.engine.model import ImageStore

    return {
        ImageStore.CLASSIC: tr("classic image store"),
        ImageStore.CONTAINERD: tr("containerd image store"),
    }.get(info.store, "")


def state(info: EngineInfo | None, error: LongshoreError | None) -> str:
    """What answers, or in two words why nothing does; empty when that is not known yet."""
    if info is not None:
        return maker(info)
    if error is None:
        return ""
    cause = error.cause if isinstance(error, EngineUnavailable) else None
    return {
        UnavailableCause.NOT_RUNNING: tr("not running"),
        UnavailableCause.NO_SOCKET: tr("no engine there"),
        UnavailableCause.NO_PERMISSION: tr("not allowed"),
        UnavailableCause.UNREACHABLE: tr("cannot be reached"),
        UnavailableCause.TIMED_OUT: tr("does not answer"),
        UnavailableCause.TLS: tr("no secure connection"),
        UnavailableCause.UNSUPPORTED: tr("cannot be used"),
        None: tr("responds with errors"),
    }[cause]


def title(address: EngineAddress, info: EngineInfo | None, error: LongshoreError | None) -> str:
    """One line: ``default  ·  Docker 28.5``, ``build-farm  ·  not running``. The whole version is in the story."""
    said = state(info, error)
    if info is not None:
        name, _, version = said.partition(" ")
        said = " ".join([name, ".".join(version.split(".")[:2])]).strip()
    return "  ·  ".join(part for part in (safe(_short(address), 100), said) if part)


def _short(address: EngineAddress) -> str:
    """Its name; of one that was given by its address alone, the end of that, which tells it from others."""
    if address.name not in (address.url, address.url.partition("://")[2]):
        return address.name
    rest = address.url.partition("://")[2]
    return rest.rstrip("/").rpartition("/")[2] or address.url


def story(
    address: EngineAddress,
    info: EngineInfo | None,
    error: LongshoreError | None,
    nodes: Sequence[SwarmNode] = (),
) -> str:
    """All that is known, in a few lines: where it is, what it is, or why it does not answer and what to do."""
    lines = [safe(address.url)]
    if info is not None:
        where = tr("{engine} on {machine}").replace("{machine}", safe(info.name, 80))
        what = where.replace("{engine}", maker(info)) if info.name else maker(info)
        lines.append(", ".join(part for part in (what, str(info.platform), store(info)) if part))
    elif error is not None:
        lines += [errors.message(error), errors.advice(error)]
    if nodes:
        lines.append(swarm(nodes))
    return "\n".join(line for line in lines if line)


def swarm(nodes: Sequence[SwarmNode]) -> str:
    """What a swarm's manager can be pulled into, and what not."""
    others = [node for node in nodes if not node.own]
    if not others:
        return tr("Manages a swarm with no other nodes.")
    names = [
        safe(node.name, 60) if node.ready else tr("{node} (down)").replace("{node}", safe(node.name, 60))
        for node in others[:MOST_NODES]
    ]
    if len(others) > MOST_NODES:
        names.append(tr("%n more", len(others) - MOST_NODES))
    return tr("Manages a swarm. A pull reaches only this engine, not its other nodes: {nodes}.").replace(
        "{nodes}", ", ".join(names)
    )
