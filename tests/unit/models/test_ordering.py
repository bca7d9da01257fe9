"""Filter and order of rows."""

from __future__ import annotations

from longshore.models.ordering import matches, ordered, ordered_by, words


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
    keys = [row[1] for row in rows]
    assert ordered_by(rows, keys, descending=False) == up
    assert ordered_by(rows, keys, descending=True) == down
