"""Requests survive the journal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from longshore.errors import InvalidInput
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.index_parts import index_request, parts_of
from longshore.transfers.journal.codec import request_from_json, request_to_json, whole
from longshore.transfers.transfer import (
    PARTS,
    ArchivePlace,
    Endpoint,
    EnginePlace,
    LibraryPlace,
    Operation,
    RegistryPlace,
    TransferRequest,
)
from transfertools import ENGINE, pull, push

REFERENCE = Reference.parse("[::1]:5000/team/app:1.0")


@pytest.mark.parametrize(
    "request_",
    [
        pull("postgres:16"),
        pull("ghcr.io/a/b@sha256:" + "ab" * 32),
        push("a:1", "127.0.0.1:5000/a:1", image_id="sha256:" + "1" * 64),
        TransferRequest(
            Operation.COPY,
            Endpoint(RegistryPlace("[::1]:5000"), REFERENCE),
            Endpoint(LibraryPlace(Path("/data/library")), REFERENCE),
            Platform.parse("linux/arm64/v8"),
            (("referrers", "yes"),),
        ),
        TransferRequest(
            Operation.SAVE,
            Endpoint(EnginePlace(ENGINE), None, "sha256:" + "2" * 64),
            Endpoint(ArchivePlace(Path("/tmp/x.tar"), "oci"), None),
        ),
    ],
    ids=["tag", "digest", "push", "copy", "save"],
)
def test_round_trip(request_: TransferRequest) -> None:
    data = json.loads(json.dumps(request_to_json(request_)))
    again = request_from_json(data)
    assert again == request_
    assert hash(again) == hash(request_)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.clear(),
        lambda data: data.update(operation="teleport"),
        lambda data: data["source"].update(place={"kind": "moon"}),
        lambda data: data.update(source=None),
        lambda data: data.update(options=[1]),
    ],
    ids=["empty", "operation", "place", "end", "options"],
)
def test_what_is_no_request_is_refused(damage: object) -> None:
    data = request_to_json(pull())
    damage(data)  # type: ignore[operator]
    with pytest.raises(ValueError):
        request_from_json(data)


@pytest.mark.parametrize("value", [0, 1, 7])
def test_whole_numbers_within_bounds(value: int) -> None:
    assert whole(value, 7) == value


@pytest.mark.parametrize("value", [-1, 8, True, False, 1.0, "1", None])
def test_what_is_no_whole_number_within_bounds(value: object) -> None:
    with pytest.raises(ValueError, match="not a number from 0 to 7"):
        whole(value, 7)


def test_the_largest_number_that_the_journal_keeps() -> None:
    """SQLite's integers have 64 bits, one of them for the sign."""
    assert whole(9223372036854775807) == 9223372036854775807
    with pytest.raises(ValueError):
        whole(9223372036854775808)


def test_an_index_keeps_its_parts() -> None:
    parts = [
        Endpoint(RegistryPlace("r.io"), Reference.parse("r.io/a/b:amd64")),
        Endpoint(LibraryPlace(Path("/home/ann/library")), None, f"sha256:{'1' * 64}"),
    ]
    made = index_request(parts, Endpoint(RegistryPlace("r.io"), Reference.parse("r.io/a/b:1")))
    read = request_from_json(json.loads(json.dumps(request_to_json(made))))
    assert read == made
    assert parts_of(read) == tuple(parts)
    for damaged in ("", "{", "[1]", "null", '[{"place": {"kind": "moon"}}]'):
        assert parts_of(replace(made, options=((PARTS, damaged),))) == ()


def test_an_index_needs_parts_that_differ() -> None:
    end = Endpoint(RegistryPlace("r.io"), Reference.parse("r.io/a/b:1"))
    for parts in ([], [end] * 2, [end] * 65):
        with pytest.raises(InvalidInput):
            index_request(parts, end)
