"""What the selected attachment says: packages, findings or facts; and the output of a scan. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from longshore.models.attached import FindingModel, FindingRow, PackageModel, PackageRow
from longshore.models.facts import Fact, Section
from longshore.widgets.columns import EDGE, Column, Kind
from longshore.widgets.details.facts import FactsView
from longshore.widgets.header_parts import FilterField
from longshore.widgets.notices import ElidedLabel, plain_label
from longshore.widgets.views import TableView

if TYPE_CHECKING:
    from longshore.application.console import Console
    from longshore.widgets.output import OutputView

_RIGHT = Qt.TextElideMode.ElideRight
_PACKAGES = [
    Column("ca-certificates", "libssl3", weight=3),
    Column("7.88.1-10+deb12u5", "3.0.15", fixed=True, weight=2),
    Column("Apache-2.0", "MIT", weight=2, elide=_RIGHT, yields=1),
]
_FINDINGS = [
    Column("negligible", "critical", kind=Kind.PILL, elide=_RIGHT),
    Column("CVE-2026-12345", "CVE-2026-12345", weight=1),
    Column("libssl3 3.0.15-1", "libssl3", weight=3),
    Column("3.0.16-1", "3.0.16", weight=1, yields=1, optional=True),
]


class _Band(QWidget):
    """A header row: a title, and room for more."""

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.setObjectName("band")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(EDGE, 6, EDGE, 5)
        self.row.setSpacing(6)
        self.title = plain_label(title, "strong")
        self.row.addWidget(self.title)


class _Section(QWidget):
    """A table with a header row: its title, the number of rows, a filter and *Export…*."""

    export_clicked = Signal()

    def __init__(
        self,
        title: str,
        filter_text: str,
        view: TableView,
        shown: Callable[[], int],
        total: Callable[[], int],
    ) -> None:
        super().__init__()
        self._shown, self._total = shown, total
        self.view = view
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.band = band = _Band(title)
        row = band.row
        self.count = ElidedLabel("dim")
        self.count.keep_whole()
        row.addWidget(self.count)
        row.addStretch(1)
        self.filter = FilterField(filter_text)
        self.filter.setMaximumWidth(150)
        row.addWidget(self.filter, 3)
        self.export_button = QPushButton(self.tr("Export…"))
        self.export_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.export_button.clicked.connect(self.export_clicked)
        row.addWidget(self.export_button)
        outer.addWidget(band)
        outer.addWidget(view, 1)

    @Slot()
    def look(self) -> None:
        """Show the number of rows."""
        shown, total = self._shown(), self._total()
        words = self.tr("{0} of {1}").format(f"{shown:,}", f"{total:,}")
        self.count.set_text(words if shown != total else f"{total:,}")
        self.export_button.setEnabled(shown > 0)


class AttachedTables(QStackedWidget):
    """The lower part of the tab."""

    export_clicked = Signal()
    copied = Signal(str)  # text for the clipboard

    def __init__(self) -> None:
        super().__init__()
        self.packages = PackageModel(self)
        self.findings = FindingModel(self)
        view = TableView(self.tr("Packages"), _PACKAGES)
        view.set_model(self.packages, -1, Qt.SortOrder.AscendingOrder)
        self.package_section = self._section(
            self.tr("Packages"), self.tr("Filter packages"), view, self.packages
        )
        view = TableView(self.tr("Findings"), _FINDINGS)
        view.set_model(self.findings, -1, Qt.SortOrder.AscendingOrder)
        self.finding_section = self._section(
            self.tr("Findings"), self.tr("Filter findings"), view, self.findings
        )
        self.facts = FactsView(self.tr("Facts"))
        self.facts.copied.connect(self.copied)
        self._facts_page = QWidget()
        column = QVBoxLayout(self._facts_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._fact_band = _Band()
        column.addWidget(self._fact_band)
        column.addWidget(self.facts, 1)
        self.addWidget(self._facts_page)
        self.blank = QWidget()
        self.addWidget(self.blank)
        self.output: OutputView | None = None
        self.clear()

    def set_wide(self, wide: bool) -> None:
        """Show the tables beside the list, where nothing is above them that a line would end, or below it."""
        for band in (self.package_section.band, self.finding_section.band, self._fact_band):
            band.setObjectName("" if wide else "band")
            band.style().polish(band)

    def _section(
        self, title: str, filter_text: str, view: TableView, model: PackageModel | FindingModel
    ) -> _Section:
        section = _Section(title, filter_text, view, model.rowCount, lambda: model.total)
        section.filter.filtered.connect(model.set_filter)
        for signal in (model.modelReset, model.layoutChanged, model.rowsInserted, model.rowsRemoved):
            signal.connect(section.look)
        section.export_clicked.connect(self.export_clicked)
        self.addWidget(section)
        return section

    # -- what is shown

    @property
    def section(self) -> _Section | None:
        """The section that is shown, None for facts, output and nothing."""
        found = self.currentWidget()
        return found if isinstance(found, _Section) else None

    def clear(self) -> None:
        """Show nothing."""
        self.setCurrentWidget(self.blank)

    def show_packages(self, rows: list[PackageRow]) -> None:
        """Show the packages of an SBOM."""
        self.packages.set_rows(rows)
        self.setCurrentWidget(self.package_section)

    def show_findings(self, rows: list[FindingRow]) -> None:
        """Show the findings of a scan."""
        self.findings.set_rows(rows)
        self.setCurrentWidget(self.finding_section)

    def show_facts(self, title: str, facts: list[tuple[str, str]]) -> None:
        """Show names and values under *title*."""
        self._fact_band.title.setText(title)
        shown = tuple(Fact(name, value, more=value) for name, value in facts)
        self.facts.set_sections([Section("facts", "", shown)])
        self.setCurrentWidget(self._facts_page)

    def show_output(self, console: Console) -> None:
        """Show the output of a scan as it comes."""
        from longshore.widgets.output import OutputView

        if self.output is None:
            self.output = OutputView(most_lines=1_000)
            self.addWidget(self.output)
        self.output.clear()
        self.output.follow(console)
        self.setCurrentWidget(self.output)
