"""The output of a build, in a window of its own that can stay open."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QWidget

from longshore.application.console import Console
from longshore.models.columns import Tone
from longshore.transfers.progress.output_log import OutputLine
from longshore.transfers.transfer import State, TransferSnapshot
from longshore.widgets.output_window import OutputWindow
from longshore.words import builds, errors
from longshore.words import transfers as words


class BuildOutputWindow(OutputWindow):
    """Shows the steps of a build and their output as they come. Deleted when it is closed; the build continues.

    *transfer*: the id of the transfer. Its signals are requests.
    """

    cancel_requested = Signal(str)
    closed = Signal(str)

    def __init__(self, parent: QWidget | None, transfer: str, title: str) -> None:
        super().__init__(parent, title)
        self.transfer = transfer
        self.cancel_verb = self.pane.verbs.add_verb(
            self.tr("Cancel"), lambda: self.cancel_requested.emit(self.transfer), primary=True
        )
        self.add_shortcut("Ctrl+.", self.cancel_verb.trigger)
        self._started: datetime | None = None
        self._begin()

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
        super()._copy()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Qt's hook."""
        self.output.leave()
        super().closeEvent(event)
        self.closed.emit(self.transfer)
