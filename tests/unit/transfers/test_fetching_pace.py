"""How much a connection fetches at once, and which one is far slower than its peers."""

from __future__ import annotations

import pytest

from longshore.oci.descriptor import Descriptor
from longshore.transfers.ways.fetching import incoming, pace

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


@pytest.mark.parametrize(
    ("size", "connections", "speed", "length"),
    [
        (240 * MB, 6, None, 4 * MB),  # nothing is known yet
        (240 * MB, 6, 1.0 * MB, 4 * MB),
        (240 * MB, 6, 10.0 * MB, 10 * MB),  # a second's worth
        (240 * MB, 6, 100.0 * MB, 16 * MB),
        (12 * MB, 6, 10.0 * MB, int(2.5 * MB)),  # near the end less, but a quarter of a second's worth
        (12 * MB, 6, 1.0 * MB, 2 * MB),
        (2 * MB, 6, 1.0 * MB, MB),
        (2 * MB, 1, 1.0 * MB, 2 * MB),
    ],
)
def test_a_piece_takes_about_a_second(size: int, connections: int, speed: float | None, length: int) -> None:
    blobs = [incoming.Incoming(Descriptor("", f"sha256:{number:064x}", size // 2)) for number in range(2)]
    assert incoming.piece_length(blobs, connections, speed) == length


def test_what_nobody_needs_does_not_count() -> None:
    needed, left, done = (
        incoming.Incoming(Descriptor("", f"sha256:{number:064x}", 6 * MB)) for number in range(3)
    )
    left.left = done.done = True
    assert incoming.piece_length([needed, left, done], 3, None) == 2 * MB
