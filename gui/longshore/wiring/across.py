"""From registry to registry: the copy sheet, by drag or button."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Slot

from longshore.oci.reference import Reference
from longshore.operations import Operations
from longshore.widgets.main_window import MainWindow
from longshore.wiring.shared import Shared


class Copies(QObject):
    """Connects what is copied between registries. GUI thread."""

    def __init__(self, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(window)
        self.window = window
        self.operations = operations
        self._shared = shared
        pane = window.registry_pane
        pane.copy_requested.connect(self._copy_selected)
        pane.model.copies_accepted = True
        pane.model.copy_dropped.connect(self._copy_dropped, Qt.ConnectionType.QueuedConnection)

    @Slot()
    def _copy_selected(self) -> None:
        chosen = self.window.registry_pane.selected_references()
        hosts = [host for host, _ in self._shared.registries()]
        # Somewhere else than where they are, one's own registries before Docker Hub.
        others = [host for host in reversed(hosts) if all(host != one.domain for one in chosen)]
        self._copy(chosen, others[0] if others else hosts[0], "")

    @Slot(object, str, object)
    def _copy_dropped(self, references: list[Reference], host: str, repository: str | None) -> None:
        self._copy(references, host, repository or "")

    def _copy(self, references: list[Reference], host: str, repository: str) -> None:
        from longshore.widgets.dialogs.copy import CopySheet

        sheet = CopySheet(self.window, references, self._shared.registries(), host, repository)
        self._shared.answer_targets(sheet)
        self._shared.answer(sheet, sheet.contents_wanted, self.operations.contents.read, sheet.set_contents)
        sheet.copy_requested.connect(self.operations.moving.ask)
        sheet.ask_contents()
        sheet.open()
