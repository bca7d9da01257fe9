"""Records the tags that a transfer changes, before it changes them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from longshore.cancellation import Cancelled
from longshore.errors import ImageUnknown, LongshoreError, TagMoved
from longshore.transfers.tag_changes import TagChange, TagOperation, recorded
from longshore.transfers.transfer import (
    EXPECTED,
    UNDOES,
    EnginePlace,
    LibraryPlace,
    Operation,
    Place,
    RegistryPlace,
)
from longshore.transfers.ways.deadline import within

if TYPE_CHECKING:
    from longshore.oci.reference import Reference
    from longshore.transfers.ways.way import Job

_log = logging.getLogger(__name__)

#: Seconds that a registry has to report what a tag points to before an engine pushes to it, or after a failure.
LOOK_SECONDS = 5.0
_OPERATIONS = {
    Operation.PUSH: TagOperation.PUSH,
    Operation.PULL: TagOperation.PULL,
    Operation.COPY: TagOperation.COPY,
    Operation.LOAD: TagOperation.LOAD,
    Operation.SAVE: TagOperation.COPY,
    Operation.BUILD: TagOperation.BUILD,
}


def change_of(
    job: Job,
    reference: Reference,
    before: str | None,
    after: str | None = None,
    *,
    source: bool = False,
    origins: Iterable[str] = (),
) -> TagChange:
    """The change of the tag *reference* at the destination of *job* (or at its *source*), which is about to be made.

    Raises TagMoved if the request expects that the tag points to something else.
    """
    request = job.request
    options = dict(request.options)
    undo = EXPECTED in options
    if undo and not source and before is not None and before != options[EXPECTED]:
        raise TagMoved(
            "The tag {tag} was changed meanwhile.",
            subject=reference.familiar,
            advice="Nothing was changed. Check again.",
            arguments={"tag": reference.tag},
        )
    return TagChange(
        (request.source if source else request.destination).place,
        reference.with_digest(None).with_default_tag(),
        TagOperation.UNDO if undo else _OPERATIONS[request.operation],
        before,
        after,
        transfer=job.id,
        # The local tag that a push gives is no change of the user's own.
        undoes=("-" if source else options.get(UNDOES, "")) if undo else "",
        origins=tuple(origins),
    )


def changing(job: Job, *changes: TagChange) -> AbstractContextManager[dict[TagChange, str | None]]:
    """Records *changes* around the block that makes them; see :func:`longshore.transfers.tag_changes.recorded`."""
    return recorded(job.recorder, changes, lambda change: _after_failure(job, change))


def tag_now(job: Job, place: Place, name: Reference) -> tuple[str | None, tuple[str, ...]]:
    """What the tag *name* of *place* points to (digest, or image ID in an engine), and under which digests registries
    may have that.

    "" for no such tag, None if that cannot be asked. A registry has LOOK_SECONDS. Raises Cancelled.
    """
    try:
        match place:
            case EnginePlace(address):
                image = job.clients.engine(address).image(str(name))
                return image.image_id, image.repo_digests
            case LibraryPlace(path):
                entry = job.clients.library(path).find(name)
                if entry is None:
                    return "", ()
                digest = entry.descriptor.digest
                return digest, (str(name.with_tag(None).with_digest(digest)),)
            case RegistryPlace(host):
                return _at_registry(job, host, name), ()
            case _:
                return None, ()
    except ImageUnknown:
        return "", ()
    except LongshoreError as error:
        _log.info("cannot ask what %s points to: %s %s", name, error, error.detail)
        return None, ()


def _at_registry(job: Job, host: str, name: Reference) -> str | None:
    try:
        with within(job.cancellation, LOOK_SECONDS) as bounded:
            client = job.clients.registry(host)
            found = client.head(name.path, name.tag, for_push=True, cancellation=bounded)
    except Cancelled:
        job.cancellation.raise_if_cancelled()
        return None
    return "" if found is None else found.digest


def _after_failure(job: Job, change: TagChange) -> str | None:
    try:
        return tag_now(job, change.place, change.reference)[0]
    except Exception as error:  # whatever it is, the reason for the failure matters more
        _log.info("it is not known what %s points to: %r", change.reference, error)
        return None
