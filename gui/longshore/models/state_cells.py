"""The cells of the column State, in Local images and in Tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

from longshore.language import tr
from longshore.models.columns import Role, Tone
from longshore.models.tooltips import tooltip

if TYPE_CHECKING:
    from longshore.application.requests import LocalPlace
    from longshore.application.states import Compared, State
    from longshore.models.image_row import ImageRow
    from longshore.oci.reference import Reference

#: A reference in a place; None for the only place that is shown.
Named = tuple["LocalPlace | None", "Reference"]

_Item = Qt.ItemDataRole
#: Roles that the column answers by itself.
STATE_ROLES = frozenset(
    {
        _Item.DisplayRole,
        _Item.AccessibleTextRole,
        _Item.ToolTipRole,
        _Item.AccessibleDescriptionRole,
        Role.TONE,
    }
)

_REASON = (_Item.ToolTipRole, _Item.AccessibleDescriptionRole)
#: The tone and the place in the order of each state, by its value: what needs attention comes first.
_CELLS = {
    "newer": (Tone.CAUTION, 0),
    "differs": (Tone.BAD, 1),
    "only here": (Tone.QUIET, 2),
    "unknown": (Tone.OUTLINE, 3),
    "in sync": (Tone.GOOD, 4),
    # Plain dim text: the normal case must not shout.
    "only there": (Tone.NONE, 5),
}
_ONLY_THERE = 5


def state_text(state: State | None) -> str:
    """Return the word for *state*; "" while it is not known."""
    if state is None:
        return ""
    return {
        "in sync": tr("in sync"),
        "newer": tr("newer"),
        "only here": tr("only here"),
        "only there": tr("only there"),
        "differs": tr("differs"),
        "unknown": tr("unknown"),
    }[state.value]


def state_tone(state: State | None) -> Tone:
    """Return the tone of the pill of *state*, NONE for plain text."""
    return Tone.NONE if state is None else _CELLS[state.value][0]


def state_order(state: State | None) -> int | None:
    """Return the sort key of *state*; None while it is not known."""
    return None if state is None else _CELLS[state.value][1]


def state_hint() -> str:
    """Return the tooltip of the header."""
    return tr(
        "Whether the registry has the same image under this name. Registries are asked in the background."
    )


def _order(found: Compared | None) -> int | None:
    return None if found is None else state_order(found.state)


class ImageStates:
    """The states of local images."""

    def __init__(self) -> None:
        self._states: Mapping[Named, Compared | None] = {}

    def set(
        self, states: Mapping[Named, Compared | None], *, changed: Iterable[Named] | None = None
    ) -> dict[Named, bool]:
        """Set the states, None while one is not known; returns the images of which more or less is known now, and
        whether their place in the order has changed. *changed*: those that may have changed, None for all."""
        before, self._states = self._states, states
        found = {}
        for one in before.keys() | states.keys() if changed is None else changed:
            old, new = before.get(one), states.get(one)
            if old != new:
                found[one] = _order(old) != _order(new)
        return found

    def _found(self, row: ImageRow) -> Compared | None:
        reference = row.image.reference
        return None if reference is None else self._states.get((row.place.place, reference))

    def state(self, row: ImageRow) -> State | None:
        """Return the state of the image in *row*, None while it is not known."""
        if row.image.reference is None:
            return _only_here()
        found = self._found(row)
        return None if found is None else found.state

    def value(self, row: ImageRow, role: int) -> Any:
        """Return the value of the cell in *row* for one of :data:`STATE_ROLES`."""
        return _value(self.state(row), self._reason(row) if role in _REASON else "", role)

    def _reason(self, row: ImageRow) -> str:
        from longshore.words import states

        if row.image.reference is None:
            return states.unnamed()
        found = self._found(row)
        return "" if found is None else states.reason(found)


class TagStates:
    """The states of the tags of one repository, by those of the local images."""

    def __init__(self) -> None:
        self._states: Mapping[Reference, Compared | None] = {}
        self._place = ("", "")
        #: By tag: those of which there are local images.
        self.local: dict[str, Compared | None] = {}
        #: Their sort keys: ten thousand rows are sorted at a time.
        self._orders: dict[str, int | None] = {}
        self._known = False

    def show(self, host: str, repository: str) -> None:
        """Show another repository."""
        self._place = host, repository
        self._take()

    def set(
        self,
        states: Mapping[Reference, Compared | None],
        *,
        known: bool,
        changed: Iterable[Reference] | None = None,
    ) -> tuple[set[str], set[str]] | None:
        """Set the states of all local images; returns the tags of which more or less is known now, and those whose
        place in the order has changed; None for all of them.

        *known*: the local images are known, so that all other tags are only there. *changed*: the images whose state
        may have changed, None for all.
        """
        self._states = states
        before, orders = self.local, self._orders
        self._take(changed)
        if known != self._known:
            self._known = known
            return None
        tags = before.keys() | self.local.keys() if changed is None else self._tags_of(changed)
        different = {
            tag
            for tag in tags
            if (tag in before, before.get(tag)) != (tag in self.local, self.local.get(tag))
        }
        rest = _ONLY_THERE if known else None
        return different, {tag for tag in different if orders.get(tag, rest) != self._orders.get(tag, rest)}

    def _tags_of(self, references: Iterable[Reference]) -> dict[str, Reference]:
        host, repository = self._place
        return {
            one.tag: one
            for one in references
            if one.tag is not None and one.path == repository and one.domain == host
        }

    def _take(self, changed: Iterable[Reference] | None = None) -> None:
        self.local = {} if changed is None else dict(self.local)
        self._orders = {} if changed is None else dict(self._orders)
        for tag, one in self._tags_of(self._states if changed is None else changed).items():
            if one in self._states:
                self.local[tag] = found = self._states[one]
                self._orders[tag] = _order(found)
            else:
                self.local.pop(tag, None)
                self._orders.pop(tag, None)

    def order(self, tag: str) -> int | None:
        """Return the sort key of *tag*; None while its state is not known."""
        return self._orders.get(tag, _ONLY_THERE if self._known else None)

    def orders(self, tags: Iterable[str]) -> list[int | None]:
        """Return the sort keys of *tags*: ten thousand at a time."""
        known, rest = self._orders.get, _ONLY_THERE if self._known else None
        return [known(tag, rest) for tag in tags]

    def state(self, tag: str) -> State | None:
        """Return the state of *tag*, None while it is not known."""
        if tag in self.local:
            found = self.local[tag]
            return None if found is None else found.state
        return _only_there() if self._known else None

    def value(self, reference: Reference, role: int) -> Any:
        """Return the value of the cell of a tag for one of :data:`STATE_ROLES`."""
        state = self.state(reference.tag or "")
        return _value(state, self._reason(reference, state) if role in _REASON else "", role)

    def _reason(self, reference: Reference, state: State | None) -> str:
        from longshore.application.states import Compared, Here
        from longshore.words import states

        found = self.local.get(reference.tag or "")
        if found is None and state is not None:
            found = Compared(Here(reference), state)
        return "" if found is None else states.reason(found)


@cache
def _only_there() -> State:
    from longshore.application.states import (
        State,  # not for the first picture; each import takes microseconds
    )

    return State.ONLY_THERE


@cache
def _only_here() -> State:
    from longshore.application.states import State

    return State.ONLY_HERE


def _value(state: State | None, reason: str, role: int) -> Any:
    if role == Role.TONE:
        return state_tone(state)
    if role == _Item.ToolTipRole:
        return tooltip(reason)
    return reason if role == _Item.AccessibleDescriptionRole else state_text(state)
