"""Checks of what Longshore depends on, run side by side within a time limit. ``machine_checks`` and ``remote_checks``
have the checks themselves."""

from __future__ import annotations

import enum
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import LongshoreError
from longshore.text import plain

_log = logging.getLogger(__name__)

#: Seconds that all checks together may take.
SECONDS = 20.0
#: Most checks at the same time.
_SIDE_BY_SIDE = 16


class Verdict(enum.Enum):
    """The result of a check. The values are printed: never rename."""

    OK = "ok"
    WARNING = "warning"  # worth knowing, and nothing fails because of it now
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One result. *name*: what kind of thing was checked, *subject*: which one. *message*: what was found; *advice*:
    what to do; *detail*: the other side's own words. All texts are safe to show and contain no secrets."""

    name: str
    subject: str
    verdict: Verdict
    message: str
    advice: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Work that leads to checks of *name* and *subject*. It may block; it raises LongshoreError for a problem."""

    name: str
    subject: str
    work: Callable[[Cancellation], Sequence[Check]]


def passed(name: str, subject: str, message: str, detail: str = "") -> Check:
    """A check that found nothing wrong."""
    return _check(name, subject, Verdict.OK, message, "", detail)


def warned(name: str, subject: str, message: str, advice: str, detail: str = "") -> Check:
    """A check that found something worth knowing."""
    return _check(name, subject, Verdict.WARNING, message, advice, detail)


def failed(name: str, subject: str, message: str, advice: str, detail: str = "") -> Check:
    """A check that found a problem."""
    return _check(name, subject, Verdict.PROBLEM, message, advice, detail)


def of_error(name: str, subject: str, error: LongshoreError, verdict: Verdict = Verdict.PROBLEM) -> Check:
    """The check that ended with *error*."""
    return _check(name, subject, verdict, error.message, error.advice, error.detail)


def _check(name: str, subject: str, verdict: Verdict, message: str, advice: str, detail: str) -> Check:
    return Check(
        name,
        plain(subject, 300),
        verdict,
        plain(message, 500),
        plain(advice, 500),
        plain(detail, 2000, keep_lines=True),
    )


def run(jobs: Sequence[Job], seconds: float = SECONDS) -> list[Check]:
    """The checks of *jobs*, in their order. One that has no result within *seconds* is a problem. Blocks.

    The threads of such jobs are left behind when they do not heed their cancellation (as on a disk that does not
    respond); they do not keep the program from ending.
    """
    cancellation = Cancellation()
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Sequence[Check]]] = queue.SimpleQueue()
    for number in range(len(jobs)):
        waiting.put(number)

    def serve() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            done.put((number, _results(jobs[number], cancellation)))

    threads = [
        threading.Thread(target=serve, name="longshore-check", daemon=True)
        for _ in range(min(_SIDE_BY_SIDE, len(jobs)))
    ]
    for thread in threads:
        thread.start()
    found: dict[int, Sequence[Check]] = {}
    deadline = time.monotonic() + seconds
    while len(found) < len(jobs):
        try:
            number, results = done.get(timeout=max(deadline - time.monotonic(), 0.0))
        except queue.Empty:
            break
        found[number] = results
    cancellation.cancel()
    for thread in threads:
        thread.join(max(deadline + 1.0 - time.monotonic(), 0.0))
    return [
        check
        for number, job in enumerate(jobs)
        for check in found.get(number) or ([] if number in found else [_late(job, seconds)])
    ]


def _results(job: Job, cancellation: Cancellation) -> Sequence[Check]:
    try:
        cancellation.raise_if_cancelled()
        return job.work(cancellation)
    except Cancelled:
        return []
    except LongshoreError as error:
        return [of_error(job.name, job.subject, error)]
    except Exception as error:
        _log.exception("a check failed unexpectedly")
        return [
            failed(
                job.name,
                job.subject,
                "It could not be checked.",
                "The log has the details.",
                f"{type(error).__name__}: {error}",
            )
        ]


def _late(job: Job, seconds: float) -> Check:
    return failed(
        job.name,
        job.subject,
        f"There is no result within {seconds:.0f} seconds.",
        "Check whether it is reachable, and try again.",
    )
