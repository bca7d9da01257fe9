"""Words about the way that a pull takes."""

from __future__ import annotations

from collections.abc import Sequence

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

_WAYS = frozenset({NoteKind.FETCHED, NoteKind.PULLED_NATIVELY})


def way_text(note: TransferNote, *, done: bool = True) -> str:
    """Return the sentence of a note that says which way a pull took, and why. *done*: the pull has succeeded."""
    fetched = note.kind is NoteKind.FETCHED
    words = (_fetched() if done else _fetching()) if fetched else (_native() if done else _natively())
    try:
        return words[WayReason(note.text)]
    except (KeyError, ValueError):
        return words[None]


def last_way(notes: Sequence[TransferNote]) -> list[TransferNote]:
    """Return *notes* with only the last of those about the way: a pull may change its way while it runs."""
    last = next((note for note in reversed(notes) if note.kind in _WAYS), None)
    return [note for note in notes if note.kind not in _WAYS or note is last]


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
        or any(note.kind in _WAYS | {NoteKind.UP_TO_DATE} for note in snapshot.notes)
    ):
        return ""
    if snapshot.moved is not None and snapshot.moved.bytes < DEFAULT_RULE.least:
        return tr("The engine fetched the layers itself, because little was missing.")
    return tr("The engine fetched the layers itself.")


def _fetched() -> dict[WayReason | None, str]:
    return {
        None: tr("Longshore fetched the layers and handed them over to the engine."),
        WayReason.LARGE: tr(
            "Longshore fetched the layers and handed them over to the engine, because much was missing."
        ),
        WayReason.SEVERAL: tr(
            "Longshore fetched the layers once and handed them over to the engine, because several engines get them."
        ),
        WayReason.UNFINISHED: tr(
            "Longshore fetched the layers and handed them over to the engine, because some of them had already "
            "arrived."
        ),
    }


def _fetching() -> dict[WayReason | None, str]:
    return {
        None: tr("Longshore fetches the layers and hands them over to the engine."),
        WayReason.LARGE: tr(
            "Longshore fetches the layers and hands them over to the engine, because much is missing."
        ),
        WayReason.SEVERAL: tr(
            "Longshore fetches the layers once and hands them over to the engine, because several engines get them."
        ),
        WayReason.UNFINISHED: tr(
            "Longshore fetches the layers and hands them over to the engine, because some of them have already "
            "arrived."
        ),
    }


def _native() -> dict[WayReason | None, str]:
    return {
        None: tr("The engine fetched the layers itself."),
        WayReason.ASKED: tr("The engine fetched the layers itself, as you asked."),
        WayReason.REMOTE: tr("The engine fetched the layers itself, because it runs on another machine."),
        WayReason.UNREACHABLE: tr(
            "The engine fetched the layers itself, because it can't reach Longshore on this machine."
        ),
        WayReason.NO_ROOM: tr(
            "The engine fetched the layers itself, because the library's disk does not have room for them."
        ),
        WayReason.NO_LIBRARY: tr("The engine fetched the layers itself, because the library can't be used."),
    }


def _natively() -> dict[WayReason | None, str]:
    return {
        None: tr("The engine fetches the layers itself."),
        WayReason.ASKED: tr("The engine fetches the layers itself, as you asked."),
        WayReason.REMOTE: tr("The engine fetches the layers itself, because it runs on another machine."),
        WayReason.UNREACHABLE: tr(
            "The engine fetches the layers itself, because it can't reach Longshore on this machine."
        ),
        WayReason.NO_ROOM: tr(
            "The engine fetches the layers itself, because the library's disk does not have room for them."
        ),
        WayReason.NO_LIBRARY: tr("The engine fetches the layers itself, because the library can't be used."),
    }
