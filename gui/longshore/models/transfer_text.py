"""Texts and tones of the cells of Transfers. GUI thread only."""

from __future__ import annotations

from pathlib import Path

from longshore.errors import Remedy
from longshore.language import tr
from longshore.models.columns import Tone, TransferColumn
from longshore.transfers.transfer import ArchivePlace, EnginePlace, Operation, Phase, State, TransferSnapshot
from longshore.words import errors, text, times
from longshore.words.transfers import (
    advice_lines,
    destination_text,
    destination_whole,
    end_whole,
    operation_text,
    source_text,
    status_text,
    took_text,
    transferred_text,
)

_STATUS_TONES = {
    State.RUNNING: Tone.ACTIVE,
    State.PLANNING: Tone.ACTIVE,
    State.SUCCEEDED: Tone.GOOD,
    State.FAILED: Tone.BAD,
    State.INTERRUPTED: Tone.CAUTION,
    State.CANCELLING: Tone.CAUTION,
}
_MOVING = (State.RUNNING, State.CANCELLING)


def status_tone(state: State) -> Tone:
    """Return the tone of a state."""
    return _STATUS_TONES.get(state, Tone.QUIET)


def can_detour(snapshot: TransferSnapshot) -> bool:
    """Return True if *snapshot* is a failed pull by an engine that can be done via the library."""
    return (
        snapshot.state is State.FAILED
        and snapshot.request.operation is Operation.PULL
        and isinstance(snapshot.request.destination.place, EnginePlace)
    )


def saved_file(snapshot: TransferSnapshot) -> Path | None:
    """Return the archive that *snapshot* has written, None for other transfers. It may have been deleted since."""
    place = snapshot.request.destination.place
    if snapshot.state is State.SUCCEEDED and isinstance(place, ArchivePlace):
        return place.path
    return None


def transfer_cell(snapshot: TransferSnapshot, column: int) -> str:
    """Return the text of a transfer's row in *column*."""
    # Nothing comes over the network any more while an engine takes what was fetched.
    moving = snapshot.state in _MOVING and snapshot.phase is not Phase.HANDING_OVER
    if column == TransferColumn.OPERATION:
        return operation_text(snapshot.request.operation)
    if column == TransferColumn.SOURCE:
        return source_text(snapshot.request)
    if column == TransferColumn.DESTINATION:
        return destination_text(snapshot.request)
    if column == TransferColumn.STATUS:
        return status_text(snapshot.state)
    if column == TransferColumn.PROGRESS:
        return text.percent(snapshot.permille)
    if column == TransferColumn.TRANSFERRED:
        return transferred_text(snapshot)
    if column == TransferColumn.SPEED:
        return text.speed(snapshot.speed) if moving and snapshot.speed else ""
    if column == TransferColumn.TIME_LEFT:
        return times.duration(snapshot.seconds_left) if moving else ""
    return times.clock(snapshot.finished) if snapshot.state.finished else ""


def transfer_whole(snapshot: TransferSnapshot, column: int) -> str:
    """Return the full text of a transfer's cell, for its tooltip."""
    if column == TransferColumn.SOURCE:
        return end_whole(snapshot.request.source)
    if column == TransferColumn.DESTINATION:
        return destination_whole(snapshot.request)
    if column == TransferColumn.TRANSFERRED and snapshot.error is not None:
        return "\n".join(part for part in (transferred_text(snapshot), *advice_lines(snapshot)) if part)
    if column == TransferColumn.FINISHED and snapshot.finished is not None:
        took = took_text(snapshot)
        moment = times.moment_text(snapshot.finished)
        return (
            tr("{moment}, took {time}").replace("{moment}", moment).replace("{time}", took)
            if took
            else moment
        )
    if column == TransferColumn.STATUS and snapshot.attempt > 1:
        return f"{status_text(snapshot.state)}, {tr('attempt %n', snapshot.attempt)}"
    if column == TransferColumn.PROGRESS:
        return text.percent_spoken(snapshot.permille)
    return transfer_cell(snapshot, column)


#: Columns of a row that are copied to the clipboard.
_COPIED = (
    TransferColumn.OPERATION,
    TransferColumn.SOURCE,
    TransferColumn.DESTINATION,
    TransferColumn.STATUS,
    TransferColumn.TRANSFERRED,
)


def copy_text(snapshot: TransferSnapshot) -> str:
    """Return a transfer as lines of text: its columns and the advice below it."""
    cells = (transfer_cell(snapshot, column) for column in _COPIED)
    return "\n".join(["  ".join(cell for cell in cells if cell), *advice_lines(snapshot)])


def action_text(snapshot: TransferSnapshot) -> str:
    """Return the action that the row offers, "" for none."""
    offer = errors.offer_of(snapshot)
    if offer is not None and offer.remedy in (Remedy.SIGN_IN, Remedy.KEYS):
        return offer.button
    return tr("Output…") if has_failed_output(snapshot) else ""


def has_failed_output(snapshot: TransferSnapshot) -> bool:
    """Return True if *snapshot* is a failed build whose output says why."""
    request = snapshot.request
    return request.operation is Operation.BUILD and snapshot.state is State.FAILED and bool(snapshot.output)
