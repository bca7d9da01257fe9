"""Notifications and progress on the desktop: a private bus with a real daemon, and a server that checks every type."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from jeepney import Endianness, Header, Message, MessageType
from pytestqt.qtbot import QtBot

from longshore.widgets.desktop.addresses import bus_addresses
from longshore.widgets.desktop.bus import SessionBus
from longshore.widgets.desktop.launcher import LauncherProgress
from longshore.widgets.desktop.notes import DesktopNote
from longshore.widgets.desktop.questions import MAX_MESSAGE
from testbed.notifications import NotificationServer


@pytest.fixture
def bus(session: dict[str, str]) -> Iterator[SessionBus]:
    bus = SessionBus(session)
    yield bus
    bus.close()


def test_a_note_is_shown_replaced_clicked_and_taken_back(
    session: dict[str, str], bus: SessionBus, qtbot: QtBot
) -> None:
    note = DesktopNote(bus)
    with NotificationServer(session) as server:
        note.show("Pulled <b>acme/web:1</b>", "96 MB & more\nsecond line\u202e", failed=False)
        qtbot.waitUntil(lambda: len(server.notes) == 1)
        (shown,) = server.notes
        assert shown["summary"] == "Pulled <b>acme/web:1</b>", "a summary is never markup"
        assert shown["body"] == "96 MB &amp; more\nsecond line", "a body is, for this server"
        assert shown["hints"]["category"] == "transfer.complete" and shown["actions"][0] == "default"
        assert shown["icon"].startswith("file:///")

        note.show("2 transfers finished", "x" * 5000, failed=True)
        qtbot.waitUntil(lambda: len(server.notes) == 2)
        assert server.notes[1]["replaces"] == server.notes[0]["note"]
        assert len(server.notes[1]["body"]) <= 400

        with qtbot.waitSignal(note.activated):
            server.click()
        note.withdraw()
        qtbot.waitUntil(lambda: server.closed == [server.notes[0]["note"]])
        note.show("again", "", failed=False)
        qtbot.waitUntil(lambda: len(server.notes) == 3)
        assert server.notes[2]["replaces"] == 0, "a withdrawn notification is not replaced"
        server.close_note()
        qtbot.waitUntil(lambda: note._id == 0)
        with qtbot.assertNotEmitted(note.activated, wait=100):
            server.click()  # on a notification that is gone


def test_without_a_server_the_note_comes_back(bus: SessionBus, qtbot: QtBot) -> None:
    note = DesktopNote(bus)
    with qtbot.waitSignal(note.refused) as told:
        note.show("Pulled a", "b", failed=False)
    assert told.args == ["Pulled a", "b"]


@pytest.mark.parametrize(
    "address", ["", "unix:path=/nowhere/bus", "tcp:host=127.0.0.1,port=1", "unix:path=a\0b"]
)
def test_without_a_bus_the_note_comes_back(address: str, qtbot: QtBot) -> None:
    note = DesktopNote(SessionBus({"DBUS_SESSION_BUS_ADDRESS": address}))
    with qtbot.waitSignal(note.refused):
        note.show("Pulled a", "b", failed=False)


def test_a_server_that_comes_later_is_found(session: dict[str, str], bus: SessionBus, qtbot: QtBot) -> None:
    note = DesktopNote(bus)
    with qtbot.waitSignal(note.refused):
        note.show("first", "", failed=False)
    with NotificationServer(session) as server:
        note.show("second", "", failed=False)
        qtbot.waitUntil(lambda: [shown["summary"] for shown in server.notes] == ["second"])


def test_docks_are_told_of_changes_only(session: dict[str, str], bus: SessionBus, qtbot: QtBot) -> None:
    progress = LauncherProgress(bus)
    with NotificationServer(session) as server:
        progress.show(None, 0)
        for permille in (400, 403, 409, 410):
            progress.show(permille, 3)
        progress.show(None, 0)
        qtbot.waitUntil(lambda: len(server.launcher) == 3)
        first, second, last = (told["properties"] for told in server.launcher)
        assert server.launcher[0]["launcher"].startswith("application://")
        assert first == {"progress": 0.4, "progress-visible": True, "count": 3, "count-visible": True}
        assert second["progress"] == 0.41
        assert not last["progress-visible"] and not last["count-visible"]


def test_jeepney_is_imported_when_a_bus_is_first_needed() -> None:
    program = (
        "import sys, longshore.app, longshore.wiring.desktop\n"
        "from longshore.widgets.desktop.bus import SessionBus\n"
        "assert not SessionBus({}).connect_bus()\n"
        "sys.exit('jeepney' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


class _Impostor:
    """A server at the bus's address that only sends *words*."""

    def __init__(self, path: Path, words: bytes) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.words = words
        self.environ: Mapping[str, str] = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"}

    def answer(self) -> socket.socket:
        line, _ = self.socket.accept()
        line.sendall(self.words)
        return line


