"""Shorter forms of repository names that are unique in a list. Pure; any thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def short_names(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return each name's forms without registry, then without leading path, as long as the rest is unique."""
    wanted = set(names)
    ends = Counter(end for name in wanted for end in _ends(name))
    return {name: tuple(f"…/{end}" for end in _ends(name)[1:] if ends[end] == 1) for name in wanted}


def _ends(name: str) -> list[str]:
    """Return a name and its ends after each slash, the longest first: ``a/b/c``, ``b/c``, ``c``."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]
