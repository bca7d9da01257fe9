"""Runs one attempt at a transfer, in its own thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from longshore.cancellation import Cancelled
from longshore.errors import LongshoreError
from longshore.transfers.errors import internal_error
from longshore.transfers.transfer import NoteKind, Phase, Plan, RegistryPlace
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
    """The *job* as it may be done: if a rule concerns it, its source is the verified digest instead of a tag.

    A tag that moves after the check changes nothing, because a digest is content. Raises as Gate.admit.
    """
    source = job.request.source
    if not isinstance(source.place, RegistryPlace) or source.reference is None:
        return job  # nothing is fetched
    job.progress.enter(Phase.CHECKING)
    found = job.clients.gate.admit(job.request, job.clients, job.cancellation)
    if found is None:
        return job
    job.tell(NoteKind.SIGNED, found.signer)
    named = source.reference.with_tag(None).with_digest(found.digest)
    return replace(job, request=replace(job.request, source=replace(source, reference=named)))
