"""Distributes the width of a view among its columns. Pure functions on pixels.

A column is hidden only because the view is narrow, never because another one was widened: a column that grows takes
room from columns that have some to spare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

#: Minimum width of a column in pixels, however far its border is dragged.
SMALLEST = 36


class Need(NamedTuple):
    """The needs of one column, in pixels.

    *wanted*: the width of all its content. *natural*: the usual width. *least*: the smallest useful width. *essential*:
    the width of the important part of its content; before another column gets less than that, a column that *yields*
    is hidden (the highest number first, 0 never). *empty*: no row has content, so the column is hidden before another
    one is cut. *weight*: its share of spare room; columns with a weight hold names, and others are cut first. *own*:
    the width that the user chose.
    """

    wanted: int
    natural: int
    least: int
    essential: int
    weight: int = 0
    yields: int = 0
    own: int | None = None
    empty: bool = False


def without_yielding(needs: Mapping[int, Need], room: int) -> dict[int, Need]:
    """Return *needs* without the columns that yield because *room* cannot hold the essential part of all."""
    full = sum(need.wanted for need in needs.values()) <= room
    kept = {i: need for i, need in needs.items() if full or not need.empty}
    for column in sorted(kept, key=lambda i: -needs[i].yields):
        if not needs[column].yields or sum(need.essential for need in kept.values()) <= room:
            break
        del kept[column]
    return kept


def fit(needs: Mapping[int, Need], room: int) -> dict[int, int]:
    """Return the width of each column: *room* in total, or the sum of the minimum widths if that is more."""
    widths = {i: need.wanted if need.own is None else need.own for i, need in needs.items()}
    steps: tuple[Callable[[Need], int], ...] = (
        lambda need: max(need.natural, need.essential) if need.own is None else need.own,
        lambda need: max(need.least, need.essential) if need.own is None else need.own,
        lambda need: need.least if need.own is None else need.own,
        lambda need: need.least if need.own is None or need.weight else need.own,
        lambda need: need.least,
    )
    for floor in steps:
        over = sum(widths.values()) - room
        if over <= 0:
            break
        _shrink(widths, {i: floor(need) for i, need in needs.items()}, over)
    return _hand_out(widths, needs, room)


def _shrink(widths: dict[int, int], floors: Mapping[int, int], over: int) -> None:
    """Take *over* pixels away, in proportion to the width of each column above its floor."""
    give = {i: max(0, width - floors[i]) for i, width in widths.items()}
    spare = sum(give.values())
    if not spare:
        return
    share = min(1.0, over / spare)
    for i, can in give.items():
        step = min(int(can * share), over)
        widths[i] -= step
        over -= step
    for i in sorted(give, key=lambda i: -give[i]):  # pixels lost to rounding
        step = max(0, min(over, widths[i] - floors[i]))
        widths[i] -= step
        over -= step


def _hand_out(widths: dict[int, int], needs: Mapping[int, Need], room: int) -> dict[int, int]:
    rest = room - sum(widths.values())
    if rest <= 0 or not widths:
        return widths
    takers = [i for i, need in needs.items() if need.weight and need.own is None]
    takers = takers or [i for i, need in needs.items() if need.weight] or [max(widths)]
    total = sum(needs[i].weight for i in takers) or 1
    for i in takers:
        widths[i] += rest * max(1, needs[i].weight) // total
    widths[takers[-1]] += max(0, room - sum(widths.values()))  # pixels lost to rounding
    return widths


def drag(widths: Mapping[int, int], needs: Mapping[int, Need], column: int, wanted: int) -> dict[int, int]:
    """Return *widths*, in column order, after the user has given *column* the width *wanted*.

    The columns after it give or take pixels, the nearest first; if they cannot give enough, so do those before it, the
    nearest first. If none can, *column* gets what there is. The sum stays the same.
    """
    order = list(widths)
    place = order.index(column)
    new = dict(widths)
    change = max(wanted, SMALLEST) - widths[column]
    if change <= 0:
        nearest = order[place + 1] if place + 1 < len(order) else order[place - 1]
        if nearest != column:
            new[column] += change
            new[nearest] -= change
        return new
    for other in [*order[place + 1 :], *reversed(order[:place])]:
        step = min(change, max(0, new[other] - needs[other].least))
        new[other] -= step
        new[column] += step
        change -= step
    return new
