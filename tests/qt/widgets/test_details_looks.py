"""Details as it is painted and laid out: edges, gaps, inks, and its height in the strip."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from longshore.transfers.transfer import State
from longshore.widgets.details.files import FilesTab
from longshore.widgets.details.tab_row import TabRow
from longshore.widgets.theme import Appearance, Theme, current_theme
from qt.models.made import transfer
from qt.widgets.conftest import Bench
from qt.widgets.test_details_panel import subject


def inked(widget: QWidget) -> list[int]:
    """Return the numbers of the columns of *widget* that show something, halfway up."""
    image = widget.grab().toImage()
    ground = image.pixel(image.width() - 3, 3)
    rows = range(image.height() // 2 - 6, image.height() // 2 + 6)
    return [x for x in range(image.width()) if any(image.pixel(x, y) != ground for y in rows)]


def gap(columns: list[int]) -> int:
    """Return the width of the last gap in *columns*: between a word and the chevron after it."""
    return next(b - a for a, b in reversed(list(itertools.pairwise(columns))) if b - a > 2)


def test_more_has_the_gap_of_the_headers(bench: Bench) -> None:
    bench.window.resize(1280, 800)
    bench.window.details_place.set_shown(True)
    more = bench.window.details.tabs.more_button
    header = bench.window.registry_pane.verbs.more_button
    assert more.isVisible() and header.isVisible()
    assert gap(inked(more)) == gap(inked(header)[1:-1])


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_menu_of_more_stays_within_the_window(light: Theme, qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    row = TabRow(["Overview", "Layers", "Files", "Configuration of an image", "Raw"])
    row.setParent(window)
    row.resize(260, 36)
    window.resize(270, 100)
    window.show()
    qtbot.waitUntil(lambda: row.more_button.x() > 100)
    menu = row.more_button.menu()
    menu.popup(row.more_button.mapToGlobal(QPoint(0, row.more_button.height())))
    qtbot.waitUntil(menu.isVisible)
    edge = window.mapToGlobal(QPoint(window.width(), 0)).x()
    assert row.more_button.mapToGlobal(QPoint(0, 0)).x() + menu.width() > edge, "it is wider than the button"
    assert menu.x() + menu.width() == edge
    menu.close()


def test_title_and_footer_begin_at_one_edge(bench: Bench) -> None:
    panel = bench.window.details
    bench.window.details_place.set_shown(True)
    panel.set_subject(subject())
    for key in ("overview", "platforms", "files"):
        panel.choose(key)
        tab = panel.tab(key)
        if key == "files":
            tab.note.set_text("1 file, 6 kB")
        QApplication.processEvents()
        first = tab.verbs.buttons[0] if len(tab.verbs.buttons) > 1 else tab.note
        begin = first.mapTo(panel, QPoint(inked(first)[0], 0)).x()
        title = panel.title.mapTo(panel, QPoint(inked(panel.title)[0], 0)).x()
        # Letters begin within a pixel of their box.
        assert abs(begin - title) <= 1, key


def test_a_footers_button_that_cannot_act_is_faint_and_says_why(bench: Bench, light: Theme) -> None:
    panel = bench.window.details
    bench.window.details_place.set_shown(True)
    panel.set_subject(subject())
    panel.choose("platforms")
    button = panel.tab("platforms").verbs.buttons[1]
    for appearance in (Appearance.DARK, Appearance.LIGHT):
        light.set_appearance(appearance)
        QApplication.processEvents()
        image = button.grab().toImage()
        seen = {QColor(image.pixel(x, y)).name() for x in range(image.width()) for y in range(image.height())}
        assert light.palette.disabled in seen
        assert light.palette.dim not in seen, "that is one that can act"
    assert not button.isEnabled()
    assert "Select a platform." in button.toolTip()


def heights(bench: Bench) -> list[int]:
    QApplication.processEvents()
    return bench.window.floors.sizes()


def test_details_gets_half_of_the_height_below(bench: Bench) -> None:
    window, place = bench.window, bench.window.details_place
    window.resize(1000, 1000)
    bench.move(transfer("a", state=State.RUNNING))
    before = heights(bench)
    assert before[0] > before[1] * 1.3
    place.set_shown(True)
    upper, strip = heights(bench)
    assert abs(upper - strip) <= 1
    window.resize(1000, 800)
    upper, strip = heights(bench)
    assert abs(upper - strip) <= 1, "also in another window"
    window.resize(1000, 1000)
    place.set_shown(False)
    assert heights(bench) == before
    window.resize(900, 600)
    place.set_shown(True)
    window.details.set_subject(subject())
    window.details.choose("files")
    tab = window.details.tab("files")
    assert isinstance(tab, FilesTab)
    tab.stack.setCurrentIndex(1)
    QApplication.processEvents()
    assert tab.view.viewport().height() >= 3 * current_theme().row_height


def test_the_height_that_the_user_chose_stays(bench: Bench) -> None:
    window, place = bench.window, bench.window.details_place
    window.resize(1000, 1000)
    place.set_shown(True)
    half = heights(bench)
    window.floors.moveSplitter(half[0] + 100, 1)  # as the pointer does
    chosen = heights(bench)
    assert chosen[1] < half[1] - 50
    place.set_shown(False)
    place.set_shown(True)
    assert heights(bench) == chosen
    assert place.state()["sized"] is True
