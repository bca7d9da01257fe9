"""Looks inside an image of an engine, which shows neither manifest nor configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.application.inspection.history import steps_of
from longshore.application.inspection.settings import settings_of
from longshore.application.inspection.values import (
    Attestation,
    Document,
    DocumentKind,
    Inspected,
    Layer,
    PlatformSize,
)
from longshore.errors import InvalidInput

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.engine.model import ImageDescription
    from longshore.oci.platform import Platform
    from longshore.transfers.transfer import Endpoint, EnginePlace


def inspect_engine(
    end: Endpoint, place: EnginePlace, clients: Clients, platform: Platform | None
) -> Inspected:
    """What the engine reports about the image at *end*. Blocks; two short requests.

    Raises ImageUnknown, EngineUnavailable, InvalidInput for another *platform* than the engine's.
    """
    found = clients.engine(place.address).describe(end.name.asked)
    own = found.details.platform
    if platform is not None and own is not None and not platform.matches(own):
        raise InvalidInput(
            "An engine shows one platform of an image.", subject=str(platform), advice=f"It has {own}."
        )
    return inspected(end, found)


def inspected(end: Endpoint, found: ImageDescription) -> Inspected:
    """*found* as the values of an inspection. Pure."""
    details = found.details
    steps, fits = steps_of(found.history, len(details.diff_ids))
    sizes = found.layer_sizes if len(found.layer_sizes) == len(details.diff_ids) else ()
    # Only containerd's store lists platforms: its sizes are compressed, and its IDs are digests of manifests.
    keeps_content = bool(details.platforms)
    by_digest = {one.digest: one.platform for one in details.platforms}
    own = next(
        (one for one in details.platforms if details.platform and one.platform.matches(details.platform)),
        None,
    )
    return Inspected(
        end,
        digest=details.image_id if keeps_content else "",
        image_id=details.image_id,
        repo_digests=details.repo_digests,
        size_on_disk=found.size_on_disk if keeps_content else details.size,
        size_compressed=(own.size or None) if own else None,
        manifest_digest=own.digest if own else "",
        platforms=tuple(
            PlatformSize(one.platform, one.digest, one.size or None, one.here) for one in details.platforms
        ),
        attestations=tuple(
            Attestation(one.digest, one.subject, by_digest.get(one.subject), one.size or None)
            for one in found.attestations
        ),
        platform=details.platform,
        created=details.created,
        author=details.author,
        run=found.run,
        labels=details.labels,
        layers=tuple(
            Layer("", diff_id=diff_id, size_on_disk=sizes[number] if sizes else None)
            for number, diff_id in enumerate(details.diff_ids)
        ),
        steps=steps,
        history_fits=fits,
        settings=settings_of(found.raw),
        documents=(Document(DocumentKind.INSPECT, "", "application/json", found.raw),),
    )
