"""The bar: weighted by the plan, never going back, full only on success."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest

from longshore.oci.layer import LayerProgress, LayerState
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import Moved, Phase

W, T, A, E, D, S = (
    LayerState.WAITING,
    LayerState.TRANSFERRING,
    LayerState.TRANSFERRED,
    LayerState.EXTRACTING,
    LayerState.DONE,
    LayerState.SKIPPED,
)


def digest(number: int) -> str:
    return f"sha256:{number:064x}"[:7] + f"{number:012x}" + "0" * 52


def layer(number: int) -> str:
    return f"{number:012x}"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pulled(*sizes: int, here: tuple[int, ...] = (), clock: Clock | None = None) -> Progress:
    progress = Progress(extracts=True, clock=clock or Clock())
    progress.expect(PlannedLayer(digest(n), size, here=n in here) for n, size in enumerate(sizes))
    return progress


def test_a_pull_that_the_engine_has_not_begun_is_waiting_for_it() -> None:
    assert Progress(extracts=True).snapshot().phase is Phase.WAITING  # nothing was reported yet
    progress = pulled(10, 20, here=(1,))
    assert progress.snapshot().phase is Phase.WAITING
    progress.feed(LayerProgress(layer(1), S))
    progress.feed(LayerProgress(layer(0), W))
    assert progress.snapshot().phase is Phase.WAITING
    progress.enter(Phase.VERIFYING)
    assert progress.snapshot().phase is Phase.VERIFYING
    progress.enter(None)
    progress.feed(LayerProgress(layer(0), T, 1, 10))
    assert progress.snapshot().phase is Phase.MOVING
    progress.feed(LayerProgress(layer(0), A))
    assert progress.snapshot().phase is None
    progress.feed(LayerProgress(layer(0), E))
    assert progress.snapshot().phase is Phase.EXTRACTING
    ended = pulled(10)
    ended.end(success=False)
    assert ended.snapshot().phase is None


def test_one_layer_that_moves_names_the_phase_whatever_the_others_do() -> None:
    for first, second in ((0, 1), (1, 0)):
        progress = pulled(10, 20)
        progress.feed(LayerProgress(layer(first), T, 1, 10))
        assert progress.snapshot().phase is Phase.MOVING
        progress.feed(LayerProgress(layer(second), E, 1, 20))
        assert progress.snapshot().phase is Phase.MOVING
        progress.feed(LayerProgress(layer(first), D))
        assert progress.snapshot().phase is Phase.EXTRACTING


def test_what_the_destination_has_is_not_waited_for() -> None:
    progress = pulled(10)
    progress.feed(LayerProgress(layer(0), S))
    assert progress.snapshot().phase is None
    # Only an engine that pulls has a queue of its own.
    assert Progress(extracts=False).snapshot().phase is None


def test_total_is_known_before_the_first_event() -> None:
    snapshot = pulled(700, 300).snapshot()
    assert (snapshot.total_bytes, snapshot.moved_bytes, snapshot.permille) == (1000, 0, 0)
    assert [row.layer_id for row in snapshot.layers] == [layer(0), layer(1)]


def test_download_and_extraction_are_both_part_of_the_bar() -> None:
    progress = pulled(1000)
    progress.feed(LayerProgress(layer(0), T, 500, 1000))
    assert progress.snapshot().permille == 350
    assert progress.snapshot().phase is Phase.MOVING
    progress.feed(LayerProgress(layer(0), A))
    assert progress.snapshot().permille == 700
    progress.feed(LayerProgress(layer(0), E, 500, 1000))
    snapshot = progress.snapshot()
    assert (snapshot.permille, snapshot.moved_bytes, snapshot.phase) == (850, 1000, Phase.EXTRACTING)
    progress.feed(LayerProgress(layer(0), D))
    assert progress.snapshot().permille == 999  # full only on success
    progress.end(success=True)
    assert progress.snapshot().permille == 1000


def test_failure_keeps_where_it_stopped() -> None:
    progress = pulled(1000)
    progress.feed(LayerProgress(layer(0), T, 500, 1000))
    progress.end(success=False)
    snapshot = progress.snapshot()
    assert (snapshot.permille, snapshot.moved_bytes, snapshot.speed) == (350, 500, None)


def test_bar_never_falls_when_a_layer_starts_over_or_totals_shrink() -> None:
    progress = pulled(1000)
    progress.feed(LayerProgress(layer(0), T, 800, 1000))
    before = progress.snapshot()
    progress.feed(LayerProgress(layer(0), T, 800, 1000, retrying_in=5))
    assert progress.snapshot().layers[0].retrying_in == 5
    progress.feed(LayerProgress(layer(0), T, 10, 200))
    after = progress.snapshot()
    assert after.permille == before.permille
    assert after.moved_bytes == before.moved_bytes
    assert after.layers[0].permille == before.layers[0].permille
    assert after.total_bytes == 1000


def test_late_layers_do_not_take_the_bar_back() -> None:
    progress = Progress(extracts=True, clock=Clock())
    progress.feed(LayerProgress(layer(0), T, 900, 1000))
    before = progress.snapshot().permille
    progress.feed(LayerProgress(layer(1), T, 0, 9000))
    snapshot = progress.snapshot()
    assert before == 630
    assert snapshot.permille == before
    assert snapshot.total_bytes == 10000


def test_unknown_total_is_no_number() -> None:
    progress = Progress(extracts=True, clock=Clock())
    progress.feed(LayerProgress(layer(0), T, 900, None))
    snapshot = progress.snapshot()
    assert (snapshot.permille, snapshot.total_bytes, snapshot.moved_bytes) == (None, None, 900)
    assert snapshot.seconds_left is None
    assert snapshot.layers[0].permille is None


def test_skipped_layers_do_not_weigh() -> None:
    progress = pulled(900, 100)
    progress.feed(LayerProgress(layer(0), S))
    progress.feed(LayerProgress(layer(1), T, 50, 100))
    snapshot = progress.snapshot()
    assert (snapshot.total_bytes, snapshot.permille) == (100, 350)


def test_layer_expected_at_the_destination_weighs_once_it_moves() -> None:
    progress = pulled(900, 100, here=(0,))
    assert progress.snapshot().total_bytes == 100
    progress.feed(LayerProgress(layer(0), W))
    assert progress.snapshot().total_bytes == 1000


def test_engine_that_takes_another_image_than_planned() -> None:
    progress = pulled(5000, 5000)
    progress.feed(LayerProgress(layer(7), T, 50, 100))
    snapshot = progress.snapshot()
    assert (snapshot.total_bytes, snapshot.moved_bytes) == (100, 50)
    assert [row.layer_id for row in snapshot.layers] == [layer(7)]
    progress.feed(LayerProgress(layer(7), D))
    progress.end(success=True)
    assert progress.moved() == Moved(bytes=100, layers_moved=1)


def test_push_by_diff_ids_counts_in_planned_bytes_and_settles_on_the_true_ones() -> None:
    progress = Progress(extracts=False, clock=Clock())
    progress.expect(
        [PlannedLayer(digest(1), 400, diff_id=digest(91)), PlannedLayer(digest(2), 600, digest(92))]
    )
    progress.feed(LayerProgress(layer(91), T, 500, 1000))  # unpacked bytes
    snapshot = progress.snapshot()
    assert (snapshot.moved_bytes, snapshot.total_bytes, snapshot.permille) == (200, 1000, 200)
    assert snapshot.phase is Phase.MOVING
    progress.feed(LayerProgress(layer(91), D))
    progress.feed(LayerProgress(layer(92), S))
    progress.settle({digest(91): 450})
    progress.end(success=True)
    assert progress.moved() == Moved(bytes=450, layers_moved=1, layers_skipped=1)


def test_push_of_a_local_image_uses_its_whole_size_until_layers_tell_theirs() -> None:
    progress = Progress(extracts=False, clock=Clock())
    progress.expect([PlannedLayer(digest(n)) for n in range(3)], whole=1000)
    for n in range(3):
        progress.feed(LayerProgress(layer(n), W))
    progress.feed(LayerProgress(layer(0), T, 100, 200))
    snapshot = progress.snapshot()
    assert (snapshot.total_bytes, snapshot.permille) == (1000, 100)
    progress.feed(LayerProgress(layer(1), S))
    # The weight of the skipped layer is unknown, and so is the rest: no false number, and no step back.
    snapshot = progress.snapshot()
    assert (snapshot.total_bytes, snapshot.permille) == (None, 100)
    progress.feed(LayerProgress(layer(2), T, 0, 300))
    assert progress.snapshot().total_bytes == 500


def test_moved_tells_apart_moved_skipped_and_mounted() -> None:
    progress = pulled(100, 200, 300, 400)
    progress.feed(LayerProgress(layer(0), D))
    progress.feed(LayerProgress(layer(1), LayerState.MOUNTED))
    progress.feed(LayerProgress(layer(2), S))
    progress.end(success=True)  # the engine never named the last layer, so it had it
    assert progress.moved() == Moved(bytes=100, layers_moved=1, layers_skipped=2, layers_mounted=1)
    assert progress.snapshot().layers[3].state is S


def test_an_engine_that_tells_nothing_of_a_push() -> None:
    progress = Progress(extracts=False, clock=Clock())
    progress.expect([PlannedLayer(digest(1), 400), PlannedLayer(digest(2), 600, here=True)])
    progress.end(success=True)
    assert progress.moved() is None
    snapshot = progress.snapshot()
    assert snapshot.permille == 1000
    assert [row.state for row in snapshot.layers] == [D, S]


def test_a_pull_that_tells_nothing_had_it_all() -> None:
    progress = pulled(100, 200)
    progress.end(success=True)
    assert progress.moved() == Moved(layers_skipped=2)


def test_a_cut_transfer_counts_its_bytes_but_no_layer() -> None:
    progress = pulled(100)
    progress.feed(LayerProgress(layer(0), T, 40, 100))
    progress.end(success=False)
    assert progress.moved() == Moved(bytes=40)


def test_a_later_attempt_does_not_take_the_bar_back() -> None:
    progress = Progress(extracts=True, floor=600, clock=Clock())
    progress.expect([PlannedLayer(digest(0), 1000)])
    assert progress.snapshot().permille == 600
    progress.feed(LayerProgress(layer(0), A))
    assert progress.snapshot().permille == 700


def test_unchanged_layers_are_the_same_objects() -> None:
    progress = pulled(100, 100)
    progress.feed(LayerProgress(layer(0), T, 1, 100))
    first = progress.snapshot()
    progress.feed(LayerProgress(layer(0), T, 2, 100))
    second = progress.snapshot()
    assert first.layers[0] is not second.layers[0]
    assert first.layers[1] is second.layers[1]
    assert progress.snapshot().layers is second.layers


def test_change_is_told_once_until_taken() -> None:
    told: list[int] = []
    progress = Progress(extracts=True, changed=lambda: told.append(1))
    for current in range(1, 50):
        progress.feed(LayerProgress(layer(0), T, current, 100))
    assert len(told) == 1
    progress.snapshot()
    progress.feed(LayerProgress(layer(0), T, 60, 100))
    progress.feed(LayerProgress(layer(0), T, 60, 100))
    assert len(told) == 2


def test_what_is_not_known_weighs_nothing_in_the_bar_of_all() -> None:
    progress = Progress(extracts=True, clock=Clock())
    assert progress.weighted() == (0, 0)
    assert progress.snapshot().permille is None  # nothing is known: no number, and not 0 %
    progress.expect([PlannedLayer(digest(0), 100)])
    assert progress.weighted() == (0, 100)
    progress.feed(LayerProgress(layer(0), T, 50, 100))
    assert progress.weighted() == (350, 100)


def test_everything_that_changes_a_snapshot_is_told() -> None:
    told: list[int] = []
    progress = Progress(extracts=True, changed=lambda: told.append(1))
    for count, change in enumerate(
        (
            lambda: progress.expect([PlannedLayer(digest(0), 10)]),
            lambda: progress.enter(Phase.CHECKING),
            lambda: progress.feed(LayerProgress(layer(0), T, 5, 10)),
            lambda: progress.settle({digest(0): 8}),
            progress.touch,
            lambda: progress.end(success=True),
        ),
        start=1,
    ):
        change()
        assert len(told) == count
        progress.snapshot()


@pytest.mark.parametrize("seed", range(8))
def test_whatever_comes_the_bar_never_falls(seed: int) -> None:
    """Events in any order, with any numbers."""
    chance = random.Random(seed)
    clock = Clock()
    progress = Progress(extracts=bool(seed % 2), clock=clock)
    if seed % 3:
        progress.expect(
            PlannedLayer(digest(n), chance.choice([None, 0, 10, 1000]), here=chance.random() < 0.3)
            for n in range(6)
        )
    last = -1
    for _ in range(2000):
        total = chance.choice([None, 1, 10, 1000, 5000])
        current = chance.choice([None, chance.randrange(6000)])
        progress.feed(
            LayerProgress(layer(chance.randrange(8)), chance.choice(list(LayerState)), current, total)
        )
        clock.now += 0.01
        snapshot = progress.snapshot()
        now = -1 if snapshot.permille is None else snapshot.permille
        assert last <= now <= 999
        assert snapshot.moved_bytes >= 0
        if snapshot.total_bytes is not None:
            assert snapshot.moved_bytes <= snapshot.total_bytes
        last = now
    progress.end(success=True)
    assert progress.snapshot().permille == 1000


def test_speed_and_time_left_of_a_steady_pull() -> None:
    clock = Clock()
    progress = pulled(100_000_000, clock=clock)
    lefts = []
    for tenth in range(1, 81):
        clock.now += 0.1
        progress.feed(LayerProgress(layer(0), T, tenth * 1_000_000, 100_000_000))
        snapshot = progress.snapshot()
        lefts.append(snapshot.seconds_left)
        if tenth <= 15:
            assert snapshot.seconds_left is None  # too little data
    assert snapshot.speed == pytest.approx(10_000_000, rel=0.02)
    # 20 MB of download at 10 MB/s, and the extraction of 100 MB at the same rate of work.
    assert lefts[-1] == pytest.approx(0.7 * 20 / 7 + 30 / 7, rel=0.1)
    shown = [left for left in lefts if left is not None]
    assert all(later < sooner for sooner, later in pairwise(shown))


def test_what_an_earlier_attempt_moved_is_no_speed_of_this_one() -> None:
    clock = Clock()
    progress = Progress(extracts=False, carried=frozenset({layer(0)}), clock=clock)
    progress.expect([PlannedLayer(digest(0), 900), PlannedLayer(digest(1), 1000)])
    progress.snapshot()
    progress.feed(LayerProgress(layer(0), S))  # found there: the attempt before had sent it
    for second in range(1, 5):
        clock.now += 1.0
        progress.feed(LayerProgress(layer(1), T, second * 100, 1000))
        snapshot = progress.snapshot()
    assert (snapshot.moved_bytes, snapshot.total_bytes) == (1300, 1900)
    assert snapshot.speed == pytest.approx(100)
    assert snapshot.seconds_left == pytest.approx(6.0, rel=0.05)


def test_a_planned_layer_is_called_by_its_digest() -> None:
    progress = Progress(extracts=False, clock=Clock())
    progress.expect([PlannedLayer(digest(1), 400, diff_id=digest(91))])
    assert [row.layer_id for row in progress.snapshot().layers] == [layer(1)]


def test_a_stall_has_no_time_left_and_no_speed() -> None:
    clock = Clock()
    progress = pulled(100_000_000, clock=clock)
    for tenth in range(1, 40):
        clock.now += 0.1
        progress.feed(LayerProgress(layer(0), T, tenth * 1_000_000, 100_000_000))
        progress.snapshot()
    assert progress.snapshot().seconds_left is not None
    for _ in range(5):
        clock.now += 1.0
        snapshot = progress.snapshot()
    assert snapshot.speed == 0
    assert snapshot.seconds_left is None


def test_feeding_is_cheap() -> None:
    """2,000 events a second from eight transfers of 200 layers, read 30 times a second, must not need much CPU."""
    progress = pulled(*[1_000_000] * 200)
    events = [
        LayerProgress(layer(number % 200), T, 5000 * (1 + number // 200), 1_000_000)
        for number in range(16_000)
    ]
    started = time.process_time()
    for number, event in enumerate(events):
        progress.feed(event)
        if number % 67 == 0:  # 240 snapshots for 16,000 events
            progress.snapshot()
    spent = time.process_time() - started
    assert spent < 0.5, f"{spent:.2f} s of CPU for one second of events"


def test_seconds_without_movement_add_up_over_attempts_until_something_moves() -> None:
    clock = Clock()
    progress = pulled(10, clock=clock)
    clock.now += 40
    assert progress.idle(30.0) == 70.0
    progress.feed(LayerProgress(layer(0), T, 1, 10))
    clock.now += 5
    assert progress.idle(30.0) == 5.0
    progress.feed(LayerProgress(layer(0), T, 1, 10))  # repeated, nothing new
    clock.now += 5
    assert progress.idle(30.0) == 10.0


def test_a_configuration_that_was_reported_like_a_layer_is_none() -> None:
    progress = pulled(10)
    for number in (0, 7):
        progress.feed(LayerProgress(layer(number), D, 10, 10))
    for number in (7, 0, 8):  # what was planned is a layer, and what never came is nothing
        progress.drop(digest(number))
    moved = progress.moved()
    assert moved is not None and moved.layers_moved == 1
    assert len(progress.snapshot().layers) == 1
