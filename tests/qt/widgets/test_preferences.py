"""Preferences: the sheet saves what it shows, and nonsense in the settings file does no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from longshore.application.choices import Choices
from longshore.application.clients import Clients
from longshore.application.session import Session
from longshore.errors import LongshoreError
from longshore.registry.config import RegistryConfig
from longshore.settings import Settings
from longshore.transfers.connections import PER_HOST
from longshore.transfers.hand_over import HandOver
from longshore.widgets.dialogs.preferences import PreferencesSheet
from longshore.widgets.theme import Theme


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_what_is_shown_is_what_is_saved(light: Theme, qtbot: QtBot, tmp_path: Path) -> None:
    given = Choices(
        "dark",
        5,
        2,
        30,
        7,
        2000,
        notes=False,
        tray=True,
        check_minutes=90,
        fetch_pulls=False,
        connections=9,
    )
    sheet = PreferencesSheet(None, given)
    qtbot.addWidget(sheet)
    with qtbot.waitSignal(sheet.chosen) as same:
        assert sheet.check()
    assert same.args == [given]
    sheet.copy_limit.setValue(0)
    assert sheet.copy_limit.text() == "none"
    sheet.check_minutes.setValue(0)
    assert sheet.check_minutes.text() == "only with F5"
    sheet.notes.setChecked(True)
    assert not sheet.connections.isEnabled()
    sheet.fetch_pulls.setChecked(True)
    assert sheet.connections.isEnabled()
    with qtbot.waitSignal(sheet.chosen) as changed:
        sheet.confirm.click()
    settings = Settings(tmp_path)
    changed.args[0].write(settings, Choices())
    assert Choices.read(Settings(tmp_path)) == Choices(
        "dark", 5, 2, 0, 7, 2000, notes=True, tray=True, check_minutes=0, connections=9
    )


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_unfinished_downloads_are_shown_and_removed(light: Theme, qtbot: QtBot) -> None:
    sheet = PreferencesSheet(None, Choices())
    qtbot.addWidget(sheet)
    assert not sheet.remove.isEnabled(), "not known yet"
    sheet.show_unfinished(312_400_000)
    assert sheet.unfinished.whole() == "312 MB on disk"
    with qtbot.waitSignal(sheet.removal_requested):
        sheet.remove.click()
    assert not sheet.remove.isEnabled()
    sheet.show_unfinished(LongshoreError("The library can't be read."))
    assert "can't be read" in sheet.unfinished.whole() and sheet.remove.isEnabled()
    sheet.show_unfinished(0)
    assert (sheet.unfinished.whole(), sheet.remove.isEnabled()) == ("none", False)


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_the_sheet_fits_a_small_window_and_cuts_nothing(light: Theme, qtbot: QtBot) -> None:
    light.finish()
    sheet = PreferencesSheet(None, Choices())
    qtbot.addWidget(sheet)
    sheet.show()
    assert sheet.width() <= 900 and sheet.height() <= 600
    for box in sheet.findChildren(QCheckBox):
        assert box.width() >= box.sizeHint().width(), box.text()


def test_choices_limit_copies_and_pulls(tmp_path: Path) -> None:
    clients = Clients({}, RegistryConfig)
    Choices(copy_limit=3).limit(clients)
    assert clients.bandwidth.limit == 3e6
    shared = clients.hand_over = HandOver(lambda: tmp_path)
    Choices(fetch_pulls=False, connections=2).limit(clients)
    assert (shared.native, shared.connections.limit("r.io"), clients.bandwidth.limit) == (True, 2, None)
    Choices().limit(clients)
    assert (shared.native, shared.connections.limit("r.io")) == (False, PER_HOST)


def test_a_session_without_a_window_has_the_same_limits(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    Choices(fetch_pulls=False, connections=3, copy_limit=2).write(Settings(tmp_path / "longshore"), Choices())
    session = Session(environ, history=False)
    try:
        session.queue()
        shared = session.clients.hand_over
        assert shared is not None and shared.native and shared.connections.limit("r.io") == 3
        assert session.clients.bandwidth.limit == 2e6
    finally:
        session.close()


def test_nonsense_in_the_settings_does_no_harm(tmp_path: Path) -> None:
    assert Choices.read(Settings(tmp_path)) == Choices()
    (tmp_path / "settings.json").write_text(
        json.dumps(
            {
                "concurrency": 10**9,
                "history_rows": -4,
                "notes": "yes",
                "tray": 1,
                "history_days": None,
                "connections": 0,
                "fetch_pulls": "no",
            }
        )
    )
    assert Choices.read(Settings(tmp_path)) == Choices(concurrency=20, history_rows=100, connections=1)


def test_only_what_was_changed_is_written(tmp_path: Path) -> None:
    """Choices made in another window while this one's sheet is open are kept."""
    shown = Choices.read(Settings(tmp_path))
    Choices(concurrency=5, notes=False).write(Settings(tmp_path), shown)
    Choices(history_days=7, concurrency=6).write(Settings(tmp_path), Choices(concurrency=6))
    assert json.loads((tmp_path / "settings.json").read_text()) == {
        "concurrency": 5,
        "notes": False,
        "history_days": 7,
    }
