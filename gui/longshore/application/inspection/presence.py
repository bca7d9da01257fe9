"""Which platforms of an image in a registry an engine or the library has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from longshore.errors import ImageUnknown, NotInLibrary
from longshore.transfers.transfer import EnginePlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.inspection.values import Inspected
    from longshore.application.requests import LocalPlace


def present_platforms(found: Inspected, place: LocalPlace, clients: Clients) -> Mapping[str, bool]:
    """Whether *place* has each platform of *found*, by the digests of their manifests. Blocks; a few short requests.

    What proves it differs: classic engines and Podman know an image by its configuration, containerd's store and the
    library by its manifest or index. An engine that holds an image for another reason (the same content pushed anew)
    counts as well: nothing would be fetched.
    """
    digests = [one.digest for one in found.platforms] or [found.manifest_digest]
    configs = {one.digest: one.config_digest for one in found.platforms} or {
        found.manifest_digest: found.config_digest
    }
    if not isinstance(place, EnginePlace):
        return _in_library(found, digests, place, clients)
    engine = clients.engine(place.address)
    rows = engine.images()
    known = {row.image_id for row in rows}
    for row in rows:
        known |= {digest for _, _, digest in (name.rpartition("@") for name in row.repo_digests)}
    here = {digest: digest in known or configs[digest] in known for digest in digests}
    if found.platforms and found.digest in {row.image_id for row in rows}:
        # containerd's store: the index is here, and only some of its images.
        try:
            parts = engine.image(found.digest).platforms
        except ImageUnknown:
            return here
        here |= {part.digest: part.here for part in parts if part.digest in here}
    elif found.digest in known and not any(configs.values()):
        # The configurations were not read: it is the engine's own platform, if there is one.
        return {}
    return here


def _in_library(
    found: Inspected, digests: list[str], place: LocalPlace, clients: Clients
) -> Mapping[str, bool]:
    assert not isinstance(place, EnginePlace)
    library = clients.library(place.path)
    known = {image.digest for image in library.images()}
    here = {digest: digest in known for digest in digests}
    if found.digest in known:
        try:
            parts = library.details(found.digest).platforms
        except NotInLibrary:
            return here
        here |= {part.digest: part.whole for part in parts if part.digest in here}
    return here
