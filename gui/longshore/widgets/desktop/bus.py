"""A non-blocking connection to a D-Bus, the session's or the system's: calls with asynchronous replies, and signals.

jeepney builds and parses the messages. It is imported when a bus is first needed, long after the first frame.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSocketNotifier, Signal, Slot

from longshore.widgets.desktop.addresses import bus_addresses, system_addresses
from longshore.widgets.desktop.questions import BUS, BUS_PATH, MAX_MESSAGE, Malformed

if TYPE_CHECKING:
    from jeepney import Message
    from jeepney.auth import Authenticator

_log = logging.getLogger(__name__)

#: Receives the values of the reply, or None for an error.
Answer = Callable[[tuple[Any, ...] | None], None]
#: An array of empty structs. D-Bus forbids it ("Valid Signatures"), and jeepney 0.9 would read it forever.
_ENDLESS = re.compile(rb"a\({1,255}\)")


class SessionBus(QObject):
    """One connection. GUI thread; every method returns at once. Without a bus no call is ever answered."""

    received = Signal(
        str, str, object
    )  # interface, member, tuple of values: a signal that a match let through
    lost = Signal()  # the connection ended, or was never made

    def __init__(self, environ: Mapping[str, str] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._environ = os.environ if environ is None else environ
        self._socket: socket.socket | None = None
        self._notifier: QSocketNotifier | None = None
        self._greeting: Authenticator | None = None  # until the bus has authenticated us
        self._inbox = bytearray()
        self._outbox: list[bytes] = []  # until the bus has authenticated us
        self._serial = 0
        self._answers: dict[int, Answer] = {}

    @property
    def open(self) -> bool:
        """True if the bus is connected, or still connecting."""
        return self._socket is not None

    def connect_bus(self) -> bool:
        """Connect; return False if there is no bus. Calling it again does nothing."""
        if self._socket is not None:
            return True
        addresses = self._addresses()
        if not addresses:
            return False
        from jeepney.auth import Authenticator

        for address in addresses:
            greeting = Authenticator()
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            try:
                made.setblocking(False)
                made.connect(address)
                made.send(greeting.data_to_send())
            except (OSError, ValueError) as error:
                made.close()
                _log.info("no bus at %r: %s", address, error)
                continue
            self._socket, self._greeting = made, greeting
            self._notifier = QSocketNotifier(made.fileno(), QSocketNotifier.Type.Read, self)
            self._notifier.activated.connect(self._readable)
            self.call(BUS, BUS_PATH, BUS, "Hello")
            return True
        return False

    def _addresses(self) -> list[str]:
        return bus_addresses(self._environ)

    def close(self) -> None:
        """Close the connection. Pending calls are never answered."""
        self._end(quietly=True)

    # -- sending

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        answer: Answer | None = None,
    ) -> None:
        """Call a method; *answer* receives the reply. *body*: values of the types in *signature*, in jeepney's form."""
        if self._socket is not None:
            from jeepney import DBusAddress, new_method_call

            address = DBusAddress(path, destination, interface)
            self._say(new_method_call(address, member, signature or None, body), answer)

    def emit_signal(
        self, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...]
    ) -> None:
        """Broadcast a signal."""
        if self._socket is not None:
            from jeepney import DBusAddress, new_signal

            self._say(new_signal(DBusAddress(path, interface=interface), member, signature, body))

    def listen(self, rule: str) -> None:
        """Report signals that match *rule* (D-Bus Specification, "Match Rules") through :attr:`received`."""
        self.call(BUS, BUS_PATH, BUS, "AddMatch", "s", (rule,))

    def _say(self, message: Message, answer: Answer | None = None) -> None:
        self._serial += 1
        data = message.serialise(self._serial)
        if answer is not None:
            self._answers[self._serial] = answer
        if self._greeting is None:
            self._send(data)
        else:
            self._outbox.append(data)

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        try:
            sent = self._socket.send(data)
        except OSError:
            sent = -1
        # Our messages are small: a bus that cannot accept even one of them is not worth waiting for.
        if sent != len(data):
            self._end()

    # -- receiving

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
        try:
            if self._greeting is not None:
                self._greet(self._greeting, data)
                return
            self._inbox += data
            while self._socket is not None and (message := self._next()) is not None:
                self._take(message)
        except Malformed as error:
            _log.info("a bus says something odd: %s", error)
            self._end()

    def _greet(self, greeting: Authenticator, data: bytes) -> None:
        """Handle the reply to the greeting: one line of text. The bus sends nothing more until it receives BEGIN."""
        from jeepney.auth import BEGIN, AuthenticationError

        try:
            greeting.feed(data)
        except AuthenticationError as error:
            raise Malformed("not let in") from error
        if greeting.authenticated:
            self._greeting = None
            waiting, self._outbox = self._outbox, []
            self._send(BEGIN + b"".join(waiting))

    def _next(self) -> Message | None:
        """Return the next complete message, None if there is none yet. Raises Malformed."""
        from jeepney import Message
        from jeepney.low_level import calc_msg_size

        if len(self._inbox) < 16:
            return None
        try:
            size = calc_msg_size(bytes(self._inbox[:16]))
            if size > MAX_MESSAGE:
                raise Malformed(f"{size} bytes")
            if size > len(self._inbox):
                return None
            data = bytes(self._inbox[:size])
            del self._inbox[:size]
            if _ENDLESS.search(data):
                raise Malformed("empty structs")
            return Message.from_buffer(data)
        except Malformed:
            raise
        except Exception as error:  # jeepney has no error class of its own for malformed messages
            raise Malformed(type(error).__name__) from error

    def _take(self, message: Message) -> None:
        from jeepney import HeaderFields, MessageType

        kind, fields = message.header.message_type, message.header.fields
        if kind is MessageType.signal:
            interface, member = fields.get(HeaderFields.interface), fields.get(HeaderFields.member)
            self.received.emit(str(interface), str(member), message.body)
        elif kind in (MessageType.method_return, MessageType.error):
            serial = fields.get(HeaderFields.reply_serial)
            # jeepney does not check the types of header fields.
            answer = self._answers.pop(serial, None) if isinstance(serial, int) else None
            if answer is not None:
                answer(None if kind is MessageType.error else message.body)

    def _end(self, *, quietly: bool = False) -> None:
        if self._socket is None:
            return
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier.deleteLater()
            self._notifier = None
        with contextlib.suppress(OSError):
            self._socket.close()
        self._socket = self._greeting = None
        self._inbox.clear()
        self._outbox.clear()
        self._answers.clear()
        if not quietly:
            self.lost.emit()


class SystemBus(SessionBus):
    """A connection to the system bus."""

    def _addresses(self) -> list[str]:
        return system_addresses(self._environ)
