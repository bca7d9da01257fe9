"""The output of a container, in a window of its own that can stay open."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QWidget

from longshore.application.console import Console
from longshore.models.columns import Tone
from longshore.widgets.dialogs.container_questions import LeaveSheet, RemoveContainerSheet
from longshore.widgets.output_window import OutputWindow


class RunWindow(OutputWindow):
    """Shows the output of a container and its state. Its signals are requests. It is deleted when it is closed.

    :attr:`asks_first`: closing asks whether the container is to be stopped, because it was started here to be followed
    and still runs.
    """

    stop_requested = Signal()
    remove_requested = Signal()
    follow_requested = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None, title: str) -> None:
        super().__init__(parent, title)
        self.asks_first = False
        add = self.pane.verbs.add_verb
        self.stop_verb = add(self.tr("Stop"), self.stop_requested.emit, primary=True)
        self.follow_verb = add(self.tr("Follow again"), self.follow_requested.emit)
        self.follow_verb.setVisible(False)
        self.remove_verb = add(self.tr("Remove…"), self.ask_to_remove)
        self.add_shortcut("Ctrl+.", self.stop_verb.trigger)
        self.add_shortcut("Del", self.remove_verb.trigger)

    def set_name(self, name: str) -> None:
        """See OutputWindow."""
        self._name = name
        super().set_name(name)

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
