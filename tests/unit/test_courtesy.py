"""Workers wait while the window works, but never for long."""

from __future__ import annotations

import pytest

from longshore import courtesy


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping moves; returns what was slept."""
    now, slept = [1000.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(courtesy.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(courtesy.time, "sleep", sleep)
    monkeypatch.setattr(courtesy, "_until", 0.0)
    return slept


def test_nobody_waits_for_a_window_that_rests(clock):
    courtesy.give_way()
    assert clock == []


def test_a_worker_waits_until_the_window_has_worked(clock):
    courtesy.hold()
    courtesy.give_way()
    assert sum(clock) == pytest.approx(0.03)
    courtesy.give_way()
    assert sum(clock) == pytest.approx(0.03)


def test_a_window_that_works_on_and_on_stops_no_worker(clock, monkeypatch):
    sleep = courtesy.time.sleep

    def scrolled(seconds: float) -> None:
        sleep(seconds)
        courtesy.hold()

    monkeypatch.setattr(courtesy.time, "sleep", scrolled)
    courtesy.hold()
    courtesy.give_way()
    assert sum(clock) == pytest.approx(0.2)
