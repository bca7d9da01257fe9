"""Clean-ups of a registry's repository."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow


class Retention(QObject):
    """Connects the sheet that cleans up a repository. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        window.registry_pane.clean_up_requested.connect(self._clean_up)

    @Slot(object)
    def _clean_up(self, repository: object) -> None:
        from longshore.oci.reference import Reference
        from longshore.widgets.dialogs.clean_up_repository import CleanUpRepositorySheet

        if not isinstance(repository, Reference):
            return
        retention = self.operations.registries.retention
        sheet = CleanUpRepositorySheet(self.window, repository, self.operations.cleanup.pins.all())

        def run(plan: object, ticked: list[str]) -> None:
            running = retention.run(plan, ticked, sheet.show_result, sheet.show_removing)  # type: ignore[arg-type]
            sheet.stop_requested.connect(running.cancel)

        sheet.run_requested.connect(run)
        reading = retention.read(repository, sheet.show_contents, sheet.show_reading)
        sheet.rejected.connect(reading.cancel)
        sheet.open()
