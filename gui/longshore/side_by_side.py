"""Questions asked side by side, in threads that end with the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from longshore.cancellation import Cancellation, Cancelled

#: Questions asked side by side, unless the caller says otherwise.
ASKERS = 8

T = TypeVar("T")
R = TypeVar("R")


def ask_all(
    work: Callable[[T, Cancellation], R],
    things: Sequence[T],
    cancellation: Cancellation,
    askers: int = ASKERS,
) -> list[R]:
    """*work* for each of *things*, several side by side, in their order. Raises what the first failing one raises.

    The others are cut then, by the cancellation that *work* is given: questions to a server that is silent would each
    wait for their time to run out.
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
    """What the first of *futures* that failed by itself raised; one that was only cut short does not count."""
    for future in futures:
        if future.done() and not future.cancelled():
            error = future.exception()
            if error is not None and not isinstance(error, Cancelled):
                return error
    return None
