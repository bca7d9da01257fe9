"""The tab Files of Details: what listing costs, the files, Save file…."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

if TYPE_CHECKING:
    from longshore.application.files.looking import ImageFiles
    from longshore.application.files.tree import View
    from longshore.application.inspection.values import Inspected
    from longshore.errors import LongshoreError
    from longshore.operations import Operations
    from longshore.widgets.details.files import FilesTab
    from longshore.widgets.main_window import MainWindow
    from longshore.wiring.shared import Shared


class FileTab(QObject):
    """Connects the tab, once it was created. GUI thread."""

    def __init__(self, tab: FilesTab, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(tab)
        self._tab = tab
        self._window = window
        self._shared = shared
        self._files = files = operations.files
        #: The folder that the last file went to.
        self._folder = Path.home()
        tab.cost_requested.connect(files.look)
        tab.read_requested.connect(files.read)
        tab.cancel_requested.connect(files.cancel)
        tab.left.connect(files.forget)
        tab.find_requested.connect(files.find)
        tab.search_ended.connect(files.end_search)
        tab.save_requested.connect(self._ask)
        tab.copy_requested.connect(shared.to_clipboard)
        files.costed.connect(tab.set_cost)
        files.progressed.connect(tab.set_progress)
        files.loaded.connect(tab.set_files)
        files.failed.connect(tab.set_failed)
        files.found.connect(tab.set_found)
        files.saved.connect(tab.set_saved)
        files.save_failed.connect(self._save_failed)

    @Slot(object, object, int)
    def _ask(self, files: ImageFiles, view: View, node: int) -> None:
        """Ask for the name of the file to save."""
        from longshore.application.files.saving import suggested_name
        from longshore.widgets.dialogs.archive import file_dialog

        dialog = file_dialog(self._window, self.tr("Save file"), saving=True)
        dialog.setDirectory(str(self._folder))
        dialog.selectFile(suggested_name(view.tree.path(node)))
        dialog.fileSelected.connect(lambda name: self._save(files, view, node, Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _save(self, files: ImageFiles, view: View, node: int, path: Path) -> None:
        self._folder = path.parent
        self._files.save(files, view, node, path)

    @Slot(object, object)
    def _save_failed(self, about: Inspected, error: LongshoreError) -> None:
        """Say it in the tab, or elsewhere if that shows another image by now."""
        if about is self._tab.inspected:
            self._tab.set_save_failed(error)
        else:
            self._shared.show_failure(error)
