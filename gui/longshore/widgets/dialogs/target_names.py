"""The names that a target sheet shows and offers."""

from __future__ import annotations

from longshore.oci.reference import DOCKER_HUB, Reference
from longshore.transfers.transfer import ArchivePlace, Endpoint
from longshore.words.text import safe


def shown(source: Endpoint) -> str:
    """Return the name of an image to push or copy; with its archive, if it is in one."""
    if isinstance(source.place, ArchivePlace):
        return safe(f"{source.name.shown} ({source.place.path.name})")
    return source.name.shown


def default_path(source: Reference | None, host: str, repository: str, *, alone: bool, user: str) -> str:
    """Return the repository path to offer for *source* at *host*.

    An image dropped on a *repository* takes its name; several go below it. Otherwise the path stays, without Docker
    Hub's ``library/``, which has a meaning only there; on Docker Hub the path needs the *user*'s namespace.
    """
    last = source.path.rsplit("/", 1)[-1] if source else ""
    if repository:
        return repository if alone else f"{repository}/{last}"
    if source is None:
        return ""
    path = source.path
    if source.domain == DOCKER_HUB and path.startswith("library/"):
        path = last
    if host == DOCKER_HUB and "/" not in path and user:
        path = f"{user}/{path}"
    return path
