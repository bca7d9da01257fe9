"""What the user chose in the preferences, as it stands in the settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from longshore.settings import Settings
from longshore.transfers.journal.journal import MAX_AGE_DAYS, MAX_ROWS
from longshore.transfers.queue.runner import CONCURRENCY

#: The least and the most of each number; a settings file may hold anything.
BOUNDS = {
    "concurrency": (1, 20),
    "per_registry": (0, 20),
    "copy_limit": (0, 100_000),
    "history_days": (1, 3650),
    "history_rows": (100, 50_000),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices there are; the names are the keys of the settings."""

    appearance: str = "system"
    #: Transfers at once, in all and with one registry (0: no limit of its own).
    concurrency: int = CONCURRENCY
    per_registry: int = 0
    #: MB per second of Longshore's own copies together; 0 for as fast as it goes.
    copy_limit: int = 0
    #: How long and how much the history keeps.
    history_days: int = MAX_AGE_DAYS
    history_rows: int = MAX_ROWS
    #: Whether a note on the desktop tells what ended while the window was not in front.
    notes: bool = True
    #: Whether an icon stands in the tray.
    tray: bool = False

    @staticmethod
    def read(settings: Settings) -> Choices:
        """What stands in *settings*; the default for what is missing or makes no sense."""
        found: dict[str, Any] = {
            field.name: settings.get(field.name, field.default) for field in fields(Choices)
        }
        for name, (least, most) in BOUNDS.items():
            found[name] = min(max(found[name], least), most)
        return Choices(**found)

    def write(self, settings: Settings, since: Choices) -> None:
        """Keep those that differ from *since*, which were shown: another Longshore may have changed the others."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value != getattr(since, field.name):
                settings.set(field.name, value)
