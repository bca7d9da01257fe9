"""Filter and order of rows, free of Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_Row = TypeVar("_Row")


def words(text: str) -> tuple[str, ...]:
    """The words of a filter, folded."""
    return tuple(text.casefold().split())


def matches(haystack: str, needles: tuple[str, ...]) -> bool:
    """Whether the folded *haystack* holds every needle."""
    return all(needle in haystack for needle in needles)


def ordered(rows: Iterable[_Row], key: Callable[[_Row], Any], *, descending: bool) -> list[_Row]:
    """*rows* by *key*. Equal keys keep the order they came in, also when descending; rows with key None
    come last."""
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
