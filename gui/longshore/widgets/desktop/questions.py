"""The calls that Qt will make on the session bus, made in advance. No Qt here; :mod:`.probe` explains why.

The few messages are encoded and parsed by hand (D-Bus Specification 0.42): importing jeepney takes about 5 ms, during
which the main thread would wait for the interpreter before the first frame.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence

from longshore.widgets.desktop.addresses import sockets

#: Largest message to read, in bytes; no expected reply is longer. The protocol's own limit is 128 MiB.
MAX_MESSAGE = 1 << 16
#: The bus itself.
BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_A11Y = "org.a11y.Bus"
_MENUS = "com.canonical.AppMenu.Registrar"
_CALL, _REPLY, _ERROR = 1, 2, 3


class Malformed(Exception):
    """The bytes are not a D-Bus message, or not one that this module understands."""


def ask(
    places: Sequence[str], environ: Mapping[str, str], deadline: float, waiting_for: Callable[[str], None]
) -> None:
    """Ask the first of *places* that listens. *waiting_for* gets the name of whoever is asked, and "" at the end.

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
                waiting_for("")  # nothing is listening, which Qt also finds out at once
                continue
            with line:
                _services(line, environ, deadline, waiting_for)
            waiting_for("")
            return
    except (TimeoutError, BlockingIOError):
        pass  # whoever was asked last does not answer; a full connection queue never empties either
    except (OSError, ValueError, IndexError, struct.error, Malformed):
        waiting_for("")  # the connection ended or its data is invalid: Qt waits in neither case


def _services(
    line: _Line, environ: Mapping[str, str], deadline: float, waiting_for: Callable[[str], None]
) -> None:
    """Make the calls that Qt makes before there is a window. Raises TimeoutError after naming who is asked."""
    line.call(BUS, BUS_PATH, BUS, "NameHasOwner", _A11Y)
    waiting_for(f"{_A11Y} on the session's D-Bus")
    enabled = line.call(_A11Y, "/org/a11y/bus", _PROPERTIES, "Get", "org.a11y.Status", "IsEnabled")
    if environ.get("QT_LINUX_ACCESSIBILITY_ALWAYS_ON") or enabled is True:
        found = line.call(_A11Y, "/org/a11y/bus", _A11Y, "GetAddress")
        for place in sockets(found if isinstance(found, str) else "")[:1]:
            waiting_for("the D-Bus for accessibility")
            try:
                _Line(place, deadline).close()
            except (TimeoutError, BlockingIOError):
                raise
            except (OSError, ValueError):
                pass  # as above
    waiting_for(f"{_MENUS} on the session's D-Bus")
    owned = line.call(BUS, BUS_PATH, BUS, "NameHasOwner", _MENUS)
    if owned is True:
        line.call(_MENUS, "/com/canonical/AppMenu/Registrar", _MENUS, "GetMenuForWindow", 0)


class _Line:
    """One connection, after Hello, that waits for replies until *deadline*. Raises TimeoutError, OSError, Malformed."""

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
            self.call(BUS, BUS_PATH, BUS, "Hello")
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
        self, destination: str, path: str, interface: str, member: str, *body: str | int
    ) -> str | bool | None:
        """Call a method; return the first value of its reply if it is a STRING or BOOLEAN, else (or on an error) None.

        Other messages are dropped.
        """
        self._serial += 1
        self._wait()
        self._socket.sendall(_call_bytes(self._serial, destination, path, interface, member, body))
        while True:
            while (size := _size_of(self._inbox)) is None or size > len(self._inbox):
                self._more()
            data = bytes(self._inbox[:size])
            del self._inbox[:size]
            kind, reply_to, value = _read(data)
            if reply_to == self._serial and kind in (_REPLY, _ERROR):
                return value if kind == _REPLY else None

    def _wait(self) -> None:
        """Set the socket's timeout to the time left. Raises TimeoutError."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def _more(self) -> None:
        self._wait()
        data = self._socket.recv(65536)
        if not data or len(self._inbox) > MAX_MESSAGE:
            raise Malformed("it ended")
        self._inbox += data


def _call_bytes(
    serial: int, destination: str, path: str, interface: str, member: str, body: Sequence[str | int]
) -> bytes:
    """Encode a method call, little-endian. *body*: values of the types STRING and UINT32."""
    fields = bytearray()
    for code, kind, value in ((1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", destination)):
        fields += bytes(-len(fields) % 8) + bytes((code, 1)) + kind.encode() + b"\0" + _string(value)
    values = bytearray()
    for one in body:
        values += bytes(-len(values) % 4) + (_string(one) if isinstance(one, str) else struct.pack("<I", one))
    if body:
        types = "".join("s" if isinstance(one, str) else "u" for one in body).encode()
        fields += bytes(-len(fields) % 8) + b"\x08\x01g\0" + bytes((len(types),)) + types + b"\0"
    head = struct.pack("<cBBBIII", b"l", _CALL, 0, 1, len(values), serial, len(fields))
    return head + fields + bytes(-len(fields) % 8) + values


def _string(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


def _order(data: bytes | bytearray) -> str:
    if data[:1] not in (b"l", b"B") or data[3] != 1:
        raise Malformed("no message")
    return "<" if data[:1] == b"l" else ">"


def _size_of(data: bytearray) -> int | None:
    """Return the length in bytes of the message at the start of *data*; None while too little has arrived."""
    if len(data) < 16:
        return None
    body, _, fields = struct.unpack(_order(data) + "III", data[4:16])
    size = 16 + fields + (-fields % 8) + body
    if size > MAX_MESSAGE:
        raise Malformed(f"{size} bytes")
    return int(size)


def _read(data: bytes) -> tuple[int, int, str | bool | None]:
    """Return kind, reply serial and first value of one complete message.

    Raises Malformed, ValueError, IndexError, struct.error.
    """
    order = _order(data)
    reply_to, signature = 0, ""
    at = 16
    end = at + int(struct.unpack_from(order + "I", data, 12)[0])
    while at < end:
        at += -at % 8
        code, kind = data[at], data[at + 2 : at + 3]
        if data[at + 1] != 1:
            raise Malformed("a field of no simple type")
        value, at = _value(order, kind.decode("ascii"), data, at + 4)
        if code == 5 and isinstance(value, int):
            reply_to = value
        elif code == 8 and isinstance(value, str):
            signature = value
    at = end + -end % 8
    if signature == "v":
        signature, at = str(_value(order, "g", data, at)[0]), at + 3
    first = _value(order, signature, data, at)[0] if signature in ("s", "b") else None
    return data[1], reply_to, first if isinstance(first, str | bool) else None


def _value(order: str, kind: str, data: bytes, at: int) -> tuple[str | int, int]:
    """Return the value of type *kind* at offset *at*, and the offset of its end."""
    if kind in ("g", "y"):
        length, start = data[at], at + 1
    elif kind in ("s", "o", "u", "b"):
        at += -at % 4
        length, start = struct.unpack_from(order + "I", data, at)[0], at + 4
    else:
        raise Malformed(f"type {kind!r}")
    if kind in ("u", "b", "y"):
        return (bool(length) if kind == "b" else length), start
    if start + length >= len(data):
        raise Malformed("cut short")
    return data[start : start + length].decode("utf-8", "replace"), start + length + 1
