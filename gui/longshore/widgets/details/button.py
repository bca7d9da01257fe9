"""The button *Details* at the right of the menu bar."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from longshore.widgets import icons
from longshore.widgets.theme import current_theme

#: Space between the button and the window's edge, in pixels.
_EDGE = 10


class DetailsButton(QWidget):
    """A checkable button that follows the menu entry *action*."""

    def __init__(self, action: QAction) -> None:
        super().__init__()
        self._action = action
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, _EDGE, 0)
        self.button = QPushButton(f" {action.text()}")
        self.button.setAccessibleName(action.text())
        self.button.setToolTip(self.tr("Show or hide the details of the selected image (F4)"))
        self.button.setProperty("quiet", True)
        self.button.setCheckable(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setIconSize(QSize(icons.SIZE, icons.SIZE))
        self.button.clicked.connect(action.trigger)
        row.addWidget(self.button)
        action.changed.connect(self._follow)
        current_theme().changed.connect(self._draw)
        self._draw()
        self._follow()

    @Slot()
    def _follow(self) -> None:
        self.button.setChecked(self._action.isChecked())

    @Slot()
    def _draw(self) -> None:
        self.button.setIcon(icons.icon("details"))
