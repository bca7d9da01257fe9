"""What a queue reports to a window: each thing once, and again when it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from longshore.transfers.journal.file import SetAside
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.mailbox import Changes
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.row import Entry
from transfertools import Eye, Script, pull

Make = Callable[..., tuple[TransferQueue, Eye]]


@pytest.fixture
def queue(make_queue: Make) -> TransferQueue:
    """A queue that was not started: only the test changes it."""
    return make_queue(Script(lambda job, number: ""), start=False)[0]


def test_trouble_with_the_history_is_reported_once_and_its_end_once(
    queue: TransferQueue, journal: Journal
) -> None:
    seen = []
    for problem in ("", "The disk is full.", "The disk is full.", "The file is read-only.", "", ""):
        journal.problem = problem
        seen.append(queue.take_changes().unsaved)
    assert seen == [None, "The disk is full.", None, "The file is read-only.", "", None]


def test_rows_that_cannot_be_read_are_counted_once(queue: TransferQueue, journal: Journal) -> None:
    seen = []
    for damaged in (0, 2, 2, 7):
        journal.damaged = damaged
        seen.append(queue.take_changes().damaged)
    assert seen == [0, 2, 0, 5]


def test_a_history_that_was_set_aside_is_reported_once(queue: TransferQueue, journal: Journal) -> None:
    first, second = SetAside(Path("/a"), "one"), SetAside(Path("/b"), "two")
    seen = []
    for aside in (None, first, first, second):
        journal.set_aside = aside
        seen.append(queue.take_changes().set_aside)
    assert seen == [None, first, None, second]


def test_rows_and_their_order_are_given_once(queue: TransferQueue) -> None:
    assert not queue.take_changes()
    rows = [queue.add(pull("a/b:1")), queue.add(pull("a/b:2"))]
    changes = queue.take_changes()
    assert changes.order == rows
    assert not queue.take_changes()


@pytest.mark.parametrize(
    "changes",
    [
        Changes(snapshots=[Entry(pull()).snapshot(0.0)]),
        Changes(removed=["x"]),
        Changes(order=[]),
        Changes(set_aside=SetAside(None, "x")),
        Changes(unsaved=""),
        Changes(damaged=1),
    ],
    ids=["rows", "removed", "order", "set aside", "unsaved", "damaged"],
)
def test_any_of_them_is_a_change(changes: Changes) -> None:
    assert changes
    assert not Changes()
