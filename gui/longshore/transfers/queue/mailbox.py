"""The transfer queue's news for a window: the changes since the last call, and the counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from longshore.transfers.journal.file import SetAside
from longshore.transfers.transfer import TransferSnapshot


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that changed since the last :meth:`TransferQueue.take_changes`.

    *order*: the ids of all rows from top to bottom, None when unchanged. *set_aside*: reported once. *unsaved*: why the
    history is not being saved at the moment, "" once it is saved again, None when unchanged. *damaged*: the number of
    journal rows that were found unreadable.
    """

    snapshots: list[TransferSnapshot] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    order: list[str] | None = None
    set_aside: SetAside | None = None
    unsaved: str | None = None
    damaged: int = 0

    def __bool__(self) -> bool:
        news = self.order is not None or self.unsaved is not None or self.set_aside is not None
        return bool(self.snapshots or self.removed or news or self.damaged)


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of rows in each state. *permille*: progress of all running rows together, None when unknown."""

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    interrupted: int = 0
    permille: int | None = None

    @property
    def unfinished(self) -> int:
        """The number of waiting and running rows."""
        return self.queued + self.running


class Mailbox:
    """The ids of changed rows: posted by any thread, taken by one.

    Holds ids only, so that a post costs next to nothing. *wake* is called, without any lock of the mailbox held, at the
    first post after a take.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._wake = wake
        self._changed: dict[str, None] = {}
        self._removed: dict[str, None] = {}
        self._ordered = False
        self._told = False

    def post(self, *changed: str, removed: tuple[str, ...] = (), ordered: bool = False) -> None:
        """Record the changes. Any thread; *wake* may run in it."""
        with self._lock:
            for row in changed:
                self._changed[row] = None
            for row in removed:
                self._changed.pop(row, None)
                self._removed[row] = None
            self._ordered = self._ordered or ordered
            first = not self._told
            self._told = True
        if first:
            self._wake()

    def take(self) -> tuple[list[str], list[str], bool]:
        """The changed rows, the removed rows, and whether the order changed; empties the mailbox."""
        with self._lock:
            taken = list(self._changed), list(self._removed), self._ordered
            self._changed = {}
            self._removed = {}
            self._ordered = False
            self._told = False
        return taken
