"""Snoozed updates in the settings, which several programs change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from longshore.application.updates.model import Kind
from longshore.application.updates.snoozes import MOST_DAYS, Snooze, Snoozes
from longshore.oci.reference import Reference
from longshore.settings import Settings

POSTGRES = Reference.parse("postgres:16.4")
REDIS = Reference.parse("redis:7")
TODAY = datetime.now(UTC).date()


def test_until_a_day() -> None:
    snooze = Snooze(date(2026, 12, 1), "sha256:1")
    assert snooze.holds("sha256:2", date(2026, 11, 30))
    assert not snooze.holds("sha256:1", date(2026, 12, 1))


def test_until_the_next_change() -> None:
    snooze = Snooze(None, "sha256:1")
    assert snooze.holds("sha256:1", date(2099, 1, 1))
    assert not snooze.holds("sha256:2", TODAY)


def test_two_programs_keep_each_others_snoozes(tmp_path: Path) -> None:
    one, other = Snoozes(Settings(tmp_path)), Snoozes(Settings(tmp_path))
    one.add({(POSTGRES, Kind.MOVED): "sha256:1"}, None)
    other.add({(POSTGRES, Kind.VERSION): "16.5", (REDIS, Kind.MOVED): "sha256:2"}, TODAY + timedelta(days=7))
    expected = {
        (str(POSTGRES), Kind.MOVED): Snooze(None, "sha256:1"),
        (str(POSTGRES), Kind.VERSION): Snooze(TODAY + timedelta(days=7), "16.5"),
        (str(REDIS), Kind.MOVED): Snooze(TODAY + timedelta(days=7), "sha256:2"),
    }
    assert one.all() == other.all() == expected
    one.end([POSTGRES])
    assert set(other.all()) == {(str(REDIS), Kind.MOVED)}


def test_what_has_ended_is_dropped_with_the_next_change(tmp_path: Path) -> None:
    snoozes = Snoozes(Settings(tmp_path))
    snoozes.add({(POSTGRES, Kind.MOVED): "sha256:1"}, TODAY)
    snoozes.add({(REDIS, Kind.MOVED): "sha256:2"}, None)
    assert set(snoozes.all()) == {(str(REDIS), Kind.MOVED)}


def test_nonsense_in_the_file_is_no_snooze(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    settings.set(
        "snoozed_updates",
        {
            "a": 1,
            "b": {"moved": {"until": "soon", "seen": "x"}},
            "c": {"moved": {"until": ""}},
            "d": {"moved": []},
        },
    )
    settings.set("minimum_update_age", 10**9)
    snoozes = Snoozes(settings)
    assert snoozes.all() == {}
    assert snoozes.minimum_age == MOST_DAYS
    snoozes.add({(REDIS, Kind.MOVED): "sha256:2"}, None)
    assert set(snoozes.all()) == {(str(REDIS), Kind.MOVED)}
