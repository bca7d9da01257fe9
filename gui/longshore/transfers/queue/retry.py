"""The rules for retrying a failed transfer automatically or leaving it to the user."""

from __future__ import annotations

from dataclasses import dataclass

from longshore.errors import EngineLost, EngineUnavailable, LongshoreError, RateLimited, UnavailableCause
from longshore.transfers.transfer import Waiting

#: Causes that only the user can fix; an engine that comes up does not change them.
_LASTING = frozenset({UnavailableCause.NO_PERMISSION, UnavailableCause.TLS, UnavailableCause.UNSUPPORTED})


@dataclass(frozen=True, slots=True)
class Again:
    """Retry after *seconds*, or, if None, when the engine is back. *why*: the reason for waiting until then.

    *most*: the maximum number of tries, including the first and this one; 0 if tries are not counted.
    """

    seconds: float | None
    why: Waiting
    most: int = 0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The retry rules. Times in seconds.

    *delays*: before the first, second, … automatic retry. *longest_idle*: a transfer that has not moved for this long,
    over all its attempts, is not retried: each attempt on a stalled connection takes a minute or more.
    *rate_limit_delays*: like *delays*, after a 429 without Retry-After (Docker Hub's window is six hours, most others'
    a minute). *longest_wait*: a longer Retry-After ends the transfer. *engine_wait*: how long an engine may be away.
    *engine_returns*: how often a transfer resumes after its engine came back, so that an image that crashes its engine
    does not do so forever.
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
        """The next step after *error*, given the number of retries and engine returns and the seconds of idleness.

        None: final.
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
                # Slightly longer than requested: clocks differ, and a second 429 may double the ban.
                wait = max(error.retry_after, 0.0) + 0.5
            if wait > self.longest_wait:
                return None
            return Again(wait, Waiting.RATE_LIMIT, len(self.rate_limit_delays) + 1)
        if error.transient and retries < len(self.delays) and idle < self.longest_idle:
            return Again(self.delays[retries], Waiting.BACKOFF, len(self.delays) + 1)
        return None
