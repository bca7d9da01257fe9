"""Text and style of the cells of Transfers: of a transfer, or of a row below it. Pure; no signals."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from longshore.language import tr
from longshore.models import layer_text, step_text, transfer_text
from longshore.models.columns import Dress, NodeKind, Role, Tone, TransferColumn
from longshore.models.tooltips import tooltip
from longshore.models.transfer_rows import ChildRow, TransferRow
from longshore.transfers.transfer import State, TransferSnapshot
from longshore.words import times

_Item = Qt.ItemDataRole
_NUMBERS = frozenset({TransferColumn.SPEED, TransferColumn.TIME_LEFT})
_DIM = frozenset({TransferColumn.TIME_LEFT, TransferColumn.FINISHED})
#: Fields of Dress by the role that they answer.
_DRESSED: dict[int, str] = {
    Role.STRONG: "strong",
    Role.DIM: "dim",
    Role.FIXED_WIDTH: "fixed_width",
    Role.OFFER: "offer",
}


def header(section: int) -> str:
    """Return the title of a column."""
    return {
        TransferColumn.OPERATION: tr("Operation"),
        TransferColumn.SOURCE: tr("Source"),
        TransferColumn.DESTINATION: tr("Destination"),
        TransferColumn.STATUS: tr("Status"),
        TransferColumn.PROGRESS: tr("Progress"),
        TransferColumn.TRANSFERRED: tr("Transferred"),
        TransferColumn.SPEED: tr("Speed"),
        TransferColumn.TIME_LEFT: tr("Time left"),
        TransferColumn.FINISHED: tr("Finished"),
    }[TransferColumn(section)]


def alignment(column: int) -> Qt.AlignmentFlag:
    """Return the alignment of a column; numbers are right-aligned."""
    side = Qt.AlignmentFlag.AlignRight if column in _NUMBERS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def sort_key(snapshot: TransferSnapshot, column: int) -> Any:
    """Return the sort key of a transfer in *column*; None sorts last."""
    if column == TransferColumn.STATUS:
        return list(State).index(snapshot.state)
    if column == TransferColumn.PROGRESS:
        return snapshot.permille
    if column == TransferColumn.TRANSFERRED:
        return snapshot.moved_bytes
    if column == TransferColumn.SPEED:
        return snapshot.speed
    if column == TransferColumn.TIME_LEFT:
        return snapshot.seconds_left
    if column == TransferColumn.FINISHED:
        return None if snapshot.finished is None else times.aware(snapshot.finished)
    return transfer_text.transfer_cell(snapshot, column).casefold()


def value(row: TransferRow, child: ChildRow | None, column: int, role: int) -> Any:
    """Return the value of ``data()`` for a cell of *row* (*child* None) or of a row below it."""
    if role == _Item.DisplayRole:
        return shown(row, child, column)
    if role == _Item.AccessibleTextRole:
        spoken = column == TransferColumn.PROGRESS and (child is None or child.layer is not None)
        return (whole if spoken else shown)(row, child, column)
    if role == _Item.AccessibleDescriptionRole:
        return whole(row, child, column)
    if role == _Item.ToolTipRole:
        return tooltip(whole(row, child, column))
    if role == _Item.TextAlignmentRole:
        return alignment(column)
    if role in _DRESSED:
        return getattr(dress(row, child, column), _DRESSED[role])
    return _look(row, child, column, role)


def dress(row: TransferRow, child: ChildRow | None, column: int) -> Dress:
    """Return all that is painted in a text cell."""
    said = shown(row, child, column)
    colour = tone(row.snapshot, child, column)
    if child is not None:
        layered = child.layer is not None and column == TransferColumn.OPERATION
        return Dress(said, colour, dim=True, fixed_width=layered)
    return Dress(
        said,
        colour,
        strong=column == TransferColumn.OPERATION,
        dim=column in _DIM,
        offer=transfer_text.action_text(row.snapshot) if column == TransferColumn.TRANSFERRED else "",
    )


def shown(row: TransferRow, child: ChildRow | None, column: int) -> str:
    """Return the text of a cell."""
    if child is None:
        return transfer_text.transfer_cell(row.snapshot, column)
    if child.layer is None:
        return child.text if column == TransferColumn.OPERATION else ""
    return layer_text.layer_cell(child.layer, row.snapshot, column)


def whole(row: TransferRow, child: ChildRow | None, column: int) -> str:
    """Return the full text of a cell, for its tooltip."""
    if child is None:
        return transfer_text.transfer_whole(row.snapshot, column)
    if child.layer is None:
        return child.text
    return layer_text.layer_whole(child.layer, row.snapshot, column)


def tone(snapshot: TransferSnapshot, child: ChildRow | None, column: int) -> Tone:
    """Return the tone of a cell's state."""
    if child is None:
        if column == TransferColumn.TRANSFERRED:
            return Tone.BAD if snapshot.state is State.FAILED else Tone.NONE
        told = column in (TransferColumn.STATUS, TransferColumn.PROGRESS)
        return transfer_text.status_tone(snapshot.state) if told else Tone.NONE
    if child.layer is not None and step_text.is_step(snapshot):
        return step_text.step_tone(child.layer, column)
    if child.layer is not None and column == TransferColumn.PROGRESS:
        return Tone.GOOD if child.layer.state.finished else Tone.ACTIVE
    return Tone.NONE


def _look(row: TransferRow, child: ChildRow | None, column: int, role: int) -> Any:
    snapshot = row.snapshot
    layer = child.layer if child is not None else None
    if role == Role.PERMILLE:
        if layer is not None and step_text.is_step(snapshot) and not layer.total:
            return None  # steps have no bar but for the base image that they pull
        known = snapshot.permille if child is None else (layer.permille if layer is not None else None)
        return -1 if known is None else known
    if role == Role.STATE:
        if child is None:
            return snapshot.state
        if layer is None:
            return None
        return snapshot.state if layer_text.stopped(layer, snapshot) else layer.state
    if role == Role.NODE_KIND:
        if child is None:
            return NodeKind.TRANSFER
        return NodeKind.ADVICE if layer is None else NodeKind.LAYER
    if role == Role.OPERATION:
        return snapshot.request.operation
    if role == Role.TONE:
        return tone(snapshot, child, column)
    if role == Role.SNAPSHOT:
        return snapshot
    if role == Role.TRANSFER_ID:
        return snapshot.id
    if role == Role.ERROR:
        return snapshot.error
    if role == Role.LAYER:
        return layer
    if role == Role.SORT:
        return sort_key(snapshot, column) if child is None else None
    return _copy_text(snapshot, child) if role == Role.COPY_TEXT else None


def _copy_text(snapshot: TransferSnapshot, child: ChildRow | None) -> str:
    if child is not None:
        if child.layer is None or child.layer.label:
            return child.text if child.layer is None else child.layer.label
        return child.layer.digest or child.layer.layer_id
    return transfer_text.copy_text(snapshot)
