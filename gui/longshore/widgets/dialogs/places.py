"""Copy to…: copies images from the current place to other engines or to the library, under the same names."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from longshore.application import requests
from longshore.application.requests import LocalPlace
from longshore.oci.image_name import ImageName
from longshore.transfers.transfer import Endpoint
from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label
from longshore.words import text

_ROW = 26
_MOST_ROWS = 8


class CarrySheet(Sheet):
    """Asks for the targets; several places can be checked."""

    transfers_requested = Signal(object)  # list[TransferRequest]

    def __init__(
        self,
        parent: QWidget | None,
        images: Sequence[ImageName],
        here: LocalPlace,
        places: Sequence[tuple[LocalPlace, str]],  # each with its name
    ) -> None:
        self._sources = [Endpoint.of(here, image) for image in images]
        what = images[0].shown if len(images) == 1 else text.images(len(images))
        super().__init__(parent, self.tr("Copy {0} to").format(what), self.tr("Copy"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Places"))
        for place, name in places:
            item = QListWidgetItem(name)
            item.setSizeHint(QSize(0, _ROW))
            item.setData(Qt.ItemDataRole.UserRole, place)
            item.setFlags(
                Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
            )
            only = len(places) == 1
            item.setCheckState(Qt.CheckState.Checked if only else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.setFixedHeight(min(max(len(places), 2), _MOST_ROWS) * _ROW + 10)
        self.list.setCurrentRow(0)
        self.list.itemChanged.connect(lambda _: self.show_problem(None))
        self.list.itemActivated.connect(self._activated)
        self.body.addWidget(self.list)
        self.body.addWidget(plain_label(self.tr("Image names are kept."), role="dim", wrap=True))
        self.list.setFocus()

    def _activated(self, item: QListWidgetItem) -> None:
        """Choose the place that Enter is pressed on, if none is checked."""
        if not self._ticked():
            item.setCheckState(Qt.CheckState.Checked)
        self._confirmed()

    def _ticked(self) -> list[LocalPlace]:
        items = (self.list.item(row) for row in range(self.list.count()))
        return [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() == Qt.CheckState.Checked
        ]

    def check(self) -> bool:
        """Return True if a place is checked."""
        places = self._ticked()
        if not places:
            self.show_problem(self.tr("Select at least one place."))
            return False
        self.transfers_requested.emit(
            [requests.carry(source, place) for place in places for source in self._sources]
        )
        return True
