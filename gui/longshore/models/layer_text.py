"""Texts for the layer rows below a transfer. GUI thread only."""

from __future__ import annotations

from longshore.language import tr
from longshore.models.columns import TransferColumn
from longshore.models.step_text import is_step, step_cell
from longshore.oci.layer import LayerState
from longshore.transfers.transfer import LayerSnapshot, Operation, State, TransferSnapshot
from longshore.words import text, times
from longshore.words.transfers import already_text

_BROKEN_OFF = (State.FAILED, State.CANCELLED, State.INTERRUPTED)


def stopped(layer: LayerSnapshot, transfer: TransferSnapshot) -> bool:
    """Return True if *layer* was not finished when *transfer* was stopped."""
    arrived = layer.state.finished or layer.state is LayerState.TRANSFERRED
    return transfer.state in _BROKEN_OFF and not arrived


def layer_state_text(layer: LayerSnapshot, transfer: TransferSnapshot) -> str:
    """Return the state of a layer of *transfer*, in a word."""
    operation = transfer.request.operation
    if stopped(layer, transfer):
        return tr("Stopped")
    if layer.retrying_in is not None and not layer.state.finished:
        return tr("Retrying in {time}").replace("{time}", times.duration(layer.retrying_in))
    if layer.state is LayerState.TRANSFERRING:
        return {Operation.PULL: tr("Downloading"), Operation.PUSH: tr("Uploading")}.get(
            operation, tr("Copying")
        )
    if layer.state is LayerState.TRANSFERRED:
        return tr("Downloaded") if operation is Operation.PULL else tr("Transferred")
    if layer.state is LayerState.SKIPPED:
        return text.capital(already_text(operation))
    return {
        LayerState.WAITING: tr("Waiting"),
        LayerState.CHECKING: tr("Checking"),
        LayerState.EXTRACTING: tr("Extracting"),
        LayerState.DONE: tr("Done"),
        LayerState.MOUNTED: tr("Mounted"),
    }[layer.state]


def layer_cell(layer: LayerSnapshot, transfer: TransferSnapshot, column: int) -> str:
    """Return the text of a layer's row in *column*."""
    if is_step(transfer):
        return step_cell(layer, transfer, column)
    if column == TransferColumn.OPERATION:
        return text.safe(layer.layer_id)
    if column == TransferColumn.STATUS:
        return layer_state_text(layer, transfer)
    if column == TransferColumn.PROGRESS:
        return text.percent(layer.permille)
    if column == TransferColumn.TRANSFERRED:
        if layer.state.finished or layer.state is LayerState.WAITING:
            return text.size(layer.total)
        if layer.state is LayerState.EXTRACTING and not layer.total:
            return ""  # some engines report seconds there
        return text.size_of(layer.current, layer.total)
    return ""


def layer_whole(layer: LayerSnapshot, transfer: TransferSnapshot, column: int) -> str:
    """Return the full text of a layer's cell, for its tooltip."""
    if is_step(transfer):
        return f"{step_cell(layer, transfer, TransferColumn.OPERATION)}  {layer.label}".rstrip()
    if column == TransferColumn.OPERATION:
        return text.safe(layer.digest or layer.layer_id)
    if column == TransferColumn.PROGRESS:
        return text.percent_spoken(layer.permille)
    return layer_cell(layer, transfer, column)
