"""Pulls whose layers Longshore fetches, and that each engine takes over loopback."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.engine.model import ImageStore
from longshore.oci.reference import Reference
from longshore.transfers.hand_over import HandOver
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import (
    EnginePlace,
    NoteKind,
    Phase,
    RegistryPlace,
    State,
    TransferSnapshot,
    Waiting,
    WayReason,
)
from longshore.transfers.ways.pull import PullWay
from longshore.transfers.ways.rule import Rule
from longshore.transfers.ways.table import Ways, all_ways
from testbed.engine import PrivateEngine
from testbed.images import Seeded, seed_repository
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle
from transfertools import Eye, address_of, pull

Make = Callable[..., tuple[TransferQueue, Eye]]
LAYERS = (300_000, 1_500_000, 40_000)
BOTH = [("linux", "amd64"), ("linux", "arm64")]
ALWAYS: Ways = {**all_ways(), (RegistryPlace, EnginePlace): PullWay(Rule(least=0, fast=math.inf))}


@pytest.fixture(autouse=True)
def library(clients: Clients, tmp_path: Path) -> Iterator[Path]:
    """The folder that keeps what has arrived."""
    folder = tmp_path / "library"
    clients.hand_over = HandOver(lambda: folder)
    yield folder


def blobs_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("blobs/*/*"))


def reasons(row: TransferSnapshot) -> list[tuple[NoteKind, str]]:
    kinds = (NoteKind.FETCHED, NoteKind.PULLED_NATIVELY)
    return [(note.kind, note.text) for note in row.notes if note.kind in kinds]


def gets_of_blobs(line: Throttle) -> list[str]:
    return [one.path for one in line.requests if one.method == "GET" and "/blobs/" in one.path]


def size_of(seeded: Seeded) -> int:
    return sum(seeded.images[0].layer_sizes)


def test_an_engine_has_the_image_as_after_its_own_pull(
    make_queue: Make,
    clients: Clients,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    library: Path,
) -> None:
    seeded = seed_repository(open_registry.address, "over/whole", layers=LAYERS, platforms=BOTH)
    name = Reference.parse(f"{throttle.address}/over/whole:latest")
    engine = clients.engine(address_of(any_engine.host))
    queue, eye = make_queue(ways=ALWAYS)
    row = queue.add(pull(str(name), engine.address))
    done = eye.until(row, State.SUCCEEDED, 60)
    assert reasons(done) == [(NoteKind.FETCHED, WayReason.LARGE.value)]
    assert done.digest == seeded.digest
    details = engine.image(str(name))
    assert details.diff_ids == seeded.images[0].diff_ids
    digests = {named.partition("@")[0] for named in details.repo_digests}
    assert digests == {name.name}
    assert engine.passing_names() == []
    store = engine.probe().store
    assert details.image_id == (
        seeded.digest if store is ImageStore.CONTAINERD else seeded.images[0].config_digest
    )
    # Nothing was fetched twice: neither by the engine, nor by us.
    assert throttle.moved_bytes["response"] < size_of(seeded) * 1.02 + 20_000
    assert done.moved is not None and done.moved.bytes == size_of(seeded)
    assert blobs_in(library) == [], "the engine has unpacked them, and no image of the library needs them"
    again = eye.until(queue.add(pull(str(name), engine.address)), State.SUCCEEDED, 30)
    assert reasons(again) == []
    assert NoteKind.UP_TO_DATE in [note.kind for note in again.notes]
    engine.remove(str(name))
