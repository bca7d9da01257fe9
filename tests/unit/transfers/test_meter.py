"""One layer, event by event."""

from __future__ import annotations

import pytest

from longshore.oci.layer import LayerState
from longshore.transfers.progress.meter import LayerMeter, PlannedLayer

W, C, T, A, E, D, S, M = (
    LayerState.WAITING,
    LayerState.CHECKING,
    LayerState.TRANSFERRING,
    LayerState.TRANSFERRED,
    LayerState.EXTRACTING,
    LayerState.DONE,
    LayerState.SKIPPED,
    LayerState.MOUNTED,
)


def planned(size: int | None = 100, *, here: bool = False, share: float = 0.7) -> LayerMeter:
    return LayerMeter("a" * 12, share, PlannedLayer("sha256:" + "a" * 64, size, here=here))


def unplanned(share: float = 0.7) -> LayerMeter:
    return LayerMeter("b" * 12, share, None)


def fed(meter: LayerMeter, *events: tuple[LayerState, int | None, int | None]) -> LayerMeter:
    for state, current, total in events:
        meter.update(state, current, total, None)
    return meter


@pytest.mark.parametrize(
    ("events", "permille", "current"),
    [
        ([], 0, 0),
        ([(W, None, None)], 0, 0),
        ([(T, 50, 100)], 375, 50),
        ([(T, 50, 200)], 187, 25),  # the engine counts unpacked bytes: the plan's are shown
        ([(T, 50, None)], 375, 50),
        ([(T, 500, 100)], 750, 100),
        ([(T, 50, 100), (T, 20, 100)], 375, 50),
        ([(A, None, None)], 750, 100),
        ([(A, None, None), (E, 1, 4)], 812, 100),
        ([(E, 1, 4), (E, 1, 8)], 812, 100),
        ([(E, 8, 4)], 1000, 100),
        ([(E, None, 4)], 750, 100),
        ([(E, 1, None)], 750, 100),
        ([(E, 1, 0)], 750, 100),
        ([(D, None, None)], 1000, 100),
        ([(S, None, None)], 1000, 0),
        ([(M, None, None)], 1000, 0),
    ],
)
def test_a_planned_layer(
    events: list[tuple[LayerState, int | None, int | None]], permille: int, current: int
) -> None:
    shown = fed(planned(share=0.75), *events).snapshot()
    assert (shown.permille, shown.current, shown.total) == (permille, current, 100)
    assert shown.digest == "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("events", "permille", "current", "total"),
    [
        ([], None, 0, None),
        ([(T, 5, None)], None, 5, None),
        ([(T, 5, 20)], 175, 5, 20),
        ([(T, 5, 20), (T, 5, 10)], 175, 5, 20),  # the larger total counts
        ([(T, 5, 20), (T, 5, 40)], 175, 10, 40),  # and the bar does not fall
        ([(T, 7, None), (A, None, None)], 700, 7, 7),  # what has arrived is the total
        ([(D, None, None)], 1000, 0, 0),
        ([(S, None, None)], 1000, 0, None),
    ],
)
def test_a_layer_without_a_plan(
    events: list[tuple[LayerState, int | None, int | None]],
    permille: int | None,
    current: int,
    total: int | None,
) -> None:
    shown = fed(unplanned(), *events).snapshot()
    assert (shown.permille, shown.current, shown.total) == (permille, current, total)
    assert shown.digest == ""


def test_without_extraction_the_download_is_all() -> None:
    assert fed(planned(share=1.0), (T, 50, 100)).snapshot().permille == 500
    assert fed(planned(share=1.0), (A, None, None)).snapshot().permille == 1000


def test_repetitions_change_nothing_and_news_do() -> None:
    meter = planned()
    assert meter.update(W, None, None, None)  # the first news of it
    assert not meter.update(W, None, None, None)
    assert meter.update(T, None, None, None)
    assert meter.update(T, 1, 100, None)
    assert not meter.update(T, 1, 100, None)
    assert not meter.update(T, 0, 50, None)
    assert meter.update(T, 1, 100, 5)
    assert not meter.update(T, 1, 100, 5)
    assert meter.snapshot().retrying_in == 5
    assert meter.update(T, 1, 101, 5)
    assert meter.update(E, 1, 10, None)
    assert meter.update(E, 2, 10, None)
    assert not meter.update(E, 2, 10, None)
    before = meter.snapshot()
    assert meter.snapshot() is before
    assert meter.update(D, None, None, None)
    assert meter.snapshot() is not before


@pytest.mark.parametrize(
    ("state", "share", "counts"),
    [
        (W, 0.7, True),
        (W, 1.0, False),
        (T, 0.7, True),
        (T, 1.0, True),
        (E, 0.7, True),
        (C, 0.7, False),
        (S, 0.7, False),
    ],
)
def test_a_layer_expected_at_the_destination_counts_when_it_moves(
    state: LayerState, share: float, counts: bool
) -> None:
    meter = planned(here=True, share=share)
    assert not meter.counted
    meter.update(state, None, None, None)
    assert meter.counted is counts


@pytest.mark.parametrize("state", [S, M])
def test_what_is_there_or_mounted_does_not_count(state: LayerState) -> None:
    meter = fed(planned(), (T, 50, 100), (state, None, None))
    assert not meter.counted
    assert meter.moved_bytes() == 0
    assert fed(planned(), (T, 50, 100)).moved_bytes() == 50
    assert fed(unplanned(), (T, 9, None)).moved_bytes() == 9


def test_the_true_size_is_learned_at_the_end() -> None:
    meter = fed(planned(None), (T, 100, 200))
    assert meter.weight == 200
    shown = meter.snapshot()
    meter.settle(80)
    assert meter.weight == 80
    assert meter.snapshot() != shown
    assert meter.moved_bytes() == 40


@pytest.mark.parametrize(
    ("here", "whole", "state", "silent"),
    [(False, False, S, False), (True, False, S, False), (True, True, S, True), (False, True, D, True)],
)
def test_what_the_engine_never_named(here: bool, whole: bool, state: LayerState, silent: bool) -> None:
    meter = planned(here=here)
    meter.complete(unplanned=whole)
    assert (meter.state, meter.silent) == (state, silent)


def test_success_completes_what_was_under_way() -> None:
    meter = planned()
    meter.update(T, 10, 100, 3)
    meter.complete(unplanned=True)
    shown = meter.snapshot()
    assert (shown.state, shown.permille, shown.current, shown.retrying_in) == (D, 1000, 100, None)
    assert not meter.silent
    there = fed(planned(), (S, None, None))
    there.complete(unplanned=True)
    assert there.state is S
    named = fed(planned(), (W, None, None))
    named.complete(unplanned=False)
    assert named.state is D


def test_a_plan_that_comes_later_names_the_layer() -> None:
    meter = fed(unplanned(), (T, 10, 40))
    assert (meter.snapshot().digest, meter.snapshot().total) == ("", 40)
    meter.plan(PlannedLayer("sha256:" + "b" * 64, 50))
    assert (meter.snapshot().digest, meter.snapshot().total) == ("sha256:" + "b" * 64, 50)
