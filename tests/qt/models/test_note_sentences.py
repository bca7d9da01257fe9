"""Every kind of note has a text."""

from __future__ import annotations

import dataclasses

import pytest

from longshore.transfers.transfer import NoteKind, TransferNote
from longshore.words.transfers import advice_lines
from qt.models.made import transfer


@pytest.mark.parametrize("kind", NoteKind)
def test_a_note_of_each_kind(kind: NoteKind) -> None:
    [line] = advice_lines(dataclasses.replace(transfer(), notes=(TransferNote(kind, "outside"),)))
    # A reason that this version does not know is not shown.
    assert ("outside" in line) == (kind not in (NoteKind.FETCHED, NoteKind.PULLED_NATIVELY))
