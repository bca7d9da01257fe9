"""The button for filters beside the words: visible while one is chosen, cleared with one click, and by keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from longshore.models.columns import ImageColumn
from longshore.oci.reference import Reference
from longshore.widgets.filter_choices import ChoiceButton
from longshore.widgets.header_parts import FilterField

from .conftest import Bench

# Of the offscreen platform: a popup has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints", "raise", "grabbing the keyboard")


def button_of(field: FilterField) -> ChoiceButton:
    assert field.choices is not None
    return field.choices


def test_choosing_keeps_the_menu_open_and_clearing_takes_one_click(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("web:dev", None)
    button = button_of(pane.filter)
    assert button.accessibleName() == "Filters" and not button.active
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    menu = button.menu
    qtbot.waitUntil(menu.isVisible)
    dangling = next(one for one in menu.actions() if one.text() == "Dangling")
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(dangling).center())
    assert menu.isVisible() and dangling.isChecked() and button.active
    assert bench.images.rowCount() == 1
    assert button.accessibleDescription() == "Showing only: dangling"
    menu.actions()[-1].trigger()
    assert bench.images.rowCount() == 2 and not button.active
    menu.close()


def test_by_keyboard(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("web:dev", None)
    menu = button_of(pane.filter).menu
    pane.filter.setFocus()
    qtbot.keyClick(pane.filter, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(menu.isVisible)
    menu.setActiveAction(menu.actions()[1])
    qtbot.keyClick(menu, Qt.Key.Key_Space)
    assert menu.isVisible() and bench.images.chosen == ["dangling"]
    qtbot.keyClick(menu, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not menu.isVisible())
    qtbot.keyClick(pane.filter, Qt.Key.Key_Escape)
    assert bench.images.chosen == []


def test_if_all_is_filtered_away_the_pane_says_by_what(bench: Bench, qtbot: QtBot) -> None:
    pane = bench.window.image_pane
    bench.ready("web:dev")
    bench.images.set_chosen({"dangling"})
    qtbot.waitUntil(lambda: pane.empty.sentence.text() == "No image matches the filter: dangling.")
    pane.filter.setText("zz")
    qtbot.waitUntil(lambda: pane.empty.sentence.text() == "No image matches “zz” and the filter: dangling.")
    pane.empty.button.click()
    assert (pane.filter.text(), bench.images.chosen) == ("", [])
    qtbot.waitUntil(lambda: bench.images.rowCount() == 1)


def test_another_repository_shows_all_its_tags(bench: Bench, qtbot: QtBot) -> None:
    section = bench.window.registry_pane.tags
    bench.list("127.0.0.1:5000", "acme/web", "acme/api")
    bench.show_tags("127.0.0.1:5000", "acme/web", "1")
    bench.tags.set_chosen({"kind:signatures"})
    wanted = "No tag matches the filter: signatures, SBOMs and attestations."
    qtbot.waitUntil(lambda: section.empty.sentence.text() == wanted)
    bench.show_tags("127.0.0.1:5000", "acme/api", "1")
    assert bench.tags.chosen == []
    assert section.empty.isHidden()


@pytest.mark.parametrize("width", [84, 140])
def test_the_words_and_the_button_do_not_overlap(bench: Bench, width: int) -> None:
    field = bench.window.image_pane.filter
    field.setFixedWidth(width)
    field.setText("web")
    button = button_of(field)
    right = button.mapTo(field, QPoint(button.width(), 0)).x()
    assert field.width() - 8 <= right <= field.width()
    assert button.height() <= field.height()


def test_the_column_platform_is_hidden_until_it_is_shown(bench: Bench) -> None:
    columns = bench.window.image_pane.view.columns
    bench.ready("web:dev")
    assert columns.header.isSectionHidden(ImageColumn.PLATFORM)
    assert not bench.images.wants_platforms
    old = {"widths": {}, "hidden": []}  # saved before there was such a column
    columns.restore(old)
    assert columns.header.isSectionHidden(ImageColumn.PLATFORM)
    columns.restore({**columns.state(), "hidden": []})
    assert not columns.header.isSectionHidden(ImageColumn.PLATFORM)
    assert bench.images.index_of(Reference.parse("web:dev")).isValid()
