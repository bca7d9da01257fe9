"""Named groups of engines that the user pulls to together."""

from __future__ import annotations

from collections.abc import Iterable

from longshore.engine.address import EngineAddress
from longshore.errors import LongshoreError
from longshore.settings import Settings

_KEY = "engine_groups"
#: The maximum number of characters of a name.
LONGEST_NAME = 60


class EngineGroups:
    """The named groups; kept in the settings as plain addresses, so that they survive deleted contexts. Any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def all(self) -> dict[str, tuple[EngineAddress, ...]]:
        """Each group's engines, by its name, in alphabetical order. Invalid entries are skipped."""
        stored: dict[str, object] = self._settings.get(_KEY, {})
        found = {}
        for name in sorted(stored, key=str.casefold):
            entries = stored[name]
            addresses = _addresses(entries if isinstance(entries, list) else [])
            if addresses:
                found[name] = addresses
        return found

    def save(self, name: str, addresses: Iterable[EngineAddress]) -> None:
        """Save *addresses* as the group *name*, replacing an existing one. An empty group is deleted."""
        name = name.strip()[:LONGEST_NAME]
        entries = [address.to_json() for address in dict.fromkeys(addresses)]
        if not name or not entries:
            return
        self._settings.update(_KEY, lambda stored: {**stored, name: entries}, {})

    def remove(self, name: str) -> None:
        """Delete the group *name*; its engines are not affected."""
        self._settings.update(
            _KEY, lambda stored: {key: value for key, value in stored.items() if key != name}, {}
        )


def _addresses(entries: list[object]) -> tuple[EngineAddress, ...]:
    found = []
    for entry in entries:
        try:
            found.append(EngineAddress.from_json(entry))  # type: ignore[arg-type]
        except (LongshoreError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return tuple(dict.fromkeys(found))
