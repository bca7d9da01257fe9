"""Speed and time left, sample by sample."""

from __future__ import annotations

import pytest

from longshore.transfers.progress import speed as module
from longshore.transfers.progress.speed import SpeedMeter


def fed(*samples: tuple[float, int, float]) -> SpeedMeter:
    meter = SpeedMeter()
    for now, moved, work in samples:
        meter.sample(now, moved, work)
    return meter


def steady(seconds: float, rate: int = 1000, step: float = 0.5) -> SpeedMeter:
    """A meter that was fed *rate* bytes a second for *seconds*."""
    count = int(seconds / step)
    return fed(*((10 + step * n, int(rate * step * n), rate * step * n) for n in range(count + 1)))


def test_nothing_moved_is_no_speed() -> None:
    assert fed().speed() is None
    assert fed((1, 0, 0.0)).speed() is None
    assert fed((1, 0, 0.0), (2, 0, 0.0), (3, 0, 0.0)).speed() is None


def test_the_speed_is_of_the_last_seconds() -> None:
    assert fed((1, 0, 0.0), (2, 500, 500.0)).speed() == 500.0
    # Six seconds of 1000, then three of 100: the window has forgotten the first.
    meter = steady(6)
    for second in range(1, 4):
        meter.sample(16.0 + second, 6000 + 100 * second, 6000 + 100.0 * second)
    assert meter.speed() == 100.0


def test_a_first_stall_does_not_count_against_the_speed_of_bytes() -> None:
    # Nothing moves for two seconds, then 1000 a second.
    meter = fed((0, 0, 0.0), (1, 0, 0.0), (2, 0, 0.0), (3, 1000, 1000.0), (4, 2000, 2000.0))
    assert meter.speed() == 2000 / 3  # over the window of three seconds
    assert meter._begun == 2.0


def test_samples_that_come_too_close_are_left_out() -> None:
    meter = fed((1, 0, 0.0), (1 + module.SPACING * 0.9, 900, 900.0))
    assert meter.speed() is None
    meter.sample(1 + module.SPACING, 900, 900.0)
    assert meter.speed() == pytest.approx(900 / module.SPACING)


def test_work_alone_begins_it_too() -> None:
    # All bytes are there; what is left is extraction.
    meter = fed((0, 500, 500.0), (1, 500, 600.0))
    assert meter.speed() == 0.0


def test_time_left_needs_two_seconds_of_data() -> None:
    assert steady(1.5).seconds_left(11.5, 10_000) is None
    assert steady(2).seconds_left(12.0, 10_000) == pytest.approx(10.0)
    assert fed((0, 0, 0.0), (2.5, 2500, 2500.0)).seconds_left(2.5, 1000) is None  # two samples give no rate


def test_time_left_counts_down_and_follows_slowly() -> None:
    meter = steady(4)
    assert meter.seconds_left(14.0, 10_000) == pytest.approx(10.0)
    # A second later it should be nine; the estimate jumps to fourteen, and the shown one follows a part of the way.
    left = meter.seconds_left(15.0, 14_000)
    assert left == pytest.approx(9.0 + (14.0 - 9.0) * module.FOLLOW)
    # After a long time it has caught up, without overshooting.
    assert meter.seconds_left(25.0, 14_000) == pytest.approx(14.0)


def test_a_stall_takes_the_time_left_away_and_it_comes_back_anew() -> None:
    meter = steady(4)
    assert meter.seconds_left(14.0, 10_000) is not None
    for second in range(1, 5):
        meter.sample(14.0 + second, 4000, 4000.0)
    assert meter.speed() == 0.0
    assert meter.seconds_left(18.0, 6000) is None
    for second in range(1, 12):
        meter.sample(18.0 + second, 4000 + 1000 * second, 4000 + 1000.0 * second)
    left = meter.seconds_left(29.0, 1000)
    assert left is not None
    assert 1.0 <= left < 1.5  # not what was shown before


def test_a_rate_that_jumps_about_gives_no_time() -> None:
    meter = steady(6)
    for second in range(1, 4):
        meter.sample(16.0 + second, 6000 + 9000 * second, 6000 + 9000.0 * second)
    fast, slow = 9000, meter._slow
    assert (meter.seconds_left(19.0, 1000) is None) == (fast / slow > module.UNSTABLE)
    slower = steady(20)
    for second in range(1, 4):
        slower.sample(30.0 + second, 20_000 + 10 * second, 20_000 + 10.0 * second)
    assert slower.seconds_left(33.0, 1000) is None


def test_the_slow_average_forgets_half_in_its_half_life() -> None:
    meter = steady(100)
    assert meter._slow == pytest.approx(1000.0)
    meter.sample(110.0 + module.HALF_LIFE, 100_000, 100_000.0)
    assert meter._slow == pytest.approx(500.0)


def test_the_slow_average_is_at_first_the_mean_of_all_samples() -> None:
    meter = SpeedMeter()
    for second, work, mean in (
        (0, 0, 0.0),
        (1, 100, 100.0),
        (2, 300, 150.0),
        (3, 300, 100.0),
        (4, 700, 175.0),
    ):
        meter.sample(second, work, float(work))
        assert meter._slow == pytest.approx(mean)
    # The last three seconds brought 600: not far from the average, which then decides.
    assert meter.speed() == 200.0
    assert meter.seconds_left(4.0, 350) == pytest.approx(2.0)


@pytest.mark.parametrize(("later", "speed"), [(2.9, 2900 / 12.9), (3.0, 0.0)])
def test_a_sample_leaves_the_window_after_three_seconds(later: float, speed: float) -> None:
    meter = fed((0, 0, 0.0), (10, 2900, 2900.0), (10 + later, 2900, 2900.0))
    assert meter.speed() == pytest.approx(speed)


@pytest.mark.parametrize(("factor", "known"), [(3.0, True), (3.1, False), (1 / 3, True), (0.32, False)])
def test_the_two_averages_may_differ_by_a_factor_of_three(factor: float, known: bool) -> None:
    meter = fed((0, 0, 0.0), (1, 100, 100.0), (3, 300, 300.0))
    meter._slow = 100.0 / factor
    assert (meter.seconds_left(3.0, 300) is not None) is known


def test_work_that_is_undone_gives_no_time() -> None:
    meter = fed((0, 0, 900.0), (1, 100, 1000.0), (3, 300, 800.0))
    assert meter.seconds_left(3.0, 100) is None
    assert meter.speed() == 100.0


def test_the_time_that_is_shown_never_falls_below_nothing() -> None:
    meter = steady(4)
    assert meter.seconds_left(14.0, 1000) == pytest.approx(1.0)
    # Three seconds later it should be over; the new estimate of one second counts fully by then.
    assert meter.seconds_left(17.0, 1000) == pytest.approx(1.0)
    assert meter.seconds_left(18.0, 2000) == pytest.approx(0.0 + 2.0 * module.FOLLOW)
