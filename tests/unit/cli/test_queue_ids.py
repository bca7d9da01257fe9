"""Which transfers the IDs after ``longshore queue resume`` name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from longshore.cli.queue import _chosen
from longshore.errors import InvalidInput
from longshore.transfers.queue.row import Entry
from longshore.transfers.transfer import TransferSnapshot
from transfertools import pull


def row(name: str) -> TransferSnapshot:
    return replace(Entry(pull()).snapshot(0.0), id=name)


ENDED = [row("aa0011"), row("aa0012"), row("bb0021"), row("cc0031")]
RUNNING = [row("cc0032"), row("dd0041"), row("dd0042")]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], ["aa0011", "aa0012", "bb0021", "cc0031"]),
        (["aa0012"], ["aa0012"]),
        (["bb00"], ["bb0021"]),
        (["BB00", "aa0011", "bb0021"], ["bb0021", "aa0011"]),
        (["cc0031"], ["cc0031"]),
    ],
)
def test_named_by_as_much_as_is_unambiguous(ids: list[str], expected: list[str]) -> None:
    assert [one.id for one in _chosen(ids, ENDED, RUNNING)] == expected


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["aa00"], "Several transfers"),
        (["cc003"], "Several transfers"),
        (["dd00"], "Several transfers"),
        (["dd0041"], "Longshore that is running"),
        (["bb0021", "ee00"], "no such transfer"),
        (["aa00111"], "no such transfer"),
    ],
)
def test_anything_else_names_what_is_wrong(ids: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        _chosen(ids, ENDED, RUNNING)
    assert caught.value.subject == ids[-1] and caught.value.advice


@pytest.mark.parametrize(
    ("text", "message"), [("", "is empty"), ("b", "is too short"), ("bb0", "is too short")]
)
def test_an_empty_or_short_id_names_none(text: str, message: str) -> None:
    only = [row("bb0021")]
    with pytest.raises(InvalidInput, match=message) as caught:
        _chosen([text], only, [])
    assert caught.value.advice == "Use at least 4 characters of it. See longshore queue."
