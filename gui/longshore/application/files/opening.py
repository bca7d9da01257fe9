"""Opens the layers of an image, by the kind of place that has it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.errors import LongshoreError, NotInImage
from longshore.transfers.transfer import ArchivePlace, Endpoint, EnginePlace, LibraryPlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.files.layers import Layers
    from longshore.application.inspection.values import Inspected
    from longshore.cancellation import Cancellation
    from longshore.oci.local_image import LocalImage
    from longshore.oci.platform import Platform

#: Most layers of an image; engines stop at 127.
MOST_LAYERS = 1000


def local_copy(
    about: Inspected, images: Iterable[tuple[EnginePlace, Iterable[LocalImage]]]
) -> Endpoint | None:
    """The first of an engine's *images* that seems to be the one in a registry that *about* describes, None if none
    is. Engines know an image by the digest of its configuration, or of its manifest or index. Pure."""
    if not isinstance(about.end.place, RegistryPlace):
        return None
    ids = {about.config_digest, about.manifest_digest, about.digest} - {""}
    for place, listed in images:
        for image in listed:
            if image.image_id in ids:
                return Endpoint.of(place, image.name)
    return None


def open_copy(
    about: Inspected, copy: Endpoint, clients: Clients, cancellation: Cancellation
) -> Layers | None:
    """The layers of *copy*, None if they are not those of *about* or cannot be read. Blocks. Raises Cancelled.

    Of an index, an engine may have another platform, or only its name.
    """
    wanted = [layer.diff_id for layer in about.layers]
    try:
        found = open_layers(copy, clients, Path(), cancellation)
    except LongshoreError:
        return None
    if wanted and [one.diff_id for one in found.names] == wanted and all(wanted):
        return found
    found.close()
    return None


def open_layers(
    end: Endpoint,
    clients: Clients,
    library: Path,
    cancellation: Cancellation,
    platform: Platform | None = None,
    documents: tuple[bytes, bytes] | None = None,
) -> Layers:
    """The layers of the image at *end*. Blocks: reads its manifest and configuration, and an archive completely.

    *library*: the folder into which the layers of a registry are fetched. *documents*: the manifest and the
    configuration of an image in a registry, if they are known: reading them may count as a pull. Raises LongshoreError:
    InvalidInput without such a *platform*.
    """
    place = end.place
    if isinstance(place, EnginePlace):
        from longshore.application.files.engine_layers import EngineLayers

        found: Layers = EngineLayers(end, clients.engine(place.address), platform)
    elif isinstance(place, ArchivePlace):
        from longshore.application.files.archive_layers import ArchiveLayers

        found = ArchiveLayers(end, place.path, cancellation, platform)
    else:
        assert isinstance(place, RegistryPlace | LibraryPlace)
        from longshore.application.files.content_layers import ContentLayers

        found = ContentLayers(end, clients, library, cancellation, platform, documents)
    if not 0 < len(found.names) <= MOST_LAYERS:
        count = len(found.names)
        found.close()
        raise NotInImage(
            "The image has too many layers." if count else "The image has no layers, so it has no files.",
            subject=end.name.shown,
        )
    return found
