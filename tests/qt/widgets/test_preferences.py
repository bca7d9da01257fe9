"""Preferences: the sheet saves what it shows, and nonsense in the settings file does no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from longshore.application.choices import Choices
from longshore.settings import Settings
from longshore.widgets.dialogs.preferences import PreferencesSheet
from longshore.widgets.theme import Theme


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_what_is_shown_is_what_is_saved(light: Theme, qtbot: QtBot, tmp_path: Path) -> None:
    given = Choices("dark", 5, 2, 30, 7, 2000, notes=False, tray=True, check_minutes=90)
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
    with qtbot.waitSignal(sheet.chosen) as changed:
        sheet.confirm.click()
    settings = Settings(tmp_path)
    changed.args[0].write(settings, Choices())
    assert Choices.read(Settings(tmp_path)) == Choices(
        "dark", 5, 2, 0, 7, 2000, notes=True, tray=True, check_minutes=0
    )


def test_nonsense_in_the_settings_does_no_harm(tmp_path: Path) -> None:
    assert Choices.read(Settings(tmp_path)) == Choices()
    (tmp_path / "settings.json").write_text(
        json.dumps(
            {"concurrency": 10**9, "history_rows": -4, "notes": "yes", "tray": 1, "history_days": None}
        )
    )
    assert Choices.read(Settings(tmp_path)) == Choices(concurrency=20, history_rows=100)


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
