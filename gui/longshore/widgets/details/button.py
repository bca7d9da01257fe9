"""The button *Details* at the right of the menu bar."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenuBar, QPushButton, QWidget

from longshore.models.tooltips import tooltip
from longshore.widgets import icons
from longshore.widgets.theme import current_theme

#: Space between the button and the window's edge, in pixels.
_EDGE = 10


class DetailsButton(QPushButton):
    """A checkable button that follows the menu entry *action*.

    It belongs to the window and lies on *bar*: screen readers see only the menus of a menu bar. A desktop that shows
    the menus elsewhere has no room for it.
    """

    def __init__(self, action: QAction, bar: QMenuBar, window: QWidget) -> None:
        super().__init__(f" {action.text()}", window)
        self._action = action
        self._bar = bar
        self.setAccessibleName(action.text())
        words = self.tr("Show or hide the details of the selected image (F4)")
        self.setToolTip(tooltip(words) or "")
        self.setAccessibleDescription(words)  # without it, that is the tooltip with its markup
        self.setProperty("quiet", True)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setIconSize(QSize(icons.SIZE, icons.SIZE))
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        current_theme().changed.connect(self._draw)
        self._draw()
        self._follow()
        self.setVisible(not bar.isNativeMenuBar())
        self.place()

    @Slot()
    def place(self) -> None:
        """Move it to the right end of the menu bar, whose size may have changed."""
        size, bar = self.sizeHint(), self._bar
        self.resize(size)
        self.move(bar.x() + bar.width() - size.width() - _EDGE, bar.y() + (bar.height() - size.height()) // 2)
        self.raise_()

    @Slot()
    def _follow(self) -> None:
        self.setChecked(self._action.isChecked())

    @Slot()
    def _draw(self) -> None:
        self.setIcon(icons.icon("details"))
