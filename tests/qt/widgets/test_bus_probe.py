"""Who on the session's D-Bus does not answer is known before Qt asks it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.widgets.desktop import probe, wire
from longshore.widgets.desktop.addresses import bus_addresses
from longshore.widgets.desktop.probe import BusProbe
from longshore.widgets.desktop.wire import Message, Variant

BUS = "the session's D-Bus"


class Bus:
    """Speaks as a bus does, until a call comes for *mute_at* ("greeting", or the member called)."""

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
            seen = line.recv(4096)
            if self.mute_at != "greeting":
                line.sendall(b"OK 1234deadbeef1234deadbeef12345678\r\n")
            inbox = b""
            while data := line.recv(4096):
                seen += data
                inbox = seen.partition(b"BEGIN\r\n")[2]
                seen = seen[: len(seen) - len(inbox)]
                while (size := wire.size_of(inbox[:16])) is not None and size <= len(inbox):
                    call, inbox = wire.decode(inbox[:size]), inbox[size:]
                    self.asked.append(call.member)
                    if call.member != self.mute_at:
                        line.sendall(wire.encode(self._answer(call)))
                seen += inbox

    def _answer(self, call: Message) -> Message:
        answers = {
            "Hello": ("s", (":1.7",)),
            "NameHasOwner": ("b", (True,)),
            "Get": ("v", (Variant("b", True),)),
            "GetAddress": ("s", ("unix:path=/nowhere/a11y",)),
        }
        signature, body = answers.get(call.member, ("s", ("",)))
        return Message(wire.REPLY, serial=9, reply_to=call.serial, signature=signature, body=body)

    def close(self) -> None:
        self.thread.join()
        self.listening.close()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Who is mute in these tests stays mute; who answers has all the time there is."""
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
