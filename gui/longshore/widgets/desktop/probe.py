"""Does the session's D-Bus answer? Asked before Qt is started, for Qt waits in the GUI thread for what it asks there.

Qt's accessibility bridge, its menu bar and its platform themes wait up to 25 s for each of several answers, from the
bus itself and from clients on it. A program that hangs there must not keep a window from opening. No Qt here.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from urllib.parse import unquote

from longshore.widgets.desktop import wire
from longshore.widgets.desktop.wire import Malformed, Message

#: Seconds that all answers together may take.
PATIENCE = 2.0
#: An address that libdbus refuses without trying anything.
NOWHERE = "disabled:"
_BUS = "org.freedesktop.DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_A11Y = "org.a11y.Bus"
_MENUS = "com.canonical.AppMenu.Registrar"


def bus_addresses(environ: Mapping[str, str]) -> list[str]:
    """Where the session's bus may listen, as Python names sockets of the family AF_UNIX (abstract ones with NUL).

    D-Bus Specification 0.42, "Server Addresses" and "Well-known Message Bus Instances". TCP is left alone.
    """
    given = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if not given:
        return [f"{runtime}/bus"] if runtime else []
    return _sockets(given)


def _sockets(given: str) -> list[str]:
    found = []
    for address in given.split(";"):
        transport, _, rest = address.partition(":")
        options = dict(pair.partition("=")[::2] for pair in rest.split(",") if pair)
        if transport != "unix":
            continue
        if options.get("path"):
            found.append(unquote(options["path"]))
        elif options.get("abstract"):
            found.append("\0" + unquote(options["abstract"]))
    return found


class BusProbe:
    """Asks in a thread of its own what Qt will ask; :meth:`mute` waits for the result, for :data:`PATIENCE` at most."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._deadline = time.monotonic() + PATIENCE
        self._mute = ""
        self._thread = threading.Thread(target=self._ask, name="longshore-bus-probe", daemon=True)
        self._thread.start()

    def mute(self) -> str:
        """Who does not answer, in a few words for a log; "" if all do, or nothing is there to ask. Any thread."""
        self._thread.join(max(self._deadline - time.monotonic(), 0.0) + 0.5)
        return "the session's D-Bus" if self._thread.is_alive() else self._mute

    def _ask(self) -> None:
        try:
            for place in bus_addresses(self._environ):
                self._mute = "the session's D-Bus"
                try:
                    line = _Line(place, self._deadline)
                except (TimeoutError, BlockingIOError):
                    return
                except (OSError, ValueError):
                    self._mute = ""  # nothing is listening there, which Qt learns at once, too
                    continue
                with line:
                    self._mute = self._services(line)
                return
        except (TimeoutError, BlockingIOError):
            pass  # whoever was asked last; a queue of connections that is full never empties either
        except (OSError, ValueError, IndexError, Malformed):
            self._mute = ""  # it ends or talks nonsense: Qt waits for neither

    def _services(self, line: _Line) -> str:
        """Ask what Qt asks before there is a window. Raises TimeoutError with :attr:`_mute` set to who is asked."""
        line.call(_BUS, "/org/freedesktop/DBus", _BUS, "NameHasOwner", "s", (_A11Y,))
        self._mute = f"{_A11Y} on the session's D-Bus"
        status = ("org.a11y.Status", "IsEnabled")
        enabled = line.call(_A11Y, "/org/a11y/bus", _PROPERTIES, "Get", "ss", status)
        if self._environ.get("QT_LINUX_ACCESSIBILITY_ALWAYS_ON") or enabled.body[:1] == (True,):
            found = line.call(_A11Y, "/org/a11y/bus", _A11Y, "GetAddress")
            given = found.body[0] if found.kind == wire.REPLY and found.signature == "s" else ""
            for place in _sockets(given)[:1]:
                self._mute = "the D-Bus for accessibility"
                try:
                    _Line(place, self._deadline).close()
                except (TimeoutError, BlockingIOError):
                    raise
                except (OSError, ValueError):
                    pass  # as above
        self._mute = f"{_MENUS} on the session's D-Bus"
        owned = line.call(_BUS, "/org/freedesktop/DBus", _BUS, "NameHasOwner", "s", (_MENUS,))
        if owned.body[:1] == (True,):
            line.call(_MENUS, "/com/canonical/AppMenu/Registrar", _MENUS, "GetMenuForWindow", "u", (0,))
        return ""


class _Line:
    """One connection that has said Hello and waits for answers until *deadline*. Raises TimeoutError, OSError,
    Malformed."""

    def __init__(self, place: str, deadline: float) -> None:
        self._deadline = deadline
        self._inbox = bytearray()
        self._serial = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._wait()
            self._socket.connect(place)
            self._socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
            while b"\r\n" not in self._inbox:
                self._more()
            answer, _, rest = bytes(self._inbox).partition(b"\r\n")
            if not answer.startswith(b"OK "):
                raise Malformed("not let in")
            self._inbox = bytearray(rest)
            self._socket.sendall(b"BEGIN\r\n")
            self.call(_BUS, "/org/freedesktop/DBus", _BUS, "Hello")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: tuple[object, ...] = (),
    ) -> Message:
        """The reply or the error; other messages are dropped. One that cannot be read counts as an empty reply."""
        self._serial += 1
        message = Message(
            wire.CALL, self._serial, path, interface, member, destination, signature=signature, body=body
        )
        self._wait()
        self._socket.sendall(wire.encode(message))
        while True:
            while (size := wire.size_of(bytes(self._inbox[:16]))) is None or size > len(self._inbox):
                self._more()
            data = bytes(self._inbox[:size])
            del self._inbox[:size]
            found = wire.decode(data)
            if found.reply_to == self._serial and found.kind in (wire.REPLY, wire.ERROR):
                return found

    def _wait(self) -> None:
        """Let the next step take what is left. Raises TimeoutError."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def _more(self) -> None:
        self._wait()
        data = self._socket.recv(65536)
        if not data or len(self._inbox) > wire.MAX_MESSAGE:
            raise Malformed("it ended")
        self._inbox += data
