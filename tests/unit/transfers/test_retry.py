"""When a transfer is retried automatically."""

from __future__ import annotations

import pytest

from longshore.errors import (
    DiskFull,
    EngineLost,
    EngineUnavailable,
    LongshoreError,
    NotInRegistry,
    RateLimited,
    RegistryFailure,
    RegistryUnreachable,
    SignInRequired,
    UnavailableCause,
    VerificationFailed,
)
from longshore.transfers.queue.retry import Again, RetryPolicy
from longshore.transfers.transfer import Waiting

POLICY = RetryPolicy()


@pytest.mark.parametrize(
    "error",
    [
        SignInRequired("", registry="r"),
        NotInRegistry("", registry="r"),
        DiskFull(""),
        VerificationFailed(""),
        EngineUnavailable("", cause=UnavailableCause.NO_PERMISSION),
        EngineUnavailable("", cause=UnavailableCause.TLS),
    ],
    ids=["sign-in", "unknown", "disk", "verification", "permission", "tls"],
)
def test_never_what_does_not_pass(error: LongshoreError) -> None:
    assert POLICY.again(error, retries=0, engine_returns=0) is None


@pytest.mark.parametrize(
    "error", [RegistryFailure("", registry="r"), RegistryUnreachable("", registry="r")], ids=["5xx", "cut"]
)
def test_a_few_times_with_growing_pauses(error: LongshoreError) -> None:
    tries = [POLICY.again(error, retries=number, engine_returns=0) for number in range(5)]
    assert tries == [Again(seconds, Waiting.BACKOFF, 5) for seconds in (1.0, 2.0, 5.0, 10.0)] + [None]


def test_rate_limits_are_waited_for_as_told() -> None:
    told = RateLimited("", registry="r", retry_after=120)
    assert POLICY.again(told, retries=0, engine_returns=0) == Again(120.5, Waiting.RATE_LIMIT, 5)
    silent = RateLimited("", registry="r")
    assert POLICY.again(silent, retries=1, engine_returns=0) == Again(60.0, Waiting.RATE_LIMIT, 5)
    assert POLICY.again(told, retries=4, engine_returns=0) is None
    for_days = RateLimited("", registry="r", retry_after=2e5)
    assert POLICY.again(for_days, retries=0, engine_returns=0) is None


def test_engines_are_waited_for_but_not_for_ever() -> None:
    assert POLICY.again(EngineLost(""), retries=9, engine_returns=7) == Again(None, Waiting.ENGINE)
    assert POLICY.again(EngineLost(""), retries=0, engine_returns=8) is None


def test_a_line_on_which_nothing_moves_is_not_tried_for_ever() -> None:
    cut = RegistryUnreachable("", registry="r")
    assert POLICY.again(cut, retries=1, engine_returns=0, idle=119.9) == Again(2.0, Waiting.BACKOFF, 5)
    assert POLICY.again(cut, retries=1, engine_returns=0, idle=120.0) is None
    # Waits that a registry asks for and engines that are unavailable have limits of their own.
    told = RateLimited("", registry="r", retry_after=3600)
    assert POLICY.again(told, retries=0, engine_returns=0, idle=500) == Again(3600.5, Waiting.RATE_LIMIT, 5)
    assert POLICY.again(EngineLost(""), retries=0, engine_returns=0, idle=500) == Again(None, Waiting.ENGINE)


@pytest.mark.parametrize(("wait", "again"), [(6 * 3600 - 0.5, True), (6 * 3600, False)])
def test_a_registry_may_ask_for_six_hours(wait: float, again: bool) -> None:
    error = RateLimited("", registry="r", retry_after=wait)
    found = POLICY.again(error, retries=0, engine_returns=0)
    assert found == (Again(6 * 3600.0, Waiting.RATE_LIMIT, 5) if again else None)


def test_limits_without_a_time_are_waited_for_longer_and_longer() -> None:
    error = RateLimited("", registry="r")
    tries = [POLICY.again(error, retries=number, engine_returns=0) for number in range(5)]
    assert tries == [Again(seconds, Waiting.RATE_LIMIT, 5) for seconds in (15.0, 60.0, 300.0, 900.0)] + [None]


def test_a_time_that_is_over_is_half_a_second() -> None:
    error = RateLimited("", registry="r", retry_after=-7)
    assert POLICY.again(error, retries=3, engine_returns=0) == Again(0.5, Waiting.RATE_LIMIT, 5)


@pytest.mark.parametrize("cause", list(UnavailableCause))
def test_which_engines_come_back_by_themselves(cause: UnavailableCause) -> None:
    lasting = cause in (UnavailableCause.NO_PERMISSION, UnavailableCause.TLS, UnavailableCause.UNSUPPORTED)
    found = POLICY.again(EngineUnavailable("", cause=cause), retries=0, engine_returns=0)
    assert found == (None if lasting else Again(None, Waiting.ENGINE))


def test_how_long_an_engine_may_be_away() -> None:
    assert (POLICY.engine_wait, POLICY.engine_poll, POLICY.engine_returns) == (600.0, 1.0, 8)
