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


ENDED = [row("aa11"), row("aa12"), row("bb21"), row("cc31")]
RUNNING = [row("cc32"), row("dd41"), row("dd42")]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], ["aa11", "aa12", "bb21", "cc31"]),
        (["aa12"], ["aa12"]),
        (["b"], ["bb21"]),
        (["BB", "aa11", "bb21"], ["bb21", "aa11"]),
        (["cc31"], ["cc31"]),
    ],
)
def test_named_by_as_much_as_is_unambiguous(ids: list[str], expected: list[str]) -> None:
    assert [one.id for one in _chosen(ids, ENDED, RUNNING)] == expected


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["aa"], "Several transfers"),
        (["cc"], "Several transfers"),
        (["dd"], "Several transfers"),
        (["dd41"], "Longshore that is running"),
        (["bb21", "ee"], "no such transfer"),
        (["aa111"], "no such transfer"),
    ],
)
def test_anything_else_names_what_is_wrong(ids: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        _chosen(ids, ENDED, RUNNING)
    assert caught.value.subject == ids[-1] and caught.value.advice


def test_an_empty_id_names_none() -> None:
    with pytest.raises(InvalidInput, match="Several transfers"):
        _chosen([""], ENDED, [])
