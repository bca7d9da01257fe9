"""Questions about containers: before one is removed, is left running, or goes on after Longshore quits."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label


class LeaveSheet(Sheet):
    """Asks before the output of a running container is closed: stop it, or leave it running?"""

    stop_requested = Signal()

    def __init__(self, parent: QWidget | None, name: str) -> None:
        super().__init__(
            parent, self.tr("Close the output of {0}?").format(name), self.tr("Leave it running")
        )
        words = self.tr(
            "The container is still running. If you leave it running, you find it under Containers of this image."
        )
        self.body.addWidget(plain_label(words, role="dim", wrap=True))
        stop = QPushButton(self.tr("Stop it"))
        stop.setAutoDefault(False)
        stop.clicked.connect(self._stop)
        self.stop = stop
        row = QHBoxLayout()
        row.addWidget(stop)
        row.addStretch(1)
        self._foot.insertLayout(0, row)
        self.dismiss.setAutoDefault(True)
        self.dismiss.setDefault(True)
        self.dismiss.setFocus()

    def _stop(self) -> None:
        self.stop_requested.emit()
        self.accept()


class RemoveContainerSheet(Sheet):
    """Asks before a container is removed."""

    def __init__(self, parent: QWidget | None, name: str) -> None:
        super().__init__(parent, self.tr("Remove the container {0}?").format(name), self.tr("Remove"))
        words = self.tr("The files that it has written outside of volumes are lost. The image stays.")
        self.body.addWidget(plain_label(words, role="dim", wrap=True))
        self.set_dangerous()


class QuitSheet(Sheet):
    """Asks before Longshore quits while containers run that were started to be followed."""

    def __init__(self, parent: QWidget | None, running: int) -> None:
        super().__init__(parent, self.tr("Quit Longshore?"), self.tr("Quit"))
        words = (
            self.tr("1 container that you follow keeps running.")
            if running == 1
            else self.tr("{0} containers that you follow keep running.").format(running)
        )
        more = (
            self.tr("Stop it first if it should not run on.")
            if running == 1
            else self.tr("Stop them first if they should not run on.")
        )
        self.body.addWidget(plain_label(f"{words} {more}", role="dim", wrap=True))
        self.dismiss.setAutoDefault(True)
        self.dismiss.setDefault(True)
        self.dismiss.setFocus()
