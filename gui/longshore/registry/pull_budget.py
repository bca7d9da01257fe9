"""How many pulls a registry still allows, read from the headers of responses that are sent anyway.

Docker Hub sends ``ratelimit-limit: 100;w=21600`` and ``ratelimit-remaining: 76;w=21600`` with manifests, w being the
window in seconds, and never says when the window ends (docs.docker.com, "Pull usage and limits"). The draft
``draft-ietf-httpapi-ratelimit-headers`` has ``ratelimit-reset``, in seconds from now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from longshore.registry.challenge import number

#: The highest number of pulls that is believed; also of seconds: 31 days.
_MOST = 100_000_000
_LONGEST = 31 * 86400


@dataclass(frozen=True, slots=True)
class PullBudget:
    """*left* of *limit* pulls (None: not reported). *until*: when the count starts again, None if not reported.
    *seen*: when the registry reported it."""

    left: int
    limit: int | None
    until: datetime | None
    seen: datetime


def read_budget(headers: Mapping[str, str], now: datetime) -> PullBudget | None:
    """The budget in the *headers* of a response that came at *now*; None without one. Any thread; never raises."""
    left = _amount(headers.get("ratelimit-remaining", ""))
    if left is None:
        return None
    limit = _amount(headers.get("ratelimit-limit", ""))
    reset = number(headers.get("ratelimit-reset", ""))
    until = now + timedelta(seconds=reset) if reset is not None and reset <= _LONGEST else None
    return PullBudget(left, limit if limit is None or limit >= left else None, until, now)


def _amount(text: str) -> int | None:
    """The number before the window, ``76`` of ``76;w=21600``."""
    found = number(text.partition(";")[0])
    return found if found is not None and found <= _MOST else None
