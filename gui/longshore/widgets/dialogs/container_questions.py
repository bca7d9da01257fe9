"""Questions about containers: before one is removed or left running, also when Longshore quits."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
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
        self.body.addWidget(plain_label(keeps_running(running), role="dim", wrap=True))
        self.dismiss.setAutoDefault(True)
        self.dismiss.setDefault(True)
        self.dismiss.setFocus()


def keeps_running(count: int) -> str:
    """Return what happens to *count* containers that are followed when Longshore quits."""
    translate = QCoreApplication.translate
    if count == 1:
        return translate(
            "QuitSheet", "1 container that you follow keeps running. Stop it first if it should not run on."
        )
    words = "{0} containers that you follow keep running. Stop them first if they should not run on."
    return translate("QuitSheet", words).format(count)
