"""Sentences about containers, for a window: their states, how they ended, their ports."""

from __future__ import annotations

from collections.abc import Sequence

from longshore.engine.container_model import KILLED, Container, ContainerState
from longshore.language import tr
from longshore.words import text


def state(container: Container) -> str:
    """Return the state of *container*, with the exit code of one that has exited."""
    if container.state is ContainerState.EXITED and container.exit_code is not None:
        return tr("exited ({code})").replace("{code}", str(container.exit_code))
    return {
        ContainerState.CREATED: tr("not started"),
        ContainerState.RUNNING: tr("running"),
        ContainerState.PAUSED: tr("paused"),
        ContainerState.RESTARTING: tr("restarting"),
        ContainerState.EXITED: tr("exited"),
        ContainerState.REMOVING: tr("being removed"),
        ContainerState.DEAD: tr("dead"),
        ContainerState.OTHER: text.safe(container.status, 40) or tr("unknown"),
    }[container.state]


def ended(exit_code: int | None, *, stopped: bool = False, out_of_memory: bool = False) -> str:
    """Return how a container ended. *stopped*: at the user's request. *out_of_memory*: killed for that reason."""
    if exit_code is None:
        return tr("Ended; the engine does not report the exit code.")
    code = str(exit_code)
    if stopped and not out_of_memory:
        return tr("Stopped (exit code {code}).").replace("{code}", code)
    if out_of_memory:
        return tr("Killed because memory ran out (exit code {code}).").replace("{code}", code)
    if exit_code == KILLED:
        return tr("Killed (exit code {code}).").replace("{code}", code)
    return tr("Ended with exit code {code}.").replace("{code}", code)


def advice(exit_code: int | None, last: str) -> str:
    """Return what to do about a container that has just ended, from its *last* output; "" for nothing."""
    if exit_code and "exec format error" in last:
        return tr(
            "The image is for another platform than the engine's machine. Pull it for the engine's platform."
        )
    return ""


def ports(found: Sequence[str]) -> str:
    """Return published ports in one line."""
    return ", ".join(text.safe(each, 80) for each in found)
