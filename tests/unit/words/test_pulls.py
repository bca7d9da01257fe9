"""The sentences that say which way a pull took."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from longshore.transfers.transfer import Moved, NoteKind, State, TransferNote, TransferSnapshot, WayReason
from longshore.transfers.ways.rule import DEFAULT_RULE
from longshore.words import pulls, transfers
from transfertools import copy, pull, push

_DONE = TransferSnapshot("a", pull(), State.SUCCEEDED, 1000, 0, None, None, None, datetime.now(UTC))
_FETCHED = (WayReason.LARGE, WayReason.SEVERAL, WayReason.UNFINISHED)


@pytest.mark.parametrize("reason", WayReason)
def test_every_reason_has_its_sentence(reason):
    kind = NoteKind.FETCHED if reason in _FETCHED else NoteKind.PULLED_NATIVELY
    who = "Longshore" if reason in _FETCHED else "The engine"
    for done, does in ((True, "fetched"), (False, "fetches")):
        own, unknown = (
            pulls.way_text(TransferNote(kind, text), done=done)
            for text in (reason.value, "of a newer version")
        )
        assert own != unknown
        assert own.startswith(f"{who} {does}") and unknown.startswith(f"{who} {does}")


def test_of_two_ways_the_last_is_shown_in_the_tense_of_the_row() -> None:
    notes = (
        TransferNote(NoteKind.FETCHED, WayReason.LARGE.value),
        TransferNote(NoteKind.TAGGED),
        TransferNote(NoteKind.PULLED_NATIVELY, WayReason.UNREACHABLE.value),
    )
    tagged, way = transfers.row_lines(replace(_DONE, notes=notes))
    assert "tagged" in tagged and way.startswith("The engine fetched the layers itself, because it can't")
    (way,) = transfers.row_lines(replace(_DONE, notes=notes[:1], state=State.RUNNING))
    assert way.endswith("because much is missing.")


def test_a_pull_without_a_note_was_the_engines_own() -> None:
    little, much = (
        replace(_DONE, moved=Moved(size)) for size in (DEFAULT_RULE.least - 1, DEFAULT_RULE.least)
    )
    assert transfers.row_lines(little) == (
        "The engine fetched the layers itself, because little was missing.",
    )
    for one in (much, _DONE):  # the second: of the history of an earlier version
        assert transfers.row_lines(one) == ("The engine fetched the layers itself.",)
    tagged = replace(little, notes=(TransferNote(NoteKind.TAGGED),))
    assert len(transfers.row_lines(tagged)) == 2
    assert len(transfers.advice_lines(tagged)) == 1, "a command prints what a person must know"


def test_nothing_is_said_of_what_is_noted_not_known_or_no_pull_into_an_engine() -> None:
    for kind in (NoteKind.FETCHED, NoteKind.PULLED_NATIVELY, NoteKind.UP_TO_DATE):
        assert pulls.unnoted_text(replace(_DONE, notes=(TransferNote(kind, "large"),))) == ""
    for state in set(State) - {State.SUCCEEDED}:
        assert pulls.unnoted_text(replace(_DONE, state=state)) == ""
    for request in (push("app:1", "127.0.0.1:5000/app:1"), copy("r.io/app:1", "s.io/app:1")):
        assert pulls.unnoted_text(replace(_DONE, request=request)) == ""


def test_cancel_says_what_is_kept_of_a_pull() -> None:
    running = replace(_DONE, state=State.RUNNING, moved_bytes=5)
    assert "Retry continues" in transfers.cancel_text(replace(running, pausable=True))
    assert "discards" in transfers.cancel_text(running)
