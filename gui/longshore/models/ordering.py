"""Filter and order of rows, free of Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
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


def moved(
    rows: Iterable[_Row],
    changed: Set[_Row],
    key: Callable[[_Row], Any],
    place: Callable[[_Row], int],
    *,
    descending: bool,
) -> list[_Row]:
    """Return *rows*, which were :func:`ordered`, in order again after the keys of *changed* have changed.

    Asks for few keys: two for each step of a search by halves. *place*: the place of a row in the order of equal keys.
    """

    def first(one: _Row, other: _Row) -> bool:
        left, right = key(one), key(other)
        if left == right:
            return place(one) < place(other)
        if left is None or right is None:
            return right is None
        return bool(left > right if descending else left < right)

    found = [row for row in rows if row not in changed]
    for row in changed:
        low, high = 0, len(found)
        while low < high:
            middle = (low + high) // 2
            if first(found[middle], row):
                low = middle + 1
            else:
                high = middle
        found.insert(low, row)
    return found
