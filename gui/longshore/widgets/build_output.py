"""The output of a build, in a window of its own that can stay open."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from longshore.application.console import Console
from longshore.models.columns import Tone
from longshore.transfers.progress.output_log import OutputLine
from longshore.transfers.transfer import State, TransferSnapshot
from longshore.widgets.output import OutputView
from longshore.widgets.pane import Pane
from longshore.widgets.verbs import Side
from longshore.words import builds, errors
from longshore.words import transfers as words


class BuildOutputWindow(QWidget):
    """Shows the steps of a build and their output as they come. Deleted when it is closed; the build continues.

    *transfer*: the id of the transfer. Its signals are requests.
    """

    cancel_requested = Signal(str)
    copy_requested = Signal(str)
    quit_requested = Signal()
    closed = Signal(str)

    def __init__(self, parent: QWidget | None, transfer: str, title: str) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.transfer = transfer
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("{0} — Longshore").format(title))
        self.pane = Pane(title, rows=1)
        self.summary = self.pane.header.add_summary()
        self.pane.header.add_verbs(self.pane.verbs)
        add = self.pane.verbs.add_verb
        self.cancel_verb = add(
            self.tr("Cancel"), lambda: self.cancel_requested.emit(self.transfer), primary=True
        )
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
            self.move(parent.frameGeometry().center() - self.rect().center())
        for keys, wish in (
            ("Ctrl+W", self.close),
            ("Ctrl+Q", self.quit_requested.emit),
            ("Ctrl+.", self.cancel_verb.trigger),
        ):
            QShortcut(QKeySequence(keys), self, wish)
        self._started: datetime | None = None
        self._begin()
        self.output.setFocus()

    def _begin(self) -> None:
        """Show an output from its first line."""
        self.after = 0
        self._step = 0
        self._console = Console()
        self.output.leave()
        self.output.clear()
        self.output.follow(self._console)

    def show_state(self, snapshot: TransferSnapshot, lines: list[OutputLine]) -> None:
        """Show the state of the build, and *lines*, which are those behind :attr:`after`."""
        again = self._started is not None and snapshot.started not in (None, self._started)
        self._started = snapshot.started or self._started
        if again or snapshot.output < self.after:
            self._begin()  # the build was started again: it is shown from its first line
            return
        labels = {step.layer_id: step for step in snapshot.layers}
        for line in lines:
            self.after = line.number
            step = labels.get(str(line.step))
            if step is not None and line.step != self._step:
                self._step = line.step
                header = builds.step_text(step, builds.total_steps(snapshot))
                self._console.feed(f"{header}\n".encode())
            self._console.feed(f"  {line.text}\n".encode("utf-8", "replace"))
        failed = snapshot.state is State.FAILED  # the sentence below tells more
        parts = [words.status_text(snapshot.state), "" if failed else words.transferred_text(snapshot)]
        self.summary.set_text("  ·  ".join(part for part in parts if part))
        self.cancel_verb.set_blocked(self.tr("This build has finished.") if snapshot.state.finished else "")
        if failed and snapshot.error is not None:
            self.pane.explain(errors.told(snapshot.error), Tone.BAD)

    def _copy(self) -> None:
        self.output.flush()
        self.copy_requested.emit(self.output.text())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's hook."""
        self.output.leave()
        super().closeEvent(event)
        self.closed.emit(self.transfer)
