"""Text about the containers that use an image: their names and states, and what a forced removal does to them."""

from __future__ import annotations

from collections.abc import Sequence

from longshore.engine.container_model import Container
from longshore.language import tr
from longshore.words import runs, text

#: Containers to name before the rest is counted.
MOST_NAMED = 8


def name(container: Container) -> str:
    """Return the name of *container*, or the start of its id."""
    return text.safe(container.name or container.id[:12], 80)


def names(containers: Sequence[Container]) -> str:
    """Return the names of *containers*: ``web, job``."""
    shown = [name(each) for each in containers[:MOST_NAMED]]
    return ", ".join(shown if len(containers) <= MOST_NAMED else [*shown, "…"])


def named(containers: Sequence[Container]) -> str:
    """Return *containers* with their states: ``web, running; job, exited (3)``."""
    shown = [f"{name(each)}, {runs.state(each)}" for each in containers[:MOST_NAMED]]
    if len(containers) > MOST_NAMED:
        shown.append(tr("%n more", len(containers) - MOST_NAMED))
    return "; ".join(shown)


def consequence(*, podman: bool) -> str:
    """Return what a forced removal does to the stopped containers of an image."""
    if podman:
        return tr("Podman also removes these containers, with the files in them.")
    return tr("The containers are kept. Their space is freed when they are removed.")


def also_removed(containers: Sequence[Container]) -> str:
    """Return which containers Podman has removed with their images, in a sentence; empty for none."""
    if not containers:
        return ""
    if len(containers) == 1:
        return tr("Podman also removed the container {0}.").format(name(containers[0]))
    return tr("Podman also removed these containers: {0}.").format(names(containers))
