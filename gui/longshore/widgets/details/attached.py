"""Attached: signatures, SBOMs, provenance, results of scans, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from longshore.application.attached.kinds import Kind
from longshore.models.attached import ROW, AttachedModel, AttachedRow, FindingRow
from longshore.models.attached_text import file_name, own_scan_row, row_of, scanned_row
from longshore.widgets.details.attached_list import AttachedList
from longshore.widgets.details.attached_tables import AttachedTables
from longshore.widgets.details.tab import DetailsTab
from longshore.widgets.notices import LoadingLine, plain_label
from longshore.widgets.verbs import Side
from longshore.words import attached as words
from longshore.words import errors

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment, Found
    from longshore.application.attached.registry_scans import RegistryScan
    from longshore.application.attached.scanning import Scanner
    from longshore.application.console import Console
    from longshore.application.inspection.values import Inspected
    from longshore.application.subject import Subject
    from longshore.errors import LongshoreError
    from longshore.oci.scan_result import ScanResult
    from longshore.operations.attached import Read

#: Rows of the list in a high panel before it scrolls.
_MOST_ROWS = 5
#: Width of the list in a low panel, beside the table.
_LIST_WIDTH = 340
_UNLIMITED = 16_777_215  # QWIDGETSIZE_MAX


class AttachedTab(DetailsTab):
    """The tab. The wiring answers its signals. An answer about another image than the one that is shown is dropped."""

    look_requested = Signal(object, bool)  # Subject, whether the user asked although it counts as pulls
    read_requested = Signal(object, object)  # Subject, Attachment that was not read by itself
    save_requested = Signal(object, object, str)  # Subject, Attachment, proposed file name
    export_requested = Signal(object, str)  # function that returns the table as CSV, proposed file name
    scan_requested = Signal(object, object)  # Subject, Scanner
    stop_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.model = AttachedModel(self)
        self._read: dict[AttachedRow, Read] = {}
        self._findings: dict[AttachedRow, list[FindingRow]] = {}
        self._scanners: list[Scanner] | None = None
        self._scanning: Subject | None = None
        self._console: Console | None = None
        self._counted = False
        self._found: Found | None = None
        self.loading = LoadingLine()
        self.body.addWidget(self.loading)
        # Below each other in a high panel, side by side in a low one.
        self._parts = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._parts.setSpacing(0)
        self.body.addLayout(self._parts, 1)
        self.list = AttachedList(self.tr("Attachments"), self.model)
        self.list.selectionModel().currentChanged.connect(self._show_selected)
        self._parts.addWidget(self.list)
        self._message = QWidget()
        row = QVBoxLayout(self._message)
        row.setContentsMargins(24, 18, 24, 18)
        row.setSpacing(10)
        self.sentence = plain_label("", "dim", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row.addWidget(self.sentence)
        line = QHBoxLayout()
        line.addStretch(1)
        self.button = QPushButton()
        self.button.clicked.connect(self._asked)
        line.addWidget(self.button)
        line.addStretch(1)
        row.addLayout(line)
        self._parts.addWidget(self._message)
        self.tables = AttachedTables()
        self.tables.export_clicked.connect(self._export)
        self._parts.addWidget(self.tables, 1)
        add = self.verbs.add_verb
        self.save_verb = add(self.tr("Save…"), self._save, why_not=self._no_document)
        self.scan_verb = add(self.tr("Scan"), self._scan, why_not=self._no_scan)
        self.other_scan_verb = add(
            self.tr("Scan"), lambda: self._scan(1), why_not=self._no_other_scan, more=True
        )
        self.again_verb = add(self.tr("Check again"), self._look_again, side=Side.PANE)
        self.verbs.home = self.list
        self._clear()

    # -- the protocol of tabs

    def set_subject(self, subject: Subject) -> None:
        """See DetailsTab."""
        super().set_subject(subject)
        self._clear()

    def settle(self) -> None:
        """See DetailsTab."""
        if self.subject is not None:
            self.loading.set_loading(True)
            self.look_requested.emit(self.subject, False)

    def set_inspected(self, found: Inspected) -> None:
        """See DetailsTab. Where reading counts as a pull, the user has asked for it."""
        super().set_inspected(found)
        if self._counted and self.subject is not None and self.subject.is_remote:
            self._asked()

    def set_wide(self, wide: bool) -> None:
        """See DetailsTab."""
        super().set_wide(wide)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._parts.setDirection(across if wide else down)
        self.tables.set_wide(wide)
        self._fit()

    def focus_filter(self) -> bool:
        """See DetailsTab."""
        section = self.tables.section
        if section is not None:
            section.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return section is not None

    def home(self) -> QWidget | None:
        """See DetailsTab."""
        return self.list if self.model.rows else None

    # -- what was read

    def is_about(self, subject: Subject | None) -> bool:
        """Whether *subject* is the image that is shown."""
        return subject is not None and self.subject is not None and subject.end == self.subject.end

    def set_found(self, subject: Subject, found: Found) -> None:
        """Show what is attached; what it says comes later."""
        if not self.is_about(subject):
            return
        self._found = found
        self._counted = False
        self._read.clear()
        self._findings.clear()
        self.model.set_rows([row_of(one) for one in found.attachments])
        self.note.set_text(self.tr("may be incomplete") if found.unlisted or found.left_out else "")
        self.note.setToolTip("\n".join(words.incomplete(found)))
        self._rows_changed()

    def set_read(self, subject: Subject, attachment: Attachment, read: Read) -> None:
        """Show what *attachment* says."""
        if not self.is_about(subject):
            return
        for place, row in enumerate(self.model.rows):
            if row.attachment == attachment:
                made = row_of(attachment, read.said, read.verdict, subject.shown)
                self._read[made] = read
                self.model.replace(place, made)
                if self.list.currentIndex().row() == place:
                    self._show_selected()
                return

    def set_registry_scan(self, subject: Subject, own: RegistryScan, findings: list[FindingRow]) -> None:
        """Show the result of the registry's own scan."""
        if self.is_about(subject):
            self._add(own_scan_row(own), findings)

    def set_ended(self, subject: Subject) -> None:
        """Everything that is read by itself was read."""
        if self.is_about(subject):
            self.loading.set_loading(False)
            if not self.model.rows and self._found is not None and self._scanning is None:
                self._say(words.nothing(self._found))

    def set_failed(self, subject: Subject, error: LongshoreError) -> None:
        """Say why nothing, or not all, could be read."""
        if self.is_about(subject):
            self.loading.set_loading(False)
            self._say(errors.told(error), self.tr("Check again"))

    def set_withheld(self, subject: Subject) -> None:
        """Offer to look, which is not done by itself because it counts as pulls."""
        if not self.is_about(subject):
            return
        self.loading.set_loading(False)
        self._counted = True
        if self.inspected is not None and subject.is_remote:
            self._asked()
        else:
            self._say(self.tr("Docker Hub counts looking for attachments as pulls."), self.tr("Look"))

    # -- scans

    def set_scanners(self, scanners: list[Scanner]) -> None:
        """Set which scanners are installed."""
        self._scanners = scanners
        self.verbs.look()
        self._name_scans()

    def set_scan_began(self, subject: Subject, scanner: Scanner, console: Console) -> None:
        """Show the output of a scan that has begun."""
        self._scanning, self._console = subject, console
        self._name_scans()
        if self.is_about(subject):
            self._say("")
            self.list.clearSelection()
            self.tables.show_output(console)

    def set_scanned(self, subject: Subject, result: ScanResult, findings: list[FindingRow]) -> None:
        """Show the result of a scan."""
        self._scan_ended()
        if self.is_about(subject):
            self._add(scanned_row(result), findings)
            self.list.select_place(len(self.model.rows) - 1)

    def set_scan_failed(self, subject: Subject, error: LongshoreError | None) -> None:
        """Say why a scan failed; None: it was stopped."""
        self._scan_ended()
        if self.is_about(subject):
            self.tables.clear()
            self._say(errors.told(error) if error is not None else self.tr("The scan was stopped."))
            self._fit()

    def _scan_ended(self) -> None:
        self._scanning = self._console = None
        self._name_scans()

    def _name_scans(self) -> None:
        names = [one.name for one in self._scanners or ()]
        stop = self._scanning is not None
        self.scan_verb.setText(self.tr("Stop scan") if stop else self.tr("Scan"))
        self.scan_verb.set_hint("" if stop or not names else self.tr("Scan with {0}").format(names[0]))
        self.other_scan_verb.setVisible(len(names) > 1)
        if len(names) > 1:
            self.other_scan_verb.setText(self.tr("Scan with {0}").format(names[1]))
        self.verbs.look()

    def _no_scan(self) -> str:
        if self._scanning is not None:
            return ""
        if self.subject is None:
            return self.tr("Select an image.")
        if not self._scanners:
            return self.tr("Install trivy or grype to scan images.")
        from longshore.application.attached.scanning import why_not

        return why_not(self.subject.end)

    def _no_other_scan(self) -> str:
        return self.tr("A scan is running.") if self._scanning is not None else self._no_scan()

    def _scan(self, which: int = 0) -> None:
        if self._scanning is not None:
            self.stop_requested.emit()
        elif self.subject is not None and self._scanners:
            self.scan_requested.emit(self.subject, self._scanners[which])

    # -- inside

    def _clear(self) -> None:
        self._found = None
        self._counted = False
        self._read.clear()
        self._findings.clear()
        self.model.set_rows([])
        self.tables.clear()
        self.loading.set_loading(False)
        self.note.set_text("")
        self._say("")
        self._fit()
        if self._console is not None and self.is_about(self._scanning):
            self.tables.show_output(self._console)

    def _say(self, sentence: str, button: str = "") -> None:
        self.sentence.setText(sentence)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self._message.setVisible(bool(sentence))

    def _fit(self) -> None:
        self.list.show_rows(0 if self.wide else _MOST_ROWS)
        self.list.setMaximumWidth(_LIST_WIDTH if self.wide else _UNLIMITED)
        self.list.setMinimumWidth(_LIST_WIDTH if self.wide else 0)
        self.list.setVisible(bool(self.model.rows))

    def _add(self, row: AttachedRow, findings: list[FindingRow]) -> None:
        self._findings[row] = findings
        self.model.append(row)
        self._rows_changed()

    def _rows_changed(self) -> None:
        self._say("")
        self._fit()
        if self.model.rows and not self.list.currentIndex().isValid() and self._scanning is None:
            self.list.select_place(_first(self.model.rows))
        self.verbs.look()

    @property
    def selected(self) -> AttachedRow | None:
        """The selected row."""
        found = self.list.currentIndex().data(ROW)
        return found if isinstance(found, AttachedRow) else None

    @Slot()
    def _show_selected(self) -> None:
        row = self.selected
        self.verbs.look()
        if row is None:
            return
        self._say("")
        read = self._read.get(row)
        if row in self._findings or (read is not None and read.said.scan is not None):
            self.tables.show_findings(self._findings.get(row) or (read.findings if read is not None else []))
        elif read is not None and read.said.sbom is not None:
            self.tables.show_packages(read.packages)
        elif row.attachment is not None:
            facts = words.facts(read.said.provenance) if read is not None and read.said.provenance else []
            self.tables.show_facts(row.title, [*facts, *words.tooltip(row.attachment)])
            if read is None and self.subject is not None:
                self.read_requested.emit(self.subject, row.attachment)

    @Slot()
    def _asked(self) -> None:
        if self.subject is not None:
            self._say("")
            self.loading.set_loading(True)
            self.look_requested.emit(self.subject, True)

    def _look_again(self) -> None:
        self._clear()
        self._asked()

    def _no_document(self) -> str:
        row = self.selected
        if row is None or row.attachment is None:
            return self.tr("Select an attachment.")
        return ""

    def _save(self) -> None:
        row = self.selected
        if row is not None and row.attachment is not None and self.subject is not None:
            name = file_name(row.attachment, row.said)
            self.save_requested.emit(self.subject, row.attachment, name)

    @Slot()
    def _export(self) -> None:
        from longshore.application.attached.exporting import findings_csv, packages_csv

        table: Callable[[], str]
        if self.tables.section is self.tables.finding_section:
            table, name = partial(findings_csv, self.tables.findings.shown), "findings.csv"
        else:
            table, name = partial(packages_csv, self.tables.packages.shown), "packages.csv"
        self.export_requested.emit(table, name)


def _first(rows: Sequence[AttachedRow]) -> int:
    """The row to select by itself: an SBOM, else a scan, because these have a table."""
    for kind in (Kind.SBOM, Kind.SCAN):
        for place, row in enumerate(rows):
            if row.attachment is not None and row.attachment.kind is kind:
                return place
    return 0
