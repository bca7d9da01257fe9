"""Notes and progress on the desktop: on a private bus with a real daemon and a server that checks every type."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from longshore.widgets.desktop import wire
from longshore.widgets.desktop.bus import SessionBus, bus_addresses
from longshore.widgets.desktop.launcher import LauncherProgress
from longshore.widgets.desktop.notes import DesktopNote
from longshore.widgets.desktop.wire import Malformed, Message, Variant
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
        assert server.notes[2]["replaces"] == 0, "what was taken back is not replaced"
        server.close_note()
        qtbot.waitUntil(lambda: note._id == 0)
        with qtbot.assertNotEmitted(note.activated, wait=100):
            server.click()  # of a note that is there no more


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


class _Impostor:
    """Something that listens where the bus should, and says *words*."""

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
        b"OK 1234\r\n" + b"l\x02\x01\x01" + b"\x04\0\0\0" + b"\1\0\0\0" + b"\x08\0\0\0" + b"\x63" * 24,
    ],
    ids=["rejected", "http", "flood", "huge", "noise", "fields"],
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


def test_messages_come_back_as_they_went() -> None:
    message = Message(
        wire.SIGNAL,
        serial=7,
        path="/a/b",
        interface="x.Y",
        member="Z",
        signature="subasix",
        body=("ä\N{GRINNING FACE}", 5, True, ["one", ""], -3, 2**40),
    )
    assert wire.decode(wire.encode(message)) == message
    whole = wire.encode(message)
    for length in range(16, len(whole)):
        with pytest.raises(Malformed):
            wire.decode(whole[:length])
    options = {"k": Variant("d", 0.5)}
    data = wire.encode(Message(wire.CALL, 1, "/p", "i.f", "M", "d.e", signature="a{sv}", body=(options,)))
    assert wire.size_of(data[:16]) == len(data)
    assert wire.decode(data).body == (), "nobody answers with a dictionary"
