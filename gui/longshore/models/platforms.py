"""The platforms of an image and its attestations, as rows of two tables. GUI thread only."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from longshore.language import tr
from longshore.models.columns import Role, Tone
from longshore.models.tooltips import tooltip
from longshore.models.transition import never_raises
from longshore.transfers.transfer import EnginePlace, LibraryPlace
from longshore.words import inspection as words
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.inspection.values import Inspected
    from longshore.oci.platform import Platform

_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class PlatformColumn(enum.IntEnum):
    """Columns of Platforms."""

    PLATFORM = 0
    DIGEST = 1
    SIZE = 2
    STATE = 3


class PlatformRow(NamedTuple):
    """One image. *size*: compressed bytes, None if it was not read. *here*: whether the shown place has it."""

    platform: Platform | None
    digest: str
    size: int | None
    here: bool | None


class AttestationRow(NamedTuple):
    """The attestation of one image."""

    subject: str
    what: str
    size: int | None
    digest: str


def platform_rows(found: Inspected, here: Mapping[str, bool]) -> list[PlatformRow]:
    """The rows for *found*. *here*: whether the shown place has each, by digest. Pure."""
    if found.platforms:
        return [
            PlatformRow(
                one.platform, one.digest, one.size, here.get(one.digest) if one.here is None else one.here
            )
            for one in found.platforms
        ]
    if not found.is_image:
        return []
    digest = found.manifest_digest or found.image_id
    local = isinstance(found.end.place, EnginePlace | LibraryPlace)
    return [PlatformRow(found.platform, digest, found.size_compressed, True if local else here.get(digest))]


def attestation_rows(found: Inspected) -> list[AttestationRow]:
    """The rows for the attestations of *found*. Pure."""
    return [
        AttestationRow(
            words.attests(one),
            words.predicates(one.predicate_types) or tr("attestation"),
            one.size,
            one.digest,
        )
        for one in found.attestations
    ]


class PlatformModel(QAbstractTableModel):
    """The images. *remote*: they are in a registry."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[PlatformRow] = []
        self.remote = False

    def set_rows(self, rows: list[PlatformRow], *, remote: bool) -> None:
        """Show *rows*. If they are the same images, the selection stays."""
        same = [row.digest for row in rows] == [row.digest for row in self.rows]
        self.remote = remote
        if same and rows:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(PlatformColumn) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def row(self, place: int) -> PlatformRow | None:
        """The row at *place*, None if there is none."""
        return self.rows[place] if 0 <= place < len(self.rows) else None

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        """Qt's hook."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        """Qt's hook."""
        return 0 if parent.isValid() else len(PlatformColumn)

    @never_raises()
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Qt's hook."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(PlatformColumn):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            titles = {
                PlatformColumn.PLATFORM: tr("Platform"),
                PlatformColumn.DIGEST: tr("Digest"),
                PlatformColumn.SIZE: tr("Compressed"),
                PlatformColumn.STATE: tr("State"),
            }
            return titles[PlatformColumn(section)]
        return None

    @never_raises()
    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's hook."""
        row = self.row(index.row()) if index.isValid() and index.model() is self else None
        if row is None:
            return None
        column = index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._shown(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(row.digest) if column == PlatformColumn.DIGEST else None
        if role == Role.STRONG:
            return column == PlatformColumn.PLATFORM
        if role == Role.FIXED_WIDTH:
            return column == PlatformColumn.DIGEST
        if role == Role.DIM:
            return column in (PlatformColumn.DIGEST, PlatformColumn.STATE)
        if role == Role.TONE and column == PlatformColumn.STATE:
            # "only there" is plain: the normal case must not shout.
            return Tone.GOOD if row.here else Tone.NONE
        if role in (Role.DIGEST, Role.COPY_TEXT):
            return row.digest
        return None

    def _shown(self, row: PlatformRow, column: int) -> str:
        if column == PlatformColumn.PLATFORM:
            return words.platform_text(row.platform)
        if column == PlatformColumn.DIGEST:
            return words.tiny_digest(row.digest)
        if column == PlatformColumn.SIZE:
            return "" if row.size is None else text.size(row.size)
        return words.platform_state(row.here, remote=self.remote)


def _alignment(column: int) -> Qt.AlignmentFlag:
    right = column == PlatformColumn.SIZE
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class AttestationModel(QAbstractTableModel):
    """The attestations: whose, what, and the size."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[AttestationRow] = []

    def set_rows(self, rows: list[AttestationRow]) -> None:
        """Show *rows*."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        """Qt's hook."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        """Qt's hook."""
        return 0 if parent.isValid() else 3

    @never_raises()
    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's hook."""
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            size = "" if row.size is None else text.size(row.size)
            return (row.subject, row.what, size)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(row.digest)
        if role == Role.DIM:
            return index.column() == 1
        if role in (Role.DIGEST, Role.COPY_TEXT):
            return row.digest
        return None
