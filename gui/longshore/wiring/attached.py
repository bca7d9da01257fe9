"""Attached: connects the tab of Details with what reads, saves and scans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Slot
from PySide6.QtWidgets import QFileDialog

from longshore.models.columns import Tone
from longshore.wiring.shared import short_path
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError
    from longshore.operations import Operations
    from longshore.widgets.details.attached import AttachedTab
    from longshore.widgets.main_window import MainWindow
    from longshore.wiring.shared import Shared


class Attached(QObject):
    """Made when the tab is first shown. GUI thread."""

    def __init__(self, tab: AttachedTab, window: MainWindow, operations: Operations, shared: Shared) -> None:
        super().__init__(tab)
        self._tab = tab
        self._window = window
        self._operations = operations.attached
        self._shared = shared
        self._folder = str(Path.home())
        reading = self._operations
        tab.look_requested.connect(self._look)
        tab.read_requested.connect(reading.read_one)
        tab.save_requested.connect(self._save)
        tab.export_requested.connect(self._export)
        tab.scan_requested.connect(reading.scan)
        tab.tables.copied.connect(shared.to_clipboard)
        tab.stop_requested.connect(reading.stop_scan)
        reading.found.connect(tab.set_found)
        reading.read.connect(tab.set_read)
        reading.registry_scanned.connect(tab.set_registry_scan)
        reading.ended.connect(tab.set_ended)
        reading.failed.connect(tab.set_failed)
        reading.withheld.connect(tab.set_withheld)
        reading.scanners_found.connect(tab.set_scanners)
        reading.scan_began.connect(tab.set_scan_began)
        reading.scanned.connect(tab.set_scanned)
        reading.scan_failed.connect(tab.set_scan_failed)
        reading.saved.connect(self._saved)
        operations.details.subject_changed.connect(self._left)
        operations.signatures.changed.connect(self._keys_changed)
        window.details.read_requested.connect(self._read_again)
        reading.look_for_scanners()

    @Slot(object, bool)
    def _look(self, subject: Subject, asked: bool) -> None:
        if asked:
            self._operations.forget(subject)
        self._operations.look(subject, asked=asked)

    @Slot()
    def _keys_changed(self) -> None:
        self._operations.forget_verdicts(self._tab.subject if self._tab.isVisible() else None)

    @Slot()
    def _read_again(self) -> None:
        """F5: what is attached is read again, too, where it is shown."""
        if self._tab.isVisible():
            self._tab.again_verb.trigger()

    @Slot(object)
    def _left(self, subject: Subject | None) -> None:
        self._operations.leave()

    @Slot(object, object, str)
    def _save(self, subject: Subject, attachment: Attachment, name: str) -> None:
        title = QCoreApplication.translate("Attached", "Save an attachment")
        self._choose(title, name, lambda path: self._operations.save(subject, attachment, path))

    @Slot(object, str)
    def _export(self, table: Callable[[], str], name: str) -> None:
        title = QCoreApplication.translate("Attached", "Export as CSV")
        self._choose(title, name, lambda path: self._operations.export(table, path))

    def _choose(self, title: str, name: str, write: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self._window, title, self._folder)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(name)

        def chosen(path: str) -> None:
            self._folder = str(Path(path).parent)
            write(Path(path))

        dialog.fileSelected.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(object)
    def _saved(self, error: LongshoreError | None) -> None:
        self._shared.told(error)
        if error is None:
            words = QCoreApplication.translate("Attached", "The file was saved in {0}.")
            self._window.explain(words.format(text.safe(short_path(Path(self._folder)))), Tone.QUIET)
