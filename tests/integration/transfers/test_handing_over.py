"""Pulls whose layers Longshore fetches, and that each engine takes over loopback."""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.engine.engine import Engine
from longshore.engine.model import ImageStore
from longshore.oci.descriptor import Descriptor
from longshore.oci.handing_over import is_passing
from longshore.oci.reference import Reference
from longshore.transfers.connections import PER_BLOB
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
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.remote_images import SeededRepository
from testbed.throttle import SOCKET_BUFFER, Throttle
from transfertools import Eye, address_of, pull, wait_until

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


def passing_names(engine: Engine) -> list[Reference]:
    """The names under which *engine* takes images over."""
    found = [image.reference for image in engine.images(passing=True)]
    return [reference for reference in found if reference is not None and is_passing(reference)]


def size_of(seeded: SeededRepository) -> int:
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
    assert passing_names(engine) == []
    store = engine.probe().store
    assert details.image_id == (
        seeded.digest if store is ImageStore.CONTAINERD else seeded.images[0].config_digest
    )
    # Nothing was fetched twice: neither by the engine, nor by us.
    assert throttle.moved_bytes["response"] < size_of(seeded) * 1.02 + 20_000
    assert done.moved is not None and done.moved.bytes == size_of(seeded)
    assert blobs_in(library) == [], "the engine has unpacked them, and no image of the library needs them"
    moved = throttle.moved_bytes["response"]
    again = eye.until(queue.add(pull(str(name), engine.address)), State.SUCCEEDED, 30)
    assert reasons(again) == [], "everything is there"
    assert throttle.moved_bytes["response"] < moved + 20_000
    engine.remove(str(name))


def test_a_paused_pull_goes_on_where_it_was(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    library: Path,
) -> None:
    seeded = seed_repository(open_registry.address, "over/paused", layers=(9_000_000, 50_000), seed="paused")
    name = f"{throttle.address}/over/paused:latest"
    engine = clients.engine(address_of(testbed_engine.host))
    throttle.bytes_per_second = 6_000_000
    queue, eye = make_queue(ways=ALWAYS)
    row = queue.add(pull(name, engine.address))
    assert eye.until(row, lambda now: now.moved_bytes > 3_000_000, 30).pausable
    queue.pause([row])
    paused = eye.until(row, lambda now: now.waiting_for is Waiting.PAUSED, 30)
    assert throttle.moved_bytes["response"] < 8_000_000
    throttle.bytes_per_second = None
    queue.unpause([row])
    done = eye.until(row, State.SUCCEEDED, 60)
    assert reasons(done) == [(NoteKind.FETCHED, WayReason.UNFINISHED.value)]
    # What was on the line when it was cut is counted by the line, but did not arrive.
    on_the_line = PER_BLOB * 2 * SOCKET_BUFFER
    assert throttle.moved_bytes["response"] < size_of(seeded) * 1.02 + 20_000 + on_the_line
    bars = [each.permille for each in eye.seen[row] if each.permille is not None]
    assert bars == sorted(bars) and bars[-1] == 1000
    assert 0 < (paused.permille or 0) < 1000
    assert Phase.HANDING_OVER in [each.phase for each in eye.seen[row]]
    engine.remove(name)


