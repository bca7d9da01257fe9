"""Column widths: no text is cut if there is room, no column is lost if there is none, and the user's widths stay."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QStandardItem, QStandardItemModel
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from longshore.errors import NotInRegistry
from longshore.models.columns import TagColumn
from longshore.models.tag_row import TagRow
from longshore.widgets import tags
from longshore.widgets.columns import PADDING, Column
from longshore.widgets.theme import Theme
from longshore.widgets.views import TableView

_COLUMNS = [
    Column("a name of usual length", "a name", weight=1),
    Column("0123456789ab", "0123456789ab", fixed=True, yields=2),
    Column("2 months ago", "2 months ago", yields=1),
    Column("in sync", "in sync"),
]


@pytest.fixture
def view(light: Theme, qtbot: QtBot) -> TableView:
    view = TableView("Things", _COLUMNS)
    qtbot.addWidget(view)
    model = QStandardItemModel(1, 4, view)
    model.setHorizontalHeaderLabels(["Name", "ID", "Created", "State"])
    view.set_model(model, -1, Qt.SortOrder.AscendingOrder)
    view.resize(900, 200)
    view.show()
    return view


def _widths(view: TableView) -> list[int]:
    return [view.columns.header.sectionSize(i) for i in range(4)]


def _natural(column: int) -> int:
    return _COLUMNS[column].width(_COLUMNS[column].sample)


def test_what_is_left_goes_to_the_name(view: TableView) -> None:
    widths = _widths(view)
    assert sum(widths) == view.viewport().width()
    assert widths[1:3] == [_natural(1), _natural(2)]
    assert widths[0] > _natural(0)


def test_narrower_than_natural_shrinks_to_what_fits(view: TableView) -> None:
    view.resize(sum(_natural(i) for i in range(4)) - 20, 200)
    assert sum(_widths(view)) == view.viewport().width()
    assert not any(view.columns.header.isSectionHidden(i) for i in range(4))


def test_columns_yield_in_their_order_and_come_back(view: TableView) -> None:
    header = view.columns.header
    least = [_COLUMNS[i].width(_COLUMNS[i].least) for i in range(4)]
    view.resize(sum(least) - 10, 200)
    assert [header.isSectionHidden(i) for i in range(4)] == [False, True, False, False]
    view.resize(least[0] + least[3] + 10, 200)
    assert [header.isSectionHidden(i) for i in range(4)] == [False, True, True, False]
    view.resize(900, 200)
    assert not any(header.isSectionHidden(i) for i in range(4))


def test_a_column_with_nothing_in_any_row_gives_its_room_to_the_others(light: Theme, qtbot: QtBot) -> None:
    columns = [*_COLUMNS[:3], Column("2 containers", "2 contain…", yields=1, optional=True)]
    view = TableView("Things", columns)
    qtbot.addWidget(view)
    model = QStandardItemModel(0, 4, view)
    model.setHorizontalHeaderLabels(["Name", "ID", "Created", "In use"])
    view.set_model(model, -1, Qt.SortOrder.AscendingOrder)
    view.show()
    model.appendRow([QStandardItem(text) for text in ("web", "0123456789ab", "2 months ago", "")])
    header = view.columns.header
    view.resize(sum(column.width(column.sample) for column in columns) - 10, 200)
    qtbot.waitUntil(lambda: [header.isSectionHidden(i) for i in range(4)] == [False, False, False, True])
    model.item(0, 3).setText("1 container")
    qtbot.waitUntil(lambda: not header.isSectionHidden(3))
    model.item(0, 3).setText("")
    view.resize(900, 200)
    assert not any(header.isSectionHidden(i) for i in range(4))


def test_what_can_hold_nothing_is_left_out_and_comes_back(view: TableView) -> None:
    view.columns.leave_out([3])
    assert view.columns.header.isSectionHidden(3)
    assert sum(_widths(view)) == view.viewport().width()
    assert view.columns.state()["hidden"] == [], "the user did not hide it"
    view.columns.leave_out([])
    assert not view.columns.header.isSectionHidden(3)


def test_the_users_width_stays(view: TableView) -> None:
    view.columns.header.resizeSection(3, 222)
    view.resize(1000, 200)
    view.resize(800, 200)
    assert view.columns.header.sectionSize(3) == 222
    view.columns.reset()
    assert view.columns.header.sectionSize(3) != 222


def _hidden(view: TableView) -> list[bool]:
    return [view.columns.header.isSectionHidden(i) for i in range(4)]


def test_a_widened_column_takes_room_and_removes_none(view: TableView, qtbot: QtBot) -> None:
    header = view.columns.header
    for width in (150, 300, 500, 2000):
        header.resizeSection(1, width)
        assert not any(_hidden(view))
        assert sum(_widths(view)) == view.viewport().width(), "the other columns give up what one takes"
    for width in (898, 899, 900):
        view.resize(width, 200)
        assert not any(_hidden(view)), "also after a new layout"
    least = [_COLUMNS[i].width(_COLUMNS[i].least) for i in range(4)]
    assert all(width >= at_least for width, at_least in zip(_widths(view), least, strict=True))


def test_a_border_that_is_dragged_moves_and_those_before_it_stay(view: TableView, qtbot: QtBot) -> None:
    header = view.columns.header
    before = _widths(view)
    where = QPoint(sum(before[:2]) - 2, header.height() // 2)
    qtbot.mousePress(header.viewport(), Qt.MouseButton.LeftButton, pos=where)
    for step in (-5, -12, -20):
        QTest.mouseMove(header.viewport(), where + QPoint(step, 0))
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(where + QPoint(step, 0)),
            QPointF(header.viewport().mapToGlobal(where + QPoint(step, 0))),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QCoreApplication.sendEvent(header.viewport(), move)
    qtbot.mouseRelease(header.viewport(), Qt.MouseButton.LeftButton, pos=where + QPoint(-20, 0))
    after = _widths(view)
    assert after[0] == before[0]
    assert after[1:3] == [before[1] - 20, before[2] + 20]
    assert sum(after) == sum(before)


def test_widths_of_a_large_window_hide_nothing_in_a_small_one_nor_the_other_way(view: TableView) -> None:
    view.resize(1400, 200)
    view.columns.header.resizeSection(0, 700)
    view.columns.header.resizeSection(2, 300)
    state = view.columns.state()
    small = sum(_natural(i) for i in range(4))
    view.resize(small, 200)
    assert not any(_hidden(view))
    assert sum(_widths(view)) == view.viewport().width()
    view.columns.restore(state)
    view.resize(1400, 200)
    assert not any(_hidden(view))
    assert view.columns.header.sectionSize(2) == 300


def test_what_yielded_for_want_of_room_is_not_kept_as_hidden(view: TableView) -> None:
    view.resize(200, 200)
    assert any(_hidden(view))
    state = view.columns.state()
    assert state["hidden"] == []
    view.columns.restore(state)
    view.resize(1200, 200)
    assert not any(_hidden(view))


def test_content_gets_its_room_before_what_is_left_is_shared(view: TableView, qtbot: QtBot) -> None:
    model = view.model()
    assert isinstance(model, QStandardItemModel)
    view.resize(560, 200)
    before = view.columns.header.sectionSize(0)
    assert not any(_hidden(view))
    long = "a name that is very much longer than what is usual for names in this list of things"
    model.appendRow([QStandardItem(words) for words in (long, "0123", "now", "in sync")])
    qtbot.waitUntil(lambda: view.columns.header.sectionSize(0) > before)
    assert view.columns.header.isSectionHidden(1), "an id is hidden before a name is cut"
    assert sum(_widths(view)) == view.viewport().width()


def test_state_comes_back(view: TableView) -> None:
    view.columns.header.resizeSection(1, 150)
    state = view.columns.state()
    view.columns.reset()
    view.columns.restore(state)
    assert view.columns.header.sectionSize(1) == 150
    assert view.columns.state() == state


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"widths": 3},
        {"widths": {"x": 5, "1": "wide", "99": 100, "2": -5}},
        {"hidden": [0, 77, "b", None]},
    ],
)
def test_odd_state_does_no_harm(view: TableView, state: dict[str, object]) -> None:
    before = _widths(view)
    view.columns.restore(state)
    assert _widths(view) == before
    assert not view.columns.header.isSectionHidden(0)


def test_that_a_tag_cannot_be_read_is_never_cut(light: Theme) -> None:
    """The short text fits even if the cell is only as wide as a short digest; the tooltip has the whole sentence."""
    row = TagRow("1")
    row.error = NotInRegistry("The manifest is gone.", registry="r.example")
    digest = tags._COLUMNS[TagColumn.DIGEST]
    needed = light.metrics.horizontalAdvance(row.text(TagColumn.DIGEST)) + 2 * PADDING
    assert row.text(TagColumn.DIGEST) and needed <= digest.width(digest.least)
    assert row.whole(TagColumn.DIGEST) == "The manifest is gone."
