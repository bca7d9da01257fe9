"""The sentences that say which way a pull took."""

from __future__ import annotations

import pytest

from longshore.transfers.transfer import NoteKind, TransferNote, WayReason
from longshore.words import pulls

_FETCHED = (WayReason.LARGE, WayReason.UNFINISHED)


@pytest.mark.parametrize("reason", WayReason)
def test_every_reason_has_its_sentence(reason):
    kind = NoteKind.FETCHED if reason in _FETCHED else NoteKind.PULLED_NATIVELY
    own, unknown = (pulls.way_text(TransferNote(kind, text)) for text in (reason.value, "of a newer version"))
    assert own != unknown
    assert own.startswith("Longshore fetched" if reason in _FETCHED else "The engine fetched")
