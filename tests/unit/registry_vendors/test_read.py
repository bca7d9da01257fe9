"""Values that the vendors' APIs return, right or wrong."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from longshore.registry.vendors import read

TEN = datetime(2024, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0, 0),
        (7, 7),
        ("12", 12),
        ((1 << 62) - 1, (1 << 62) - 1),
        (1 << 62, None),
        (-1, None),
        (True, None),
        (1.5, None),
        ("x", None),
        ("", None),
        (None, None),
        ([1], None),
    ],
)
def test_a_count_is_a_number_from_zero_to_a_bound(value: Any, wanted: int | None) -> None:
    assert read.count(value) == wanted
    assert not isinstance(read.count(value), bool)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2024-05-01T10:00:00Z", TEN),
        ("2024-05-01T12:00:00+02:00", TEN),
        ("2024-05-01T10:00:00", TEN),  # UTC if no zone is named
        ("Wed, 01 May 2024 10:00:00 -0000", TEN),
        ("Wed, 01 May 2024 12:00:00 +0200", TEN),
        ("1971-01-01T00:00:00Z", datetime(1971, 1, 1, tzinfo=UTC)),
        ("1970-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday", None),
        ("", None),
        (1714557600, None),
        ("2024-05-01T10:00:00Z" + " " * 44, None),
    ],
)
def test_a_time_is_in_utc(value: Any, wanted: datetime | None) -> None:
    found = read.when(value)
    assert found == wanted
    assert found is None or found.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_utc_wherever_the_user_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert read.when("2024-05-01T10:00:00") == TEN
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1714557600, TEN),
        (1, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (0, None),
        (-5, None),
        (True, None),
        (1 << 34, None),
        ("1714557600", None),
        (None, None),
    ],
)
def test_seconds_since_1970(value: Any, wanted: datetime | None) -> None:
    assert read.epoch(value) == wanted
