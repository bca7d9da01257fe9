"""Turns the shown rows into the new rows, and reports it to views so that selection and scroll position survive."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from PySide6.QtCore import QAbstractItemModel, QModelIndex

_log = logging.getLogger(__name__)

#: More separate ranges than this are reported as one layout change: each range costs a view about as much as all.
MAX_RANGES = 24


_Row = TypeVar("_Row")
_Call = TypeVar("_Call", bound=Callable[..., Any])


def never_raises(default: Any = None) -> Callable[[_Call], _Call]:
    """Return a decorator for ``data()`` and the like that logs exceptions and returns *default*.

    Qt calls these from C++ during layout, where an exception can crash the process.
    """

    def decorate(function: _Call) -> _Call:
        told: set[str] = set()

        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                # Log each kind once: a view asks thousands of times.
                if repr(error) not in told and len(told) < 20:
                    told.add(repr(error))
                    _log.exception("%s failed", function.__qualname__)
                return default

        return guarded  # type: ignore[return-value]

    return decorate


def ranges(places: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending *places* as ranges, both ends included."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found


def settle(model: QAbstractItemModel, parent: QModelIndex, rows: list[_Row], target: list[_Row]) -> None:
    """Turn *rows*, the list that *model* shows below *parent*, into *target*, in place.

    Rows are compared by identity (they must not define equality): a row stays the same object while its content
    changes. Emits no dataChanged, because the caller knows what changed within a row.
    """
    if rows == target:
        return
    new_set = set(target)
    old_set = set(rows)
    if new_set == old_set:
        _lay_out(model, parent, rows, target)
        return
    removed = ranges([place for place, row in enumerate(rows) if row not in new_set])
    inserted = ranges([place for place, row in enumerate(target) if row not in old_set])
    if len(removed) + len(inserted) > MAX_RANGES:
        _lay_out(model, parent, rows, target)
        return
    for first, last in reversed(removed):
        model.beginRemoveRows(parent, first, last)
        del rows[first : last + 1]
        model.endRemoveRows()
    kept = [row for row in target if row in old_set]
    if rows != kept:
        _lay_out(model, parent, rows, kept)
    for first, last in inserted:
        model.beginInsertRows(parent, first, last)
        rows[first:first] = target[first : last + 1]
        model.endInsertRows()


def _lay_out(model: QAbstractItemModel, parent: QModelIndex, rows: list[_Row], target: list[_Row]) -> None:
    model.layoutAboutToBeChanged.emit()
    # Views add persistent indexes while they process the signal above, so these are read after it.
    own: list[tuple[QModelIndex, _Row]] = []
    below: list[tuple[QModelIndex, _Row]] = []
    for index in model.persistentIndexList():
        above = index.parent()
        if above == parent:
            own.append((index, rows[index.row()]))
        elif above.isValid() and above.parent() == parent:
            below.append((index, rows[above.row()]))
    rows[:] = target
    place = {row: number for number, row in enumerate(rows)}
    before = [index for index, _ in own]
    after = [
        model.index(place[row], index.column(), parent) if row in place else QModelIndex()
        for index, row in own
    ]
    # Children identify their parent by its identity, so children of rows that stay do not change.
    gone = [index for index, row in below if row not in place]
    model.changePersistentIndexList(before + gone, after + [QModelIndex()] * len(gone))
    model.layoutChanged.emit()


def changed_rows(
    model: QAbstractItemModel, parent: QModelIndex, places: Sequence[int], first: int, last: int
) -> None:
    """Report changes in columns *first* to *last* of the rows at ascending *places*, one signal per range."""
    found = ranges(places)
    if len(found) > MAX_RANGES:
        found = [(places[0], places[-1])]
    for top, bottom in found:
        model.dataChanged.emit(model.index(top, first, parent), model.index(bottom, last, parent))
