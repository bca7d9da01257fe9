"""The base of the sheets that clean up: rules, a list with ticks, and a run that can be stopped."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from longshore.widgets.dialogs.clean_up_table import FreedBar, TickView
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label

#: Milliseconds after the last change of a rule until the plan is made again.
_PAUSE = 120
#: Width of a field for a number, in pixels.
_NUMBER = 76


class CleaningSheet(Sheet):
    """Cancel has the focus. Stop ends a run; the sheet then stays open and compares the result with the plan.

    *soon*: a timer that a changed rule starts, and after which the plan is made again.
    """

    stop_requested = Signal()  # end the run as soon as possible; it still has a result

    def __init__(self, parent: QWidget | None, title: str, *, width: int) -> None:
        super().__init__(parent, title, self.tr("Clean up"), width=width)
        self._running = False
        self.bar = FreedBar()
        self.bar.hide()
        self.soon = QTimer(self)
        self.soon.setSingleShot(True)
        self.soon.setInterval(_PAUSE)
        self.set_dangerous()
        self.confirm.setEnabled(False)

    # -- parts

    def number(self, before: str, after: str, value: int, most: int) -> tuple[QCheckBox, QSpinBox, QLabel]:
        """Return the parts of a rule with a number: *before* it with a tick, the number, and *after* it."""
        check, box = QCheckBox(before), QSpinBox()
        box.setRange(0, most)
        box.setValue(value)
        box.setFixedWidth(_NUMBER)
        box.setAlignment(Qt.AlignmentFlag.AlignCenter)
        box.setAccessibleName(f"{before} … {after}")
        return check, box, plain_label(after)

    def line(self, *parts: QWidget, stretch: bool = False) -> QHBoxLayout:
        """Return *parts* side by side; *stretch*: the room at their right stays free."""
        line = QHBoxLayout()
        line.setSpacing(8)
        for part in parts:
            line.addWidget(part)
        if stretch:
            line.addStretch(1)
        return line

    def add_list(self, view: TickView, words: QLabel, *below: QWidget | QHBoxLayout) -> None:
        """Add a frame with *view*, or *words* instead of it, and what is *below* it."""
        frame = QFrame()
        frame.setObjectName("pane")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.setSpacing(0)
        view.setMinimumHeight(150)
        inside.addWidget(view, 1)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(words, 1)
        column = QVBoxLayout()
        column.setContentsMargins(14, 9, 14, 11)
        column.setSpacing(8)
        for part in below:
            if isinstance(part, QWidget):
                column.addWidget(part)
            else:
                column.addLayout(part)
        inside.addLayout(column)
        self.body.addWidget(frame, 1)

    # -- the run

    def begin(self, *locked: QWidget) -> None:
        """Show that the run has begun; *locked* cannot be used any more."""
        self._running = True
        self.set_busy(True)
        for widget in locked:
            widget.setEnabled(False)
        self.dismiss.setText(self.tr("Stop"))
        self.bar.set_progress(0.0)

    def end(self) -> None:
        """Show that only closing is left."""
        self.confirm.hide()
        self.dismiss.setText(self.tr("Close"))
        self.dismiss.setEnabled(True)
        self.dismiss.setFocus()

    def why_busy(self) -> str:
        """See :class:`Sheet`."""
        return self.tr("Stop the clean-up first.") if self._running else ""

    def reject(self) -> None:
        """Qt's hook: while it runs, Stop ends the run between two removals, and the sheet shows what was done."""
        if self._running:
            self.dismiss.setEnabled(False)
            self.stop_requested.emit()
            return
        super().reject()
