"""Words about the way that a pull takes."""

from __future__ import annotations

from longshore.language import tr
from longshore.transfers.transfer import (
    EnginePlace,
    NoteKind,
    RegistryPlace,
    State,
    TransferNote,
    TransferRequest,
    TransferSnapshot,
    WayReason,
)
from longshore.transfers.ways.rule import DEFAULT_RULE

_TOLD = frozenset({NoteKind.FETCHED, NoteKind.PULLED_NATIVELY, NoteKind.UP_TO_DATE})


def way_text(note: TransferNote) -> str:
    """Return the sentence of a note that says which way a pull took, and why."""
    fetched = note.kind is NoteKind.FETCHED
    words = _fetched() if fetched else _native()
    try:
        return words[WayReason(note.text)]
    except (KeyError, ValueError):
        return (
            tr("Longshore fetched the layers and handed them over to the engine.")
            if fetched
            else tr("The engine fetched the layers itself.")
        )


def is_into_engine(request: TransferRequest) -> bool:
    """Return True for a pull from a registry into an engine."""
    return isinstance(request.source.place, RegistryPlace) and isinstance(
        request.destination.place, EnginePlace
    )


def unnoted_text(snapshot: TransferSnapshot) -> str:
    """Return the sentence about the way of a pull into an engine that succeeded and has no note about it.

    Such pulls are the engine's own. "" for all other transfers, and where a note says that nothing was missing.
    """
    if (
        snapshot.state is not State.SUCCEEDED
        or not is_into_engine(snapshot.request)
        or any(note.kind in _TOLD for note in snapshot.notes)
    ):
        return ""
    if snapshot.moved is not None and snapshot.moved.bytes < DEFAULT_RULE.least:
        return tr("The engine fetched the layers itself, because little was missing.")
    return tr("The engine fetched the layers itself.")


def _fetched() -> dict[WayReason, str]:
    return {
        WayReason.LARGE: tr(
            "Longshore fetched the layers and handed them over to the engine, because much was missing."
        ),
        WayReason.UNFINISHED: tr(
            "Longshore fetched the layers and handed them over to the engine, because some of them had already "
            "arrived."
        ),
    }


def _native() -> dict[WayReason, str]:
    return {
        WayReason.ASKED: tr("The engine fetched the layers itself, as you asked."),
        WayReason.REMOTE: tr("The engine fetched the layers itself, because it runs on another machine."),
        WayReason.UNREACHABLE: tr(
            "The engine fetched the layers itself, because it can't reach Longshore on this machine."
        ),
        WayReason.NO_ROOM: tr(
            "The engine fetched the layers itself, because the library's disk does not have room for them."
        ),
    }
