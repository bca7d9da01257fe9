"""The images of an archive, as sources of transfers."""

from __future__ import annotations

from longshore.cancellation import Cancellation
from longshore.transfers.transfer import ArchivePlace, Endpoint


def images_in(archive: ArchivePlace, cancellation: Cancellation) -> list[Endpoint]:
    """Return the images in *archive*, once for each of their names, with their digest as id.

    Reads and checks all of the file; blocks. Raises ArchiveError, Cancelled.
    """
    from longshore.archives.archive import open_archive

    return [
        Endpoint(archive, name, image.top.digest)
        for image in open_archive(archive.path, cancellation=cancellation).listing.archived
        for name in image.references or (None,)
    ]
