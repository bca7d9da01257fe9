"""Filter and order of rows, free of Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

_Row = TypeVar("_Row")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a filter, case-folded."""
    return tuple(text.casefold().split())


def matches(haystack: str, needles: tuple[str, ...]) -> bool:
    """Return True if the case-folded *haystack* contains every needle."""
    return all(needle in haystack for needle in needles)


def ordered(rows: Sequence[_Row], key: Callable[[_Row], Any], *, descending: bool) -> list[_Row]:
    """Return *rows* sorted by *key*. Equal keys keep their order, also when descending; key None sorts last."""
    return ordered_by(rows, [key(row) for row in rows], descending=descending)


def ordered_by(rows: Sequence[_Row], keys: Sequence[Any], *, descending: bool) -> list[_Row]:
    """Do as :func:`ordered`, with the key of each row at its place in *keys*."""
    known = [place for place, value in enumerate(keys) if value is not None]
    known.sort(key=keys.__getitem__, reverse=descending)
    return [rows[place] for place in known] + [
        row for row, value in zip(rows, keys, strict=True) if value is None
    ]
