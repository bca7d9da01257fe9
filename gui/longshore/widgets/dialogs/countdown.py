"""The countdown before Longshore quits or the machine is suspended, which the user can stop."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QWidget

from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label

#: Seconds until it happens by itself.
SECONDS = 60


class CountdownSheet(Sheet):
    """Accepted after a minute or by its button. Escape and Enter stop it: whoever types meanwhile loses nothing.

    *suspend*: the machine is suspended; otherwise Longshore quits. *failed*: the number of failed transfers.
    """

    def __init__(self, parent: QWidget | None, *, suspend: bool, failed: int = 0) -> None:
        title = (
            self.tr("All transfers have finished. Suspend this machine?")
            if suspend
            else self.tr("All transfers have finished. Quit Longshore?")
        )
        super().__init__(parent, title, self.tr("Suspend now") if suspend else self.tr("Quit now"))
        self._suspend = suspend
        self.left = SECONDS
        self.label = plain_label("", role="dim", wrap=True)
        self.body.addWidget(self.label)
        if failed:
            words = (
                self.tr("1 transfer failed. It stays in the list and can be retried.")
                if failed == 1
                else self.tr("{0} transfers failed. They stay in the list and can be retried.").format(failed)
            )
            self.body.addWidget(plain_label(words, role="dim", wrap=True))
        self.confirm.setDefault(False)
        self.confirm.setAutoDefault(False)
        self.dismiss.setAutoDefault(True)
        self.dismiss.setDefault(True)
        self.dismiss.setFocus()
        self._tell()
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self.tick)
        self._clock.start()
        self.finished.connect(self._clock.stop)

    def _tell(self) -> None:
        words = (
            self.tr("This machine suspends in {0} s.")
            if self._suspend
            else self.tr("Longshore quits in {0} s.")
        )
        self.label.setText(words.format(self.left))

    @Slot()
    def tick(self) -> None:
        """Count one second."""
        self.left -= 1
        if self.left <= 0:
            self.accept()
        else:
            self._tell()
