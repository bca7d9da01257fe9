"""Text of selected rows as it is painted: no ink of ordinary rows, which has too little contrast there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QApplication
from pytestqt.qtbot import QtBot

from longshore.application.subject import Subject
from longshore.models.columns import Tone
from longshore.models.facts import Fact, Section
from longshore.widgets.colours import contrast
from longshore.widgets.details.facts import FactsView
from longshore.widgets.details.platforms import PlatformsTab
from longshore.widgets.theme import Appearance, Theme
from qt.widgets.test_details_platforms import ONE, SIZED, TWO

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture(params=[Appearance.LIGHT, Appearance.DARK])
def shown(light: Theme, request: pytest.FixtureRequest) -> Iterator[Theme]:
    light.set_appearance(request.param)
    yield light
    light.set_appearance(Appearance.LIGHT)


def colours(view: QAbstractItemView, row: int) -> set[str]:
    """Return the colours of the pixels of *row*."""
    QApplication.processEvents()
    model = view.model()
    rect = view.visualRect(model.index(row, 0))
    image = view.viewport().grab().toImage()
    return {
        QColor(image.pixel(x, y)).name()
        for x in range(image.width())
        for y in range(rect.top(), rect.bottom() + 1)
    }


def readable(theme: Theme, tone: Tone) -> bool:
    return contrast(theme.ink(tone).selected.name(), theme.palette.selection) >= 4.55


def test_state_and_dim_text_of_a_selected_row(shown: Theme, qtbot: QtBot) -> None:
    tab = PlatformsTab()
    qtbot.addWidget(tab)
    tab.resize(400, 600)
    tab.show()
    tab.set_subject(Subject(SIZED.end))
    tab.set_inspected(SIZED)
    tab.set_sizes(SIZED, SIZED, {ONE: True, TWO: False})
    quiet, good = shown.ink(Tone.QUIET), shown.ink(Tone.GOOD)
    tab.view.select_row(tab.model.index(1, 0))  # "only there"
    seen = colours(tab.view, 1)
    assert shown.palette.selection in seen
    assert quiet.selected.name() in seen
    assert quiet.plain.name() not in seen
    assert readable(shown, Tone.QUIET)
    tab.view.select_row(tab.model.index(0, 0))  # "in sync"
    seen = colours(tab.view, 0)
    assert shown.palette.pane in seen, "the pill takes the colour of the pane"
    assert good.plain.name() in seen
    assert contrast(good.plain.name(), shown.palette.pane) >= 4.55


def test_the_heading_with_the_focus(shown: Theme, qtbot: QtBot) -> None:
    view = FactsView("Facts")
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    qtbot.waitExposed(view)
    view.set_sections([Section("environment", "Environment", (Fact("PATH", "/bin"),), extent="7, 2 masked")])
    view.setFocus(Qt.FocusReason.OtherFocusReason)
    view.setCurrentIndex(view.facts.index(0, 0))
    qtbot.waitUntil(view.hasFocus)
    seen = colours(view, 0)
    assert shown.ink(Tone.QUIET).selected.name() in seen
    assert shown.ink(Tone.QUIET).plain.name() not in seen
