"""The window as a whole: names, keys, drops, state."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, Qt
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
)
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QTableView, QTreeView, QWidget
from pytestqt.qtbot import QtBot

from longshore.models.columns import ImageColumn, RegistryColumn, TagColumn, TransferColumn
from longshore.models.history import HistoryModel
from longshore.transfers.transfer import State
from longshore.widgets.columns import EDGE
from longshore.widgets.history import HistoryWindow
from longshore.widgets.main_window import MainWindow
from longshore.widgets.pane import Pane
from longshore.widgets.theme import Appearance, Theme
from longshore.widgets.verbs import VerbBar
from longshore.widgets.views import TableView, TreeView
from qt.models.made import transfer
from qt.widgets.conftest import Bench

HOST = "127.0.0.1:5000"
_COPY = Qt.DropAction.CopyAction


# -- names


def test_names_are_those_that_others_rely_on(bench: Bench) -> None:
    window = bench.window
    assert {view.accessibleName() for view in window.findChildren(QTableView)} == {"Local images", "Tags"}
    assert {view.accessibleName() for view in window.findChildren(QTreeView)} == {"Registries", "Transfers"}
    buttons = [button.accessibleName() for button in window.findChildren(QPushButton)]
    for name in (
        "Pull", "Push", "Copy", "Cancel", "Retry", "Refresh", "Add registry…", "Sign in…", "Tag…", "Remove…"
    ):  # fmt: skip
        assert name in buttons
    for kind in (QTableView, QTreeView):
        for view in window.findChildren(kind):
            assert isinstance(view, TableView | TreeView)


@pytest.mark.parametrize("width", [900, 1280])
def test_named_buttons_are_in_sight_at_the_usual_sizes(bench: Bench, qtbot: QtBot, width: int) -> None:
    window = bench.window
    bench.ready("postgres:16")
    bench.list(HOST, "acme/api")
    bench.move(transfer("a", state=State.RUNNING))
    window.resize(width, 600)
    qtbot.waitUntil(lambda: window.width() == width)
    shown = [button.accessibleName() for button in window.findChildren(QPushButton) if button.isVisible()]
    for name in (
        "Pull", "Push", "Copy", "Cancel", "Retry", "Refresh", "Add registry…", "Sign in…", "Tag…", "Remove…"
    ):  # fmt: skip
        assert shown.count(name) == 1, name


def test_buttons_without_room_are_entries_of_more(bench: Bench, qtbot: QtBot) -> None:
    window, pane = bench.window, bench.window.registry_pane
    bench.list(HOST, "acme/api")
    sign_in, add = bench.button(pane.sign_in_verb), bench.button(pane.add_registry_verb)
    window.resize(760, 480)
    qtbot.waitUntil(lambda: not sign_in.isVisible())
    assert add.isVisible() and add.text() == "Add registry…", "Sign in… is also in the rows"
    entry = next(verb for verb in pane.verbs.entries() if verb.text() == "Sign in…")
    assert not entry.isEnabled() and "Select a registry first." in entry.toolTip()
    pane.view.select_row(bench.registries.index_of(HOST))
    with qtbot.waitSignal(pane.sign_in_requested) as wished:
        entry.trigger()
    assert wished.args == [HOST]
    window.resize(1440, 900)
    qtbot.waitUntil(sign_in.isVisible)
    assert "Sign in…" not in [verb.text() for verb in pane.verbs.entries()]


def test_buttons_of_verbs_are_text_and_never_icons(bench: Bench) -> None:
    for bar in bench.window.findChildren(VerbBar):
        assert all(button.icon().isNull() and button.text() for button in bar.buttons)


def test_titles_cells_and_footers_begin_at_the_same_place(bench: Bench) -> None:
    window, pane = bench.window, bench.window.image_pane
    bench.ready("postgres:16")
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1.0")
    bench.move(transfer("a"))

    def left(widget: QWidget) -> int:
        owner = next(each for each in window.findChildren(Pane) if each.isAncestorOf(widget))
        return widget.mapTo(owner, QPoint(0, 0)).x() - 1  # the pane's border

    for each in window.findChildren(Pane):
        assert left(each.header.title) == EDGE
    assert left(pane.footer) == left(bench.button(pane.push_verb)) == EDGE
    assert left(bench.button(window.registry_pane.pull_verb)) == left(window.registry_pane.tags.title) == EDGE
    for view in (pane.view, window.registry_pane.tags.view):
        assert left(view.viewport()) == 0, "the selection reaches the edge"
        rect = view.visualRect(view.model().index(0, 0))
        assert view.columns.header.room(rect, 0).x() == EDGE


def test_the_ring_goes_around_the_whole_row_while_its_view_has_the_focus(
    bench: Bench, light: Theme, qtbot: QtBot
) -> None:
    view = bench.window.image_pane.view
    bench.ready(*(f"acme/a:{number}" for number in range(40)))
    view.setFocus()
    view.selectRow(2)
    qtbot.waitUntil(view.verticalScrollBar().isVisible)
    rect = view.visualRect(view.model().index(2, 0))

    def ends() -> tuple[QColor, QColor]:
        """The leftmost and the rightmost pixel of the row, behind the scroll bar."""
        picture = view.grab().toImage()
        y = view.viewport().y() + rect.center().y()
        return picture.pixelColor(0, y), picture.pixelColor(view.width() - 1, y)

    assert ends() == (light.accent, light.accent)
    bench.window.registry_pane.view.setFocus()
    assert ends() == (light.selection, light.selection)


def test_no_label_takes_its_text_for_markup(bench: Bench) -> None:
    bench.window.image_pane.explain("a notice")
    for label in bench.window.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText, label.text()


@pytest.mark.parametrize("width", [900, 1024, 1280, 1440])
def test_headers_are_not_cut(bench: Bench, qtbot: QtBot, light: Theme, width: int) -> None:
    bench.window.resize(width, 700)
    bench.move(transfer("a", state=State.RUNNING, permille=10))
    qtbot.waitUntil(lambda: bench.window.width() == width)
    for view in (
        bench.window.image_pane.view,
        bench.window.registry_pane.view,
        bench.window.registry_pane.tags.view,
        bench.window.transfer_pane.view,
    ):
        header = view.columns.header
        for column in range(header.count()):
            if not header.isSectionHidden(column):
                title = str(view.model().headerData(column, Qt.Orientation.Horizontal))
                assert light.small_metrics.horizontalAdvance(title) < header.sectionSize(column), title


def test_the_state_of_a_transfer_is_always_in_sight(bench: Bench, qtbot: QtBot) -> None:
    bench.move(transfer("a"))
    bench.window.resize(800, 600)
    header = bench.window.transfer_pane.view.columns.header
    for column in (TransferColumn.STATUS, TransferColumn.PROGRESS, TransferColumn.TRANSFERRED):
        assert not header.isSectionHidden(column)


def test_a_small_window_shows_titles_and_the_columns_that_matter(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    window.resize(900, 600)
    bench.ready("registry.acme.io/acme/billing-api:2.4.1", "postgres:16")
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1.0")
    qtbot.waitUntil(lambda: window.width() == 900)
    for pane in (window.image_pane, window.registry_pane):
        title = pane.header.title
        qtbot.waitUntil(lambda title=title: title.width() >= title.sizeHint().width())  # type: ignore[misc]
        assert title.isVisible()
    for view, columns in (
        (window.image_pane.view, (*ImageColumn,)),
        (window.registry_pane.view, (*RegistryColumn,)),
        (window.registry_pane.tags.view, (*TagColumn,)),
    ):
        hidden = {column for column in columns if view.columns.header.isSectionHidden(column)}
        may_be_hidden = {
            ImageColumn.IMAGE_ID,
            ImageColumn.IN_USE,
            ImageColumn.PLATFORM,
            ImageColumn.PLACE,
            TagColumn.DIGEST,
            TagColumn.PLATFORMS,
        }
        assert hidden <= may_be_hidden
        qtbot.waitUntil(lambda view=view: not view.horizontalScrollBar().isVisible())  # type: ignore[misc]


# -- keys


def _press(qtbot: QtBot, widget: QWidget, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
    together = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers:
        together |= modifier
    qtbot.keyClick(widget, key, together)


def test_copy_takes_the_pane_one_is_in(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    bench.ready("acme/a:1")
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1")
    window.image_pane.view.setFocus()
    window.image_pane.view.selectRow(0)
    with qtbot.waitSignal(window.image_pane.copy_reference_requested) as local:
        _press(qtbot, window.image_pane.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert local.args == ["acme/a:1"]
    window.registry_pane.tags.view.setFocus()
    window.registry_pane.tags.view.selectRow(0)
    with qtbot.waitSignal(window.registry_pane.copy_reference_requested) as remote:
        _press(qtbot, window.registry_pane.tags.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert remote.args == [f"{HOST}/acme/api:1"]


def test_the_pull_box_gets_one_pasted_line(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    QGuiApplication.clipboard().setText("docker pull redis:7 ")
    for key in (Qt.Key.Key_V, Qt.Key.Key_L):
        with qtbot.waitSignal(window.pull_box_requested) as wished:
            _press(qtbot, window.image_pane.view, key, Qt.KeyboardModifier.ControlModifier)
        assert wished.args == ["docker pull redis:7"]
    QGuiApplication.clipboard().setText("two\nlines")
    with qtbot.waitSignal(window.pull_box_requested) as none:
        _press(qtbot, window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert none.args == [""]


def test_keys_reach_their_wishes(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    control, shift, alt = (
        Qt.KeyboardModifier.ControlModifier,
        Qt.KeyboardModifier.ShiftModifier,
        Qt.KeyboardModifier.AltModifier,
    )
    bench.ready("acme/a:1")
    view = window.image_pane.view
    view.setFocus()
    view.selectRow(0)
    window.close_requested.connect(_ignore)
    for signal, key, modifiers in (
        (window.image_pane.tag_requested, Qt.Key.Key_F2, ()),
        (window.image_pane.remove_requested, Qt.Key.Key_Delete, ()),
        (window.image_pane.push_requested, Qt.Key.Key_P, (control, shift)),
        (window.details_place.shown_changed, Qt.Key.Key_Return, (alt,)),
        (window.details_place.shown_changed, Qt.Key.Key_F4, ()),
        (window.registry_pane.refresh_requested, Qt.Key.Key_R, (control,)),
        (window.registry_pane.refresh_requested, Qt.Key.Key_F5, ()),
        (window.preferences_requested, Qt.Key.Key_Comma, (control,)),
        (window.close_requested, Qt.Key.Key_Q, (control,)),
    ):
        with qtbot.waitSignal(signal):
            _press(qtbot, view, key, *modifiers)
    window.close_now()


def _ignore() -> None:
    """Do nothing: a receiver for a signal."""


def test_find_goes_to_the_filter_of_the_pane_one_is_in(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    for view, field in (
        (window.registry_pane.view, window.registry_pane.filter),
        (window.registry_pane.tags.view, window.registry_pane.tags.filter),
        (window.image_pane.view, window.image_pane.filter),
    ):
        view.setFocus()
        _press(qtbot, view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert field.hasFocus()


def test_a_click_on_a_button_leaves_the_focus_in_the_view(bench: Bench, qtbot: QtBot) -> None:
    view = bench.window.registry_pane.view
    view.setFocus()
    bench.ready("acme/a:1")
    bench.window.image_pane.view.selectRow(0)
    with qtbot.waitSignal(bench.window.image_pane.push_requested):
        qtbot.mouseClick(bench.button(bench.window.image_pane.push_verb), Qt.MouseButton.LeftButton)
    assert view.hasFocus()


def test_tab_walks_through_the_whole_window(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    bench.move(transfer("a"))
    bench.ready("acme/a:1")
    window.image_pane.view.selectRow(0)
    bench.list(HOST, "acme/api")
    window.registry_pane.select_repository(HOST, "acme/api")
    window.image_pane.view.setFocus()
    seen: list[QWidget] = []
    for _ in range(40):
        focused = window.focusWidget()
        if focused in seen:
            break
        seen.append(focused)
        _press(qtbot, focused, Qt.Key.Key_Tab)
    for widget in (
        window.image_pane.view,
        bench.button(window.image_pane.push_verb),
        window.registry_pane.view,
        window.registry_pane.tags.view,
        *window.image_pane.filter.stops,
        *window.registry_pane.tags.filter.stops,
        bench.button(window.registry_pane.pull_verb),
        window.transfer_pane.view,
        bench.button(window.transfer_pane.cancel_verb),
    ):
        assert widget in seen
    for field in (window.image_pane.filter, window.registry_pane.tags.filter):
        assert seen.index(field.stops[1]) == seen.index(field) + 1


# -- drops


def _target(widget: QWidget) -> QWidget:
    return widget.viewport() if isinstance(widget, TableView | TreeView) else widget


def _drag(widget: QWidget, data: QMimeData, where: QPoint) -> bool:
    """Drag *data* to *where*; return whether the move was accepted."""
    target = _target(widget)
    button, key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(where, _COPY, data, button, key)
    QCoreApplication.sendEvent(target, enter)
    move = QDragMoveEvent(where, _COPY, data, button, key)
    QCoreApplication.sendEvent(target, move)
    return move.isAccepted()


def _drop(widget: QWidget, data: QMimeData, where: QPoint) -> bool:
    event = QDropEvent(where, _COPY, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QCoreApplication.sendEvent(_target(widget), event)
    return event.isAccepted()


def test_images_dropped_on_a_registry_are_told(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    bench.ready("acme/a:1", "acme/b:1")
    bench.list(HOST, "acme/api")
    data = bench.images.mimeData([bench.images.index(row, 0) for row in (0, 1)])
    view = window.registry_pane.view
    where = view.visualRect(bench.registries.index_of(HOST)).center()
    assert _drag(view, data, where)
    assert view._line is not None
    assert view._line.isVisible()
    assert view._line.text == f"Push 2 images to {HOST}"
    with qtbot.waitSignal(bench.registries.push_dropped) as dropped:
        assert _drop(view, data, where)
    assert [each.asked for each in dropped.args[0]] == ["docker.io/acme/a:1", "docker.io/acme/b:1"]
    assert dropped.args[1:] == [HOST, ""]
    assert not view._line.isVisible()


def test_a_target_that_refuses_says_why(bench: Bench, qtbot: QtBot) -> None:
    bench.ready("acme/a:1")
    view = bench.window.image_pane.view
    stranger = QMimeData()
    stranger.setText("this is no reference at all!")
    assert not _drag(view, stranger, QPoint(40, 40))
    assert view._line is not None
    assert view._line.isVisible()
    assert view._line.text
    with qtbot.assertNotEmitted(bench.images.pull_dropped):
        assert not _drop(view, stranger, QPoint(40, 40))
    _drag(view, stranger, QPoint(40, 40))
    QCoreApplication.sendEvent(view.viewport(), QDragLeaveEvent())
    assert not view._line.isVisible()


def test_tags_dropped_on_local_images_are_told(bench: Bench, qtbot: QtBot) -> None:
    bench.ready()
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1")
    data = bench.tags.mimeData([bench.tags.index(0, 0)])
    view = bench.window.image_pane.view
    assert _drag(view, data, QPoint(60, 90))
    with qtbot.waitSignal(bench.images.pull_dropped) as dropped:
        assert _drop(view, data, QPoint(60, 90))
    assert [str(each) for each in dropped.args[0]] == [f"{HOST}/acme/api:1"]


def test_an_empty_view_takes_drops_too(bench: Bench, qtbot: QtBot) -> None:
    bench.ready()
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1")
    pane = bench.window.image_pane
    where = pane.view.viewport().mapTo(bench.window, QPoint(60, 90))
    over = bench.window.childAt(where)
    assert over is not None
    while not over.acceptDrops():  # as Qt finds the widget for a drop
        over = over.parentWidget()
    assert over is pane.empty
    data = bench.tags.mimeData([bench.tags.index(0, 0)])
    assert _drag(over, data, QPoint(60, 90))
    with qtbot.waitSignal(bench.images.pull_dropped):
        assert _drop(over, data, QPoint(60, 90))


def test_without_an_engine_nothing_can_be_dropped_there(bench: Bench) -> None:
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1")
    bench.window.image_pane.set_engine_down("No engine.")
    view = bench.window.image_pane.view
    assert not _drag(view, bench.tags.mimeData([bench.tags.index(0, 0)]), QPoint(60, 90))
    assert view._line is not None
    assert view._line.text == "No engine"


def test_what_is_dropped_on_a_field_does_not_become_its_text(bench: Bench, qtbot: QtBot) -> None:
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1")
    history = HistoryWindow(None, HistoryModel())
    qtbot.addWidget(history)
    data = bench.tags.mimeData([bench.tags.index(0, 0)])
    assert data.text(), "a field would accept the data as text"
    fields = [*bench.window.findChildren(QLineEdit), *history.findChildren(QLineEdit)]
    assert {field.accessibleName() for field in fields} >= {
        *("Filter images", "Filter repositories", "Filter tags", "Filter history")
    }
    for field in fields:
        assert not field.acceptDrops(), field.accessibleName()


# -- state and look


def test_state_comes_back(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    window.resize(790, 610)  # within the offscreen screen
    window.sides.setSizes([380, 390])
    usual = window.image_pane.view.columns.header.sectionSize(1)
    window.image_pane.view.columns.header.resizeSection(1, 133)
    state = window.save_state()
    other = MainWindow(bench.images, bench.registries, bench.tags)
    other.add_transfers(bench.transfers)
    qtbot.addWidget(other)
    assert other.restore_state(state)
    other.show()
    assert other.size() == window.size()
    assert other.sides.sizes() == window.sides.sizes()
    mine, others = (each.image_pane.view.columns for each in (window, other))
    assert mine.header.sectionSize(1) != usual
    qtbot.waitUntil(lambda: others.header.sectionSize(1) == mine.header.sectionSize(1))
    assert others.state() == mine.state()


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 99}',
        b'{"version": 1}',
        b'{"version": 1, "geometry": "%%"}',
        b"\xff",
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_odd_state_is_refused(bench: Bench, state: bytes) -> None:
    before = bench.window.size()
    assert not bench.window.restore_state(state)
    assert bench.window.size() == before


@pytest.mark.parametrize(
    "number", ["²", "٣", "-1", "9" * 5000, "1" * 3], ids=["power", "arabic", "sign", "long", "3"]
)
def test_an_odd_column_is_left_out(bench: Bench, number: str) -> None:
    state = json.loads(bench.window.save_state())
    state["columns"]["images"] = {"widths": {number: 200, "1": 133}, "hidden": [7, "x", None]}
    assert bench.window.restore_state(json.dumps(state).encode())
    assert bench.window.image_pane.view.columns.state()["widths"].get("1") == 133


def test_closing_is_for_the_owner_to_decide(bench: Bench, qtbot: QtBot) -> None:
    window = bench.window
    window.close_requested.connect(_ignore)
    with qtbot.waitSignal(window.close_requested):
        assert not window.close()
    assert window.isVisible()
    window.close_now()
    assert not window.isVisible()


@pytest.mark.parametrize("appearance", list(Appearance))
def test_the_whole_window_paints_in_every_dress(bench: Bench, light: Theme, appearance: Appearance) -> None:
    bench.ready("acme/a:1", None)
    bench.list(HOST, "acme/api")
    bench.show_tags(HOST, "acme/api", "1")
    bench.move(
        transfer("a", state=State.RUNNING, permille=500), transfer("b", state=State.FAILED, permille=100)
    )
    bench.actions.appearances[appearance].trigger()
    image = bench.window.grab().toImage()
    edge = image.pixelColor(image.width() - 4, image.height() - 4)
    assert edge == light.window
    inside = bench.window.image_pane.mapTo(bench.window, QPoint(5, 30))
    assert image.pixelColor(inside) == light.pane
