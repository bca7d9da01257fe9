"""No regular expression of the models can run away on foreign text: each repetition has an end."""

from __future__ import annotations

from longshore import models
from patterntools import endless, patterns_of


def test_repetitions_have_an_end() -> None:
    found = patterns_of(models)
    assert "longshore.models.text._DIGEST" in found
    assert [name for name, pattern in found.items() if endless(pattern)] == []
