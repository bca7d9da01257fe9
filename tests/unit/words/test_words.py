"""The words without Qt: the same English as in the window, and the language that a front end sets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from longshore import language
from longshore.errors import InvalidInput, Sentence
from longshore.language import Language
from longshore.words import errors, text, times


@pytest.fixture
def _own_language() -> Iterator[None]:
    before = language.current()
    yield
    language.use(before)


def test_numbers_in_english() -> None:
    assert text.size(44_600_000) == "44.6 MB"
    assert text.size(72_000_000) == "72 MB"
    assert text.size(1_310_000_000) == "1.31 GB"
    assert text.size(999) == "999 B"
    assert text.size_of(1_000_000, 72_000_000) == "1.0 of 72 MB"
    assert text.layers(1) == "1 layer"
    assert text.layers(3) == "3 layers"
    assert times.duration(80) == "1 min 20 s"


def test_another_language(_own_language: None) -> None:
    class Shouting(Language):
        def translate(self, context: str, text: str, number: int = -1) -> str:
            return f"{context}: {super().translate(context, text, number).upper()}"

        def decimal(self, value: float, decimals: int, *, strip: bool = True) -> str:
            return super().decimal(value, decimals, strip=strip).replace(".", ",")

        def time_of_day(self, moment: datetime) -> str:
            return moment.strftime("%H h %M")

    language.use(Shouting())
    assert text.size(44_600_000) == "44,6 MB"
    assert text.layers(3) == "models: 3 LAYERS"
    error = Sentence(InvalidInput, "{name} is wrong.")(name="this")
    assert errors.message(error) == "errors: {NAME} IS WRONG."
    now = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert " h " in times.clock(now, now)
