"""How the width of a view is shared among its columns. Pure: pixels in, pixels out.

A column is only ever left out because the view is narrow, never because another one was widened: who takes room takes
it from columns that can spare some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

#: Pixels that a column has at least, however far its border is dragged.
SMALLEST = 36


class Need(NamedTuple):
    """What one column can use, in pixels.

    *wanted*: shows all of its content. *natural*: what is usual. *least*: below this it is of no use. *essential*:
    shows what matters of its content; a column that *yields* (the highest number first, 0 stays) goes before another
    has less. *empty*: no row has anything in it, so that it goes before another shows less than all. *weight*: its
    share of what is left over; such columns hold names, and others are cut first. *own*: the width that the user gave
    it.
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
    """*needs* without the columns that yield where *room* does not hold what matters of all."""
    full = sum(need.wanted for need in needs.values()) <= room
    kept = {i: need for i, need in needs.items() if full or not need.empty}
    for column in sorted(kept, key=lambda i: -needs[i].yields):
        if not needs[column].yields or sum(need.essential for need in kept.values()) <= room:
            break
        del kept[column]
    return kept


def fit(needs: Mapping[int, Need], room: int) -> dict[int, int]:
    """The width of each column: together *room*, or the least of all where that is more."""
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
    """Take *over* pixels away, in proportion to what each can give above its floor."""
    give = {i: max(0, width - floors[i]) for i, width in widths.items()}
    spare = sum(give.values())
    if not spare:
        return
    share = min(1.0, over / spare)
    for i, can in give.items():
        step = min(int(can * share), over)
        widths[i] -= step
        over -= step
    for i in sorted(give, key=lambda i: -give[i]):  # the last pixels of the division
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
    widths[takers[-1]] += max(0, room - sum(widths.values()))  # the last pixels of the division
    return widths


def drag(widths: Mapping[int, int], needs: Mapping[int, Need], column: int, wanted: int) -> dict[int, int]:
    """*widths*, in the order of the columns, after the user has given *column* the width *wanted*.

    The columns behind it give or take, the nearest first; where they can give no more, those before it, the nearest
    first. Where none can, *column* gets what there is. The sum stays.
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
