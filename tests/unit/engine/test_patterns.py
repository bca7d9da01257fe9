"""No regular expression in these rooms can run away on foreign text: every repetition is bounded."""

from __future__ import annotations

import importlib
import re

import pytest

from longshore.engine.failures import RULES
from patterntools import endless, patterns_of


@pytest.mark.parametrize("room", ["engine", "archives", "transfers"])
def test_repetitions_have_an_end(room: str) -> None:
    found = patterns_of(importlib.import_module(f"longshore.{room}"))
    assert [name for name, pattern in found.items() if endless(pattern)] == []


def test_the_patterns_are_found() -> None:
    found = patterns_of(importlib.import_module("longshore.engine"))
    assert {pattern for pattern, _ in RULES} <= set(found.values())
    assert "longshore.engine.stream._PUSHED" in found


@pytest.mark.parametrize(
    ("pattern", "without_end"),
    [
        ("a*", True),
        ("(a+)+", True),
        ("a{3,}", True),
        ("(?:a|b+?)c", True),
        ("a{0,9}", False),
        ("a?b{2}", False),
    ],
)
def test_what_has_no_end(pattern: str, without_end: bool) -> None:
    assert endless(re.compile(pattern)) == without_end
