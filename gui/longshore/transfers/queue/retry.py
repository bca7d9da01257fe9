"""When a transfer that failed is tried again by itself, and when it is left to the user."""

from __future__ import annotations

from dataclasses import dataclass

from longshore.errors import EngineLost, EngineUnavailable, LongshoreError, RateLimited, UnavailableCause
from longshore.transfers.transfer import Waiting

#: What the user has to put right; an engine that comes up changes nothing about it.
_LASTING = frozenset({UnavailableCause.NO_PERMISSION, UnavailableCause.TLS, UnavailableCause.UNSUPPORTED})


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after *seconds*, or, with None, when the engine is back. *why*: what it waits for meanwhile.

    *most*: how many tries there are, with the first one and this, before it is final; 0 if they are not counted.
    """

    seconds: float | None
    why: Waiting
    most: int = 0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The rules. Times in seconds.

    *delays*: before the first, second, … try that the queue makes by itself. *longest_idle*: a transfer that has not
    moved for so long, over all of its attempts, is not tried again: each attempt at a line that is stalled takes a
    minute or more. *rate_limit_delays*: the same after a
    429 that does not say how long (Docker Hub's window is six hours, most others' a minute). *longest_wait*: a longer
    Retry-After is not waited for. *engine_wait*: how long an engine may be away. *engine_returns*: how often a
    transfer goes on with an engine that came back, so that an image that kills its engine does not do so for ever.
    """

    delays: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0)
    longest_idle: float = 120.0
    rate_limit_delays: tuple[float, ...] = (15.0, 60.0, 300.0, 900.0)
    longest_wait: float = 6 * 3600.0
    engine_wait: float = 600.0
    engine_poll: float = 1.0
    engine_returns: int = 8

    def again(
        self, error: LongshoreError, *, retries: int, engine_returns: int, idle: float = 0.0
    ) -> Again | None:
        """What to do about *error* after so many retries and returns of the engine, and so many seconds in which
        nothing moved; None: it is final.
        """
        if isinstance(error, EngineLost | EngineUnavailable):
            if isinstance(error, EngineUnavailable) and error.cause in _LASTING:
                return None
            return Again(None, Waiting.ENGINE) if engine_returns < self.engine_returns else None
        if isinstance(error, RateLimited):
            if retries >= len(self.rate_limit_delays):
                return None
            wait = self.rate_limit_delays[retries]
            if error.retry_after is not None:
                # A moment more than asked for: clocks differ, and a second 429 may double the ban.
                wait = max(error.retry_after, 0.0) + 0.5
            if wait > self.longest_wait:
                return None
            return Again(wait, Waiting.RATE_LIMIT, len(self.rate_limit_delays) + 1)
        if error.transient and retries < len(self.delays) and idle < self.longest_idle:
            return Again(self.delays[retries], Waiting.BACKOFF, len(self.delays) + 1)
        return None
