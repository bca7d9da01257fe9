"""The menu of More stays within the window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from longshore.widgets.verbs import VerbBar

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def opened(qtbot: QtBot, room: int) -> tuple[int, int, int]:
    """The right ends of the button, of its menu and of the window, with *room* pixels at the right of the button."""
    window = QWidget()
    qtbot.addWidget(window)
    row = QHBoxLayout(window)
    row.setContentsMargins(0, 0, room, 0)
    bar = VerbBar()
    row.addWidget(bar)
    bar.add_verb("Containers of this image, which is long", lambda: None, more=True)
    window.resize(600, 80)
    window.show()
    qtbot.waitExposed(window)
    qtbot.waitUntil(bar.more_button.isVisible)
    menu = bar.more_button.menu()
    menu.popup(bar.more_button.mapToGlobal(QPoint(0, bar.more_button.height())))
    qtbot.waitUntil(menu.isVisible)
    ends = (
        bar.more_button.mapToGlobal(QPoint(bar.more_button.width(), 0)).x(),
        menu.x() + menu.width(),
        window.mapToGlobal(QPoint(window.width(), 0)).x(),
    )
    menu.close()
    return ends


def test_without_room_the_menu_ends_with_its_button(qtbot: QtBot) -> None:
    button, menu, window = opened(qtbot, 10)
    assert menu == button <= window


def test_with_room_the_menu_begins_with_its_button(qtbot: QtBot) -> None:
    button, menu, window = opened(qtbot, 400)
    assert button < menu <= window
