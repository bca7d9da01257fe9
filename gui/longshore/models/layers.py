"""The layers of an image with the history, as rows of the table *Layers*. GUI thread only."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from longshore.language import tr
from longshore.models.columns import Role
from longshore.models.tooltips import tooltip
from longshore.models.transition import never_raises
from longshore.words import inspection as words
from longshore.words import text

if TYPE_CHECKING:
    from longshore.application.inspection.sharing import LayerReport
    from longshore.application.inspection.values import Inspected, Layer, Step

_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
#: Most steps that are shown: engines allow about 125 layers, but a history may be anything.
_MOST = 300
#: Between several instructions in one row.
_BETWEEN = "  ·  "


class LayerColumn(enum.IntEnum):
    """Columns of Layers."""

    NUMBER = 0
    STEP = 1
    SIZE = 2


class LayerKind(enum.IntEnum):
    """Whose a layer is, which decides its colour. NONE: a row of the history without a layer."""

    NONE = 0
    BASE = 1  # of the base image
    SHARED = 2  # also in other images of the place; of an image elsewhere: the place has it
    UNIQUE = 3


class LayerRow(NamedTuple):
    """One row: a layer, or instructions that made none.

    *size*: in bytes, None if unknown. *note*: whether it is shared, in words.
    """

    kind: LayerKind
    number: int | None
    step: str
    digest: str
    size: int | None
    note: str = ""
    more: str = ""  # the names of the images that share it


class LayerTotals(NamedTuple):
    """The bytes of each kind. *unpacked*: they are of files on disk, otherwise compressed."""

    base: int
    shared: int
    unique: int
    unpacked: bool

    @property
    def whole(self) -> int:
        """All of them."""
        return self.base + self.shared + self.unique


def layer_rows(
    found: Inspected,
    report: LayerReport | None = None,
    there: Sequence[bool | None] = (),
    *,
    remote: bool = False,
) -> list[LayerRow]:
    """The rows for *found*, the lowest layer first. Pure.

    *report*: what the shown place knows of the layers; None until it was asked. *there*: whether the registry has
    each layer. *remote*: the image is in a registry, and *report* is about the place that would pull it.
    """
    rows: list[LayerRow] = []
    waiting: list[str] = []

    def flush() -> None:
        if waiting:
            rows.append(LayerRow(LayerKind.NONE, None, _BETWEEN.join(waiting), "", 0))
            waiting.clear()

    for step in found.steps[:_MOST]:
        if step.layer is None:
            if line := _line(step):
                waiting.append(line)
            continue
        flush()
        rows.append(_row(found, step, report, there, remote=remote))
    flush()
    return rows


def _row(
    found: Inspected, step: Step, report: LayerReport | None, there: Sequence[bool | None], *, remote: bool
) -> LayerRow:
    number = step.layer
    assert number is not None
    layer = found.layers[number]
    shared = report.shared[number] if report is not None else None
    names = report.names[number] if report is not None else ()
    kind = LayerKind.UNIQUE
    if report is not None and report.base is not None and number < (report.base.layers or 0):
        kind = LayerKind.BASE
    elif shared is not None and (shared.others or (remote and shared.here)):
        kind = LayerKind.SHARED
    note = "" if shared is None else words.layer_note(shared, remote=remote)
    if there:
        note = _BETWEEN.join(part for part in (note, words.there(there[number])) if part)
    return LayerRow(
        kind,
        number + 1,
        _line(step) or words.unknown_step(),
        layer.name,
        layer.size_on_disk if layer.size_on_disk is not None else layer.size,
        note,
        words.shared_with(names),
    )


def _line(step: Step) -> str:
    return words.instruction(step.line)


def totals(found: Inspected, rows: Sequence[LayerRow]) -> LayerTotals:
    """The bytes of each kind of layer. A layer that is in the image twice counts once."""
    sums = dict.fromkeys(LayerKind, 0)
    seen: set[str] = set()
    for row in rows:
        if row.digest not in seen:
            seen.add(row.digest)
            sums[row.kind] += row.size or 0
    unpacked = any(_is_unpacked(layer) for layer in found.layers)
    return LayerTotals(sums[LayerKind.BASE], sums[LayerKind.SHARED], sums[LayerKind.UNIQUE], unpacked)


def _is_unpacked(layer: Layer) -> bool:
    return layer.size_on_disk is not None


class LayerModel(QAbstractTableModel):
    """The rows. Their order is that of the build; it never changes."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[LayerRow] = []

    def set_rows(self, rows: list[LayerRow]) -> None:
        """Show *rows*. If only notes and colours differ, the selection stays."""
        same = [(row.number, row.step) for row in rows] == [(row.number, row.step) for row in self.rows]
        if same and rows:
            self.rows = rows
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(LayerColumn) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def row(self, place: int) -> LayerRow | None:
        """The row at *place*, None if there is none."""
        return self.rows[place] if 0 <= place < len(self.rows) else None

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        """Qt's hook."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        """Qt's hook."""
        return 0 if parent.isValid() else len(LayerColumn)

    @never_raises()
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Qt's hook."""
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        titles = {LayerColumn.NUMBER: tr("Layer"), LayerColumn.STEP: tr("Step"), LayerColumn.SIZE: tr("Size")}
        return titles.get(LayerColumn(section)) if section < len(LayerColumn) else None

    @never_raises()
    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's hook."""
        row = self.row(index.row()) if index.isValid() and index.model() is self else None
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._shown(row, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            parts = [self._shown(row, index.column())]
            if index.column() == LayerColumn.STEP:
                parts.append(text.short_digest(row.digest))
            elif index.column() == LayerColumn.SIZE:
                parts.append(row.note)
            return ", ".join(part for part in parts if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            lines = (row.step.replace(_BETWEEN, "\n"), row.digest, row.more)
            return tooltip("\n".join(line for line in lines if line))
        if role == Role.COPY_TEXT:
            return row.digest or row.step
        if role == Role.DIGEST:
            return row.digest
        return None

    @staticmethod
    def _shown(row: LayerRow, column: int) -> str:
        if column == LayerColumn.NUMBER:
            return "" if row.number is None else str(row.number)
        if column == LayerColumn.STEP:
            return row.step
        return "" if row.size is None else text.size(row.size)
