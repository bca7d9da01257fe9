"""When Longshore fetches the layers of a pull for the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """If *least* bytes are missing, and a connection brings less than *fast* bytes per second.

    A faster one leaves nothing to win: then the engine is as fast alone. For several engines, the speed does not count.
    """

    least: int = 32_000_000
    fast: float = 60e6


DEFAULT_RULE = Rule()
