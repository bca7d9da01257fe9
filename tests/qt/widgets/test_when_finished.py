"""When finished: the menu, the countdown that can be stopped, and the system's logind on a private bus."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection
from PySide6.QtCore import QObject, Qt, Signal
from pytestqt.qtbot import QtBot

from longshore.models.transfer_choice import After
from longshore.transfers.transfer import State
from longshore.widgets.desktop.suspend import Suspending
from longshore.widgets.dialogs.countdown import SECONDS, CountdownSheet
from longshore.widgets.dialogs.sheet import Sheet
from longshore.wiring.when_finished import AfterTransfers
from qt.models.made import transfer

from .conftest import Bench

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints", "raise")


class Logind:
    """The part of logind that is asked, on a private bus. *can*: its answer; *refuses*: it does not suspend."""

    def __init__(self, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, can: str) -> None:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", environ["DBUS_SESSION_BUS_ADDRESS"])
        self.environ = {"DBUS_SYSTEM_BUS_ADDRESS": environ["DBUS_SESSION_BUS_ADDRESS"]}
        self.can = can
        self.refuses = False
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self._bus = open_dbus_connection(bus="SESSION")
        self._bus.send_and_get_reply(message_bus.RequestName("org.freedesktop.login1"))
        self._thread = threading.Thread(target=self._serve, name="logind")
        self._thread.start()

    def _serve(self) -> None:
        while True:
            call = self._bus.receive()
            if call.header.message_type is not MessageType.method_call:
                continue
            member = call.header.fields[HeaderFields.member]
            if member == "Stop":
                return
            self.asked.append((member, call.body))
            if member == "CanSuspend":
                reply = new_method_return(call, "s", (self.can,))
            elif self.refuses:
                reply = new_error(call, "org.freedesktop.login1.BlockedByInhibitorLock")
            else:
                reply = new_method_return(call)
            self._bus.send(reply)

    def close(self) -> None:
        from jeepney import DBusAddress, new_method_call

        with contextlib.closing(open_dbus_connection(bus="SESSION")) as other:
            stop = DBusAddress("/", bus_name="org.freedesktop.login1", interface="org.test")
            other.send(new_method_call(stop, "Stop"))
            self._thread.join(5)
        self._bus.close()


@pytest.fixture
def logind(session: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Logind]:
    made = Logind(session, monkeypatch, "yes")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("can", "reason"),
    [
        ("yes", ""),
        ("challenge", "asks for a password"),
        ("no", "doesn't allow"),
        ("na", "can't be suspended"),
    ],
)
def test_what_the_system_allows(logind: Logind, can: str, reason: str, qtbot: QtBot) -> None:
    logind.can = can
    suspending = Suspending(logind.environ)
    with qtbot.waitSignal(suspending.changed, check_params_cb=lambda: not suspending._asking):
        suspending.look()
    assert (reason in suspending.reason) and bool(reason) == bool(suspending.reason)
    suspending.close()


def test_without_logind_it_is_said(session: dict[str, str], qtbot: QtBot) -> None:
    for environ in (
        {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"},
        {"DBUS_SYSTEM_BUS_ADDRESS": session["DBUS_SESSION_BUS_ADDRESS"]},
    ):
        suspending = Suspending(environ)
        suspending.look()
        qtbot.waitUntil(lambda it=suspending: "was not found" in it.reason)  # type: ignore[misc]
        refused: list[bool] = []
        suspending.suspend(lambda told=refused: told.append(True))  # type: ignore[misc]
        qtbot.waitUntil(lambda told=refused: bool(told))  # type: ignore[misc]
        suspending.close()


class _Transfers(QObject):
    ended = Signal(object)
    tally_changed = Signal()
    unfinished = 0


class Desk:
    """A window with transfers that the test ends."""

    def __init__(self, bench: Bench, environ: dict[str, str]) -> None:
        self.bench = bench
        self.transfers = _Transfers()
        self.containers = SimpleNamespace(attached=[])
        operations: Any = SimpleNamespace(transfers=self.transfers, containers=self.containers)
        self.after = AfterTransfers(bench.window, operations, environ)
        self.quits: list[bool] = []
        self.after.quit_requested.connect(lambda: self.quits.append(True))

    def show(self, state: State) -> None:
        self.bench.move(transfer("a", state=state))
        self.transfers.unfinished = int(not state.finished)
        if state.finished:
            self.transfers.ended.emit(transfer("a", state=state))
        self.transfers.tally_changed.emit()

    @property
    def sheet(self) -> CountdownSheet | None:
        open_ones = [one for one in self.bench.window.findChildren(CountdownSheet) if one.open_still]
        return open_ones[0] if open_ones else None


@pytest.fixture
def desk(bench: Bench, qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(bench, {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere/bus"})
    yield made
    made.after.stop()


def test_quits_after_the_countdown_and_only_if_it_was_chosen(desk: Desk, qtbot: QtBot) -> None:
    pane = desk.bench.window.transfer_pane
    quit_entry = pane.when_menu.entries[After.QUIT]
    assert not quit_entry.isEnabled()
    assert "Nothing is queued or running." in quit_entry.toolTip()
    desk.show(State.RUNNING)
    qtbot.waitUntil(quit_entry.isEnabled)
    assert not pane.when_menu.entries[After.SUSPEND].isEnabled()
    quit_entry.trigger()
    assert pane.stay_verb.isVisible() and pane.stay_verb.text() == "Then quit"
    desk.show(State.SUCCEEDED)
    sheet = desk.sheet
    assert sheet is not None
    assert sheet.label.text() == f"Longshore quits in {SECONDS} s."
    for _ in range(SECONDS - 1):
        sheet.tick()
    assert sheet.label.text() == "Longshore quits in 1 s."
    assert not desk.quits
    sheet.tick()
    assert desk.quits == [True]
    assert not pane.stay_verb.isVisible()


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_the_countdown_is_stopped_by_a_key(desk: Desk, key: Qt.Key, qtbot: QtBot) -> None:
    pane = desk.bench.window.transfer_pane
    desk.show(State.RUNNING)
    pane.after_chosen.emit(After.QUIT)
    desk.show(State.SUCCEEDED)
    sheet = desk.sheet
    assert sheet is not None
    qtbot.keyClick(sheet, key)
    assert desk.sheet is None
    assert not desk.quits
    assert pane.when_menu.entries[After.NOTHING].isChecked()


def test_new_work_ends_the_countdown_and_the_choice_holds(desk: Desk, qtbot: QtBot) -> None:
    pane = desk.bench.window.transfer_pane
    desk.show(State.RUNNING)
    pane.after_chosen.emit(After.QUIT)
    desk.show(State.SUCCEEDED)
    assert desk.sheet is not None
    desk.show(State.RUNNING)
    assert desk.sheet is None
    assert pane.stay_verb.isVisible()
    pane.stay_verb.trigger()
    assert not pane.stay_verb.isVisible()
    desk.show(State.SUCCEEDED)
    assert desk.sheet is None


def test_a_failure_keeps_it_open_and_is_said(desk: Desk, qtbot: QtBot) -> None:
    pane = desk.bench.window.transfer_pane
    desk.show(State.RUNNING)
    pane.after_chosen.emit(After.QUIT)
    desk.show(State.FAILED)
    assert desk.sheet is None
    assert pane.explanation == "Longshore stays open, because 1 transfer failed."


def test_nothing_starts_while_a_sheet_is_open_or_a_container_is_followed(desk: Desk, qtbot: QtBot) -> None:
    sheet = Sheet(desk.bench.window, "Push", "Push")
    sheet.open()
    desk.show(State.RUNNING)
    desk.bench.window.transfer_pane.after_chosen.emit(After.QUIT)
    desk.show(State.SUCCEEDED)
    assert desk.sheet is None
    sheet.reject()
    desk.containers.attached = ["web"]
    desk.after._when.look()
    assert desk.sheet is None
    desk.containers.attached = []
    desk.after._when.look()
    assert desk.sheet is not None
    desk.sheet.reject()


def test_the_machine_is_suspended_without_asking_for_a_password(
    bench: Bench, logind: Logind, qtbot: QtBot
) -> None:
    desk = Desk(bench, {**os.environ, **logind.environ})
    pane = bench.window.transfer_pane
    desk.show(State.RUNNING)
    pane.when_menu.aboutToShow.emit()
    entry = pane.when_menu.entries[After.SUSPEND]
    qtbot.waitUntil(entry.isEnabled)
    entry.trigger()
    assert pane.stay_verb.text() == "Then suspend"
    desk.show(State.FAILED)
    assert desk.sheet is not None
    desk.sheet.confirm.click()
    qtbot.waitUntil(lambda: logind.asked[-1] == ("Suspend", (False,)))
    assert not desk.quits
    qtbot.waitUntil(lambda: desk.after._suspending._pending is None)
    logind.refuses = True
    desk.show(State.RUNNING)
    pane.after_chosen.emit(After.SUSPEND)
    desk.show(State.SUCCEEDED)
    assert desk.sheet is not None
    desk.sheet.confirm.click()
    qtbot.waitUntil(lambda: "did not suspend" in pane.explanation)
    desk.after.stop()
