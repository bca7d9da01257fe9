"""One note of ours on the desktop, replaced when there is more to say (Desktop Notifications Specification 1.3)."""

from __future__ import annotations

import html
import os

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication

from longshore import resources
from longshore.text import plain
from longshore.widgets.desktop import wire
from longshore.widgets.desktop.bus import SessionBus
from longshore.widgets.desktop.wire import Message, Variant

_NAME = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"
#: Characters of each line: desktops cut them anyway, and names come from outside.
MAX_SUMMARY, MAX_BODY = 120, 400


class DesktopNote(QObject):
    """Shows one note at a time. GUI thread. Where no server for notes is, :attr:`refused` tells the note back."""

    activated = Signal()  # it was clicked
    refused = Signal(str, str)  # summary, body that nobody shows

    def __init__(self, bus: SessionBus, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bus = bus
        self._id = 0  # of the note on the screen
        self._markup: bool | None = None  # whether the server reads the body as markup; None: not asked yet
        self._next: tuple[str, str, bool] | None = None
        self._asking = False
        self._waiting = False  # for the id of the note that was sent last, which the next one replaces
        bus.received.connect(self._heard)
        bus.lost.connect(self._lost)

    def show(self, summary: str, body: str, *, failed: bool) -> None:
        """Show *summary* and *body* (plain text; both are cut), in the place of the note that is there."""
        self._next = plain(summary, MAX_SUMMARY), _lines(body), failed
        if not self._bus.connect_bus():
            self._refuse()
        elif self._markup is None and not self._asking:
            self._asking = True
            self._bus.listen(f"type='signal',interface='{_NAME}',path='{_PATH}'")
            self._bus.call(
                Message(wire.CALL, path=_PATH, interface=_NAME, member="GetCapabilities"), _NAME, self._can
            )
        elif self._markup is not None and not self._waiting:
            self._send()

    def withdraw(self) -> None:
        """Take the note off the screen: the window is in front."""
        self._next = None
        if self._id:
            message = Message(
                wire.CALL,
                path=_PATH,
                interface=_NAME,
                member="CloseNotification",
                signature="u",
                body=(self._id,),
            )
            self._bus.call(message, _NAME)
            self._id = 0

    # -- the server

    def _can(self, reply: Message) -> None:
        self._asking = False
        if reply.kind == wire.ERROR:
            self._refuse()
            return
        self._markup = bool(reply.body) and "body-markup" in reply.body[0]
        self._send()

    def _send(self) -> None:
        if self._next is None:
            return
        (summary, body, failed), self._next = self._next, None
        shown = html.escape(body, quote=False) if self._markup else body
        hints = {
            "desktop-entry": Variant("s", QGuiApplication.desktopFileName()),
            "category": Variant("s", "transfer.error" if failed else "transfer.complete"),
            "urgency": Variant("y", 1),
        }
        icon = (resources.folder() / "icons" / "longshore.svg").as_uri()
        message = Message(
            wire.CALL,
            path=_PATH,
            interface=_NAME,
            member="Notify",
            signature="susssasa{sv}i",
            body=("Longshore", self._id, icon, summary, shown, ["default", self.tr("Show")], hints, -1),
        )

        def told(reply: Message) -> None:
            self._waiting = False
            if reply.kind == wire.REPLY and reply.body and isinstance(reply.body[0], int):
                self._id = reply.body[0]
            elif reply.kind == wire.ERROR:
                self._next = self._next or (summary, body, failed)
                self._refuse()
            if self._next is not None:
                self._send()

        self._waiting = True
        self._bus.call(message, _NAME, told)

    def _refuse(self) -> None:
        if self._next is not None:
            (summary, body, _), self._next = self._next, None
            self.refused.emit(summary, body)

    @Slot()
    def _lost(self) -> None:
        self._id, self._markup, self._asking, self._waiting = 0, None, False, False
        self._refuse()

    @Slot(object)
    def _heard(self, message: Message) -> None:
        if message.interface != _NAME or len(message.body) < 2 or not self._id or message.body[0] != self._id:
            return
        if message.member == "ActivationToken" and isinstance(message.body[1], str):
            # Wayland lets a window come to the front only with it (xdg-activation-v1); Qt takes it from here.
            os.environ["XDG_ACTIVATION_TOKEN"] = plain(message.body[1], 200)
        elif message.member == "ActionInvoked":
            self.activated.emit()
        elif message.member == "NotificationClosed":
            self._id = 0


def _lines(body: str) -> str:
    """*body* made safe line by line, and cut."""
    return "\n".join(plain(line, 160) for line in body.splitlines()[:6])[:MAX_BODY]
