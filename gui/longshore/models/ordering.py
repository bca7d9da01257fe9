"""Filter and order of rows, free of Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_Row = TypeVar("_Row")


def words(text: str) -> tuple[str, ...]:
    """Return the words of a filter, case-folded."""
    return tuple(text.casefold().split())


def matches(haystack: str, needles: tuple[str, ...]) -> bool:
    """Return True if the case-folded *haystack* contains every needle."""
    return all(needle in haystack for needle in needles)


def ordered(rows: Iterable[_Row], key: Callable[[_Row], Any], *, descending: bool) -> list[_Row]:
    """Return *rows* sorted by *key*. Equal keys keep their order, also when descending; key None sorts last."""
    known: list[tuple[Any, _Row]] = []
    unknown: list[_Row] = []
    for row in rows:
        value = key(row)
        if value is None:
            unknown.append(row)
        else:
            known.append((value, row))
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known] + unknown
