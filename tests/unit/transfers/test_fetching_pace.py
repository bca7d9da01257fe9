"""Which connection is far slower than its peers."""

from __future__ import annotations

import pytest

from longshore.transfers.ways.fetching import pace

MB = 1 << 20


def test_who_is_far_behind_its_peers() -> None:
    now = 100.0
    lines = pace.Pace(lambda: now)
    slow, fast = lines.watch(), lines.watch()
    fast.count = 10 * MB
    now += pace.PATIENCE
    assert not lines.behind(slow)  # nobody has finished
    now += 1.0
    lines.finished(fast)  # 10 MB in 3 s
    assert not lines.behind(slow)  # it has not been watched for long enough since
    assert lines.speed == pytest.approx(10 * MB / 3)
    now += pace.PATIENCE
    slow.count = 3 * MB
    assert not lines.behind(slow)  # 3 MB in 3 s are a third of the usual speed
    now += pace.PATIENCE
    assert lines.behind(slow)
    for _ in range(4):
        now += pace.PATIENCE
        lines.behind(slow)
    now += pace.PATIENCE
    assert not lines.behind(slow)  # nobody has finished for a while: all are slow


def test_small_pieces_have_no_speed() -> None:
    now = 100.0
    lines = pace.Pace(lambda: now)
    watch = lines.watch()
    watch.count = pace.MEASURED - 1
    now += 10
    lines.finished(watch)
    assert lines.speed is None
    watch.count += 1
    lines.finished(watch)
    assert lines.speed == pytest.approx(pace.MEASURED / 10)
