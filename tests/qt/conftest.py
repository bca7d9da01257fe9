"""Settings for the tests of models and widgets: offscreen, one application, no window left open."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QApplication

from longshore import language
from longshore.models.language import QtLanguage


@pytest.fixture(scope="session", autouse=True)
def _application(qapp: QApplication) -> QApplication:
    """One application for all tests; numbers and dates as in the C locale, whatever the machine's language."""
    QLocale.setDefault(QLocale.c())
    language.use(QtLanguage())
    return qapp


@pytest.fixture(scope="session", autouse=True)
def _garbage_is_collected_here() -> Iterator[None]:
    """As in the program (``wiring.collector``): a thread of work must not destroy objects of Qt."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def _collected_after_each_test(_garbage_is_collected_here: None) -> Iterator[None]:
    yield
    gc.collect(1)


@pytest.fixture(autouse=True)
def _no_window_left(_application: QApplication) -> Iterator[None]:
    before = set(_application.topLevelWidgets())
    yield
    left = [
        widget
        for widget in _application.topLevelWidgets()
        if widget not in before and widget.isVisible() and widget.windowType() != Qt.WindowType.ToolTip
    ]
    for widget in left:
        widget.close()
    assert not left, f"windows left open: {left} (register them with qtbot.addWidget)"
