"""Garbage is collected in the GUI thread: a widget that another thread destroys crashes the process."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from longshore.wiring.collector import LOOK_MS, THRESHOLDS, Collector


class _Cycle:
    """Garbage that only a collector finds, with the thread in which it was found."""

    def __init__(self, found: list[int]) -> None:
        self.me = self
        self._found = found

    def __del__(self) -> None:
        self._found.append(threading.get_ident())


@pytest.fixture
def collector() -> Iterator[Collector]:
    enabled = gc.isenabled()
    made = Collector()
    yield made
    made.deleteLater()
    gc.unfreeze()
    if enabled:
        gc.enable()


def _busy() -> None:
    """Create more objects than the interpreter's collector waits for."""
    kept: list[list[int]] = []
    for _ in range(THRESHOLDS[0] * 3):
        kept.append([1])
    assert len(kept) == THRESHOLDS[0] * 3


def _create_elsewhere() -> None:
    thread = threading.Thread(target=_busy)
    thread.start()
    thread.join()


def test_no_thread_of_work_collects(collector: Collector) -> None:
    found: list[int] = []
    _Cycle(found)
    _create_elsewhere()
    assert found == []


def test_the_gui_thread_collects_when_enough_was_created(collector: Collector, qtbot: QtBot) -> None:
    found: list[int] = []
    _Cycle(found)
    kept = [[1] for _ in range(THRESHOLDS[0] + 1000)]
    qtbot.waitUntil(lambda: bool(found), timeout=LOOK_MS * 10)
    assert found == [threading.get_ident()]
    assert kept


def test_old_garbage_is_found_too(collector: Collector) -> None:
    found: list[int] = []
    cycle = _Cycle(found)
    gc.collect(1)  # now it is in the oldest generation
    del cycle
    for _ in range(THRESHOLDS[2]):
        gc.collect(1)
    collector.look()
    assert found == [threading.get_ident()]


def test_little_is_left_alone(collector: Collector) -> None:
    gc.collect()
    found: list[int] = []
    _Cycle(found)
    collector.look()
    assert found == []
