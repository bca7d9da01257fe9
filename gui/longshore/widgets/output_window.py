"""The base of the windows that show output and can stay open: of a build, of a container."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from longshore.widgets.output import OutputView
from longshore.widgets.pane import Pane
from longshore.widgets.verbs import Side

#: Pixels between two windows that open, and the number of such steps.
_STEP, _STEPS = 26, 6


class OutputWindow(QWidget):
    """A window with a state, an output and verbs. Deleted when it is closed. Its signals are requests."""

    copy_requested = Signal(str)
    quit_requested = Signal()

    def __init__(self, parent: QWidget | None, title: str) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.pane = Pane(title, rows=1)
        self.summary = self.pane.header.add_summary()
        self.pane.header.add_verbs(self.pane.verbs)
        self.copy_verb = self.pane.verbs.add_verb(self.tr("Copy output"), self._copy, side=Side.PANE)
        self.output = OutputView()
        self.pane.body.addWidget(self.output, 1)
        self.pane.body.setContentsMargins(13, 0, 13, 13)
        self.pane.verbs.home = self.output.lines
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(self.pane)
        self.setMinimumSize(480, 260)
        self.resize(820, 460)
        if parent is not None:
            # Each a little beside the others.
            others = sum(isinstance(each, OutputWindow) for each in parent.children()) - 1
            step = QPoint(_STEP, _STEP) * (others % _STEPS)
            self.move(parent.frameGeometry().center() - self.rect().center() + step)
        self.set_name(title)
        self.add_shortcut("Ctrl+W", self.close)
        self.add_shortcut("Ctrl+Q", self.quit_requested.emit)
        self.output.setFocus()

    def set_name(self, name: str) -> None:
        """Show what the output is of, made safe to show."""
        self.pane.header.title.setText(name)
        self.setWindowTitle(self.tr("{0} — Longshore").format(name))

    def add_shortcut(self, keys: str, wish: Callable[[], object]) -> None:
        """Call *wish* when *keys* are pressed in this window."""
        QShortcut(QKeySequence(keys), self, wish)

    def _copy(self) -> None:
        self.copy_requested.emit(self.output.text())