def test_what_is_fetched_to_measure_the_line_is_not_fetched_again(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    seeded = seed_repository(open_registry.address, "over/sample", layers=(1_000_000,))
    name = f"{throttle.address}/over/sample:latest"
    engine = clients.engine(address_of(testbed_engine.host))
    slow: Ways = {**all_ways(), (RegistryPlace, EnginePlace): PullWay(Rule(least=0, fast=1e12))}
    queue, eye = make_queue(ways=slow)
    done = eye.until(queue.add(pull(name, engine.address)), State.SUCCEEDED, 60)
    assert reasons(done) == [(NoteKind.FETCHED, WayReason.LARGE.value)]
    assert clients.hand_over is not None and clients.hand_over.speed(throttle.address), "measured"
    assert throttle.moved_bytes["response"] < size_of(seeded) + 20_000
    engine.remove(name)


def test_whole_layers_of_an_earlier_attempt_are_used_on_any_line_and_need_no_room(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    library: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after a kill in the last step."""
    seeded = seed_repository(open_registry.address, "over/whole-before", layers=(1_000_000, 20_000))
    large = seeded.images[0].layer_digests[0]
    stored = clients.library(library)
    with (
        contextlib.closing(stored.lease()) as lease,
        clients.registry(open_registry.address).read_blob("over/whole-before", large) as pieces,
    ):
        size = seeded.images[0].layer_sizes[0]
        stored.receive(
            Descriptor("", large, size), lambda at: contextlib.nullcontext(pieces), lease, Cancellation()
        )
    monkeypatch.setattr("longshore.transfers.ways.pull_choice.free_bytes", lambda folder: 500_000)
    name = f"{throttle.address}/over/whole-before:latest"
    engine = clients.engine(address_of(testbed_engine.host))
    # On such a line, nothing else would be fetched.
    fast: Ways = {**all_ways(), (RegistryPlace, EnginePlace): PullWay(Rule(least=0, fast=0.0))}
    queue, eye = make_queue(ways=fast)
    done = eye.until(queue.add(pull(name, engine.address)), State.SUCCEEDED, 60)
    assert reasons(done) == [(NoteKind.FETCHED, WayReason.UNFINISHED.value)]
    assert throttle.moved_bytes["response"] < 60_000
    engine.remove(name)


def test_a_tag_that_moved_meanwhile_brings_the_new_image(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    seed_repository(open_registry.address, "over/moving", layers=(2_000_000,), seed="old")
    name = f"{throttle.address}/over/moving:latest"
    engine = clients.engine(address_of(testbed_engine.host))
    throttle.bytes_per_second = 2_000_000
    queue, eye = make_queue(ways=ALWAYS)
    row = queue.add(pull(name, engine.address))
    eye.until(row, lambda now: now.moved_bytes > 500_000, 30)
    seeded = seed_repository(open_registry.address, "over/moving", layers=(100_000,), seed="new")
    throttle.bytes_per_second = None
    done = eye.until(row, State.SUCCEEDED, 60)
    assert done.digest == seeded.digest
    assert engine.image(name).diff_ids == seeded.images[0].diff_ids
    engine.remove(name)


def test_an_engine_that_cannot_reach_us_pulls_by_itself(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    monkeypatch: pytest.MonkeyPatch,
    library: Path,
) -> None:
    """As an engine in a virtual machine: nothing listens at its own 127.0.0.1."""
    seeded = seed_repository(open_registry.address, "over/deaf", layers=LAYERS, seed="deaf")
    name = f"{open_registry.address}/over/deaf:latest"
    engine = clients.engine(address_of(testbed_engine.host))
    own = engine.take_over

    def elsewhere(reference: Reference, **more: Any) -> Any:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            nobody = f"127.0.0.1:{unused.getsockname()[1]}"
        return own(Reference(nobody, reference.path, reference.tag), **more)

    monkeypatch.setattr(engine, "take_over", elsewhere)
    queue, eye = make_queue(ways=ALWAYS)
    done = eye.until(queue.add(pull(name, engine.address)), State.SUCCEEDED, 60)
    assert reasons(done) == [(NoteKind.PULLED_NATIVELY, WayReason.UNREACHABLE.value)]
    assert done.digest == seeded.digest and not done.pausable
    assert clients.hand_over is not None and clients.hand_over.is_deaf(engine.address), "remembered"
    engine.remove(name)


def test_the_next_pull_removes_the_name_that_a_killed_program_left(
    make_queue: Make,
    clients: Clients,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
) -> None:
    """Also if it moves nothing. Names of programs that are running stay."""
    seed_repository(open_registry.address, "over/left", layers=(10_000,))
    name = f"{open_registry.address}/over/left:latest"
    engine = clients.engine(address_of(any_engine.host))
    queue, eye = make_queue(ways=ALWAYS)
    eye.until(queue.add(pull(name, engine.address)), State.SUCCEEDED, 30)
    with socket.socket() as alive, socket.socket() as ended:
        names = []
        for each in (alive, ended):
            each.bind(("127.0.0.1", 0))
            names.append(
                Reference(f"127.0.0.1:{each.getsockname()[1]}", f"longshore-{'0a' * 16}/image", "pull")
            )
            engine.tag(name, names[-1])
        alive.listen()
        assert sorted(passing_names(engine), key=str) == sorted(names, key=str)
        eye.until(queue.add(pull(name, engine.address)), State.SUCCEEDED, 30)
        assert passing_names(engine) == names[:1]
    eye.until(queue.add(pull(name, engine.address)), State.SUCCEEDED, 30)
    assert passing_names(engine) == []
    engine.remove(name)


def test_three_engines_get_what_is_fetched_once(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    containerd_engine: PrivateEngine,
    podman_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    library: Path,
) -> None:
    """Two at once, and one when they have it already."""
    seeded = seed_repository(
        open_registry.address, "over/several", layers=(6_000_000, 500_000), seed="several"
    )
    name = f"{throttle.address}/over/several:latest"
    fast = Rule(least=1_000_000, fast=1.0)
    ways: Ways = {**all_ways(), (RegistryPlace, EnginePlace): PullWay(fast)}
    engines = [
        clients.engine(address_of(each.host)) for each in (testbed_engine, containerd_engine, podman_engine)
    ]
    throttle.bytes_per_second = 4_000_000
    queue, eye = make_queue(ways=ways)
    rows = [queue.add(pull(name, engine.address)) for engine in engines[:2]]
    for row in rows:
        eye.until(row, lambda now: now.moved_bytes > 100_000, 30)
    queue.hold()
    rows.append(queue.add(pull(name, engines[2].address)))
    for row in rows[:2]:
        eye.until(row, State.SUCCEEDED, 60)
    moved = throttle.moved_bytes["response"]
    assert len(blobs_in(library)) == 3, "kept for the third"
    queue.resume()
    for row, engine in zip(rows, engines, strict=True):
        done = eye.until(row, State.SUCCEEDED, 60)
        assert reasons(done) == [(NoteKind.FETCHED, WayReason.SEVERAL.value)], (
            "whatever the speed of the line"
        )
        assert done.digest == seeded.digest
        assert engine.image(name).diff_ids == seeded.images[0].diff_ids
        assert passing_names(engine) == []
    assert throttle.moved_bytes["response"] < moved + 20_000
    # One image, and for each engine the manifest and the configuration.
    assert throttle.moved_bytes["response"] < size_of(seeded) * 1.02 + len(engines) * 20_000
    wait_until(lambda: blobs_in(library) == [], "nothing is kept for nobody")
    assert clients.hand_over is not None and not clients.hand_over.kept
    for engine in engines:
        engine.remove(name)


def test_of_two_engines_one_is_paused_and_loses_nothing(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    podman_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    library: Path,
) -> None:
    seeded = seed_repository(open_registry.address, "over/one-paused", layers=(6_000_000,), seed="one paused")
    name = f"{throttle.address}/over/one-paused:latest"
    engines = [clients.engine(address_of(each.host)) for each in (testbed_engine, podman_engine)]
    throttle.bytes_per_second = 4_000_000
    queue, eye = make_queue(ways=ALWAYS)
    first, second = (queue.add(pull(name, engine.address)) for engine in engines)
    for row in (first, second):
        eye.until(row, lambda now: now.moved_bytes > 1_000_000, 30)
    queue.pause([first])
    eye.until(first, lambda now: now.waiting_for is Waiting.PAUSED, 30)
    eye.until(second, State.SUCCEEDED, 60)
    queue.unpause([first])
    done = eye.until(first, State.SUCCEEDED, 60)
    assert reasons(done) == [(NoteKind.FETCHED, WayReason.SEVERAL.value)]
    # What was on the line when it was cut is counted by the line, but did not arrive.
    on_the_line = PER_BLOB * 2 * SOCKET_BUFFER
    assert throttle.moved_bytes["response"] < size_of(seeded) * 1.02 + 40_000 + on_the_line
    wait_until(lambda: blobs_in(library) == [], "nothing is kept for nobody")
    for engine in engines:
        assert engine.image(name).diff_ids == seeded.images[0].diff_ids
        engine.remove(name)


def test_a_row_can_be_paused_although_its_first_attempt_was_the_engines_own(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    assert clients.hand_over is not None
    clients.hand_over.native = True
    name = f"{throttle.address}/over/later:latest"
    engine = clients.engine(address_of(testbed_engine.host))
    queue, eye = make_queue(ways=ALWAYS)
    row = queue.add(pull(name, engine.address))
    assert not eye.until(row, State.FAILED, 60).pausable
    seed_repository(open_registry.address, "over/later", layers=(2_000_000,), seed="later")
    clients.hand_over.native = False
    throttle.bytes_per_second = 2_000_000
    queue.retry([row])
    assert eye.until(row, lambda now: now.moved_bytes > 500_000, 30).pausable
    throttle.bytes_per_second = None
    eye.until(row, State.SUCCEEDED, 60)
    engine.remove(name)
