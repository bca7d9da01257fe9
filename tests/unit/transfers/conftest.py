"""A journal and queues that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.transfers.clients import NO_GATE
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.ways.copying import source as copy_source
from longshore.transfers.ways.fetching import incoming, pace
from transfertools import Eye, Script
from transfertools.bench import Bench
from transfertools.faulty import faulty_registries
from transfertools.fetching import KB, Rig
from transfertools.ranged import RangedRegistry


class NoClients:
    """Clients that fail if they are used: a way defined by a test needs none."""

    gate = NO_GATE
    hand_over = None

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody should ask for {name}")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "state" / "journal.sqlite3")
    yield journal
    assert journal.close()


@pytest.fixture
def make_queue(journal: Journal) -> Iterator[Callable[..., tuple[TransferQueue, Eye]]]:
    made: list[TransferQueue] = []

    def make(
        script: Script, *, clients: Any = None, start: bool = True, **more: Any
    ) -> tuple[TransferQueue, Eye]:
        eye = Eye()
        more.setdefault("journal", journal)
        queue = TransferQueue(clients or NoClients(), wake=eye.wake, ways=script.table(), **more)
        eye.queue = queue
        made.append(queue)
        if start:
            queue.start()
        return queue, eye

    yield make
    for queue in made:
        assert queue.shutdown(30)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(copy_source, "BACKOFF", 0.01)
    with faulty_registries(2) as (source, target):
        made = Bench(source, target, tmp_path)
        try:
            yield made
        finally:
            assert made.queue.shutdown(30)
            made.clients.close()


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(copy_source, "BACKOFF", 0.01)
    # Small enough for a blob that is made quickly.
    monkeypatch.setattr(incoming, "PIECE", 256 * KB)
    monkeypatch.setattr(incoming, "LARGEST_PIECE", 256 * KB)
    monkeypatch.setattr(incoming, "SMALLEST_PIECE", 64 * KB)
    monkeypatch.setattr(incoming, "SHORTEST", 0.0)
    monkeypatch.setattr(pace, "MEASURED", 64 * KB)
    made = Rig(RangedRegistry(), tmp_path)
    yield made
    made.close()
