"""Notices: how long they stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from longshore.widgets import notices
from longshore.widgets.notices import ElidedLabel, Notice
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


def test_the_first_facts_are_left_out_as_a_whole(qtbot: QtBot) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    facts = ["7 references", "630 kB on disk", "1 selected, removing it frees 90 kB"]
    whole = "  ·  ".join(facts)
    label.set_text(whole)
    label.show()
    metrics = label.fontMetrics()
    label.resize(metrics.horizontalAdvance(whole), 20)
    assert label.text() == whole
    label.resize(metrics.horizontalAdvance(whole) - 1, 20)
    assert label.text() == f"{facts[1]}  ·  {facts[2]}"
    assert "7 references" in label.toolTip() and label.accessibleDescription() == whole, "without markup"
    label.resize(60, 20)
    assert "…" in label.text() and "7 ref" not in label.text()
    assert label.accessibleName() == whole
    label.set_text("Copied. It works only on this machine.")
    label.resize(90, 20)
    assert label.text().startswith("Copied. ") and label.text().endswith("…")
