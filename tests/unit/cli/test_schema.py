"""The schema of the objects that commands print: correct, complete, and checked against what they print."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import longshore.cli
from commandschema import FORMATS, checked, schema
from longshore.application.checks import Verdict as CheckVerdict
from longshore.application.image_lists.locking import Verdict as LockVerdict
from longshore.application.mirrors.plan import TagState
from longshore.application.mirrors.rules import Extras
from longshore.application.states import State as StateOfImage
from longshore.cli.output import SCHEMA, Output
from longshore.cli.transfer_values import transfer_values
from longshore.engine.address import EngineAddress
from longshore.errors import SignInRequired
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.tag_changes import TagOperation
from longshore.transfers.transfer import (
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Moved,
    NoteKind,
    Operation,
    Plan,
    RegistryPlace,
    State,
    TransferNote,
    TransferRequest,
    TransferSnapshot,
    Waiting,
)
from longshore.words.tag_history import operation_text

FOLDER = Path(longshore.cli.__file__).parent
KINDS = set(schema()["$defs"]) - {"end", "error_fields"}
IMAGE = Reference.parse_input("ghcr.io/org/app:1.2")


def _recorded() -> Iterator[tuple[str, ast.expr]]:
    """The kinds that the commands print, with the place in the code."""
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "record":
                yield f"{path.name}:{node.lineno}", node.args[0]


def test_every_operation_of_a_change_is_described() -> None:
    described = schema()["$defs"]["tag_change"]["properties"]["operation"]["enum"]
    assert described == [operation.value for operation in TagOperation]
    assert len({operation_text(operation) for operation in TagOperation}) == len(TagOperation)


def test_every_kind_that_is_printed_is_described_and_no_other() -> None:
    printed = set()
    for place, kind in _recorded():
        assert isinstance(kind, ast.Constant), f"{place}: a kind is a literal"
        assert kind.value in KINDS, f"{place}: {kind.value} is not in the schema"
        printed.add(kind.value)
    assert printed == KINDS


def test_it_is_a_schema_of_the_version_that_is_printed() -> None:
    whole = schema()
    jsonschema.Draft202012Validator.check_schema(whole)
    assert whole["properties"]["schema"]["const"] == SCHEMA
    assert [one["if"]["properties"]["kind"]["const"] for one in whole["allOf"]] == [
        one["then"]["$ref"].rpartition("/")[2] for one in whole["allOf"]
    ]
    assert {one["if"]["properties"]["kind"]["const"] for one in whole["allOf"]} == KINDS


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "properties" in part:
            yield part
        for one in part.values():
            yield from _objects(one)
    elif isinstance(part, list):
        for one in part:
            yield from _objects(one)


def test_every_field_is_described_and_more_may_come() -> None:
    for one in _objects(schema()["$defs"]):
        assert one["additionalProperties"] is True
        assert one["description"]
        assert set(one["required"]) <= set(one["properties"])
        for name, field in one["properties"].items():
            if name not in ("schema", "kind") or "const" not in field:
                assert field.get("description") or "$ref" in field, name
    later = {"schema": 1, "kind": "sign_out", "registry": "a.io", "user": None, "new": [1]}
    jsonschema.Draft202012Validator(schema()).validate(later)
    jsonschema.Draft202012Validator(schema()).validate({"schema": 1, "kind": "of-a-later-version"})


@pytest.mark.parametrize(
    ("kind", "field", "values"),
    [
        ("transfer", "state", State),
        ("transfer", "operation", Operation),
        ("lock", "state", LockVerdict),
        ("state", "state", StateOfImage),
        ("check", "status", CheckVerdict),
        ("mirror_tag", "state", TagState),
        ("mirror", "extras", Extras),
    ],
)
def test_words_are_those_of_the_code(kind: str, field: str, values: Any) -> None:
    assert set(schema()["$defs"][kind]["properties"][field]["enum"]) == {one.value for one in values}


PLACES = [
    EnginePlace(EngineAddress("default", "unix:///var/run/docker.sock")),
    RegistryPlace("ghcr.io"),
    LibraryPlace(Path("/library")),
    ArchivePlace(Path("/a.tar"), "oci"),
]
MOMENT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: type(place).__name__)
@pytest.mark.parametrize("state", State)
def test_transfers(place: Any, state: State, capsys: pytest.CaptureFixture[str]) -> None:
    request = TransferRequest(
        Operation.COPY,
        Endpoint(place, IMAGE),
        Endpoint(PLACES[1], None, "sha256:" + "1" * 64),
        Platform("linux", "arm64"),
        (("referrers", "yes"),),
    )
    bare = TransferSnapshot("a1", request, state, None, 0, None, None, None, MOMENT)
    full = TransferSnapshot(
        "a1",
        request,
        state,
        500,
        10,
        20,
        1.5,
        7.0,
        MOMENT,
        finished=MOMENT,
        waiting_for=Waiting.RATE_LIMIT,
        plan=Plan(3, 20),
        moved=Moved(10, 1, 1, 1),
        digest="sha256:" + "2" * 64,
        error=SignInRequired("No.", registry="ghcr.io"),
        notes=(TransferNote(NoteKind.OVERWRITTEN, "sha256:1"),),
    )
    output = Output(as_json=True, quiet=False)
    for row in (bare, full):
        output.record("transfer", transfer_values(row))
    first, last = capsys.readouterr().out.splitlines()
    assert checked(first)["digest"] is None
    assert checked(last)["error"]["registry"] == "ghcr.io"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "transfers"},
        {"kind": "sign_in"},
        {"schema": 2},
        {"user": 3},
        {"more": 1},
        {"registry": None},
    ],
    ids=str,
)
def test_what_is_wrong_is_found(change: dict[str, Any]) -> None:
    good = {"schema": 1, "kind": "sign_out", "registry": "a.io", "user": None}
    assert checked(_line(good)) == good
    with pytest.raises((jsonschema.ValidationError, AssertionError)):
        checked(_line(good | change))


def test_a_time_has_a_zone() -> None:
    good = {
        "schema": 1,
        "kind": "mirror_held",
        "rule": "r",
        "source": "a.io/a",
        "destination": "b.io/a",
        "tag": "1",
        "created": "2026-11-27T12:00:00+00:00",
    }
    checked(_line(good))
    for wrong in ("2026-11-27T12:00:00", "yesterday"):
        with pytest.raises(jsonschema.ValidationError):
            checked(_line(good | {"created": wrong}))
    assert set(FORMATS.checkers) == {"date-time"}


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record)
