"""The history: the cells of past transfers, and pages that load without changing the selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from pytestqt.qtbot import QtBot

from longshore.errors import AccessDenied
from longshore.models.columns import HistoryColumn, NodeKind, Role, Tone
from longshore.models.history import HistoryModel
from longshore.transfers.transfer import Moved, State
from qt.models.made import NOW, headers, row_texts, texts, transfer

ROOT = QModelIndex()
DONE = {
    "state": State.SUCCEEDED,
    "permille": 1000,
    "moved": Moved(96_000_000, 4, 5),
    "started": NOW - timedelta(seconds=80),
    "finished": NOW,
}


@pytest.fixture
def model(tested: Callable[[HistoryModel], HistoryModel]) -> HistoryModel:
    return tested(HistoryModel())


def test_a_row_says_what_its_transfer_did(model: HistoryModel) -> None:
    model.show_rows([transfer("a", **DONE)], 1)
    assert headers(model) == [
        "Operation", "Source", "Destination", "Status", "Transferred", "Finished", "Duration",
    ]  # fmt: skip
    said = row_texts(model, 0)
    assert said[:5] == [
        "Pull", "127.0.0.1:5000/acme/web:main", "default", "Succeeded", "96 MB, 4 layers, 5 already here",
    ]  # fmt: skip
    assert said[HistoryColumn.FINISHED] and said[HistoryColumn.TOOK] == "1 min 20 s"
    status = model.index(0, HistoryColumn.STATUS)
    assert status.data(Role.TONE) == Tone.GOOD and status.data(Role.NODE_KIND) == NodeKind.TRANSFER


def test_a_failure_is_told_whole_in_the_tooltip_and_in_what_is_copied(model: HistoryModel) -> None:
    error = AccessDenied("Not <allowed>.", registry="r.io", advice="Sign in.", detail="denied: no")
    model.show_rows([transfer("a", state=State.FAILED, error=error, finished=NOW)], 1)
    cell = model.index(0, HistoryColumn.TRANSFERRED)
    assert cell.data() == "Not <allowed>." and cell.data(Role.TONE) == Tone.BAD
    assert "&lt;allowed&gt;" in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert "denied: no" in cell.data(Qt.ItemDataRole.ToolTipRole)
    copied = model.index(0, 0).data(Role.COPY_TEXT)
    assert copied.startswith(NOW.astimezone().strftime("%Y-%m-%d ")) and "denied: no" in copied


def test_pages_are_asked_for_once_and_end(model: HistoryModel, qtbot: QtBot) -> None:
    assert not model.canFetchMore(ROOT)
    rows = [transfer(str(number), **DONE) for number in range(7)]
    model.show_rows(rows[:3], 7)
    with qtbot.waitSignal(model.more_requested):
        model.fetchMore(ROOT)
    with qtbot.assertNotEmitted(model.more_requested):
        model.fetchMore(ROOT)  # the page is already being loaded
    assert model.last is not None and model.last.id == "2"
    model.append_rows([rows[2], *rows[3:6]], 7)  # a row that is already present does no harm
    assert model.rowCount() == 6 and model.canFetchMore(ROOT)
    model.append_rows([], 7)  # the last row was removed meanwhile
    assert not model.canFetchMore(ROOT) and model.found == 6


def test_a_new_reading_keeps_rows_and_selection(model: HistoryModel) -> None:
    a, b, c = (transfer(name, **DONE) for name in "abc")
    model.show_rows([a, b], 2)
    selection = QItemSelectionModel(model)
    selection.select(model.index(1, 0), QItemSelectionModel.SelectionFlag.Select)
    model.show_rows([c, replace(b, state=State.FAILED), a], 3)
    assert [index.row() for index in selection.selectedIndexes()] == [1]
    assert texts(model, HistoryColumn.STATUS) == ["Succeeded", "Failed", "Succeeded"]
    model.show_rows([], 0)
    assert model.rowCount() == 0 and not selection.hasSelection()
