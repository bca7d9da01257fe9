"""Patterns for names that people type: ``1.* !*-rc*``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


def patterns(text: str) -> tuple[str, ...]:
    """The patterns in *text*, between blanks or commas."""
    return tuple(text.replace(",", " ").split())


def matches(wanted: Sequence[str], *names: str) -> bool:
    """Whether one of *names* matches one of the patterns *wanted* (``*``, ``?``, ``[a-z]``; case-sensitive), and none
    matches one that begins with ``!``; without patterns to include, everything is included."""
    takes = [pattern for pattern in wanted if not pattern.startswith("!")]
    leaves = [pattern[1:] for pattern in wanted if pattern.startswith("!")]
    return (not takes or any(fnmatchcase(name, pattern) for pattern in takes for name in names)) and not any(
        fnmatchcase(name, pattern) for pattern in leaves for name in names
    )
