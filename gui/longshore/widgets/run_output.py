"""The output of a container, in a window of its own that can stay open."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from longshore.application.console import Console
from longshore.models.columns import Tone
from longshore.widgets.dialogs.container_questions import LeaveSheet, RemoveContainerSheet
from longshore.widgets.output import OutputView
from longshore.widgets.pane import Pane
from longshore.widgets.verbs import Side

#: Pixels between two windows that open, and the number of such steps.
_STEP, _STEPS = 26, 6


class RunWindow(QWidget):
    """Shows the output of a container and its state. Its signals are requests. It is deleted when it is closed.

    :attr:`asks_first`: closing asks whether the container is to be stopped, because it was started here to be followed
    and still runs.
    """

    stop_requested = Signal()
    remove_requested = Signal()
    follow_requested = Signal()
    copy_requested = Signal(str)
    quit_requested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None, title: str) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.asks_first = False
        self._name = title
        self._why_no_stop = self._why_no_remove = ""
        self.pane = Pane(title, rows=1)
        self.summary = self.pane.header.add_summary()
        self.pane.header.add_verbs(self.pane.verbs)
        add = self.pane.verbs.add_verb
        self.stop_verb = add(self.tr("Stop"), self.stop_requested.emit, primary=True)
        self.follow_verb = add(self.tr("Follow again"), self.follow_requested.emit)
        self.follow_verb.setVisible(False)
        self.remove_verb = add(self.tr("Remove…"), self.ask_to_remove)
        self.copy_verb = add(self.tr("Copy output"), self._copy, side=Side.PANE)
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
            others = sum(isinstance(each, RunWindow) for each in parent.children()) - 1
            step = QPoint(_STEP, _STEP) * (others % _STEPS)
            self.move(parent.frameGeometry().center() - self.rect().center() + step)
        self.set_name(title)
        for keys, wish in (
            ("Ctrl+W", self.close),
            ("Ctrl+Q", self.quit_requested.emit),
            ("Ctrl+.", self.stop_verb.trigger),
            ("Del", self.remove_verb.trigger),
        ):
            QShortcut(QKeySequence(keys), self, wish)
        self.output.setFocus()

    def set_name(self, name: str) -> None:
        """Show the container's name, made safe to show."""
        self._name = name
        self.pane.header.title.setText(name)
        self.setWindowTitle(self.tr("{0} — Longshore").format(name))

    def set_state(self, words: str, *, no_stop: str, no_remove: str, left: bool = False) -> None:
        """Show the state in *words*, and why the container can't be stopped or removed now ("" if it can).

        *left*: it is not followed any more, and can be followed again.
        """
        self.follow_verb.setVisible(left)
        self.summary.set_text(words)
        self.stop_verb.set_blocked(no_stop)
        self.remove_verb.set_blocked(no_remove)

    def explain(self, message: str, tone: Tone = Tone.QUIET) -> None:
        """Show *message* at the bottom."""
        self.pane.explain(message, tone)

    def show_output(self, console: Console) -> None:
        """Show the output in *console* from its first line, and no message."""
        self.pane.hush()
        self.output.leave()
        self.output.clear()
        self.output.follow(console)

    def ask_to_remove(self) -> None:
        """Ask before the container is removed."""
        sheet = RemoveContainerSheet(self, self._name)
        sheet.accepted.connect(self.remove_requested)
        sheet.open()

    def _copy(self) -> None:
        self.copy_requested.emit(self.output.text())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's hook: asks first where that matters."""
        if self.asks_first:
            event.ignore()
            sheet = LeaveSheet(self, self._name)
            sheet.stop_requested.connect(self.stop_requested)
            sheet.accepted.connect(self.close_now)
            sheet.open()
            return
        self.output.leave()
        super().closeEvent(event)
        self.closed.emit()

    def close_now(self) -> None:
        """Close without asking; a running container keeps running."""
        self.asks_first = False
        self.close()
