"""Runs one attempt at a transfer, in its own thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from longshore.cancellation import Cancelled
from longshore.errors import LongshoreError
from longshore.transfers.errors import internal_error
from longshore.transfers.index_parts import index_request, is_replacing, parts_of
from longshore.transfers.transfer import ONLY_SIGNED, Endpoint, NoteKind, Phase, Plan, RegistryPlace
from longshore.transfers.ways.way import Job, Later, Way

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt: *cancelled* (also after a request to pause), failed with an *error*, or successful."""

    digest: str = ""
    error: LongshoreError | None = None
    cancelled: bool = False


def perform(way: Way, job: Job, planned: Callable[[Plan | Later | None], None]) -> Outcome:
    """Ask whether the image may be fetched, plan, report the plan through *planned*, transfer, verify.

    Never raises: an unexpected exception is logged and returned as an error.
    """
    try:
        with job.closing:
            job = _admitted(job)
            plan = way.plan(job)
            job.cancellation.raise_if_cancelled()
            planned(plan)
            return Outcome(digest=way.run(job))
    except Cancelled as error:
        if job.cancellation.stopping:
            return Outcome(cancelled=True)
        _log.exception("a transfer was cancelled by nobody")
        return Outcome(error=internal_error(error))
    except LongshoreError as error:
        # Lower layers report the cut connection as an error; it is no error of the transfer.
        return Outcome(cancelled=True) if job.cancellation.cancelled else Outcome(error=error)
    except Exception as error:
        if job.cancellation.cancelled:
            _log.info("ended by its cancellation: %r", error)
            return Outcome(cancelled=True)
        _log.exception("a transfer failed unexpectedly")
        return Outcome(error=internal_error(error))


def _admitted(job: Job) -> Job:
    """The *job* as it may be done: what a rule concerns is named by the verified digest instead of a tag.

    A tag that moves after the check changes nothing, because a digest is content. Raises as Gate.admit.
    """
    request = job.request
    parts = parts_of(request)
    admitted = [_checked(job, end) for end in parts or (request.source,)]
    if tuple(admitted) == (parts or (request.source,)):
        return job
    if parts:
        made = index_request(
            admitted, request.destination, replacing=is_replacing(request), ref_name=request.ref_name
        )
        return replace(job, request=made)
    return replace(job, request=replace(request, source=admitted[0]))


def _checked(job: Job, end: Endpoint) -> Endpoint:
    """The source *end*, with the digest that was verified if a rule concerns it."""
    if not isinstance(end.place, RegistryPlace) or end.reference is None:
        return end  # nothing is fetched
    job.progress.enter(Phase.CHECKING)
    required = dict(job.request.options).get(ONLY_SIGNED) == "1"
    found = job.clients.gate.admit(end, job.clients, job.cancellation, required=required)
    if found is None:
        return end
    job.tell(NoteKind.SIGNED, found.signer)
    return replace(end, reference=end.reference.with_tag(None).with_digest(found.digest))
