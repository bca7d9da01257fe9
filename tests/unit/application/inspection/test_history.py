"""Which line of a history made which layer; a history may be missing, short or wrong."""

from __future__ import annotations

import pytest

from longshore.application.inspection.history import steps_of
from longshore.application.inspection.values import Step
from longshore.oci.image_config import HistoryEntry

ADD = HistoryEntry(created_by="ADD rootfs.tar /")
CMD = HistoryEntry(created_by="CMD sh", empty_layer=True)
RUN = HistoryEntry(created_by="RUN make")


def test_each_line_is_at_its_layer() -> None:
    steps, fits = steps_of([CMD, ADD, CMD, RUN], 2)
    assert steps == (Step(CMD), Step(ADD, 0), Step(CMD), Step(RUN, 1))
    assert fits


def test_no_history_is_no_contradiction() -> None:
    assert steps_of([], 2) == ((Step(None, 0), Step(None, 1)), True)
    assert steps_of([], 0) == ((), True)


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_a_history_that_does_not_fit_is_matched_to_no_layer(layers: int) -> None:
    steps, fits = steps_of([ADD, CMD, RUN], layers)
    assert not fits
    assert steps == (*(Step(None, number) for number in range(layers)), Step(ADD), Step(CMD), Step(RUN))


def test_a_huge_history_is_cut() -> None:
    steps, fits = steps_of([ADD] * 5_000, 5_000)
    assert not fits
    assert len(steps) == 7_000
    assert sorted(step.layer for step in steps if step.layer is not None) == list(range(5_000))
