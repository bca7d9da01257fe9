"""Opens the layers of an image, by the kind of place that has it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from longshore.errors import NotInImage
from longshore.transfers.transfer import ArchivePlace, EnginePlace, LibraryPlace, RegistryPlace

if TYPE_CHECKING:
    from longshore.application.clients import Clients
    from longshore.application.files.layers import Layers
    from longshore.cancellation import Cancellation
    from longshore.oci.platform import Platform
    from longshore.transfers.transfer import Endpoint

#: Most layers of an image; engines stop at 127.
MOST_LAYERS = 1000


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
