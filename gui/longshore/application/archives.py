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


def find_ref_name(archive: ArchivePlace, ref_name: str, cancellation: Cancellation) -> Endpoint | None:
    """Return the image that the layout in *archive* calls exactly *ref_name*, as skopeo finds it; None if none.

    As :func:`images_in`.
    """
    from longshore.archives.archive import open_archive

    for image in open_archive(archive.path, cancellation=cancellation).listing.archived:
        if ref_name in image.ref_names:
            # An image with one name keeps it.
            name = image.references[0] if len(image.references) == 1 and len(image.ref_names) == 1 else None
            return Endpoint(archive, name, "" if name is not None else image.top.digest)
    return None
