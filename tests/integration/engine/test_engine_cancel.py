"""Cancelling, in every phase, ends the call at once and stops the engine's own work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.engine import Engine
from longshore.engine.stream import StreamEvent
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.reference import Reference
from testbed.processes import wait_until
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle

#: Seconds. The promise is 0.2; the rest is a reserve for a busy machine.
AT_ONCE = 0.5
LAYER = 6_000_000
SLOW = 1_000_000

Load = Callable[..., str]


class Worker(Protocol):
    """See conftest.py."""

    cancellation: Cancellation
    result: object
    error: BaseException | None

    def join(self, timeout: float = 30.0) -> Worker: ...
    def cancel(self) -> float: ...


InThread = Callable[[Callable[[Cancellation], object]], Worker]


def until_moving(events: Iterator[StreamEvent], moving: threading.Event) -> None:
    for event in events:
        if isinstance(event, LayerProgress) and event.state is LayerState.TRANSFERRING and event.current:
            moving.set()


def quiet(throttle: Throttle) -> None:
    """Wait until no more bytes go through the line."""
    moved = -1

    def still() -> bool:
        nonlocal moved
        before, moved = moved, sum(throttle.moved_bytes.values())
        return before == moved

    wait_until(still, timeout=10, what="the engine to stop transferring", interval=0.5)


def test_a_pull_that_the_registry_does_not_answer(
    engine: Engine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    in_thread: InThread,
    open_files: Callable[[], list[str]],
) -> None:
    seed_repository(open_registry.address, "cancel/stalled", layers=(LAYER,))
    name = Reference.parse(f"{throttle.address}/cancel/stalled")
    engine.probe()
    throttle.stall()
    before = open_files()
    worker = in_thread(lambda cancellation: list(engine.pull(name, cancellation=cancellation)))
    wait_until(lambda: throttle.open_connections > 0, timeout=10, what="the engine to ask the registry")
    assert worker.cancel() < AT_ONCE
    assert isinstance(worker.error, Cancelled), worker.error
    # Classic engines notice the cancellation only when they write their next event, after the registry's response.
    throttle.bytes_per_second = SLOW
    throttle.resume()
    wait_until(lambda: throttle.open_connections == 0, timeout=10, what="the engine to give up")
    assert throttle.moved_bytes["response"] < LAYER
    assert set(open_files()) <= set(before)


def test_a_pull_in_the_middle_of_a_layer(
    engine: Engine, open_registry: PrivateRegistry, throttle: Throttle, in_thread: InThread
) -> None:
    seed_repository(open_registry.address, "cancel/pull", layers=(LAYER,))
    name = Reference.parse(f"{throttle.address}/cancel/pull")
    throttle.bytes_per_second = SLOW
    moving = threading.Event()
    worker = in_thread(lambda c: until_moving(engine.pull(name, cancellation=c), moving))
    assert moving.wait(20)
    assert worker.cancel() < AT_ONCE
    assert isinstance(worker.error, Cancelled), worker.error
    wait_until(lambda: throttle.open_connections == 0, timeout=10, what="the engine to give up")
    assert throttle.moved_bytes["response"] < LAYER


def test_a_push_in_the_middle_of_a_layer(
    engine: Engine, load: Load, throttle: Throttle, in_thread: InThread
) -> None:
    name = f"{throttle.address}/cancel/push:1"
    load(name, layers=[LAYER], seed="cancelled push")
    throttle.bytes_per_second = SLOW
    moving = threading.Event()
    worker = in_thread(lambda c: until_moving(engine.push(Reference.parse(name), cancellation=c), moving))
    assert moving.wait(20)
    assert worker.cancel() < AT_ONCE
    assert isinstance(worker.error, Cancelled), worker.error
    quiet(throttle)
    assert throttle.moved_bytes["request"] < LAYER
    engine.remove(name)


def test_a_push_that_the_registry_does_not_answer(
    engine: Engine, load: Load, throttle: Throttle, in_thread: InThread
) -> None:
    name = f"{throttle.address}/cancel/stalled-push:1"
    load(name, seed="stalled push")
    throttle.stall()
    worker = in_thread(lambda c: list(engine.push(Reference.parse(name), cancellation=c)))
    wait_until(lambda: throttle.open_connections > 0, timeout=10, what="the engine to ask the registry")
    assert worker.cancel() < AT_ONCE
    assert isinstance(worker.error, Cancelled), worker.error
    throttle.resume()
    engine.remove(name)


def test_save_and_load(engine: Engine, load: Load, in_thread: InThread) -> None:
    load("cancel/archive:1", layers=[LAYER], seed="cancelled archive")
    first = threading.Event()
    go_on = threading.Event()

    def slow_reader(cancellation: Cancellation) -> None:
        for _ in engine.save("cancel/archive:1", cancellation):
            first.set()
            go_on.wait(10)

    saving = in_thread(slow_reader)
    assert first.wait(10)
    saving.cancellation.cancel()
    go_on.set()
    saving.join()
    assert isinstance(saving.error, Cancelled), saving.error

    begun = threading.Event()

    def endless() -> Iterator[bytes]:
        while True:
            begun.set()
            yield b"\0" * 65536

    loading = in_thread(lambda cancellation: engine.load(endless(), cancellation))
    assert begun.wait(10)
    assert loading.cancel() < AT_ONCE
    assert isinstance(loading.error, Cancelled), loading.error
    engine.remove("cancel/archive:1")


def test_what_is_cancelled_before_does_not_begin(engine: Engine, throttle: Throttle) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    name = Reference.parse(f"{throttle.address}/cancel/early:1")
    for begin in (
        lambda: list(engine.pull(name, cancellation=cancellation)),
        lambda: list(engine.push(name, cancellation=cancellation)),
        lambda: list(engine.events(cancellation)),
        lambda: list(engine.save("x", cancellation)),
        lambda: engine.load([b"x"], cancellation),
    ):
        with pytest.raises(Cancelled):
            begin()
    assert throttle.requests == []


def test_a_reader_that_goes_away_stops_the_engine(
    engine: Engine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seed_repository(open_registry.address, "cancel/dropped", layers=(LAYER,))
    throttle.bytes_per_second = SLOW
    events = engine.pull(Reference.parse(f"{throttle.address}/cancel/dropped"), cancellation=Cancellation())
    next(events)
    events.close()  # type: ignore[attr-defined]
    wait_until(lambda: throttle.open_connections == 0, timeout=10, what="the engine to give up")


def test_cancelling_one_of_two_leaves_the_other(
    engine: Engine, open_registry: PrivateRegistry, throttle: Throttle, in_thread: InThread
) -> None:
    seeded = seed_repository(open_registry.address, "cancel/two", layers=(3_000_000,))
    name = Reference.parse(f"{throttle.address}/cancel/two")
    throttle.bytes_per_second = 2 * SLOW
    moving = threading.Event()
    first = in_thread(lambda c: until_moving(engine.pull(name, cancellation=c), moving))
    assert moving.wait(20)
    second = in_thread(lambda c: list(engine.pull(name, cancellation=c)))
    assert first.cancel() < AT_ONCE
    throttle.bytes_per_second = None
    second.join()
    assert second.error is None
    assert engine.image(str(name)).repo_digests == (f"{name.name}@{seeded.digest}",)
    engine.remove(f"{name.name}:latest")
