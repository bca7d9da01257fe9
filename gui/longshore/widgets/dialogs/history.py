"""The question before clearing the history."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from longshore.widgets.dialogs.sheet import Sheet
from longshore.widgets.notices import plain_label


class ClearHistorySheet(Sheet):
    """Asks for confirmation and says what is kept."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, self.tr("Clear the history?"), self.tr("Clear history"))
        self.body.addWidget(
            plain_label(
                self.tr(
                    "All finished transfers are removed from the history, including those hidden by the "
                    "filter. Images and registries are not affected. Queued, running and interrupted "
                    "transfers stay in the list."
                ),
                "dim",
                wrap=True,
            )
        )
        self.set_dangerous()