@pytest.mark.parametrize(
    "words",
    [
        b"REJECTED KERBEROS_V4\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"x" * 9000,
        b"OK 1234\r\n" + b"l\x02\x01\x01" + b"\xff" * 40,
        b"OK 1234\r\n" + b"no message at all, but long enough",
    ],
    ids=["rejected", "http", "flood", "huge", "noise"],
)
def test_an_impostor_is_left(tmp_path: Path, qtbot: QtBot, words: bytes) -> None:
    impostor = _Impostor(tmp_path / "bus", words)
    bus = SessionBus(impostor.environ)
    note = DesktopNote(bus)
    note.show("secret", "", failed=False)
    with qtbot.waitSignal(note.refused):
        line = impostor.answer()
    assert not bus.open
    line.close()
    impostor.socket.close()


def _hear(line: socket.socket, words: bytes, qtbot: QtBot) -> None:
    """Let the window run until it has sent *words*."""
    line.setblocking(False)
    seen = bytearray()

    def heard() -> bool:
        with contextlib.suppress(BlockingIOError):
            seen.extend(line.recv(4096))
        return words in seen

    qtbot.waitUntil(heard)
    line.setblocking(True)


def _message(signature: bytes, body: bytes, fields: bytes = b"") -> bytes:
    """Return a signal with this body; *fields*: more header fields, padded to 8 bytes."""
    fields += b"\x08\x01g\0" + bytes([len(signature)]) + signature + b"\0"
    head = struct.pack("<4sIII", b"l\x04\0\x01", len(body), 1, len(fields))
    return head + fields + bytes(-len(fields) % 8) + body


def _field(code: int, kind: bytes, value: bytes) -> bytes:
    raw = bytes((code, len(kind))) + kind + b"\0"
    raw += bytes(-len(raw) % 4) + value
    return raw + bytes(-len(raw) % 8)


@pytest.mark.parametrize(
    "message",
    [
        b"l\x02\x01\x01" + b"\xff" * 40,
        b"no message at all, but long enough",
        b"l\x02\x01\x01" + b"\x04\0\0\0" + b"\1\0\0\0" + b"\x08\0\0\0" + b"\x63" * 24,
        _message(b"s", struct.pack("<I", 1 << 20) + bytes(MAX_MESSAGE)),
        _message(b"s", struct.pack("<I", 200) + b"short\0"),
        _message(b"s", struct.pack("<I", 2) + b"\xff\xff\0"),
        _message(b"a()", struct.pack("<II", 8, 0) + bytes(8)),
        _message(b"aa((()))", struct.pack("<IIII", 16, 8, 0, 0) + bytes(8)),
        _message(b"v", b"\1v\0" * 20_000),
        _message(b"(" * 255, bytes(8)),
        _message(b"h", bytes(8)),
    ],
    ids=[
        "size", "noise", "fields", "large", "cut", "bytes", "endless", "endless within", "nested", "signature",
        "descriptor",
    ],
)  # fmt: skip
def test_a_message_that_is_none_ends_the_line(tmp_path: Path, qtbot: QtBot, message: bytes) -> None:
    impostor = _Impostor(tmp_path / "bus", b"OK 1234\r\n")
    bus = SessionBus(impostor.environ)
    note = DesktopNote(bus)
    note.show("secret", "", failed=False)
    line = impostor.answer()
    _hear(line, b"BEGIN\r\n", qtbot)
    with qtbot.waitSignal(note.refused):
        line.sendall(message)
    assert not bus.open
    line.close()
    impostor.socket.close()


def test_fields_and_values_of_odd_types_do_no_harm(tmp_path: Path, qtbot: QtBot) -> None:
    impostor = _Impostor(tmp_path / "bus", b"OK 1234\r\n")
    bus = SessionBus(impostor.environ)
    note = DesktopNote(bus)
    heard: list[tuple[object, ...]] = []
    bus.received.connect(lambda *told: heard.append(told))
    note.show("secret", "", failed=False)
    line = impostor.answer()
    _hear(line, b"GetCapabilities", qtbot)
    reply = Message(Header(Endianness.little, MessageType.method_return, 0, 1, 0, 1, {}), ())
    odd = _message(b"u", bytes(4), _field(2, b"u", bytes(4)) + _field(3, b"as", bytes(4)))
    # The reply to GetCapabilities, the third call: a number instead of a list.
    listing = _message(b"u", bytes(4), _field(5, b"u", struct.pack("<I", 3)))
    line.sendall(odd + listing[:1] + b"\x02" + listing[2:] + reply.serialise(serial=5))
    line.sendall(_message(b"u", bytes(4), _field(5, b"as", bytes(4))).replace(b"l\x04", b"l\x02", 1))
    _hear(line, b"Notify", qtbot)
    assert heard == [("0", "[]", (0,))] and bus.open
    bus.close()
    line.close()
    impostor.socket.close()


def test_addresses_of_the_bus() -> None:
    def found(address: str = "", **more: str) -> list[str]:
        return bus_addresses({"DBUS_SESSION_BUS_ADDRESS": address, **more})

    assert found("unix:path=/run/user/1000/bus,guid=ab;unix:abstract=/tmp/x%20y") == [
        "/run/user/1000/bus",
        "\0/tmp/x y",
    ]
    assert found("tcp:host=127.0.0.1") == []
    assert found("", XDG_RUNTIME_DIR="/run/user/7") == ["/run/user/7/bus"]
    assert found() == []
