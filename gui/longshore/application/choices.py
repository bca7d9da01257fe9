"""The user's choices in the preferences, as stored in the settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from longshore.settings import Settings
from longshore.transfers.connections import PER_HOST
from longshore.transfers.journal.journal import MAX_AGE_DAYS, MAX_ROWS
from longshore.transfers.queue.scheduler import CONCURRENCY

if TYPE_CHECKING:
    from longshore.transfers.clients import Clients

#: The minimum and maximum of each number; a settings file may contain anything.
BOUNDS = {
    "concurrency": (1, 20),
    "per_registry": (0, 20),
    "copy_limit": (0, 100_000),
    "connections": (1, 16),
    "check_minutes": (0, 10_080),
    "history_days": (1, 3650),
    "history_rows": (100, 50_000),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """All choices; their names are the keys of the settings."""

    appearance: str = "system"
    #: The maximum number of concurrent transfers, in total and per registry (0: no separate limit).
    concurrency: int = CONCURRENCY
    per_registry: int = 0
    #: MB per second for all that Longshore itself moves, pulls that it fetches included; 0 for no limit.
    copy_limit: int = 0
    #: The maximum age in days and number of rows of the history.
    history_days: int = MAX_AGE_DAYS
    history_rows: int = MAX_ROWS
    #: Whether desktop notifications report transfers that finish in the background.
    notes: bool = True
    #: Whether to show an icon in the tray.
    tray: bool = False
    #: Minutes until registries are asked again what the tags of local images point to; 0 for only on request.
    check_minutes: int = 60
    #: Whether Longshore may fetch the layers of a pull for an engine; otherwise all pulls are native.
    fetch_pulls: bool = True
    #: The maximum number of connections to one registry for such pulls, all together.
    connections: int = PER_HOST

    @staticmethod
    def read(settings: Settings) -> Choices:
        """The choices in *settings*; the default for missing or invalid ones."""
        found: dict[str, Any] = {
            field.name: settings.get(field.name, field.default) for field in fields(Choices)
        }
        for name, (least, most) in BOUNDS.items():
            found[name] = min(max(found[name], least), most)
        return Choices(**found)

    def limit(self, clients: Clients) -> None:
        """Apply the choices about copies and pulls to *clients*; running transfers follow the speed limit at once."""
        clients.bandwidth.limit = self.copy_limit * 1e6 or None
        if clients.hand_over is not None:
            clients.hand_over.native = not self.fetch_pulls
            clients.hand_over.connections.per_host = self.connections

    def write(self, settings: Settings, since: Choices) -> None:
        """Save the choices that differ from the shown *since*: another Longshore may have changed the others."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value != getattr(since, field.name):
                settings.set(field.name, value)
