"""What a push changes in a registry: the tags that it moves, and the platforms that are lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.oci.manifest import DOCKER_LIST, OCI_INDEX, Index
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.engine.model import ImageDetails


@dataclass(frozen=True, slots=True)
class Lost:
    """The platforms of a push from an engine.

    *sent*: empty if unknown. *lacking*: the engine does not have all platforms of the image. *gone*: the target's
    image has platforms that it will not have after the push.
    """

    sent: tuple[Platform, ...] = ()
    lacking: bool = False
    gone: bool = False


def lost(local: ImageDetails, there: Sequence[Platform]) -> Lost:
    """Return what a push of *local* to a target loses that has the platforms *there* now."""
    sent = tuple(each.platform for each in local.platforms if each.here)
    lacking = 0 < len(sent) < len(local.platforms)
    if not sent and local.platform is not None:
        sent = (local.platform,)
    return Lost(sent, lacking, bool(sent) and any(each not in sent for each in there))


@dataclass(frozen=True, slots=True)
class Existing:
    """What a tag points to now. *platforms*: of an index; empty for anything else."""

    digest: str
    platforms: tuple[Platform, ...] = ()


def existing(clients: Clients, target: Reference, cancellation: Cancellation) -> Existing | None:
    """Return what *target* points to in its registry, None for nothing. Blocks. Raises RegistryError, Cancelled.

    Docker Hub counts manifests that are read, not those only checked: only indexes are read.
    """
    client = clients.registry(target.domain)
    head = client.head(target, cancellation=cancellation)
    if head is None:
        return None
    if head.media_type not in (OCI_INDEX, DOCKER_LIST):
        return Existing(head.digest)
    manifest = client.manifest(target, cancellation=cancellation)
    return Existing(head.digest, tuple(manifest.platforms) if isinstance(manifest, Index) else ())


def names(platforms: Iterable[Platform]) -> str:
    """Return *platforms* for a sentence: ``linux/amd64, linux/arm64``."""
    return ", ".join(map(str, platforms))
