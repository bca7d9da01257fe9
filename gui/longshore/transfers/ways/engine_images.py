"""What the ways from and to an engine's whole images have in common: the stream of a save, and the look afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.archives.model import Archived
from longshore.errors import ImageUnknown, VerificationFailed
from longshore.oci.digest import short
from longshore.oci.reference import Reference
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.transfer import NoteKind, Plan, TransferRequest
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.engine.model import ImageDetails


def source_names(request: TransferRequest) -> list[str]:
    """What to ask the engine for: the source's name, else its id, and those of the option ``names``."""
    source = request.source
    if source.reference is None and not source.image_id:
        raise ValueError("an engine's image needs a name or an id")
    first = source.image_id if source.reference is None else str(source.reference.with_default_tag())
    more = dict(request.options).get("names", "").split()
    return list(dict.fromkeys([first, *(str(Reference.parse(name).with_default_tag()) for name in more)]))


def plan_of_stream(job: Job, images: Sequence[ImageDetails]) -> Plan:
    """The layers of what the engine saves; an engine does not say how long its stream will be, only what the images
    take on its disk, which is near to it."""
    layers = list(dict.fromkeys(diff_id for image in images for diff_id in image.diff_ids))
    whole = sum({image.image_id: image.size for image in images}.values())
    job.progress.expect([PlannedLayer(diff_id) for diff_id in layers], whole=whole)
    return Plan(layers=len(layers), total_bytes=whole, estimated=True, compressed=False)


def tell_if_changed(job: Job, image: ImageDetails) -> None:
    """Say so where the source's name stands on another image than when it was asked for."""
    source = job.request.source
    if source.reference is not None and source.image_id and source.image_id != image.image_id:
        job.tell(NoteKind.SOURCE_CHANGED, image.image_id)


def tell_if_repacked(job: Job, image: ImageDetails, digest: str) -> None:
    """Say so where *digest*, of the manifest that was made for the engine's *image*, is none that it was known by.

    An engine that keeps images unpacked packs them anew. containerd's store (which tells platforms) sends what it has.
    """
    known = {named.rpartition("@")[2] for named in image.repo_digests}
    if known and digest not in known and not image.platforms:
        job.tell(NoteKind.REPACKED, short(image.image_id))


def check_saved(archived: Sequence[Archived], images: Sequence[ImageDetails]) -> None:
    """See that each of *images* is among what the engine has saved. Raises VerificationFailed."""
    saved = [(one.ids, [image.config for image in one.images if image.config]) for one in archived]
    for image in images:
        if not any(
            image.image_id in ids or any(image.diff_ids == config.diff_ids for config in configs)
            for ids, configs in saved
        ):
            raise VerificationFailed(
                "The engine saved another image than the one asked for.",
                subject=image.image_id,
                advice="Something else may have given its name to another image meanwhile. Try again.",
                detail="\n".join(one.top.digest for one in archived),
            )


@dataclass(frozen=True, slots=True)
class Expected:
    """An image that an engine shall have. *ids*: any of these is its id there, unless the engine packs it anew.
    *name*: under which it shall be; None: by its id. *config*, *manifest*: digests, the second "" where there is none
    that could be kept. *before*: the image that had the name."""

    ids: frozenset[str]
    diff_ids: tuple[str, ...]
    name: Reference | None
    config: str
    manifest: str = ""
    before: str = ""


def image_id_of(engine: Engine, name: Reference | None) -> str:
    """The image that has the name now, "" for none."""
    if name is None:
        return ""
    try:
        return engine.image(str(name)).image_id
    except ImageUnknown:
        return ""


def verify(job: Job, engine: Engine, expected: Expected, loaded: Sequence[str]) -> str:
    """See that *engine* has the image with the layers it should have, and say what became of its digest. Its id there.

    *loaded*: what the engine says it has loaded. Raises VerificationFailed.
    """
    image = None
    candidates = [str(expected.name)] if expected.name is not None else [*expected.ids, *loaded]
    for candidate in candidates:
        try:
            image = engine.image(candidate)
            break
        except ImageUnknown:
            continue
    shown = short(expected.config) if expected.name is None else expected.name.familiar
    if image is None:
        raise VerificationFailed(
            "The engine says that it loaded the image, and does not have it.",
            subject=shown,
            advice="Try again.",
            detail="\n".join(loaded),
        )
    if image.diff_ids != expected.diff_ids:
        raise VerificationFailed(
            "The engine's image is not the one that was loaded.",
            subject=shown,
            advice="Something else may have given its name to another image meanwhile. Try again.",
            detail=f"loaded: {expected.config}\nlocal image: {image.image_id}",
        )
    if expected.before == image.image_id:
        job.tell(NoteKind.UP_TO_DATE)
    elif expected.before:
        job.tell(NoteKind.TAG_MOVED, expected.before)
    if image.image_id not in expected.ids:
        job.tell(NoteKind.REPACKED, short(image.image_id))
    elif expected.manifest and image.image_id == expected.config:
        job.tell(NoteKind.DIGEST_NOT_KEPT, short(image.image_id))
    return image.image_id
