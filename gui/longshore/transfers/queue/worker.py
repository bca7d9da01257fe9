"""Runs one attempt at a transfer, in its own thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from longshore.cancellation import Cancelled
from longshore.errors import LongshoreError
from longshore.transfers.errors import internal_error
from longshore.transfers.transfer import Plan
from longshore.transfers.ways.way import Job, Later, Way

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt: *cancelled* (also after a request to pause), failed with an *error*, or successful."""

    digest: str = ""
    error: LongshoreError | None = None
    cancelled: bool = False


def perform(way: Way, job: Job, planned: Callable[[Plan | Later | None], None]) -> Outcome:
    """Plan, report the plan through *planned*, transfer, verify.

    Never raises: an unexpected exception is logged and returned as an error.
    """
    try:
        with job.closing:
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
