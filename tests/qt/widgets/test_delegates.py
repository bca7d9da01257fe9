"""Painting: pills, bars, and errors, which never end the process."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from longshore.models.columns import Role, Tone, TransferColumn
from longshore.transfers.transfer import State
from longshore.widgets.columns import Column, Kind
from longshore.widgets.theme import Theme
from longshore.widgets.views import TableView, TreeView
from qt.models.made import transfer
from qt.widgets.conftest import Bench


class _Cells(QAbstractTableModel):
    """A model with one row, a cell of each kind; *answers*: its data by role."""

    def __init__(self, answers: dict[int, Any]) -> None:
        super().__init__()
        self.answers = answers

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 1

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 4

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        return self.answers.get(role)


_COLUMNS = [
    Column("x" * 20, "x", kind=Kind.NAME, extra=40),
    Column("x" * 20, "x"),
    Column("x" * 20, "x", kind=Kind.PILL),
    Column("x" * 20, "x", kind=Kind.PROGRESS),
]


def _seen(image: QImage, rect: QRect) -> Counter[str]:
    """Return the number of pixels of each colour."""
    return Counter(
        image.pixelColor(x, y).name()
        for x in range(rect.left(), rect.right())
        for y in range(rect.top(), rect.bottom())
    )


def _shown(qtbot: QtBot, answers: dict[int, Any]) -> tuple[TableView, list[Counter[str]]]:
    view = TableView("Cells", _COLUMNS)
    qtbot.addWidget(view)
    view.set_model(_Cells(answers), -1, Qt.SortOrder.AscendingOrder)
    view.resize(900, 120)
    view.show()
    image = view.viewport().grab().toImage()
    return view, [_seen(image, view.visualRect(view.model().index(0, i))) for i in range(4)]


_TINTS = [tone for tone in Tone if tone not in (Tone.NONE, Tone.OUTLINE)]


def test_a_pill_of_nothing_known_is_an_outline(light: Theme, qtbot: QtBot) -> None:
    _, seen = _shown(qtbot, {Qt.ItemDataRole.DisplayRole: "unknown", Role.TONE: Tone.OUTLINE})
    assert seen[2][light.strong_line.name()] > 20
    assert not any(seen[2][light.ink(tone).pill.name()] for tone in _TINTS)


@pytest.mark.parametrize("tone", _TINTS)
def test_a_pill_has_the_tint_of_its_tone(light: Theme, qtbot: QtBot, tone: Tone) -> None:
    _, seen = _shown(qtbot, {Qt.ItemDataRole.DisplayRole: "state", Role.TONE: tone})
    pill = light.ink(tone).pill.name()
    assert seen[2][pill] > 200
    assert seen[1][pill] < 20, "a tint under plain text"


def test_without_a_tone_there_is_no_pill(light: Theme, qtbot: QtBot) -> None:
    _, seen = _shown(qtbot, {Qt.ItemDataRole.DisplayRole: "state"})
    assert all(seen[2][light.ink(tone).pill.name()] < 20 for tone in _TINTS)


def test_a_selected_row_is_filled(light: Theme, qtbot: QtBot) -> None:
    view, _ = _shown(qtbot, {Qt.ItemDataRole.DisplayRole: "state"})
    view.selectRow(0)
    image = view.viewport().grab().toImage()
    assert image.pixelColor(3, 3) == light.selection


@pytest.mark.parametrize("odd", [object(), "text", None, 7, -5, 10**12])
def test_odd_data_is_survived(light: Theme, qtbot: QtBot, odd: object) -> None:
    roles = [
        Qt.ItemDataRole.DisplayRole,
        Role.TONE,
        Role.PERMILLE,
        Role.STATE,
        Role.NODE_KIND,
        Role.OPERATION,
    ]
    view, _ = _shown(qtbot, dict.fromkeys(roles, odd))
    assert view.isVisible()


@pytest.mark.expects_log("cannot paint")
def test_a_failure_in_painting_is_logged_and_does_not_escape(light: Theme, qtbot: QtBot) -> None:
    class Nasty:
        def __str__(self) -> str:
            raise RuntimeError("nasty")

    _shown(qtbot, {Qt.ItemDataRole.DisplayRole: Nasty()})


def _bar(bench: Bench) -> tuple[QImage, QRect]:
    view: TreeView = bench.window.transfer_pane.view
    rect = view.visualRect(bench.transfers.index(0, TransferColumn.PROGRESS))
    return view.viewport().grab().toImage(), rect


def _filled(image: QImage, rect: QRect, colour: QColor) -> int:
    y = rect.center().y()
    return sum(image.pixelColor(QPoint(x, y)) == colour for x in range(rect.left(), rect.right()))


@pytest.mark.parametrize(
    ("state", "tone"),
    [
        (State.RUNNING, Tone.ACTIVE),
        (State.FAILED, Tone.BAD),
        (State.SUCCEEDED, Tone.GOOD),
        (State.INTERRUPTED, Tone.CAUTION),
    ],
)
def test_a_bar_has_the_colour_of_its_state(bench: Bench, light: Theme, state: State, tone: Tone) -> None:
    bench.move(transfer("a", state=state, permille=1000))
    image, rect = _bar(bench)
    assert _filled(image, rect, light.ink(tone).plain) > 20


def test_a_bar_grows_with_its_share(bench: Bench, light: Theme) -> None:
    lengths = []
    for permille in (200, 400, 800):
        bench.move(transfer("a", state=State.RUNNING, permille=permille))
        lengths.append(_filled(*_bar(bench), light.ink(Tone.ACTIVE).plain))
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=4)
    assert lengths[2] == pytest.approx(4 * lengths[0], abs=6)


def test_an_unknown_total_moves_and_says_no_number(bench: Bench, light: Theme, qtbot: QtBot) -> None:
    bench.move(transfer("a", state=State.RUNNING, permille=None))
    image, rect = _bar(bench)
    assert _filled(image, rect, light.ink(Tone.ACTIVE).plain) > 5
    number = rect.adjusted(rect.width() - 30, 2, 0, -2)
    assert len(_seen(image, number)) == 1, "there is a number although the total is unknown"
    qtbot.waitUntil(lambda: _bar(bench)[0] != image)
