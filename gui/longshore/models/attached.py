"""What is attached to an image, as rows: the attachments, and below them packages, findings or facts."""

from __future__ import annotations

import enum
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from longshore.language import tr
from longshore.models import ordering, sieve
from longshore.models.columns import Role, Tone
from longshore.models.row_table import RowTable, TableRow
from longshore.models.tooltips import tooltip
from longshore.models.transition import never_raises
from longshore.naturalsort import natural_key
from longshore.oci.scan_result import SEVERITIES, Severity
from longshore.words import attached as words
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.attached.finding import Attachment
    from longshore.application.attached.reading import Said
    from longshore.application.attached.sboms import Package
    from longshore.oci.scan_result import Finding, ScanResult

#: Rows that are sorted at once.
_PART = 2_000
_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
#: Roles of a row of the list: its second line, its size, its icon, the row itself, and the word in its pill.
SAYS, SIZE, ICON, ROW, PILL = (Role.DESCRIPTION, Role.SORT, Role.NODE_KIND, Role.DETAILS, Role.OFFER)


@dataclass(frozen=True, slots=True, eq=False)
class AttachedRow:
    """One row of the list. Compared by identity.

    *says*: its second line, whose end matters if *ends*; *size*: "" for what has none. *icon*: its name. *pill*: a word
    about its state, in the tint of *tone*. *attachment*, *said*: None for a result that is not attached: of the
    registry's scan, or of one that was run here; *scan* has it then.
    """

    title: str
    says: str
    size: str = ""
    ends: bool = False
    icon: str = "layer"
    pill: str = ""
    tone: Tone = Tone.NONE
    tip: str = ""
    attachment: Attachment | None = None
    said: Said | None = None
    scan: ScanResult | None = None


class AttachedModel(QAbstractListModel):
    """The list of attachments. GUI thread only."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[AttachedRow] = []

    @property
    def rows(self) -> Sequence[AttachedRow]:
        """All rows, in order."""
        return self._rows

    def set_rows(self, rows: Iterable[AttachedRow]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def replace(self, place: int, row: AttachedRow) -> None:
        """Replace the row at *place*, of which more is known by now."""
        self._rows[place] = row
        where = self.index(place)
        self.dataChanged.emit(where, where)

    def append(self, row: AttachedRow) -> None:
        """Add *row* at the end."""
        self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows))
        self._rows.append(row)
        self.endInsertRows()

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    @never_raises()
    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (row.title, row.says, row.size) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(row.tip)
        values: dict[int, Any] = {
            SAYS: row.says,
            SIZE: row.size,
            ICON: row.icon,
            ROW: row,
            PILL: row.pill,
            Role.TONE: row.tone,
        }
        return values.get(role)


_Row = TypeVar("_Row", bound=TableRow)


class _WholeTable(RowTable[_Row]):
    """A table whose rows are replaced all at once."""

    def set_rows(self, rows: list[_Row]) -> None:
        """Replace all rows; filter and order stay. As a reset: telling views about ten thousand single rows takes
        longer."""
        self.beginResetModel()
        self._all, self._ordered = rows, list(rows)
        if self._sort_column >= 0:
            self._ordered = ordering.ordered(
                rows,
                lambda row: self._sort_key(row, self._sort_column),
                descending=self._sort_order == Qt.SortOrder.DescendingOrder,
            )
        self._rows = self._sieve.passing(self._ordered)
        self.endResetModel()


class PackageColumn(enum.IntEnum):
    """Columns of Packages."""

    NAME = 0
    VERSION = 1
    LICENCE = 2


class PackageRow(TableRow):
    """One package."""

    __slots__ = ("cells", "keys", "package")

    def __init__(self, package: Package) -> None:
        self.package = package
        self.cells = (
            text.safe(package.name, 200),
            text.safe(package.version, 100),
            text.safe(package.licence, 200),
        )
        super().__init__(sieve.haystack((*self.cells, package.purl)))
        #: The sort key of each cell; made here, because ten thousand take longer than the window may stop.
        self.keys = (natural_key(self.cells[0]), natural_key(self.cells[1]), self.cells[2] or None)


def package_rows(packages: Iterable[Package]) -> list[PackageRow]:
    """Return rows for *packages*, by name. Any thread; others get to run in between."""
    rows = list(map(PackageRow, packages))
    # One sort of a hundred thousand would hold the interpreter for as long as it takes.
    parts = [sorted(rows[at : at + _PART], key=_by_name) for at in range(0, len(rows), _PART)]
    return list(heapq.merge(*parts, key=_by_name))


def _by_name(row: PackageRow) -> Any:
    return row.keys[0]


class PackageModel(_WholeTable[PackageRow]):
    """The table Packages. GUI thread only."""

    _columns = PackageColumn

    @property
    def shown(self) -> list[Package]:
        """The packages that pass the filter, in the order of the table."""
        return [row.package for row in self._rows]

    def _value(self, row: PackageRow, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[column]
        if role == Role.DIM:
            return column == PackageColumn.LICENCE
        if role == Role.FIXED_WIDTH:
            return column == PackageColumn.VERSION
        if role == Qt.ItemDataRole.ToolTipRole and column == PackageColumn.NAME:
            return tooltip(text.safe(row.package.purl, 500))
        return None

    def _header(self, column: int, role: int) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (tr("Package"), tr("Version"), tr("Licence"))[column]

    def _sort_key(self, row: PackageRow, column: int) -> Any:
        return row.keys[column]


class FindingColumn(enum.IntEnum):
    """Columns of Findings."""

    SEVERITY = 0
    NAME = 1
    PACKAGE = 2
    FIXED = 3


_TONES = {
    Severity.CRITICAL: Tone.BAD,
    Severity.HIGH: Tone.BAD,
    Severity.MEDIUM: Tone.CAUTION,
    Severity.UNKNOWN: Tone.OUTLINE,
}
_ORDER = {severity: number for number, severity in enumerate(SEVERITIES)}


class FindingRow(TableRow):
    """One finding of a scan."""

    __slots__ = ("cells", "finding")

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        version = f"{finding.package} {finding.version}".strip()
        self.cells = (
            words.severity_name(finding.severity),
            text.safe(finding.name, 200),
            text.safe(version, 200),
            text.safe(finding.fixed, 100),
        )
        super().__init__(sieve.haystack((*self.cells, finding.title)))


def finding_rows(findings: Iterable[Finding]) -> list[FindingRow]:
    """Return rows for *findings*, in their order. Any thread."""
    return [FindingRow(one) for one in findings]


class FindingModel(_WholeTable[FindingRow]):
    """The table Findings. GUI thread only."""

    _columns = FindingColumn

    @property
    def shown(self) -> list[Finding]:
        """The findings that pass the filter, in the order of the table."""
        return [row.finding for row in self._rows]

    def _value(self, row: FindingRow, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return row.cells[column]
        if role == Role.TONE and column == FindingColumn.SEVERITY:
            return _TONES.get(row.finding.severity, Tone.QUIET)
        if role == Role.DIM:
            return column == FindingColumn.FIXED
        if role == Qt.ItemDataRole.ToolTipRole and row.finding.title:
            return tooltip(text.safe(row.finding.title, 500))
        return None

    def _header(self, column: int, role: int) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (tr("Severity"), tr("Vulnerability"), tr("Package"), tr("Fixed in"))[column]

    def _sort_key(self, row: FindingRow, column: int) -> Any:
        if column == FindingColumn.SEVERITY:
            return _ORDER[row.finding.severity]
        return natural_key(row.cells[column]) if row.cells[column] else None
