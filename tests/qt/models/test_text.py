"""Numbers and times as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QLocale

from longshore.models.tooltips import tooltip
from longshore.words import text, times

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (9_960, "10 kB"),
        (999_499, "999 kB"),
        (999_900, "1 MB"),
        (96_000_000, "96 MB"),
        (44_600_000, "44.6 MB"),
        (184_400_000, "184 MB"),
        (1_310_000_000, "1.31 GB"),
        (1_900_000_000, "1.9 GB"),
        (2_000_000_000_000, "2 TB"),
    ],
)
def test_sizes(number, expected):
    assert text.size(number) == expected


@pytest.mark.parametrize(
    ("moved", "total", "expected"),
    [
        (44_600_000, 72_000_000, "44.6 of 72 MB"),
        (44_000_000, 72_000_000, "44.0 of 72 MB"),
        (0, 72_000_000, "0 of 72 MB"),
        (72_000_000, 72_000_000, "72 of 72 MB"),
        (80_000_000, 72_000_000, "72 of 72 MB"),
        (600_000_000, 1_930_000_000, "0.60 of 1.93 GB"),
        (5, 900, "5 of 900 B"),
        (44_600_000, None, "44.6 MB"),
    ],
)
def test_part_of_a_size_in_the_unit_of_the_whole(moved, total, expected):
    assert text.size_of(moved, total) == expected


def test_estimates_have_few_digits():
    assert text.about_size(612_000_000) == "0.6 GB"
    assert text.about_size(118_400_000) == "118 MB"
    assert text.about_size(12_300_000) == "12 MB"


def test_speed_and_percent():
    assert text.speed(21_400_000) == "21.4 MB/s"
    assert text.speed(None) == ""
    assert text.percent(999) == "99 %"
    assert text.percent(1000) == "100 %"
    assert text.percent(None) == text.percent(-1) == ""
    assert text.percent_spoken(620) == "62 percent"
    assert text.percent_spoken(None) == "unknown"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, ""),
        (-1, ""),
        (float("inf"), ""),
        (float("nan"), ""),
        (0.2, "1 s"),
        (2, "2 s"),
        (59.6, "1 min"),
        (80, "1 min 20 s"),
        (3900, "1 h 5 min"),
        (2 * 86400 + 3 * 3600, "2 d 3 h"),
    ],
)
def test_durations(seconds, expected):
    assert times.duration(seconds) == expected


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(seconds=-30), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=15), "2 weeks ago"),
        (timedelta(days=36), "5 weeks ago"),
        (timedelta(days=65), "2 months ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(days=-3), "2026-04-03"),
    ],
)
def test_ages(ago, expected):
    assert times.age(NOW - ago, NOW) == expected


def test_ages_of_images_without_a_true_date():
    assert times.age(None) == ""
    assert times.age(datetime(1, 1, 1, tzinfo=UTC), NOW) == "0001-01-01"
    assert times.age(datetime(1970, 1, 1), NOW) == "1970-01-01", "a date without a zone is UTC"
    assert times.moment_text(datetime(1, 1, 1, tzinfo=UTC))


def test_ids_and_digests():
    assert text.short_digest("sha256:" + "0f" * 32) == "sha256:0f0f0f0f0f0f"
    assert text.short_digest("odd") == "odd"


def test_counts_have_a_singular():
    assert [text.repositories(count) for count in (0, 1, 214)] == [
        "0 repositories",
        "1 repository",
        "214 repositories",
    ]
    assert [text.containers(count) for count in (0, 1, 2)] == ["", "1 container", "2 containers"]
    assert text.layers(12) == "12 layers"


def test_text_from_outside_is_cleaned():
    assert text.safe("plain") == "plain"
    assert text.safe("a\x1b[31mb\u202ec") == "a[31mbc"
    assert len(text.safe("x" * 5000)) == 300
    assert tooltip("") is None
    assert tooltip("<none> & co") == '<span style="white-space:pre-wrap">&lt;none&gt; &amp; co</span>'


def test_decimals_follow_the_locale():
    QLocale.setDefault(QLocale(QLocale.Language.German))
    try:
        assert text.size(44_600_000) == "44,6 MB"
        assert text.size(50_000_000) == "50 MB"
    finally:
        QLocale.setDefault(QLocale.c())
