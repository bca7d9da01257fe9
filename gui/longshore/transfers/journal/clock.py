"""The current day, derived from readings of the clock on several days. Pure.

One reading proves nothing: a flat battery makes it 1970, a mistake makes it 2100, and a virtual machine resumes with
the time at which it was saved. Time itself only moves forward, so the readings that are in order outvote the others.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

SECONDS_A_DAY = 86400
#: Different days that must have been read before a day counts as reached.
AGREE = 3
#: Days from 1970 to 2024-01-01. Longshore is younger than that: an earlier reading is wrong.
EARLIEST = (date(2024, 1, 1) - date(1970, 1, 1)).days


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that the readings imply. Days are days since 1970.

    *today*: the latest day that AGREE different readings have reached, None while there are fewer. *latest*: for each
    reading the latest day on which it can have been taken, never falling; None where no reading is credible.
    """

    today: int | None
    latest: tuple[int | None, ...]


def calendar(readings: Sequence[int]) -> Calendar:
    """The days that *readings*, listed in the order in which they were taken, imply.

    If equally many readings contradict each other, today follows the earlier ones and the ages of rows follow the later
    ones, so that fewer rows count as old.
    """
    known = [(place, day) for place, day in enumerate(readings) if day >= EARLIEST]
    different = sorted({day for _, day in _in_order(known)}, reverse=True)
    backwards = [(place, -day) for place, day in reversed(known)]
    believed = {place: -day for place, day in _in_order(backwards)}
    following = max(believed.values(), default=None)
    latest: list[int | None] = []
    for place in range(len(readings) - 1, -1, -1):
        following = believed.get(place, following)
        latest.append(following)
    return Calendar(different[AGREE - 1] if len(different) >= AGREE else None, tuple(reversed(latest)))


def _in_order(readings: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest sequence whose days never fall; among several, one with small days. *readings*: place and day."""
    ends: list[int] = []  # for each length, the smallest last day of a sequence of that length
    last: list[int] = []  # the number of the reading with that day
    before: list[int] = []
    for number, (_, day) in enumerate(readings):
        length = bisect_right(ends, day)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [day]
        last[length : length + 1] = [number]
    found: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(readings[at])
        at = before[at]
    return found
