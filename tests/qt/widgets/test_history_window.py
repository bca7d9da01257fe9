"""The history window: the filters of its fields, and the requests of its buttons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from longshore.models.columns import HistoryColumn
from longshore.models.history import HistoryModel
from longshore.transfers.journal.history import ENDED, HistoryFilter
from longshore.transfers.transfer import Operation, State
from longshore.widgets.dialogs.history import ClearHistorySheet
from longshore.widgets.history import HistoryWindow
from longshore.widgets.theme import Theme
from qt.models.made import request, transfer


@pytest.fixture
def window(light: Theme, qtbot: QtBot) -> Iterator[HistoryWindow]:
    model = HistoryModel()
    window = HistoryWindow(None, model)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    yield window


def fill(window: HistoryWindow, *names: str, found: int = 0) -> None:
    rows = [
        transfer(name, request=request(f"r.io/team/{name}:1"), state=State.SUCCEEDED, permille=1000)
        for name in names
    ]
    window.model.show_rows(rows, found or len(rows))
    window.set_loading(False)


def choose(picker: QComboBox, words: str) -> None:
    picker.setCurrentIndex(picker.findText(words))
    picker.activated.emit(picker.currentIndex())


def test_long_names_leave_room_for_when_it_was(window: HistoryWindow, qtbot: QtBot) -> None:
    fill(window, "billing-api-with-a-name-that-is-longer-than-usual", found=1)
    header = window.view.columns.header
    qtbot.waitUntil(lambda: header.isSectionHidden(HistoryColumn.TOOK))  # the names took the room they need
    assert not header.isSectionHidden(HistoryColumn.FINISHED)


def test_fields_ask_for_what_they_say(window: HistoryWindow, qtbot: QtBot) -> None:
    assert window.wanted() == HistoryFilter(ENDED)
    window.set_registries(["ghcr.io", "r.io"])
    choose(window.outcome, "Failed")
    choose(window.operation, "Pushed")
    choose(window.registry, "r.io")
    with qtbot.waitSignal(window.filter_changed) as told:
        choose(window.period, "Last 7 days")
    wanted = told.args[0]
    assert (wanted.states, wanted.operation, wanted.registry) == ((State.FAILED,), Operation.PUSH, "r.io")
    assert wanted.since is not None
    ago = datetime.now().astimezone() - wanted.since
    assert timedelta(days=6) <= ago < timedelta(days=7, hours=2)
    with qtbot.waitSignal(window.filter_changed) as typed:
        qtbot.keyClicks(window.filter, "web")
    assert typed.args[0].text == "web"
    window.set_registries(
        ["a.io", "ghcr.io"]
    )  # after an update the chosen registry stays, though it has no rows
    assert window.wanted().registry == "r.io"


def test_empty_says_why(window: HistoryWindow, qtbot: QtBot) -> None:
    fill(window)
    assert "No transfers yet" in window.empty.sentence.text()
    choose(window.outcome, "Failed")
    fill(window)
    assert "matches" in window.empty.sentence.text()
    with qtbot.waitSignal(window.filter_changed) as told:
        window.empty.button.click()
    assert told.args == [HistoryFilter(ENDED)]
    fill(window, "a")
    assert not window.empty.isVisible() and window.summary.whole() == "1 transfer"
    fill(window, "a", "b", found=900)
    assert window.summary.whole() == "2 of 900 loaded"


def test_repeat_means_the_requests_oldest_first_and_each_once(window: HistoryWindow, qtbot: QtBot) -> None:
    rows = [
        transfer(name, request=request(f"r.io/team/{image}:1"), state=State.SUCCEEDED)
        for name, image in (("3", "web"), ("2", "api"), ("1", "web"))
    ]
    window.model.show_rows(rows, 3)
    with qtbot.assertNotEmitted(window.repeat_requested):
        window.repeat()
    assert window.pane.explanation == window.repeat_verb.reason == "Select a transfer first."
    window.view.selectAll()
    with qtbot.waitSignal(window.repeat_requested) as told:
        window.repeat_verb.trigger()
    assert told.args[0] == [request("r.io/team/web:1"), request("r.io/team/api:1")]


def test_one_transfer_is_undone(window: HistoryWindow, qtbot: QtBot) -> None:
    fill(window, "a", "b")
    assert window.undo_verb.reason == "Select a transfer first."
    window.view.selectAll()
    assert window.undo_verb.reason == "Select only one transfer."
    window.view.select_row(window.model.index(1, 0))
    with qtbot.waitSignal(window.undo_requested) as told:
        window.undo_verb.trigger()
    assert told.args == [window.selected()[0].id]


def test_copy_takes_the_selected_or_all(window: HistoryWindow, qtbot: QtBot) -> None:
    fill(window, "a", "b")
    with qtbot.waitSignal(window.copy_requested) as everything:
        window.copy_verb.trigger()
    assert everything.args[0].count("\n") == 1
    window.view.select_row(window.model.index(1, 0))
    with qtbot.waitSignal(window.copy_requested) as one:
        qtbot.keyClick(window.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "team/b" in one.args[0] and "team/a" not in one.args[0]


@pytest.mark.qt_log_ignore("propagateSizeHints")
def test_rows_are_forgotten_and_everything_only_after_a_question(window: HistoryWindow, qtbot: QtBot) -> None:
    window.clear_verb.trigger()
    assert "empty" in window.pane.explanation
    fill(window, "a", "b")
    window.view.select_row(window.model.index(0, 0))
    with qtbot.waitSignal(window.forget_requested) as forgotten:
        qtbot.keyClick(window.view, Qt.Key.Key_Delete)
    assert forgotten.args == [["a"]]
    window.clear_verb.trigger()
    sheet = window.findChild(ClearHistorySheet)
    assert sheet is not None and sheet.confirm.text() == "Clear history"
    with qtbot.waitSignal(window.clear_requested):
        sheet.confirm.click()
