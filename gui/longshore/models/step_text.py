"""Texts for the rows of steps below a build. GUI thread only."""

from __future__ import annotations

from longshore.models.columns import Tone, TransferColumn
from longshore.oci.layer import LayerState
from longshore.transfers.transfer import LayerSnapshot, Operation, TransferSnapshot
from longshore.words import builds

_TONES = {
    LayerState.FAILED: Tone.BAD,
    LayerState.DONE: Tone.GOOD,
    LayerState.CACHED: Tone.GOOD,
    LayerState.RUNNING: Tone.ACTIVE,
}


def is_step(transfer: TransferSnapshot) -> bool:
    """Return True if the rows below *transfer* are steps."""
    return transfer.request.operation is Operation.BUILD


def step_cell(step: LayerSnapshot, transfer: TransferSnapshot, column: int) -> str:
    """Return the text of a step's row in *column*: its number, the instruction, state and time."""
    if column == TransferColumn.OPERATION:
        return f"{step.layer_id}/{builds.total_steps(transfer)}"
    if column == TransferColumn.SOURCE:
        return step.label
    if column == TransferColumn.STATUS:
        return builds.step_state_text(step)
    if column == TransferColumn.TRANSFERRED:
        return builds.step_time_text(step)
    return ""


def step_tone(step: LayerSnapshot, column: int) -> Tone:
    """Return the tone of a step's state."""
    return _TONES.get(step.state, Tone.NONE) if column == TransferColumn.STATUS else Tone.NONE
