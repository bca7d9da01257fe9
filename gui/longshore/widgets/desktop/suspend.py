"""Suspends the machine by logind, without asking anybody for a password.

org.freedesktop.login1(5): ``CanSuspend`` returns yes, no, na (not possible) or challenge (after a password only);
``Suspend(interactive)`` fails if another program or user inhibits it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from longshore.widgets.desktop.bus import SystemBus

_NAME = "org.freedesktop.login1"
_PATH = "/org/freedesktop/login1"
_MANAGER = "org.freedesktop.login1.Manager"
#: Milliseconds for a reply; a suspended machine replies before it sleeps.
PATIENCE = 5000


class _Attempt(NamedTuple):
    """One call to suspend."""

    refused: Callable[[], None]


class Suspending(QObject):
    """Asks whether the machine can be suspended, and suspends it. GUI thread; every method returns at once."""

    changed = Signal()  # :attr:`reason` may have changed

    def __init__(self, environ: Mapping[str, str] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bus = SystemBus(environ, self)
        self._bus.lost.connect(self._lost)
        self._can = ""
        self._asking = False
        self._pending: _Attempt | None = None
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(PATIENCE)
        self._late.timeout.connect(self._lost)

    @property
    def reason(self) -> str:
        """Why the machine cannot be suspended, a sentence; "" if it can."""
        if self._can == "yes":
            return ""
        if self._can == "challenge":
            return self.tr("This system asks for a password before it suspends.")
        if self._can == "no":
            return self.tr("This system doesn't allow programs to suspend it.")
        if self._can == "na":
            return self.tr("This machine can't be suspended.")
        if self._asking:
            return self.tr("Asking the system whether it can be suspended…")
        return self.tr("Suspending needs systemd-logind, which was not found.")

    def look(self) -> None:
        """Ask again; :attr:`changed` follows."""
        if self._asking or not self._bus.connect_bus():
            self.changed.emit()
            return
        self._asking = True
        self._late.start()
        self._bus.call(_NAME, _PATH, _MANAGER, "CanSuspend", answer=self._answered)
        self.changed.emit()

    def suspend(self, refused: Callable[[], None]) -> None:
        """Suspend the machine now. *refused* is called if the system does not do it."""
        if not self._bus.connect_bus():
            refused()
            return
        attempt = self._pending = _Attempt(refused)
        self._late.start()
        self._bus.call(
            _NAME, _PATH, _MANAGER, "Suspend", "b", (False,), answer=lambda reply: self._done(attempt, reply)
        )

    def close(self) -> None:
        """Close the connection; nothing is reported any more."""
        self._late.stop()
        self._pending = None
        self._bus.close()

    def _answered(self, reply: tuple[Any, ...] | None) -> None:
        self._late.stop()
        self._asking = False
        self._can = reply[0] if reply and isinstance(reply[0], str) else ""
        self.changed.emit()

    def _done(self, attempt: _Attempt, reply: tuple[Any, ...] | None) -> None:
        if attempt is not self._pending:
            return  # a late reply to an earlier one
        self._late.stop()
        self._pending = None
        if reply is None:
            attempt.refused()

    @Slot()
    def _lost(self) -> None:
        self._late.stop()
        if self._asking:
            self._answered(None)
        if self._pending is not None:
            self._done(self._pending, None)
