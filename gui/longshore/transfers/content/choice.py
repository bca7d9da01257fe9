"""Selects the images of an archive that a transfer names."""

from __future__ import annotations

from collections.abc import Callable

from longshore.archives.archive import Archive
from longshore.archives.model import Archived, Oddity
from longshore.errors import ArchiveError
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Endpoint, NoteKind

_NOTES = {
    Oddity.LISTS_DIFFER: NoteKind.LISTS_DIFFER,
    Oddity.ABSENT: NoteKind.ABSENT,
    Oddity.TWICE: NoteKind.FILE_TWICE,
    Oddity.IGNORED: NoteKind.FILES_IGNORED,
}


def tell_remarks(archive: Archive, tell: Callable[[NoteKind, str], None]) -> None:
    """Report the oddities of *archive* through *tell*."""
    for remark in archive.listing.remarks:
        tell(_NOTES[remark.oddity], remark.text)


def chosen(archive: Archive, source: Endpoint) -> list[Archived]:
    """The images that *source* selects: by name, otherwise by id, otherwise all. Raises ArchiveError."""
    listed = archive.listing.archived
    if source.reference is not None:
        found = named(archive, source.reference)
        if found is None:
            raise unknown(archive, source.reference.familiar)
        return [found]
    if source.image_id:
        same = [one for one in listed if source.image_id in one.ids]
        if not same:
            raise unknown(archive, source.image_id)
        return same
    return list(listed)


def named(archive: Archive, reference: Reference) -> Archived | None:
    """The image with that name or digest, or the only image of the archive if that has no name."""
    listed = archive.listing.archived
    wanted = reference.with_default_tag()
    for one in listed:
        if wanted in one.references or (wanted.digest is not None and wanted.digest in one.ids):
            return one
    return listed[0] if len(listed) == 1 and not listed[0].references and wanted.digest is None else None


def unknown(archive: Archive, name: str) -> ArchiveError:
    """The error for an image that is not in the archive."""
    names = [reference.familiar for one in archive.listing.archived for reference in one.references]
    return ArchiveError(
        f"The archive has no image “{name}”.",
        subject=str(archive.path),
        advice="Choose one from the archive.",
        detail="\n".join(names) or "its images have no names",
    )
