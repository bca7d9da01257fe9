"""What Qt will ask on the session's bus, asked first. No Qt here; :mod:`.probe` says why."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence

from longshore.widgets.desktop import wire
from longshore.widgets.desktop.addresses import sockets
from longshore.widgets.desktop.wire import Malformed, Message

_BUS = "org.freedesktop.DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_A11Y = "org.a11y.Bus"
_MENUS = "com.canonical.AppMenu.Registrar"


def ask(
    places: Sequence[str], environ: Mapping[str, str], deadline: float, waiting_for: Callable[[str], None]
) -> None:
    """Ask the first of *places* that listens; *waiting_for* gets whom an answer is due from, and "" when all came.

    Returns at *deadline* (of ``time.monotonic``) at the latest. Blocks; any thread; raises nothing.
    """
    try:
        for place in places:
            waiting_for("the session's D-Bus")
            try:
                line = _Line(place, deadline)
            except (TimeoutError, BlockingIOError):
                return
            except (OSError, ValueError):
                waiting_for("")  # nothing is listening there, which Qt learns at once, too
                continue
            with line:
                _services(line, environ, deadline, waiting_for)
            waiting_for("")
            return
    except (TimeoutError, BlockingIOError):
        pass  # whoever was asked last; a queue of connections that is full never empties either
    except (OSError, ValueError, IndexError, Malformed):
        waiting_for("")  # it ends or talks nonsense: Qt waits for neither


def _services(
    line: _Line, environ: Mapping[str, str], deadline: float, waiting_for: Callable[[str], None]
) -> None:
    """Ask what Qt asks before there is a window. Raises TimeoutError when *waiting_for* was told who is asked."""
    line.call(_BUS, "/org/freedesktop/DBus", _BUS, "NameHasOwner", "s", (_A11Y,))
    waiting_for(f"{_A11Y} on the session's D-Bus")
    status = ("org.a11y.Status", "IsEnabled")
    enabled = line.call(_A11Y, "/org/a11y/bus", _PROPERTIES, "Get", "ss", status)
    if environ.get("QT_LINUX_ACCESSIBILITY_ALWAYS_ON") or enabled.body[:1] == (True,):
        found = line.call(_A11Y, "/org/a11y/bus", _A11Y, "GetAddress")
        given = found.body[0] if found.kind == wire.REPLY and found.signature == "s" else ""
        for place in sockets(given)[:1]:
            waiting_for("the D-Bus for accessibility")
            try:
                _Line(place, deadline).close()
            except (TimeoutError, BlockingIOError):
                raise
            except (OSError, ValueError):
                pass  # as above
    waiting_for(f"{_MENUS} on the session's D-Bus")
    owned = line.call(_BUS, "/org/freedesktop/DBus", _BUS, "NameHasOwner", "s", (_MENUS,))
    if owned.body[:1] == (True,):
        line.call(_MENUS, "/com/canonical/AppMenu/Registrar", _MENUS, "GetMenuForWindow", "u", (0,))


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
