"""The sheet Remove…, and the question before closing while transfers run."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QListWidget, QWidget

from longshore.oci.image_name import ImageName
from longshore.widgets.dialogs.container_questions import keeps_running
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import text

#: Names visible in a list without scrolling.
VISIBLE_ROWS = 8


def _name_list(sheet: Sheet, names: list[str], accessible: str) -> QListWidget:
    out = QListWidget()
    out.setAccessibleName(accessible)
    out.setSelectionMode(QListWidget.SelectionMode.NoSelection)
    out.addItems(names)
    height = out.sizeHintForRow(0) if names else 20
    out.setFixedHeight(height * min(max(len(names), 1), VISIBLE_ROWS) + 10)
    sheet.body.addWidget(out)
    return out


class RemoveSheet(Sheet):
    """Lists what will be removed, and says what is kept."""

    remove_requested = Signal(object, bool)  # list[ImageName], force

    def __init__(self, parent: QWidget | None, images: list[ImageName], *, in_use: int, last: int) -> None:
        title = (
            self.tr("Remove {0}?").format(images[0].shown)
            if len(images) == 1
            else self.tr("Remove {0} references?").format(len(images))
        )
        super().__init__(parent, title, self.tr("Remove"))
        self._images = images
        if len(images) > 1:
            _name_list(self, [image.shown for image in images], self.tr("References to remove"))
        kept = len(images) - last
        words = []
        if last:
            words.append(
                self.tr("Removing the last tag deletes the image.")
                if last == 1
                else self.tr("Removing the last tags deletes {0} images.").format(last)
            )
        if kept:
            words.append(self.tr("Images with other references are kept."))
        self.body.addWidget(plain_label(" ".join(words), role="dim", wrap=True))
        self.force = QCheckBox(self.tr("Force removal"))
        self.force.setVisible(bool(in_use))
        if in_use:
            used = self.tr("Used by {0}.").format(text.containers(in_use))
            self.body.addWidget(plain_label(used, role="caution", wrap=True))
        self.body.addWidget(self.force)
        self.set_dangerous()

    def check(self) -> bool:
        """Request the removal."""
        self.remove_requested.emit(self._images, self.force.isChecked())
        return True


class CloseSheet(Sheet):
    """Asks for confirmation before closing the window stops transfers. *followed*: containers, which go on."""

    def __init__(self, parent: QWidget | None, running: int, followed: int = 0) -> None:
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
        lost = self.tr("An engine may have to download unfinished pulls again.")
        self.body.addWidget(plain_label(f"{kept} {lost}", role="dim", wrap=True))
        if followed:
            self.body.addWidget(plain_label(keeps_running(followed), role="dim", wrap=True))
        self.dismiss.setText(self.tr("Keep open"))
        self.set_dangerous()
