"""Runs requests side by side, in threads that end with the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from longshore.cancellation import Cancellation, Cancelled

#: Default number of requests that run side by side.
ASKERS = 8

T = TypeVar("T")
R = TypeVar("R")


def ask_all(
    work: Callable[[T, Cancellation], R],
    things: Sequence[T],
    cancellation: Cancellation,
    askers: int = ASKERS,
) -> list[R]:
    """*work* for each of *things*, several side by side; results in their order. Raises the first error of *work*.

    The others are then cancelled by the cancellation passed to *work*: otherwise each request to a silent server
    would wait for its timeout.
    """

    def one(thing: T, part: Cancellation) -> R:
        if part.stopping:
            raise Cancelled
        return work(thing, part)

    if len(things) < 2:
        return [one(thing, cancellation) for thing in things]
    with (
        cancellation.below() as part,
        ThreadPoolExecutor(min(askers, len(things)), thread_name_prefix="longshore-ask") as pool,
    ):
        futures = [pool.submit(one, thing, part) for thing in things]
        failed = first_failure(wait(futures, return_when=FIRST_EXCEPTION).done)
        if failed is not None:
            part.cancel()
            raise failed
        return [future.result() for future in futures]


def first_failure(futures: Iterable[Future[R]]) -> BaseException | None:
    """The error of the first of *futures* that failed by itself; cancelled ones do not count."""
    for future in futures:
        if future.done() and not future.cancelled():
            error = future.exception()
            if error is not None and not isinstance(error, Cancelled):
                return error
    return None
