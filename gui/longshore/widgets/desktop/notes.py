"""One desktop notification, replaced by each newer one (Desktop Notifications Specification 1.3)."""

from __future__ import annotations

import html
import os
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication

from longshore import resources
from longshore.text import plain
from longshore.widgets.desktop.bus import SessionBus

_NAME = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"
#: Maximum characters of a line: desktops truncate long lines anyway, and names are foreign input.
MAX_SUMMARY, MAX_BODY = 120, 400


class DesktopNote(QObject):
    """Shows one notification at a time. GUI thread. If no server shows it, :attr:`refused` returns its text."""

    activated = Signal()  # the notification was clicked
    refused = Signal(str, str)  # summary, body of a notification that cannot be shown

    def __init__(self, bus: SessionBus, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bus = bus
        self._id = 0  # of the notification on the screen
        self._markup: bool | None = None  # whether the server parses the body as markup; None: not asked yet
        self._next: tuple[str, str, bool] | None = None
        self._asking = False
        self._waiting = False  # for the id of the last notification, which the next one replaces
        bus.received.connect(self._heard)
        bus.lost.connect(self._lost)

    def show(self, summary: str, body: str, *, failed: bool) -> None:
        """Show *summary* and *body* (plain text; both are truncated), in place of the current notification."""
        self._next = plain(summary, MAX_SUMMARY), _lines(body), failed
        if not self._bus.connect_bus():
            self._refuse()
        elif self._markup is None and not self._asking:
            self._asking = True
            self._bus.listen(f"type='signal',interface='{_NAME}',path='{_PATH}'")
            self._bus.call(_NAME, _PATH, _NAME, "GetCapabilities", answer=self._can)
        elif self._markup is not None and not self._waiting:
            self._send()

    def withdraw(self) -> None:
        """Close the notification, because the window is in front."""
        self._next = None
        if self._id:
            self._bus.call(_NAME, _PATH, _NAME, "CloseNotification", "u", (self._id,))
            self._id = 0

    # -- the server

    def _can(self, reply: tuple[Any, ...] | None) -> None:
        self._asking = False
        if reply is None:
            self._refuse()
            return
        self._markup = bool(reply) and isinstance(reply[0], list) and "body-markup" in reply[0]
        self._send()

    def _send(self) -> None:
        if self._next is None:
            return
        (summary, body, failed), self._next = self._next, None
        shown = html.escape(body, quote=False) if self._markup else body
        hints = {
            "desktop-entry": ("s", QGuiApplication.desktopFileName()),
            "category": ("s", "transfer.error" if failed else "transfer.complete"),
            "urgency": ("y", 1),
        }
        icon = (resources.folder() / "icons" / "longshore.svg").as_uri()
        note = ("Longshore", self._id, icon, summary, shown, ["default", self.tr("Show")], hints, -1)

        def told(reply: tuple[Any, ...] | None) -> None:
            self._waiting = False
            if reply and isinstance(reply[0], int):
                self._id = reply[0]
            elif reply is None:
                self._next = self._next or (summary, body, failed)
                self._refuse()
            if self._next is not None:
                self._send()

        self._waiting = True
        self._bus.call(_NAME, _PATH, _NAME, "Notify", "susssasa{sv}i", note, told)

    def _refuse(self) -> None:
        if self._next is not None:
            (summary, body, _), self._next = self._next, None
            self.refused.emit(summary, body)

    @Slot()
    def _lost(self) -> None:
        self._id, self._markup, self._asking, self._waiting = 0, None, False, False
        self._refuse()

    @Slot(str, str, object)
    def _heard(self, interface: str, member: str, body: tuple[Any, ...]) -> None:
        if interface != _NAME or len(body) < 2 or not self._id or body[0] != self._id:
            return
        if member == "ActivationToken" and isinstance(body[1], str):
            # Wayland requires this token to raise a window (xdg-activation-v1); Qt reads it from here.
            os.environ["XDG_ACTIVATION_TOKEN"] = plain(body[1], 200)
        elif member == "ActionInvoked":
            self.activated.emit()
        elif member == "NotificationClosed":
            self._id = 0


def _lines(body: str) -> str:
    """Return *body* with each line made safe and truncated."""
    return "\n".join(plain(line, 160) for line in body.splitlines()[:6])[:MAX_BODY]
