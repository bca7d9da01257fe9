"""One pull to several engines, with a row for each."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow


class SeveralEngines(QObject):
    """Connects the sheet of engines and groups. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations) -> None:
        super().__init__(window)
        self._window = window
        self._operations = operations
        window.registry_pane.pull_to_requested.connect(self._pull_to)

    @Slot(object)
    def _pull_to(self, references: list[Reference]) -> None:
        from longshore.widgets.dialogs.engines import PullToSheet

        operations = self._operations
        engines, groups = operations.images.engines, operations.groups
        sheet = PullToSheet(
            self._window,
            references,
            engines.found,
            groups.all(),
            operations.images.status.address,
        )
        engines.changed.connect(sheet.set_engines)
        sheet.group_saved.connect(groups.save)
        sheet.group_removed.connect(groups.remove)
        sheet.transfers_requested.connect(operations.transfers.ask)
        engines.look()
        sheet.open()
