"""No regular expression of models and words can run away on foreign text: each repetition has an end."""

from __future__ import annotations

from longshore import models, words
from patterntools import endless, patterns_of


def test_repetitions_have_an_end() -> None:
    found = patterns_of(models) | patterns_of(words)
    assert {"longshore.models.mime._IMAGE_ID", "longshore.words.text._DIGEST"} <= found.keys()
    assert [name for name, pattern in found.items() if endless(pattern)] == []
