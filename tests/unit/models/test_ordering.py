"""Filter and order of rows."""

from __future__ import annotations

import pytest

from longshore.models.ordering import matches, moved, ordered, words


def test_every_word_of_a_filter_must_be_found():
    assert matches("127.0.0.1:5000/acme/web:main", words("WEB acme"))
    assert not matches("127.0.0.1:5000/acme/web:main", words("web api"))
    assert matches("anything", words("   "))


def test_order_is_stable_both_ways_and_the_unknown_comes_last():
    rows = [("a", 2), ("b", None), ("c", 1), ("d", 2), ("e", None)]
    up = ordered(rows, lambda row: row[1], descending=False)
    down = ordered(rows, lambda row: row[1], descending=True)
    assert [row[0] for row in up] == ["c", "a", "d", "b", "e"]
    assert [row[0] for row in down] == ["a", "d", "c", "b", "e"]


@pytest.mark.parametrize("descending", [False, True])
def test_moving_rows_gives_the_order_of_sorting_all(descending):
    keys = {number: number % 7 or None for number in range(300)}

    def in_order(rows: list[int]) -> list[int]:
        return ordered(rows, keys.__getitem__, descending=descending)

    rows = in_order(list(range(300)))
    changed = set(range(0, 300, 11))
    for number in changed:
        keys[number] = (number * 5) % 9 or None
    found = moved(rows, changed, keys.__getitem__, lambda number: number, descending=descending)
    assert found == in_order(list(range(300)))
