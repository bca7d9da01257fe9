"""Which tag is a newer version of another."""

from __future__ import annotations

import random

import pytest

from longshore.application.updates.versions import MOST_KEPT, is_major, newer, parse, same_track


@pytest.mark.parametrize(
    ("current", "tags", "expected"),
    [
        ("16.4", ["16.5", "16.3", "16", "16.5.1", "17.0", "latest"], ["16.5"]),
        ("16.9", ["16.10", "16.8"], ["16.10"]),  # numbers, not text
        ("3.12-slim", ["3.13-slim", "3.13", "3.13-alpine", "3.13.1-slim"], ["3.13-slim"]),
        ("3.12", ["3.13-slim", "3.13-rc"], []),
        ("v1.2.3", ["v1.2.4", "1.2.5", "v1.3.0-rc.1"], ["v1.2.4"]),
        ("1.2.3", ["v1.2.4", "1.2.5"], ["1.2.5"]),
        ("7.4-alpine3.19", ["7.5-alpine3.19", "7.5-alpine3.20"], ["7.5-alpine3.19"]),
        # pre-releases only for who has one, and the release before those
        ("3.14.0", ["3.14.1rc1", "3.14.1-beta.2"], []),
        ("3.14.0rc1", ["3.14.0rc2", "3.14.0", "3.15.0a1"], ["3.14.0", "3.15.0a1", "3.14.0rc2"]),
        ("3.14.0a7", ["3.14.0b1", "3.14.0a6", "3.14.0a10"], ["3.14.0b1", "3.14.0a10"]),
        ("1.0-rc1-alpine", ["1.0-rc2-alpine", "1.0-rc2", "1.0-alpine"], ["1.0-alpine", "1.0-rc2-alpine"]),
        # calendar versions: their first number is a year
        ("2024.12.1", ["2025.1.0", "2026.1", "11.2.0"], ["2025.1.0"]),
        ("22.04", ["24.04", "24.10", "25.13", "22.4.1"], ["24.10", "24.04"]),
        ("22.10", ["24.04"], ["24.04"]),
        ("22.5", ["24.6"], []),  # node-like: another major version
        # no versions at all
        ("latest", ["2.0", "later"], []),
        ("20240115", ["20240201"], []),
        ("2024-01-15", ["2024-02-01"], []),
        ("7e3f5a1", ["8e3f5a1"], []),
        ("12a4567", ["13b8901"], []),
        ("1234567", ["2345678"], []),
        ("1.1.1w", ["1.1.2x"], []),
        ("16", ["17"], []),
    ],
)
def test_newer_versions(current: str, tags: list[str], expected: list[str]) -> None:
    assert newer(current, tags) == expected


def test_other_first_numbers_are_offered_on_request_only() -> None:
    tags = ["17.0", "16.5", "18.1-alpine", "2024.1"]
    assert newer("16.4", tags) == ["16.5"]
    assert newer("16.4", tags, major=True) == ["17.0", "16.5"]
    assert newer("16", ["17", "17.1"], major=True) == ["17"]
    assert is_major("16.4", "17.0")
    assert not is_major("16.4", "16.5")
    assert not is_major("2024.1", "2025.1")


def test_a_version_and_what_is_none_are_on_no_track() -> None:
    assert same_track("16.4", "16.5")
    assert not same_track("16.4", "latest")
    assert not same_track("latest", "latest")


def test_a_pre_release_has_a_key_and_a_variant_has_none() -> None:
    rc, variant = parse("1.2-rc.3-slim"), parse("1.2-b")
    assert rc is not None and variant is not None
    assert (rc.before, rc.suffix) == ((5, 3), "-slim")
    assert (variant.before, variant.suffix) == ((), "-b")


def test_the_newest_are_kept_whatever_the_order_of_the_list() -> None:
    tags = [f"1.{number}" for number in range(5000)]
    random.Random(3).shuffle(tags)
    assert newer("1.2", tags) == [f"1.{number}" for number in range(4999, 4999 - MOST_KEPT, -1)]


@pytest.mark.parametrize(
    "tag",
    ["1." * 63 + "1", "9" * 128, "0" * 127 + "a", "1-" + "rc." * 40 + "x", "1" + "a1" * 60, "", "-", "v"],
)
def test_hostile_tags_are_no_versions(tag: str) -> None:
    found = parse(tag)
    assert found is None or not found.before
    assert newer("1.1", [tag]) == []
