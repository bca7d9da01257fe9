"""Images of an engine: their tags, and the notes about them in a transfer's row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.errors import ImageUnknown
from longshore.oci.digest import short
from longshore.oci.reference import Reference
from longshore.transfers.transfer import NoteKind, Phase
from longshore.transfers.ways.tag_records import change_of, changing, tag_now
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.engine.model import ImageDetails


def tell_if_changed(job: Job, image: ImageDetails) -> None:
    """Note that the source's name points to another image than when it was asked for."""
    source = job.request.source
    if source.reference is not None and source.image_id and source.image_id != image.image_id:
        job.tell(NoteKind.SOURCE_CHANGED, image.image_id)


def tell_if_repacked(job: Job, image: ImageDetails, digest: str) -> None:
    """Note that *digest*, of the manifest that was made for the engine's *image*, is not one that it was known by.

    An engine that keeps images unpacked packs them anew. containerd's store (which reports platforms) sends its own.
    """
    known = {named.rpartition("@")[2] for named in image.repo_digests}
    if known and digest not in known and not image.platforms:
        job.tell(NoteKind.REPACKED, short(image.image_id))


def image_id_of(engine: Engine, name: Reference | None) -> str:
    """The id of the image that *name* points to, "" for none."""
    if name is None:
        return ""
    try:
        return engine.image(str(name)).image_id
    except ImageUnknown:
        return ""


def tag(job: Job, engine: Engine, image_id: str, name: Reference, *, source: bool = False) -> bool:
    """Point *name* to the image, and note if it pointed to another. Return False if it did already.

    *engine*: the destination of *job*, or its *source*.
    """
    request = job.request
    before, origins = tag_now(job, (request.source if source else request.destination).place, name)
    if before == image_id:
        return False
    job.progress.enter(Phase.TAGGING)
    with changing(job, change_of(job, name, before, image_id, source=source, origins=origins)):
        engine.tag(image_id, name)
    if before:
        job.tell(NoteKind.TAG_MOVED, before)
    else:
        job.tell(NoteKind.TAGGED, name.familiar)
    return True
