"""Clean-ups of a registry's repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from longshore.errors import LongshoreError
from longshore.operations import Operations
from longshore.transfers.tag_changes import TagOperation
from longshore.widgets.main_window import MainWindow
from longshore.wiring.undo import Undo

if TYPE_CHECKING:
    from longshore.application.cleanup.retention_run import RetentionResult


class Retention(QObject):
    """Connects the sheet that cleans up a repository. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, undo: Undo) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._undo = undo
        window.registry_pane.clean_up_requested.connect(self._clean_up)

    @Slot(object)
    def _clean_up(self, repository: object) -> None:
        from longshore.oci.reference import Reference
        from longshore.widgets.dialogs.clean_up_repository import CleanUpRepositorySheet

        if not isinstance(repository, Reference):
            return
        retention = self.operations.registries.retention
        sheet = CleanUpRepositorySheet(self.window, repository, self.operations.cleanup.pins.all())

        def ended(found: RetentionResult | LongshoreError) -> None:
            sheet.show_result(found)
            if isinstance(found, LongshoreError) or len(found.removed) <= len(found.already):
                return
            number = len(found.removed)
            message = (
                self.tr("Cleaned up {0}: 1 tag was removed.").format(repository.familiar_name)
                if number == 1
                else self.tr("Cleaned up {0}: {1} tags were removed.").format(
                    repository.familiar_name, f"{number:,}"
                )
            )
            self._undo.offer(self.window.registry_pane, message, TagOperation.CLEAN_UP)

        def run(plan: object, ticked: list[str]) -> None:
            running = retention.run(plan, ticked, ended, sheet.show_removing)  # type: ignore[arg-type]
            sheet.stop_requested.connect(running.cancel)

        sheet.run_requested.connect(run)
        reading = retention.read(repository, sheet.show_contents, sheet.show_reading)
        sheet.rejected.connect(reading.cancel)
        sheet.open()
