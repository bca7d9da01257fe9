"""A plan that is made while the engine is already working."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import RegistryUnreachable
from longshore.oci.layer import LayerProgress, LayerState
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import Plan
from longshore.transfers.ways import planning
from longshore.transfers.ways.planning import Beside, Prospect, plan_of
from longshore.transfers.ways.way import Job

SMALL, LARGE, HERE = (f"sha256:{digit * 64}" for digit in "abc")
LAYERS = [PlannedLayer(SMALL, 100), PlannedLayer(LARGE, 900), PlannedLayer(HERE, 500, here=True)]


class Transfer:
    """A job whose plan is made in parallel, once *made* is set."""

    def __init__(self, *, extracts: bool = False, layers: list[PlannedLayer] | None = None) -> None:
        self.cancellation = Cancellation()
        self.progress = Progress(extracts=extracts)
        self.plans: list[Plan | None] = []
        self.told = threading.Event()
        self.made = threading.Event()
        self.layers = LAYERS if layers is None else layers
        clients: Any = None
        request: Any = None
        self.job = Job(request, clients, self.cancellation, self.progress, planned=self._planned)
        self.beside = Beside("a test", self.job, self._make)

    def _planned(self, plan: Plan | None) -> None:
        self.plans.append(plan)
        self.told.set()

    def _make(self, cancellation: Cancellation) -> Prospect:
        with cancellation.waking(self.made.set):
            assert self.made.wait(20)
            cancellation.raise_if_cancelled()
        return Prospect(self.layers, plan_of(self.layers, estimated=True))

    def feed(
        self, digest: str, state: LayerState, current: int | None = None, total: int | None = None
    ) -> None:
        self.progress.feed(LayerProgress(digest[7:19], state, current, total))

    def plan(self) -> Plan:
        self.made.set()
        assert self.told.wait(20)
        (plan,) = self.plans
        assert plan is not None
        return plan


def test_the_bar_waits_for_the_plan_and_does_not_go_back() -> None:
    transfer = Transfer()
    with transfer.beside:
        # Everything known so far is done: without waiting, the bar would be full.
        transfer.feed(SMALL, LayerState.TRANSFERRING, 99, 100)
        before = transfer.progress.snapshot()
        assert (before.permille, before.total_bytes, before.moved_bytes) == (None, None, 99)
        plan = transfer.plan()
        assert (plan.total_bytes, plan.here_bytes) == (1500, 500)
        after = transfer.progress.snapshot()
        assert (after.permille, after.total_bytes, after.moved_bytes) == (99, 1000, 99)
        transfer.feed(LARGE, LayerState.TRANSFERRING, 450, 900)
        assert transfer.progress.snapshot().permille == 549


@pytest.mark.parametrize("extracts", [False, True])
def test_what_was_seen_to_move_was_not_there(extracts: bool) -> None:
    """A plan that is made late finds in the registry the layers that this very push has just brought there."""
    layers = [
        PlannedLayer(SMALL, 100, here=True),
        PlannedLayer(LARGE, 900, here=True),
        PlannedLayer(HERE, 500, here=True),
    ]
    transfer = Transfer(extracts=extracts, layers=layers)
    with transfer.beside:
        transfer.feed(SMALL, LayerState.DONE)
        transfer.feed(LARGE, LayerState.TRANSFERRING, 90, 900)
        transfer.feed(HERE, LayerState.SKIPPED)
        plan = transfer.plan()
    assert (plan.here_layers, plan.here_bytes) == (1, 500)
    transfer.progress.end(success=True)
    moved = transfer.progress.moved()
    assert moved is not None
    assert (moved.layers_moved, moved.layers_skipped, moved.bytes) == (2, 1, 1000)


def test_layers_are_one_by_either_of_their_names() -> None:
    """A push reports diffIDs; the plan knows the compressed layer as well."""
    diff_id = "sha256:" + "d" * 64
    transfer = Transfer(layers=[PlannedLayer(LARGE, 900, diff_id)])
    with transfer.beside:
        transfer.feed(diff_id, LayerState.TRANSFERRING, 1000, 2000)
        transfer.plan()
        (row,) = transfer.progress.snapshot().layers
        assert (row.digest, row.total, row.permille) == (LARGE, 900, 500)
        transfer.feed(LARGE, LayerState.DONE)
        assert len(transfer.progress.snapshot().layers) == 1


def test_a_transfer_that_is_done_first_waits_a_moment() -> None:
    """If the engine does not report layers that were there already, only the plan counts them."""
    transfer = Transfer(extracts=True)
    with transfer.beside:
        threading.Timer(0.05, transfer.made.set).start()
        transfer.beside.wait()
        assert len(transfer.plans) == 1
    transfer.progress.end(success=True)
    moved = transfer.progress.moved()
    assert moved is not None
    assert moved.layers_skipped == 3


def test_a_plan_that_comes_too_late_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "LATE_SECONDS", 0.01)
    transfer = Transfer()
    with transfer.beside:
        transfer.feed(SMALL, LayerState.TRANSFERRING, 50, 100)
        transfer.beside.wait()
        assert not transfer.plans
    assert transfer.plans == [None]
    transfer.progress.touch()
    assert transfer.progress.snapshot().permille == 500  # of what the engine reported


def test_a_plan_that_cannot_be_made_frees_the_bar() -> None:
    transfer = Transfer()

    def fail(cancellation: Cancellation) -> Prospect:
        raise RegistryUnreachable("No.", registry="one.example")

    with Beside("a test", transfer.job, fail):
        assert transfer.told.wait(20)
        transfer.feed(SMALL, LayerState.TRANSFERRING, 50, 100)
        assert transfer.progress.snapshot().permille == 500
    assert transfer.plans == [None]


def test_a_cancelled_transfer_leaves_no_thread() -> None:
    transfer = Transfer()
    with pytest.raises(Cancelled), transfer.beside:
        transfer.cancellation.cancel()
        transfer.beside.wait()
    assert not transfer.beside._thread.is_alive()
    assert transfer.plans == [None]
