"""Which notifications appear and when: none while the window is in front, one for many ends, and only those chosen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from longshore.operations import Operations
from longshore.transfers.transfer import State
from longshore.wiring import desktop
from longshore.wiring.desktop import Desktop
from qt.models.made import request, transfer
from qt.widgets.conftest import Bench
from testbed.notifications import NotificationServer


class _Moving(QObject):
    ended = Signal(object)
    tally_changed = Signal()


@pytest.fixture
def moving() -> _Moving:
    return _Moving()


@pytest.fixture
def keeper(
    bench: Bench, moving: _Moving, session: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desktop]:
    monkeypatch.setitem(os.environ, "DBUS_SESSION_BUS_ADDRESS", session["DBUS_SESSION_BUS_ADDRESS"])
    monkeypatch.setattr(desktop, "GATHER", 50)
    monkeypatch.setattr(desktop, "PROGRESS", 20)
    keeper = Desktop(bench.window, cast(Operations, SimpleNamespace(transfers=moving)))
    yield keeper
    keeper.stop()


def end(bench: Bench, moving: _Moving, name: str, state: State = State.SUCCEEDED, **more: Any) -> None:
    snapshot = transfer(name, request=request(f"r.io/{name}:1"), state=state, permille=1000, **more)
    bench.move(snapshot)
    moving.ended.emit(snapshot)
    moving.tally_changed.emit()


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return a function that sets whether the window is in front, because offscreen any window has the focus."""

    def look(at_it: bool) -> None:
        monkeypatch.setattr(desktop, "in_front", lambda: at_it)

    return look


@pytest.mark.qt_log_ignore("raise")
def test_a_burst_is_one_note_and_leads_to_what_failed(
    bench: Bench,
    moving: _Moving,
    keeper: Desktop,
    session: dict[str, str],
    look: Callable[[bool], None],
    qtbot: QtBot,
) -> None:
    bench.window.hide()
    keeper.choose(notes=True, tray=False)
    with NotificationServer(session) as server:
        look(False)
        for name in "abcde":
            end(bench, moving, name)
        end(bench, moving, "f", State.FAILED)
        end(bench, moving, "g", State.CANCELLED)  # cancelled by the user, so not reported
        qtbot.waitUntil(lambda: bool(server.notes))
        assert [note["summary"] for note in server.notes] == ["5 transfers finished, 1 failed"]
        end(bench, moving, "h")
        qtbot.waitUntil(lambda: len(server.notes) == 2)
        assert server.notes[1]["summary"] == "6 transfers finished, 1 failed"
        assert server.notes[1]["replaces"] == server.notes[0]["note"]
        server.click()
        qtbot.waitUntil(bench.window.isVisible)
        assert [s.id for s in bench.window.transfer_pane.selected()] == ["f"]
        qtbot.waitUntil(lambda: server.closed == [server.notes[0]["note"]])


def test_nothing_is_told_while_one_looks_or_wants_none(
    bench: Bench,
    moving: _Moving,
    keeper: Desktop,
    session: dict[str, str],
    look: Callable[[bool], None],
    qtbot: QtBot,
) -> None:
    with NotificationServer(session) as server:
        keeper.choose(notes=True, tray=False)
        look(True)
        end(bench, moving, "a")
        keeper.choose(notes=False, tray=False)
        look(False)
        end(bench, moving, "b")
        keeper.choose(notes=True, tray=False)
        end(bench, moving, "c")
        qtbot.waitUntil(lambda: bool(server.notes))
        assert [note["summary"] for note in server.notes] == ["Pulled r.io/c:1"]


@pytest.mark.qt_log_ignore("systemTrayWindowChanged")
def test_progress_of_all_together_never_falls_back(
    bench: Bench, moving: _Moving, keeper: Desktop, session: dict[str, str], qtbot: QtBot
) -> None:
    keeper.choose(notes=False, tray=True)
    tray = keeper._tray
    assert tray is not None and tray.tooltip == "Longshore"
    with NotificationServer(session) as server:
        bench.move(transfer("a", state=State.RUNNING, permille=500), transfer("b"))
        moving.tally_changed.emit()
        qtbot.waitUntil(lambda: bool(server.launcher))
        assert server.launcher[0]["properties"]["progress"] == 0.25
        assert tray.tooltip == "Longshore — 2 remaining, 25 %"
        end(bench, moving, "a")
        qtbot.waitUntil(lambda: len(server.launcher) == 2)
        assert server.launcher[1]["properties"] == {
            "progress": 0.5,
            "progress-visible": True,
            "count": 1,
            "count-visible": True,
        }
        end(bench, moving, "b")
        qtbot.waitUntil(lambda: len(server.launcher) == 3)
        assert not server.launcher[2]["properties"]["progress-visible"]
        assert tray.tooltip == "Longshore"
    keeper.choose(notes=False, tray=False)
    assert keeper._tray is None
