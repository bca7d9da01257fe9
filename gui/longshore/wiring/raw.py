"""Raw: connects the tab of Details with what lays out and saves documents."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

if TYPE_CHECKING:
    from longshore.application.inspection.values import Document
    from longshore.operations import Operations
    from longshore.widgets.details.raw import RawTab
    from longshore.widgets.main_window import MainWindow
    from longshore.wiring.shared import Shared


class Raw(QObject):
    """Made when the tab is first shown. GUI thread."""

    def __init__(self, tab: RawTab, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(tab)
        self._tab = tab
        self._window = window
        self._details = operations.details
        self._shared = shared
        self._folder = str(Path.home())
        tab.copy_requested.connect(shared.to_clipboard)
        tab.lines_requested.connect(self._lay_out)
        tab.save_requested.connect(self._save)

    @Slot(object)
    def _lay_out(self, document: Document) -> None:
        self._details.lay_out(document, partial(self._tab.set_lines, document))

    @Slot(object, str)
    def _save(self, document: Document, name: str) -> None:
        dialog = QFileDialog(self._window, self.tr("Save a document"), self._folder)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(name)

        def chosen(path: str) -> None:
            self._folder = str(Path(path).parent)
            self._details.save(document, Path(path), self._shared.told)

        dialog.fileSelected.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
