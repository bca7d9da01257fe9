"""The row of tabs. If room is short, the rightmost are in *More*, and the chosen one is the last visible."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QTabBar, QWidget

from longshore.widgets.columns import EDGE
from longshore.widgets.theme import current_theme
from longshore.widgets.verbs import TextButton

#: Space at both sides of a tab's text, in pixels, as in the style sheet.
_AROUND = 8
#: Height of the row in pixels: below the name of the image, and beside the names of the strip.
_HEIGHT, _HIGH = 36, 44


class _Bar(QTabBar):
    high = _HEIGHT

    def tabSizeHint(self, index: int) -> QSize:
        """Qt's hook."""
        return QSize(tab_width(self.tabText(index)), self.high)

    minimumTabSizeHint = tabSizeHint

    def lay_out(self) -> None:
        """Place the tabs anew, without a scroll offset from when more of them were visible: Qt does it when resized."""
        self.resizeEvent(QResizeEvent(self.size(), self.size()))


class _Menu(QMenu):
    def showEvent(self, event: QShowEvent) -> None:
        """Qt's hook: Qt keeps a menu on the screen, but lets it hang out of the window."""
        super().showEvent(event)
        parent = self.parentWidget()
        assert parent is not None
        window = parent.window()
        edge = window.mapToGlobal(QPoint(window.width(), 0)).x()
        if self.x() + self.width() > edge:
            self.move(edge - self.width(), self.y())


def tab_width(title: str) -> int:
    """Return the width in pixels of the tab *title*."""
    return current_theme().metrics.horizontalAdvance(title) + 2 * _AROUND


class TabRow(QWidget):
    """The tabs. :attr:`chosen` reports the number of another one."""

    chosen = Signal(int)

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(EDGE - _AROUND, 0, 0, 0)
        row.setSpacing(0)
        self.bar = _Bar()
        self.bar.setObjectName("details")
        self.bar.setAccessibleName(self.tr("Tabs of Details"))
        self.bar.setDrawBase(False)
        self.bar.setExpanding(False)
        self.bar.setUsesScrollButtons(False)
        self.bar.setElideMode(Qt.TextElideMode.ElideNone)
        self.bar.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for title in titles:
            self.bar.addTab(title)
        row.addWidget(self.bar, 1)
        self._menu = _Menu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.more_button = TextButton(self.tr("More"))
        self.more_button.setProperty("quiet", True)
        self.more_button.setMenu(self._menu)
        self.more_button.hide()
        row.addWidget(self.more_button)
        self.bar.currentChanged.connect(self._changed)

    @property
    def current(self) -> int:
        """The number of the chosen tab."""
        return self.bar.currentIndex()

    def choose(self, number: int) -> None:
        """Choose a tab, which may be in *More*."""
        if not self.bar.isTabVisible(number):
            self.bar.setTabVisible(number, True)
        self.bar.setCurrentIndex(number)

    def step(self, by: int) -> None:
        """Choose the next tab (1) or the one before (-1), those in *More* included; around the ends."""
        self.choose((self.current + by) % self.bar.count())

    def in_more(self) -> list[str]:
        """Return the titles of the tabs in *More*."""
        return [self.bar.tabText(number) for number in self._hidden()]

    def _hidden(self) -> list[int]:
        return [number for number in range(self.bar.count()) if not self.bar.isTabVisible(number)]

    @Slot()
    def _fill(self) -> None:
        self._menu.clear()
        for number in self._hidden():
            action = self._menu.addAction(self.bar.tabText(number))
            action.triggered.connect(lambda _checked=False, i=number: self.choose(i))

    def set_high(self, high: bool) -> None:
        """Make the row as high as the names of the strip beside it."""
        self.bar.high = _HIGH if high else _HEIGHT
        self.bar.lay_out()
        self.updateGeometry()

    def full_width(self) -> int:
        """Return the width in pixels that shows all tabs."""
        tabs = sum(tab_width(self.bar.tabText(i)) for i in range(self.bar.count()))
        return tabs + EDGE - _AROUND

    def sizeHint(self) -> QSize:
        """Qt's hook."""
        return QSize(self.full_width(), self.bar.high)

    def minimumSizeHint(self) -> QSize:
        """Qt's hook: the chosen tab and *More*."""
        return QSize(160, self.bar.high)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's hook."""
        super().resizeEvent(event)
        self._fit()

    @Slot(int)
    def _changed(self, number: int) -> None:
        self._fit()
        self.chosen.emit(number)

    def _fit(self) -> None:
        widths = [tab_width(self.bar.tabText(i)) for i in range(self.bar.count())]
        room = self.width() - (EDGE - _AROUND)
        shown = visible_tabs(widths, self.current, room, self.more_button.sizeHint().width())
        blocked = self.bar.blockSignals(True)
        for number in range(self.bar.count()):
            # Setting what is set already would make Qt forget that the tabs must be laid out.
            if self.bar.isTabVisible(number) != (number in shown):
                self.bar.setTabVisible(number, number in shown)
        self.bar.blockSignals(blocked)
        self.bar.lay_out()
        self.more_button.setVisible(len(shown) < self.bar.count())


def visible_tabs(widths: Sequence[int], current: int, room: int, more: int) -> set[int]:
    """Return the numbers of the tabs that are shown. Pure; all in pixels. *more*: the width of the button *More*."""
    if sum(widths) <= room:
        return set(range(len(widths)))
    shown = {current} if 0 <= current < len(widths) else set[int]()
    left = room - more - sum(widths[i] for i in shown)
    for number, width in enumerate(widths):
        if number in shown:
            continue
        if width > left:
            break
        shown.add(number)
        left -= width
    return shown
