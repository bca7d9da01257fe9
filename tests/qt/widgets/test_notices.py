"""Notices: how long they stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from longshore.widgets import notices
from longshore.widgets.notices import Notice
from longshore.widgets.theme import Theme


@pytest.fixture
def notice(light: Theme, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notice]:
    monkeypatch.setattr(notices, "NOTICE", 50)
    window = QWidget()
    qtbot.addWidget(window)
    made = Notice(window)
    window.show()
    with qtbot.waitExposed(window):
        pass
    yield made


def test_a_notice_stays_until_the_user_has_done_something(notice: Notice, qtbot: QtBot) -> None:
    notice.say("One")
    assert not notice._timer.isActive()
    qtbot.keyClick(notice.window().windowHandle(), Qt.Key.Key_A)
    assert notice._timer.isActive()
    qtbot.waitUntil(lambda: not notice.isVisible())
    # It was seen and has gone; a new one begins anew, and a newer one stays for its whole time.
    notice.say("Two")
    qtbot.keyClick(notice.window().windowHandle(), Qt.Key.Key_A)
    notice.say("Three")
    assert not notice._timer.isActive()


def test_a_notice_with_a_button_stays(notice: Notice, qtbot: QtBot) -> None:
    notice.say("One", button="Retry", act=lambda: None)
    qtbot.keyClick(notice.window().windowHandle(), Qt.Key.Key_A)
    assert not notice._timer.isActive()
