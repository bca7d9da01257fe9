"""Has an engine load a tar of images, and verifies afterwards that it has them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore.errors import ImageUnknown, VerificationFailed
from longshore.oci.digest import short
from longshore.oci.reference import Reference
from longshore.transfers.errors import TAG_MAY_HAVE_MOVED
from longshore.transfers.transfer import NoteKind, Phase
from longshore.transfers.ways.tag_records import change_of, changing, tag_now
from longshore.transfers.ways.way import Job

if TYPE_CHECKING:
    from longshore.engine.engine import Engine
    from longshore.transfers.tag_changes import TagChange


@dataclass(frozen=True, slots=True)
class Expected:
    """An image that an engine must have afterwards. *ids*: any of these is its id there. *name*: its tag; None: it is
    looked up by its id. *config*, *manifest*: digests, the second "" if there is none that could be kept. *repacked*:
    the engine may make a manifest of its own, which changes the id. *before*: id of the image that had the tag."""

    ids: frozenset[str]
    diff_ids: tuple[str, ...]
    name: Reference | None
    config: str
    manifest: str = ""
    repacked: bool = False
    before: str = ""


def tag_of(reference: Reference | None) -> Reference | None:
    """The tag that an engine gives to an image of that name; None for a name that is only a digest."""
    if reference is None or (reference.digest and not reference.tag):
        return None
    return reference.with_default_tag().with_digest(None)


def load(job: Job, engine: Engine, tar: Generator[bytes]) -> list[str]:
    """Have *engine* load *tar*, close *tar* however that ends, and return the names (or ids) that the engine reports.

    Progress includes the unpacking of each layer. Raises EngineError, Cancelled, and what *tar* raises.
    """

    def sent() -> Generator[bytes]:
        yield from tar
        # Everything has been sent, and only now the engine unpacks it.
        job.progress.enter(Phase.EXTRACTING)

    job.progress.enter(None)
    with contextlib.closing(sent()) as chunks:
        loaded = engine.load(chunks, job.cancellation, job.progress.feed)
    job.progress.enter(Phase.VERIFYING)
    return loaded


@contextlib.contextmanager
def loading(job: Job, names: Sequence[Reference | None]) -> Iterator[Callable[[Reference | None, str], None]]:
    """Record that the engine's tags *names* change, around the block that loads.

    The block calls the yielded function for each name with the id of the image that it points to afterwards.
    """
    place = job.request.destination.place
    changes: dict[Reference, TagChange] = {}
    for name in names:
        if name is not None:
            before, origins = tag_now(job, place, name)
            changes[name] = change_of(job, name, before, origins=origins)
    with changing(job, *changes.values()) as found:

        def loaded_as(name: Reference | None, image_id: str) -> None:
            if name is not None:
                found[changes[name]] = image_id

        yield loaded_as


def verify(job: Job, engine: Engine, expected: Expected, loaded: Sequence[str]) -> str:
    """Verify that *engine* has the image, note changes of its tag and digest, and return its id there.

    *loaded*: what the engine reports. Raises VerificationFailed.
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
            "The engine reported that it loaded the image, but does not have it.",
            subject=shown,
            advice="Try again.",
            detail="\n".join(loaded),
        )
    same = image.image_id in expected.ids
    if image.diff_ids != expected.diff_ids or not (same or expected.repacked):
        raise VerificationFailed(
            "The engine's image is not the one that was loaded.",
            subject=shown,
            advice=TAG_MAY_HAVE_MOVED,
            detail=f"loaded: {expected.config}\nlocal image: {image.image_id}",
        )
    if expected.before == image.image_id:
        job.tell(NoteKind.UP_TO_DATE)
    elif expected.before:
        job.tell(NoteKind.TAG_MOVED, expected.before)
    if not same:
        job.tell(NoteKind.REPACKED, short(image.image_id))
    elif expected.manifest and image.image_id == expected.config:
        job.tell(NoteKind.DIGEST_NOT_KEPT, short(image.image_id))
    return image.image_id
