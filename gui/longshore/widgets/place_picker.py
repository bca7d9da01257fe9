"""The picker of places above the images: engines, the library last, and below a separator the choice of its folder.

Local images dropped on it are copied to another place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import QMimeData, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent

from longshore.models import mime
from longshore.models.tooltips import tooltip
from longshore.widgets.header_parts import Picker
from longshore.widgets.theme import current_theme


class PlacePicker(Picker):
    """A picker that identifies places by their index."""

    place_chosen = Signal(int)
    folder_requested = Signal()
    #: list[ImageName]. Connect it queued: the drop must return before a sheet opens.
    images_dropped = Signal(object)
    hovered = Signal(bool)  # images are dragged over it, or no longer

    def __init__(self) -> None:
        super().__init__()
        self._places = 0
        self._current = -1
        self.setAcceptDrops(True)
        self.activated.connect(self._activated)

    def set_places(
        self, titles: Sequence[str], current: int, *, stories: Sequence[str], silent: Collection[int]
    ) -> None:
        """Set the places, e.g. ``default  ·  Docker 28.5``. Emits no request.

        *stories*: the tooltip of each place. *silent*: the indexes of places that do not answer. The list may be open
        meanwhile: rows that stay are changed in place.
        """
        self._current = current
        with QSignalBlocker(self):
            if not self.count():
                self.insertSeparator(0)
                self.addItem(self.tr("Choose library folder…"))
            while self._places > len(titles):
                self._places -= 1
                self.removeItem(self._places)
            for place, title in enumerate(titles):
                if place == self._places:
                    self.insertItem(place, title)
                    self._places += 1
                elif self.itemText(place) != title:
                    self.setItemText(place, title)
                story = stories[place] if place < len(stories) else title
                colour = current_theme().dim if place in silent else None
                self.setItemData(place, tooltip(story), Qt.ItemDataRole.ToolTipRole)
                self.setItemData(place, colour, Qt.ItemDataRole.ForegroundRole)
            self.setCurrentIndex(current)
        self.updateGeometry()

    @Slot(int)
    def _activated(self, row: int) -> None:
        if row < self._places:
            self._current = row
            self.place_chosen.emit(row)
            return
        # An action among the places: the current place stays chosen.
        with QSignalBlocker(self):
            self.setCurrentIndex(self._current)
        self.folder_requested.emit()

    # -- images dropped here

    def _dragged(self, data: QMimeData) -> mime.Dragged | None:
        dragged = mime.decode(data) if data.hasFormat(mime.REFERENCES) else None
        return dragged if dragged is not None and dragged.kind is mime.DragKind.LOCAL else None

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Qt's hook."""
        self.dragMoveEvent(event)
        if event.isAccepted():
            self._light(True)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Qt's hook."""
        if self._dragged(event.mimeData()) is None:
            event.ignore()
            return
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Qt's hook."""
        self._light(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Qt's hook: only decodes the data and emits a signal."""
        self._light(False)
        dragged = self._dragged(event.mimeData())
        if dragged is not None:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.images_dropped.emit(list(dragged.images))

    def _light(self, on: bool) -> None:
        self.setProperty("target", on)
        self.style().unpolish(self)
        self.style().polish(self)
        self.hovered.emit(on)
