"""From the rows that are shown to the rows that shall be: told to views so that selection and scroll
survive."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from functools import wraps
from typing import Any, Protocol, TypeVar

from PySide6.QtCore import QAbstractItemModel, QModelIndex

_log = logging.getLogger(__name__)

#: More separate ranges than this are told as one change of layout: each range costs a view about as much as
#: all.
MAX_RANGES = 24


class Keyed(Protocol):
    """A row that stays itself while its content changes."""

    @property
    def key(self) -> Hashable:
        """Unique among the rows of one parent."""
        ...


_Row = TypeVar("_Row", bound=Keyed)
_Call = TypeVar("_Call", bound=Callable[..., Any])


def never_raises(default: Any = None) -> Callable[[_Call], _Call]:
    """For ``data()`` and its like: Qt calls them from C++ while it lays out, where an exception can end in
    a crash."""

    def decorate(function: _Call) -> _Call:
        told: set[str] = set()

        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                # Once a kind: a view asks thousands of times.
                if repr(error) not in told and len(told) < 20:
                    told.add(repr(error))
                    _log.exception("%s failed", function.__qualname__)
                return default

        return guarded  # type: ignore[return-value]

    return decorate


def ranges(places: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending *places* as ranges, both ends included."""
    found: list[tuple[int, int]] = []
    for place in places:
        if found and found[-1][1] == place - 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found


def settle(model: QAbstractItemModel, parent: QModelIndex, rows: list[_Row], target: list[_Row]) -> None:
    """Turn *rows*, the list that *model* shows below *parent*, into *target*, in place.

    Rows are the same when their keys are. Emits no dataChanged: the caller knows what changed within a row.
    """
    old = [row.key for row in rows]
    new = [row.key for row in target]
    if old == new:
        rows[:] = target
        return
    new_set = set(new)
    old_set = set(old)
    removed = ranges([place for place, key in enumerate(old) if key not in new_set])
    inserted = ranges([place for place, key in enumerate(new) if key not in old_set])
    if len(removed) + len(inserted) > MAX_RANGES:
        _lay_out(model, parent, rows, target)
        return
    for first, last in reversed(removed):
        model.beginRemoveRows(parent, first, last)
        del rows[first : last + 1]
        model.endRemoveRows()
    kept = [row for row in target if row.key in old_set]
    if [row.key for row in rows] != [row.key for row in kept]:
        _lay_out(model, parent, rows, kept)
    else:
        rows[:] = kept
    for first, last in inserted:
        model.beginInsertRows(parent, first, last)
        rows[first:first] = target[first : last + 1]
        model.endInsertRows()


def _lay_out(model: QAbstractItemModel, parent: QModelIndex, rows: list[_Row], target: list[_Row]) -> None:
    model.layoutAboutToBeChanged.emit()
    # Views add theirs while they hear the signal above, so these are read after it.
    persistent = [index for index in model.persistentIndexList() if index.parent() == parent]
    keys = [rows[index.row()].key for index in persistent]
    rows[:] = target
    if persistent:
        place = {row.key: number for number, row in enumerate(rows)}
        moved = [
            model.index(place[key], index.column(), parent) if key in place else QModelIndex()
            for key, index in zip(keys, persistent, strict=True)
        ]
        model.changePersistentIndexList(persistent, moved)
    model.layoutChanged.emit()


def changed_rows(
    model: QAbstractItemModel, parent: QModelIndex, places: Sequence[int], first: int, last: int
) -> None:
    """Tell that the columns *first* to *last* of the rows at ascending *places* changed: one signal a
    range."""
    found = ranges(places)
    if len(found) > MAX_RANGES:
        found = [(places[0], places[-1])]
    for top, bottom in found:
        model.dataChanged.emit(model.index(top, first, parent), model.index(bottom, last, parent))
