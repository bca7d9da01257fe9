"""The times that ``longshore history --since`` understands."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

import pytest

from longshore.cli.history import moment

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
        ("2026-11-01", datetime(2026, 11, 1).astimezone()),
        ("2026-11-01T14:30", datetime(2026, 11, 1, 14, 30).astimezone()),
        ("2026-11-01T14:30:00+02:00", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_ages_dates_and_times(text: str, expected: datetime) -> None:
    found = moment(text, NOW)
    assert found == expected and found.tzinfo is not None


@pytest.mark.parametrize(
    "text",
    ["", "d", "7", "7y", "-7d", "1.5h", "٣d", "9999999w", "999999w", "2026-13-01", "yesterday", "1" * 9999],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a time"):
        moment(text, NOW)
