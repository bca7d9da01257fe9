"""Verifies a success by asking the destination."""

from __future__ import annotations

import logging

from longshore.cancellation import Cancelled
from longshore.errors import LongshoreError, NotInRegistry, VerificationFailed
from longshore.oci.reference import Reference
from longshore.transfers.transfer import NoteKind
from longshore.transfers.ways.deadline import within
from longshore.transfers.ways.way import Job

_log = logging.getLogger(__name__)

#: Seconds that the registry has to report what a tag points to.
VERIFY_SECONDS = 15.0


def verify_tag(job: Job, host: str, reference: Reference, digest: str) -> bool:
    """Verify that the tag of *reference* points to *digest* at its registry. Raises VerificationFailed if it does not.

    Returns False, with a note in the row, if we cannot ask: the engine may trust a certificate that we do not know.
    """
    found = digest_at_registry(job, host, reference)
    if found == "":
        return False
    if found is None:
        raise VerificationFailed(
            "The engine reported that it pushed the image, but the registry does not have the tag.",
            subject=reference.familiar,
            advice="Push it again.",
            detail=f"pushed: {digest}",
        )
    if found != digest:
        raise VerificationFailed(
            "The registry's tag points to a different image from the one pushed.",
            subject=reference.familiar,
            advice="Someone else may have pushed this tag just now. Check it, or push again.",
            detail=f"pushed: {digest}\nin the registry: {found}",
        )
    return True


def digest_at_registry(job: Job, host: str, reference: Reference) -> str | None:
    """The digest that the tag of *reference* points to at its registry, None if there is no such tag.

    "", with a note in the row, if we cannot ask. Raises Cancelled.
    """
    try:
        with within(job.cancellation, VERIFY_SECONDS) as bounded:
            found = job.clients.registry(host).head(reference.path, reference.tag or "", cancellation=bounded)
    except Cancelled:
        job.cancellation.raise_if_cancelled()
        job.tell(NoteKind.NOT_VERIFIED, "The registry did not respond in time.")
    except NotInRegistry:
        return None
    except LongshoreError as error:
        _log.info("cannot verify %s: %s %s", reference, error, error.detail)
        job.tell(NoteKind.NOT_VERIFIED, error.message)
    else:
        return None if found is None else found.digest
    return ""
