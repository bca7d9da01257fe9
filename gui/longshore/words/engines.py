"""Text about engines: their make, whether they answer, and the swarm that they manage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore.errors import EngineUnavailable, LongshoreError, UnavailableCause
from longshore.language import tr
from longshore.words import errors
from longshore.words.text import safe

if TYPE_CHECKING:
    from longshore.engine.address import EngineAddress
    from longshore.engine.model import EngineInfo, SwarmNode

#: Maximum swarm nodes to name; beyond it only the number is shown.
MOST_NODES = 12


def maker(info: EngineInfo) -> str:
    """Return make and version: ``Docker 28.5.2``."""
    from longshore.engine.model import ImageStore

    make = "Podman" if info.store is ImageStore.PODMAN else "Docker"
    # Without a distribution's suffix: 28.5.2+dfsg4.
    return f"{make} {safe(info.version.partition('+')[0], 40)}".strip()


def store(info: EngineInfo) -> str:
    """Return the name of the image store, if the engine has a choice of stores."""
    from longshore.engine.model import ImageStore

    return {
        ImageStore.CLASSIC: tr("classic image store"),
        ImageStore.CONTAINERD: tr("containerd image store"),
    }.get(info.store, "")


def state(info: EngineInfo | None, error: LongshoreError | None) -> str:
    """Return what answers, or in two words why nothing does; empty while that is unknown."""
    if info is not None:
        return maker(info)
    if error is None:
        return ""
    cause = error.cause if isinstance(error, EngineUnavailable) else None
    return {
        UnavailableCause.NOT_RUNNING: tr("not running"),
        UnavailableCause.NO_SOCKET: tr("no engine found"),
        UnavailableCause.NO_PERMISSION: tr("no permission"),
        UnavailableCause.UNREACHABLE: tr("unreachable"),
        UnavailableCause.TIMED_OUT: tr("not responding"),
        UnavailableCause.TLS: tr("no secure connection"),
        UnavailableCause.UNSUPPORTED: tr("not supported"),
        None: tr("responds with errors"),
    }[cause]


def title(address: EngineAddress, info: EngineInfo | None, error: LongshoreError | None) -> str:
    """Return one line: ``default  ·  Docker 28.5``, ``build-farm  ·  not running``. :func:`story` has the rest."""
    said = state(info, error)
    if info is not None:
        make, _, version = said.partition(" ")
        said = " ".join([make, ".".join(version.split(".")[:2])]).strip()
    return "  ·  ".join(part for part in (safe(name(address), 100), said) if part)


def name(address: EngineAddress) -> str:
    """Return the engine's name, or the end of its address if it has no name: that part differs between engines."""
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
    """Return all that is known in a few lines: address, make, or why it does not answer and what to do."""
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
    """Return a text that says which nodes of a swarm a pull reaches and which not."""
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
