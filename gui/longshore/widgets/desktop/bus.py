"""A line to the session's D-Bus that never blocks: calls whose answers come later, and signals of others."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace

from PySide6.QtCore import QObject, QSocketNotifier, Signal, Slot

from longshore.widgets.desktop import wire
from longshore.widgets.desktop.addresses import bus_addresses
from longshore.widgets.desktop.wire import Malformed, Message

_log = logging.getLogger(__name__)

Answer = Callable[[Message], None]
_BUS = "org.freedesktop.DBus"


class SessionBus(QObject):
    """One connection. GUI thread; everything returns at once. Without a bus nothing is ever answered."""

    received = Signal(object)  # Message of kind SIGNAL that a match let through
    lost = Signal()  # it ended, or never was

    def __init__(self, environ: Mapping[str, str] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._environ = os.environ if environ is None else environ
        self._socket: socket.socket | None = None
        self._notifier: QSocketNotifier | None = None
        self._greeted = False
        self._inbox = bytearray()
        self._outbox: list[bytes] = []  # until the bus has let us in
        self._serial = 0
        self._answers: dict[int, Answer] = {}

    @property
    def open(self) -> bool:
        """Whether there is a bus, as far as is known."""
        return self._socket is not None

    def connect_bus(self) -> bool:
        """Connect; False where there is no bus. Again does nothing."""
        if self._socket is not None:
            return True
        for address in bus_addresses(self._environ):
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            try:
                made.setblocking(False)
                made.connect(address)
                # The bus asks the kernel who we are; the name is said all the same (EXTERNAL).
                made.send(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
            except (OSError, ValueError) as error:
                made.close()
                _log.info("no session bus at %r: %s", address, error)
                continue
            self._socket = made
            self._notifier = QSocketNotifier(made.fileno(), QSocketNotifier.Type.Read, self)
            self._notifier.activated.connect(self._readable)
            self.call(Message(wire.CALL, path="/org/freedesktop/DBus", interface=_BUS, member="Hello"), _BUS)
            return True
        return False

    def close(self) -> None:
        """Hang up. What was asked is not answered any more."""
        self._end(quietly=True)

    # -- saying

    def call(self, message: Message, destination: str, answer: Answer | None = None) -> None:
        """Send a call (or, with kind SIGNAL and no destination, a signal); *answer* gets the reply or the error."""
        if self._socket is None:
            return
        self._serial += 1
        if answer is not None:
            self._answers[self._serial] = answer
        data = wire.encode(replace(message, serial=self._serial, destination=destination))
        if self._greeted:
            self._send(data)
        else:
            self._outbox.append(data)

    def listen(self, rule: str) -> None:
        """Have signals that match *rule* (D-Bus Specification, "Match Rules") told by :attr:`received`."""
        message = Message(
            wire.CALL,
            path="/org/freedesktop/DBus",
            interface=_BUS,
            member="AddMatch",
            signature="s",
            body=(rule,),
        )
        self.call(message, _BUS)

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        try:
            sent = self._socket.send(data)
        except OSError:
            sent = -1
        # Our messages are small; a bus that does not take even one is none to wait for.
        if sent != len(data):
            self._end()

    # -- hearing

    @Slot()
    def _readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        self._inbox += data
        try:
            if not self._greeted and not self._greet():
                return
            for message in self._messages():
                self._take(message)
                if self._socket is None:
                    return
        except (Malformed, ValueError, IndexError) as error:
            _log.info("the session bus says something odd: %s", error)
            self._end()

    def _greet(self) -> bool:
        """The bus has answered the greeting in a line of text."""
        line, end, rest = bytes(self._inbox).partition(b"\r\n")
        if not end:
            if len(self._inbox) > 4096:
                raise Malformed("no greeting")
            return False
        if not line.startswith(b"OK "):
            raise Malformed("not let in")
        self._inbox = bytearray(rest)
        self._greeted = True
        waiting, self._outbox = self._outbox, []
        self._send(b"BEGIN\r\n" + b"".join(waiting))
        return self._socket is not None

    def _messages(self) -> list[Message]:
        found = []
        while (size := wire.size_of(bytes(self._inbox[:16]))) is not None and size <= len(self._inbox):
            found.append(wire.decode(bytes(self._inbox[:size])))
            del self._inbox[:size]
        return found

    def _take(self, message: Message) -> None:
        if message.kind == wire.SIGNAL:
            self.received.emit(message)
        elif message.kind in (wire.REPLY, wire.ERROR):
            answer = self._answers.pop(message.reply_to, None)
            if answer is not None:
                answer(message)

    def _end(self, *, quietly: bool = False) -> None:
        if self._socket is None:
            return
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier.deleteLater()
            self._notifier = None
        with contextlib.suppress(OSError):
            self._socket.close()
        self._socket = None
        self._greeted = False
        self._inbox.clear()
        self._outbox.clear()
        self._answers.clear()
        if not quietly:
            self.lost.emit()
