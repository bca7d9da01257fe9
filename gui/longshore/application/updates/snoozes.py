"""Updates that the user does not want to see for a while, and the age that an image must have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from longshore.application.updates.model import Kind
from longshore.oci.reference import Reference
from longshore.settings import Settings

_KEY = "snoozed_updates"
_AGE = "minimum_update_age"
#: Most snoozes that are kept; a settings file may contain anything.
MOST = 2000
#: The highest minimum age, in days.
MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Snooze:
    """Until when an update is not offered. *until*: that day begins; None: until the tag points to another image, or
    another version is the newest. *seen*: the digest, or the tag, that was offered."""

    until: date | None
    seen: str

    def holds(self, seen: str, today: date) -> bool:
        """Whether the update to *seen* is still not to be offered."""
        return seen == self.seen if self.until is None else today < self.until


class Snoozes:
    """The snoozed updates, by the reference here; kept in the settings, shared by all Longshores and valid for every
    engine and the library. Any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def all(self) -> dict[tuple[str, Kind], Snooze]:
        """All of them, by the full reference and the kind of update."""
        stored: dict[str, object] = self._settings.get(_KEY, {})
        return {
            (name, kind): snooze
            for name, kinds in list(stored.items())[:MOST]
            if isinstance(kinds, dict)
            for kind in Kind
            if (snooze := _read(kinds.get(kind.name.lower()))) is not None
        }

    def add(self, wanted: Mapping[tuple[Reference, Kind], str], until: date | None) -> None:
        """Snooze *wanted*, each with the digest or tag that is offered, until that day or until the next change."""

        def changed(stored: Mapping[str, object]) -> dict[str, object]:
            found = _kept(stored, _today())
            for (reference, kind), seen in wanted.items():
                entry = {"until": until.isoformat() if until is not None else "", "seen": seen}
                # The latest ones last: the first are dropped when there are too many.
                kinds = {**found.pop(str(reference), {}), kind.name.lower(): entry}
                found[str(reference)] = kinds
            return dict(list(found.items())[-MOST:])

        self._settings.update(_KEY, changed, {})

    def end(self, references: Iterable[Reference]) -> None:
        """Offer updates of *references* again."""
        names = {str(reference) for reference in references}

        def changed(stored: Mapping[str, object]) -> dict[str, object]:
            return {name: kinds for name, kinds in _kept(stored, _today()).items() if name not in names}

        self._settings.update(_KEY, changed, {})

    @property
    def minimum_age(self) -> int:
        """The days that an image must be old to be offered; 0 offers all."""
        stored: int = self._settings.get(_AGE, 0)
        return min(max(stored, 0), MOST_DAYS)

    @minimum_age.setter
    def minimum_age(self, days: int) -> None:
        self._settings.set(_AGE, days)


def _today() -> date:
    return datetime.now(UTC).date()


def _read(stored: object) -> Snooze | None:
    if not isinstance(stored, dict):
        return None
    until, seen = stored.get("until"), stored.get("seen")
    if not isinstance(until, str) or not isinstance(seen, str):
        return None
    try:
        return Snooze(date.fromisoformat(until) if until else None, seen)
    except ValueError:
        return None


def _kept(stored: Mapping[str, object], today: date) -> dict[str, dict[str, Any]]:
    """The stored snoozes without those that have ended, and without what is none."""
    found: dict[str, dict[str, Any]] = {}
    for name, kinds in stored.items():
        if not isinstance(kinds, dict):
            continue
        left = {
            kind: entry
            for kind, entry in kinds.items()
            if (snooze := _read(entry)) is not None and (snooze.until is None or today < snooze.until)
        }
        if left:
            found[name] = left
    return found
