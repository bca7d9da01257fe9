"""What a row of the journal keeps of a transfer, and which values it may hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from longshore.transfers.journal import codec
from longshore.transfers.journal.rows import COLUMNS, from_row, to_row
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    Moved,
    NoteKind,
    Operation,
    Plan,
    State,
    TransferNote,
    TransferRequest,
    TransferSnapshot,
)
from transfertools import ENGINE, copy, pull

PLAN = Plan(7, 6, 5, 4, estimated=True, digest="sha256:1", compressed=False)
MOVED = Moved(9, 8, 7, 6)
NOTES = (TransferNote(NoteKind.TAGGED, "a"), TransferNote(NoteKind.UP_TO_DATE))
BARE = Entry(pull()).snapshot(0.0)


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


FULL = replace(
    BARE,
    state=State.SUCCEEDED,
    created=day(1),
    started=day(2),
    finished=day(3),
    attempt=3,
    permille=1000,
    moved_bytes=9,
    total_bytes=10,
    plan=PLAN,
    moved=MOVED,
    digest="sha256:2",
    notes=NOTES,
)


def column(snapshot: TransferSnapshot, name: str) -> Any:
    return dict(zip(COLUMNS, to_row(snapshot), strict=True))[name]


def with_column(name: str, value: object) -> TransferSnapshot:
    row = dict(zip(COLUMNS, to_row(FULL), strict=True))
    assert name in row
    return from_row(tuple((row | {name: value}).values()))


@pytest.mark.parametrize("snapshot", [BARE, FULL], ids=["bare", "full"])
def test_a_row_is_read_as_it_was_written(snapshot: TransferSnapshot) -> None:
    assert from_row(to_row(snapshot)) == replace(snapshot, waiting_for=None)


def test_what_a_row_is_found_by() -> None:
    between = Entry(copy("127.0.0.1:5000/a:1", "acme.io/b")).snapshot(0.0)
    assert column(between, "registries") == " 127.0.0.1:5000 acme.io "
    assert column(between, "names") == "127.0.0.1:5000/a:1 acme.io/b"
    saved = TransferRequest(
        Operation.SAVE,
        Endpoint(EnginePlace(ENGINE), None, "sha256:3"),
        Endpoint(ArchivePlace(Path("/there/app.tar")), None),
    )
    assert column(Entry(saved).snapshot(0.0), "registries") == ""
    assert column(Entry(saved).snapshot(0.0), "names") == "sha256:3 app.tar"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("permille", [None, 0, 1000], [-1, 1001, True, "1"]),
        ("moved_bytes", [0, 2**63 - 1], [None, -1, 2**63]),
        ("total_bytes", [None, 0, 2**63 - 1], [-1, 2**63]),
        ("attempt", [0, 1_000_000], [None, -1, 1_000_001]),
        ("created", [0, 0.0, 2.0**33], [None, -1, 2.0**33 + 1, "0"]),
        ("started", [None, 0], [-1]),
        ("finished", [None, 0], [-1]),
        ("digest", ["", "x"], [None, b"x"]),
        ("state", ["Failed"], [None, "Odd"]),
        ("plan", [None, '{"layers": 1, "total_bytes": 2}'], ["{}", "[]", "7", "{"]),
        ("moved", [None, "{}"], ["[]", '{"bytes": -1}']),
        ("notes", ["[]"], [None, "7"]),
    ],
)
def test_what_a_column_may_hold(name: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert with_column(name, value).id == FULL.id
    for value in bad:
        with pytest.raises(ValueError):
            with_column(name, value)


def test_what_a_later_version_adds_is_left_out() -> None:
    assert codec.plan_from_json(codec.plan_to_json(PLAN) | {"later": 1}) == PLAN
    assert codec.moved_from_json(codec.moved_to_json(MOVED) | {"later": 1}) == MOVED
    assert codec.notes_from_json([*codec.notes_to_json(NOTES), ["later", "x"]]) == NOTES


@pytest.mark.parametrize(
    ("name", "value"), [("estimated", 1), ("digest", None), ("compressed", "x"), ("layers", True)]
)
def test_a_field_of_a_plan_has_its_kind(name: str, value: object) -> None:
    with pytest.raises(ValueError):
        codec.plan_from_json(codec.plan_to_json(PLAN) | {name: value})


def test_what_an_earlier_version_did_not_say_is_nothing() -> None:
    plan = codec.plan_from_json({"layers": 1, "total_bytes": 2})
    assert codec.plan_to_json(plan) == {
        "layers": 1,
        "total_bytes": 2,
        "here_layers": 0,
        "here_bytes": 0,
        "estimated": False,
        "digest": "",
        "compressed": True,
    }
    assert codec.moved_to_json(codec.moved_from_json({})) == dict.fromkeys(
        ("bytes", "layers_moved", "layers_skipped", "layers_mounted"), 0
    )
