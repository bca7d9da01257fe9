"""The heading of a sheet: the ends of long names are visible."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.heading import MOST_LINES
from longshore.widgets.theme import Theme

# Of the offscreen platform: a sheet has a least size, and there is no window manager to tell.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

_NAMES = [f"registry.acme.io/{'repository/' * 10}web:{'a' * 127}", "a" * 250, f"{'long-name-' * 40}x"]


@pytest.mark.parametrize("name", _NAMES, ids=["a reference", "no separators", "separators"])
def test_the_end_of_a_long_name_is_visible(light: Theme, qtbot: QtBot, name: str) -> None:
    for end in "12":
        sheet = Sheet(None, f"Remove {name}{end}?", "Remove", width=520)
        qtbot.addWidget(sheet)
        sheet.show()
        qtbot.waitExposed(sheet)
        heading = sheet.heading
        assert heading.text() == heading.accessibleName() == sheet.windowTitle() == f"Remove {name}{end}?"
        assert heading.shown().startswith("Remove ") and heading.shown().endswith(f"{end}?")
        assert sheet.width() <= 560, "the name does not widen the sheet"
        lines = heading.height() / heading.fontMetrics().lineSpacing()
        assert 1.5 < lines < MOST_LINES + 1
        assert heading.minimumSizeHint().width() <= heading.width(), "no word is wider than the heading"
        assert bool(heading.toolTip()) is ("…" in heading.shown())


def test_what_does_not_fit_is_left_out_in_the_middle(light: Theme, qtbot: QtBot) -> None:
    sheet = Sheet(None, f"Remove {'w' * 600}:1?", "Remove", width=520)
    qtbot.addWidget(sheet)
    sheet.show()
    qtbot.waitExposed(sheet)
    assert "…" in sheet.heading.shown() and sheet.heading.shown().endswith("w:1?")
    assert "w" * 600 in sheet.heading.toolTip().replace("\n", "")
    sheet.heading.setText("Remove web:1?")
    assert sheet.heading.shown() == "Remove web:1?" and not sheet.heading.toolTip()
