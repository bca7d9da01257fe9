"""The question before closing while transfers run."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from longshore.widgets.dialogs.container_questions import keeps_running
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label


class CloseSheet(Sheet):
    """Asks for confirmation before closing the window stops transfers.

    *running*: their number, *builds*: how many of them are builds. *followed*: containers, which keep running.
    """

    def __init__(self, parent: QWidget | None, running: int, followed: int = 0, *, builds: int = 0) -> None:
        title = (
            self.tr("Stop 1 transfer and close?")
            if running == 1
            else self.tr("Stop {0} transfers and close?").format(running)
        )
        super().__init__(parent, title, self.tr("Stop and close"))
        kept = (
            self.tr("It is kept in the list as Interrupted and can be resumed.")
            if running == 1
            else self.tr("They are kept in the list as Interrupted and can be resumed.")
        )
        said = [kept]
        if builds < running:
            said.append(
                self.tr(
                    "Pulls that Longshore fetches continue where they stopped; other pulls may start over."
                )
            )
        if builds:
            said.append(self.tr("A build starts again from the beginning; finished steps are cached."))
        self.body.addWidget(plain_label(" ".join(said), role="dim", wrap=True))
        if followed:
            self.body.addWidget(plain_label(keeps_running(followed), role="dim", wrap=True))
        self.dismiss.setText(self.tr("Keep open"))
        self.set_dangerous()
