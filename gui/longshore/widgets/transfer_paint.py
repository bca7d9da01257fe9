"""Paints the parts of transfer cells other than text: progress, and the operation's icon in the colour of its state.

Separate from the delegate, because the window opens without transfers and without the modules that they need.
"""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QPainter

from longshore.models.columns import Role, Tone
from longshore.oci.layer import LayerState
from longshore.transfers.transfer import Operation, State
from longshore.widgets.theme import Theme

_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
_Index = QModelIndex | QPersistentModelIndex

_OPERATION_ICONS = {
    Operation.PULL: "pull",
    Operation.PUSH: "push",
    Operation.COPY: "copy",
    Operation.SAVE: "pull",
    Operation.LOAD: "push",
    Operation.BUILD: "build",
}
_STATE_TONES: dict[object, Tone] = {
    State.QUEUED: Tone.QUIET,
    State.PLANNING: Tone.ACTIVE,
    State.RUNNING: Tone.ACTIVE,
    State.CANCELLING: Tone.QUIET,
    State.SUCCEEDED: Tone.GOOD,
    State.FAILED: Tone.BAD,
    State.CANCELLED: Tone.QUIET,
    State.INTERRUPTED: Tone.CAUTION,
    LayerState.DONE: Tone.GOOD,
    LayerState.SKIPPED: Tone.GOOD,
    LayerState.MOUNTED: Tone.GOOD,
}
#: States whose bar shows a moving segment while the total is unknown.
MOVING = frozenset({State.PLANNING, State.RUNNING, LayerState.TRANSFERRING, LayerState.EXTRACTING})
#: Seconds that the segment of an unknown total takes to move across and back.
_SWING = 2.4


def icon_of(index: _Index) -> tuple[str, Tone]:
    """Return the icon of a transfer's row, and its tone."""
    state = index.data(Role.STATE)
    return _OPERATION_ICONS.get(index.data(Role.OPERATION), "copy"), _STATE_TONES.get(state, Tone.QUIET)


def paint_progress(painter: QPainter, room: QRect, theme: Theme, index: _Index, selected: bool) -> None:
    """Paint a bar of 6 px with its percentage, or without a number if none is known."""
    ask = index.model().data
    permille = ask(index, Role.PERMILLE)
    state = ask(index, Role.STATE)
    if not isinstance(permille, int):
        return
    tone = _STATE_TONES.get(state, Tone.ACTIVE)
    moving = permille < 0 and state in MOVING
    bar = QRectF(room.x(), room.center().y() - 2.5, max(24, room.width() - theme.percent_width - 10), 6)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.strong_line if selected else theme.track)
    painter.drawRoundedRect(bar, 3, 3)
    ink = theme.ink(tone)
    painter.setBrush(ink.plain)
    if moving:
        swing = abs((time.monotonic() / _SWING) % 1 * 2 - 1)
        swing = swing * swing * (3 - 2 * swing)
        length = bar.width() * 0.3
        painter.drawRoundedRect(QRectF(bar.x() + (bar.width() - length) * swing, bar.y(), length, 6), 3, 3)
        return
    if permille < 0:
        return
    filled = max(6.0, bar.width() * min(permille, 1000) / 1000)
    painter.drawRoundedRect(QRectF(bar.x(), bar.y(), filled, 6), 3, 3)
    painter.setFont(theme.font)
    quiet: Any = theme.ink(Tone.QUIET)
    painter.setPen(quiet.selected if selected else quiet.plain)
    painter.drawText(room, _RIGHT, f"{min(permille, 1000) // 10} %")
