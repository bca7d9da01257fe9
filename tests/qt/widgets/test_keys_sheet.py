"""The sheet Keys…, and the line about signatures in the settings of a registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from longshore.application.signatures.listing import ListedKey
from longshore.application.signatures.scopes import parse_scope
from longshore.errors import InvalidInput, LongshoreError
from longshore.registry.config import RegistryConfig
from longshore.widgets.dialogs.keys import KeysSheet
from longshore.widgets.dialogs.registry_settings import RegistrySettingsSheet
from longshore.widgets.theme import Theme
from qt.widgets.test_registry_sheets import HOST, shown

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

TEAM = parse_scope(f"{HOST}/team/*")
ALL = parse_scope(HOST)
RELEASE = ListedKey(TEAM, "release@acme.io", "ECDSA P-256", "ab" * 32, only_signed=True)


def cells(sheet: KeysSheet) -> list[list[str]]:
    return [
        [sheet.table.item(row, column).text() for column in range(3)] for row in range(sheet.table.rowCount())
    ]


def test_keys_are_added_with_the_keyboard_and_listed(light: Theme, qtbot: QtBot) -> None:
    sheet = KeysSheet(None, HOST)
    shown(sheet, qtbot)
    assert sheet.empty.isVisible() and not sheet.table.isVisible()
    qtbot.keyClick(sheet.file.line, Qt.Key.Key_Return)
    assert "Choose the file" in sheet.problem.text()
    qtbot.keyClicks(sheet.file.line, "/keys/release.pub")
    qtbot.keyClicks(sheet.called, "release@acme.io")
    qtbot.keyClicks(sheet.scope, "team/*")
    with qtbot.waitSignal(sheet.add_requested) as wished:
        qtbot.keyClick(sheet.scope, Qt.Key.Key_Return)
    assert wished.args == ["team/*", Path("/keys/release.pub"), "release@acme.io"]
    sheet.show_keys(InvalidInput("This is a private key.", advice="Use the public one."))
    assert "private key" in sheet.problem.text()
    assert sheet.file.line.text() == "/keys/release.pub"
    qtbot.keyClick(sheet.scope, Qt.Key.Key_Return)
    sheet.show_keys([RELEASE])
    assert cells(sheet) == [["team/*", "release@acme.io", "ECDSA P-256"]]
    assert sheet.file.line.text() == "" and not sheet.problem.isVisible() and not sheet.empty.isVisible()
    assert RELEASE.fingerprint in sheet.table.item(0, 1).toolTip()
    sheet.reject()
    sheet.show_keys([])  # after the sheet has closed


def test_a_rule_is_a_tick_and_an_error_takes_it_back(light: Theme, qtbot: QtBot) -> None:
    sheet = KeysSheet(None, HOST)
    shown(sheet, qtbot)
    sheet.show_keys([RELEASE, ListedKey(ALL, only_signed=True)])
    assert cells(sheet)[1][:2] == ["all repositories", "no key"]
    tick = sheet.table.item(0, 3)
    with qtbot.waitSignal(sheet.rule_requested) as wished:
        tick.setCheckState(Qt.CheckState.Unchecked)
    assert wished.args == [TEAM, False]
    sheet.show_keys(LongshoreError("The keys were not saved."))
    room = sheet.table.visualItemRect(sheet.table.item(1, 3))
    for where, wanted in ((room.center(), False), (room.topLeft() + QPoint(11, room.height() // 2), True)):
        with qtbot.waitSignal(sheet.rule_requested) as wished:  # beside the box, and on it
            qtbot.mouseClick(sheet.table.viewport(), Qt.MouseButton.LeftButton, pos=where)
        assert wished.args == [ALL, wanted]
    assert sheet.table.item(0, 3).checkState() is Qt.CheckState.Checked
    assert not sheet.remove_button.isEnabled() and sheet.remove_button.toolTip()
    sheet.table.selectRow(1)
    assert not sheet.remove_button.isEnabled()  # a rule without a key is ended by its tick
    sheet.table.selectRow(0)
    with qtbot.waitSignal(sheet.remove_requested) as removed:
        qtbot.mouseClick(sheet.remove_button, Qt.MouseButton.LeftButton)
    assert removed.args == [TEAM, "release@acme.io"]
    sheet.reject()


def test_the_settings_of_a_registry_show_its_rule(light: Theme, qtbot: QtBot) -> None:
    sheet = RegistrySettingsSheet(None, RegistryConfig(HOST), HOST)
    shown(sheet, qtbot)
    assert not sheet.only_signed.isEnabled()
    sheet.show_keys([RELEASE])
    assert sheet.only_signed.isEnabled() and not sheet.only_signed.isChecked()
    assert (sheet.known_keys.text(), sheet.known_keys.accessibleName()) == (
        "1 key, 1 rule",
        "Only signed images of team/*",
    )
    rules: list[bool] = []
    sheet.rule_requested.connect(rules.append)
    qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    sheet.answer(LongshoreError("The files can't be used."))
    sheet.only_signed.click()
    sheet.show_keys([RELEASE, ListedKey(ALL, "other", "Ed25519")])  # the choice is not lost
    qtbot.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
    assert rules == [True]
    sheet.show_keys([ListedKey(ALL, only_signed=True)])
    assert sheet.only_signed.isChecked() and sheet.known_keys.text() == "no key yet"
    with qtbot.waitSignal(sheet.keys_requested):
        qtbot.mouseClick(sheet.keys_button, Qt.MouseButton.LeftButton)
    sheet.show_keys(LongshoreError("The file can't be read."))
    assert not sheet.only_signed.isEnabled()
    sheet.reject()
