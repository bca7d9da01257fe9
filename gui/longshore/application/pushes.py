"""What a push changes in a registry: the tags that it moves, and the platforms that are lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.errors import LongshoreError
from longshore.oci.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, Index, Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.cancellation import Cancellation
    from longshore.engine.model import ImageDetails
    from longshore.library.model import LibraryDetails


@dataclass(frozen=True, slots=True)
class Lost:
    """The platforms of a push.

    *sent*: empty if unknown. *lacking*: the engine does not have all platforms of the image. *gone*: the target's
    image has platforms that it will not have after the push.
    """

    sent: tuple[Platform, ...] = ()
    lacking: bool = False
    gone: bool = False


def lost_from_library(local: LibraryDetails, there: Sequence[Platform]) -> Lost:
    """Return what a push of *local*, which the library keeps unchanged, to such a target loses."""
    sent = tuple(each.platform for each in local.platforms if each.platform is not None)
    return Lost(sent, gone=bool(sent) and any(each not in sent for each in there))


def whole_source(local: ImageDetails, target: Reference) -> Reference | None:
    """The image of *local* with all its platforms in a registry, to copy it from; None if none is known.

    With the tag of *target*, so that a copy of it is offered that name.
    """
    for name in local.repo_digests:
        try:
            found = Reference.parse(name)
        except LongshoreError:
            continue
        if found.digest is not None and found.name != target.name:
            return found.with_tag(target.tag)
    return None


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
    media_type: str = ""


def existing(clients: Clients, target: Reference, cancellation: Cancellation) -> Existing | None:
    """Return what *target* points to in its registry, None for nothing. Blocks. Raises RegistryError, Cancelled.

    Docker Hub counts manifests that are read, not those only checked: only indexes are read.
    """
    client = clients.registry(target.domain)
    head = client.head(target, cancellation=cancellation)
    if head is None:
        return None
    if head.media_type not in (OCI_INDEX, DOCKER_LIST):
        return Existing(head.digest, media_type=head.media_type)
    manifest = client.manifest(target.path, head.digest, cancellation=cancellation)
    platforms = tuple(manifest.platforms) if isinstance(manifest, Index) else ()
    return Existing(head.digest, platforms, head.media_type)


def keeps_digest(
    clients: Clients, local: ImageDetails, target: Reference, there: Existing, cancellation: Cancellation
) -> bool:
    """Whether a push of an engine's image *local* to *target* surely leaves the digest that is *there*.

    An engine that keeps images unpacked makes a manifest of its own, whose configuration and layers may be those of the
    target's and whose digest is another one. Blocks. Raises RegistryError, Cancelled.
    """
    if local.image_id == there.digest:  # containerd's store, which sends what it has
        known = bool(local.platforms) or there.media_type not in (OCI_INDEX, DOCKER_LIST)
        return known and all(each.here for each in local.platforms)
    named = f"{target.name}@{there.digest}"
    if there.media_type != DOCKER_MANIFEST or not any(_whole(each) == named for each in local.repo_digests):
        return False
    # The engine knows the target's layers and will not pack them again. What remains is its manifest.
    manifest = clients.registry(target.domain).manifest(target.path, there.digest, cancellation=cancellation)
    if not isinstance(manifest, Manifest) or manifest.config.digest != local.image_id:
        return False
    # As Go's json.MarshalIndent writes it for the engine.
    return json.dumps(json.loads(manifest.raw), indent=3, ensure_ascii=False).encode() == manifest.raw


def _whole(repo_digest: str) -> str:
    """A repository with a digest, its registry and path in full; "" if it is not one."""
    try:
        return str(Reference.parse(repo_digest))
    except LongshoreError:
        return ""


def names(platforms: Iterable[Platform]) -> str:
    """Return *platforms* for a sentence: ``linux/amd64, linux/arm64``."""
    return ", ".join(map(str, platforms))
