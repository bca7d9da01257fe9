"""Words about the way that a pull takes."""

from __future__ import annotations

from longshore.language import tr
from longshore.transfers.transfer import NoteKind, TransferNote, WayReason


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
