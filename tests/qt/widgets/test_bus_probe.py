"""The probe finds services on the session's D-Bus that do not respond, before Qt calls them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jeepney import HeaderFields, Message, Parser, new_error, new_method_return

from longshore.widgets.desktop import probe, questions
from longshore.widgets.desktop.addresses import bus_addresses
from longshore.widgets.desktop.probe import BusProbe
from longshore.widgets.desktop.questions import Malformed

BUS = "the session's D-Bus"


class Bus:
    """A bus that falls silent at *mute_at*: "greeting", or the name of a member that is called."""

    def __init__(self, path: Path, mute_at: str) -> None:
        self.mute_at = mute_at
        self.asked: list[str] = []
        self.environ = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"}
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        line, _ = self.listening.accept()
        with line:
            line.recv(4096)
            if self.mute_at != "greeting":
                line.sendall(b"OK 1234deadbeef1234deadbeef12345678\r\n")
            seen, parser = b"", Parser()
            while data := line.recv(4096):
                seen += data
                _, begun, calls = seen.partition(b"BEGIN\r\n")
                if not begun:
                    continue
                seen = b"BEGIN\r\n"
                for call in parser.feed(calls):
                    member = call.header.fields[HeaderFields.member]
                    self.asked.append(member)
                    if member != self.mute_at:
                        line.sendall(self._answer(call, member).serialise(serial=9))

    def _answer(self, call: Message, member: str) -> Message:
        answers = {
            "Hello": ("s", (":1.7",)),
            "NameHasOwner": ("b", (True,)),
            "Get": ("v", (("b", True),)),
            "GetAddress": ("s", ("unix:path=/nowhere/a11y",)),
        }
        return new_method_return(call, *answers.get(member, ("s", ("",))))

    def close(self) -> None:
        self.thread.join()
        self.listening.close()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Wait only briefly for buses that never respond, and long enough for the others."""
    mute_at = request.node.callspec.params.get("mute_at") if hasattr(request.node, "callspec") else None
    monkeypatch.setattr(probe, "PATIENCE", 1.0 if mute_at else 60.0)


@pytest.fixture
def mute_at() -> str:
    return ""


@pytest.fixture
def bus(tmp_path: Path, mute_at: str) -> Iterator[Bus]:
    bus = Bus(tmp_path / "bus", mute_at)
    yield bus
    bus.close()


def test_a_bus_that_answers_is_asked_what_qt_asks(bus: Bus) -> None:
    assert BusProbe(bus.environ).mute() == ""
    assert bus.asked == ["Hello", "NameHasOwner", "Get", "GetAddress", "NameHasOwner", "GetMenuForWindow"]


@pytest.mark.parametrize(
    ("mute_at", "who"),
    [
        ("greeting", BUS),
        ("Hello", BUS),
        ("NameHasOwner", BUS),
        ("Get", f"org.a11y.Bus on {BUS}"),
        ("GetAddress", f"org.a11y.Bus on {BUS}"),
        ("GetMenuForWindow", f"com.canonical.AppMenu.Registrar on {BUS}"),
    ],
)
def test_who_is_mute_is_named(bus: Bus, who: str) -> None:
    assert BusProbe(bus.environ).mute() == who


def test_a_real_bus_is_not_mute(session: dict[str, str]) -> None:
    assert BusProbe(session).mute() == ""


@pytest.mark.parametrize("address", ["", "unix:path=/nowhere/bus", "tcp:host=127.0.0.1,port=1", "disabled:"])
def test_where_nothing_listens_nobody_is_mute(address: str) -> None:
    assert BusProbe({"DBUS_SESSION_BUS_ADDRESS": address}).mute() == ""


def test_noise_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "bus"))
        listening.listen()
        asking = BusProbe({"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus"})
        with listening.accept()[0] as line:
            line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            assert asking.mute() == ""


def test_what_qt_takes_for_no_bus_is_none() -> None:
    assert bus_addresses({"DBUS_SESSION_BUS_ADDRESS": probe.NOWHERE, "XDG_RUNTIME_DIR": "/run/user/1"}) == []


def test_calls_are_what_jeepney_reads() -> None:
    (call,) = Parser().feed(questions._call_bytes(7, "a.b", "/c/d", "e.F", "G", ("ä", 3, "", 2**32 - 1)))
    fields = call.header.fields
    assert call.header.serial == 7 and call.body == ("ä", 3, "", 2**32 - 1)
    assert fields == {
        HeaderFields.path: "/c/d",
        HeaderFields.interface: "e.F",
        HeaderFields.member: "G",
        HeaderFields.destination: "a.b",
        HeaderFields.signature: "susu",
    }
    (bare,) = Parser().feed(questions._call_bytes(8, "a.b", "/c", "e.F", "G", ()))
    assert bare.body == () and HeaderFields.signature not in bare.header.fields


@pytest.mark.parametrize(
    ("signature", "body", "value"),
    [
        ("s", ("ä",), "ä"),
        ("b", (False,), False),
        ("v", (("b", True),), True),
        ("v", (("s", "x"),), "x"),
        ("u", (5,), None),
        ("sa{sv}", ("x", {}), None),
        (None, (), None),
    ],
)
def test_replies_are_read_as_jeepney_writes_them(signature: str | None, body: tuple, value: object) -> None:
    (call,) = Parser().feed(questions._call_bytes(7, "a.b", "/c", "e.F", "G", ()))
    whole = new_method_return(call, signature, body).serialise(serial=2**31)
    assert questions._size_of(bytearray(whole)) == len(whole)
    assert questions._read(whole) == (questions._REPLY, 7, value)
    for length in range(16, len(whole)) if value == "ä" else ():
        with pytest.raises((Malformed, IndexError, struct.error)):
            questions._read(whole[:length])
    error = new_error(call, "a.b.Failed", "s", ("no",)).serialise(serial=3)
    assert questions._read(error)[:2] == (questions._ERROR, 7)
