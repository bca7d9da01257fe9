"""The same behaviour on every kind of engine: Debian's own, a newer Docker with either image store, and Podman."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import current_address
from longshore.engine.engine import Engine
from longshore.engine.model import EngineEvent, EventKind, ImageStore
from longshore.engine.stream import Finished, Note
from longshore.errors import (
    EngineLost,
    ImageUnknown,
    LongshoreError,
    NotInRegistry,
    RegistryUnreachable,
    SignInRequired,
)
from longshore.oci.layer import LayerProgress, LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from testbed.engine import PrivateEngine
from testbed.processes import wait_until
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle

STORES = {
    "debian": ImageStore.CLASSIC,
    "newer": ImageStore.CLASSIC,
    "containerd": ImageStore.CONTAINERD,
    "podman": ImageStore.PODMAN,
}


@pytest.fixture(scope="module")
def engine_of(any_engine: PrivateEngine) -> Iterator[Engine]:
    engine = Engine(current_address(any_engine.host, {}))
    yield engine
    engine.close()


def test_what_it_is(engine_of: Engine, any_engine: PrivateEngine) -> None:
    assert engine_of.probe().store is STORES[any_engine.flavour]


def test_pull_push_and_failures(
    engine_of: Engine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    auth_registry: PrivateRegistry,
) -> None:
    engine = engine_of
    platforms = [("linux", "amd64"), ("linux", "arm64")]
    seed_repository(open_registry.address, "flavours/app", layers=(10_000, 3_000_000), platforms=platforms)
    source = Reference.parse(f"{open_registry.address}/flavours/app:latest")

    def pull(reference: Reference, platform: Platform | None = None) -> list[object]:
        return list(engine.pull(reference, platform=platform, cancellation=Cancellation()))

    def push(reference: Reference) -> list[object]:
        return list(engine.push(reference, cancellation=Cancellation()))

    events = pull(source)
    assert isinstance(events[-1], Finished)
    assert not [each for each in events if isinstance(each, Note)]
    final = {each.layer_id: each.state for each in events if isinstance(each, LayerProgress)}
    assert len(final) >= 2
    assert set(final.values()) <= {LayerState.DONE, LayerState.TRANSFERRED}
    assert isinstance(pull(source)[-1], Finished)
    assert source in [row.reference for row in engine.images()]

    target = Reference.parse(f"{second_registry.address}/flavours/app:pushed")
    engine.tag(str(source), target)
    end = push(target)[-1]
    assert isinstance(end, Finished)
    assert end.digest
    refused = target.on(auth_registry.address)
    engine.tag(str(source), refused)
    failures: list[tuple[Callable[[], object], type[LongshoreError]]] = [
        (lambda: pull(source.with_tag("none")), NotInRegistry),
        (lambda: pull(source, Platform("linux", "s390x")), NotInRegistry),
        (lambda: push(source.with_tag("none")), ImageUnknown),
        (lambda: push(refused), SignInRequired),
        (lambda: pull(source.on("127.0.0.1:1")), RegistryUnreachable),
        (lambda: pull(source.on("registry.invalid")), RegistryUnreachable),
        (lambda: engine.image("none"), ImageUnknown),
    ]
    for call, kind in failures:
        with pytest.raises(kind):
            call()
    archive = b"".join(engine.save(str(source), Cancellation()))
    for reference in (source, target, refused):
        engine.remove(str(reference))
    assert engine.load([archive], Cancellation()) == [str(source)]
    engine.remove(str(source))


@pytest.mark.parametrize("phase", ["before the first answer", "in a layer"])
def test_cancelling(
    engine_of: Engine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    in_thread: Callable[..., object],
    phase: str,
) -> None:
    seed_repository(open_registry.address, "flavours/slow", layers=(8_000_000,), seed=phase)
    reference = Reference.parse(f"{throttle.address}/flavours/slow")
    moving = threading.Event()

    def pull(cancellation: Cancellation) -> None:
        for event in engine_of.pull(reference, cancellation=cancellation):
            if isinstance(event, LayerProgress) and event.state is LayerState.TRANSFERRING and event.current:
                moving.set()

    throttle.bytes_per_second = 1_000_000
    if phase == "in a layer":
        worker = in_thread(pull)
        assert moving.wait(20)
    else:
        throttle.stall()
        worker = in_thread(pull)
        wait_until(lambda: throttle.open_connections > 0, timeout=10, what="the engine to ask the registry")
    assert worker.cancel() < 0.5  # type: ignore[attr-defined]
    assert isinstance(worker.error, Cancelled), worker.error  # type: ignore[attr-defined]
    throttle.resume()
    # containerd keeps idle connections; what matters is that no more bytes come.
    moved = -1

    def quiet() -> bool:
        nonlocal moved
        before, moved = moved, throttle.moved_bytes["response"]
        return before == moved

    wait_until(quiet, timeout=15, what="the engine to give up", interval=0.5)
    assert throttle.moved_bytes["response"] < 8_000_000


def test_killed_while_it_pulls(
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    tmp_path: Path,
) -> None:
    seed_repository(open_registry.address, "flavours/killed", layers=(8_000_000,))
    throttle.bytes_per_second = 1_000_000
    reference = Reference.parse(f"{throttle.address}/flavours/killed")
    with PrivateEngine(tmp_path / "engine", flavour=any_engine.flavour) as private:
        engine = Engine(current_address(private.host, {}))
        with pytest.raises(EngineLost):
            for event in engine.pull(reference, cancellation=Cancellation()):
                if isinstance(event, LayerProgress) and event.state is LayerState.TRANSFERRING:
                    private.kill()
        private.start()
        assert engine.probe().version
        engine.close()


def test_every_change_of_the_list_is_told(
    engine_of: Engine, open_registry: PrivateRegistry, in_thread: Callable[..., object]
) -> None:
    seed_repository(open_registry.address, "flavours/told", layers=(10_000,))
    name = Reference.parse(f"{open_registry.address}/flavours/told:latest")
    told: list[EngineEvent] = []

    def follow(cancellation: Cancellation) -> None:
        for event in engine_of.events(cancellation):
            told.append(event)

    worker = in_thread(follow)
    wait_until(lambda: bool(told), timeout=10, what="the stream to connect")
    assert told[0].kind is EventKind.CONNECTED
    for change in (
        lambda: list(engine_of.pull(name, cancellation=Cancellation())),
        lambda: engine_of.tag(str(name), name.with_tag("other")),
        lambda: engine_of.remove(str(name)),
        lambda: engine_of.remove(str(name.with_tag("other"))),
    ):
        before = len(told)
        change()
        wait_until(lambda before=before: len(told) > before, timeout=10, what="an event")  # type: ignore[misc]
        assert {event.kind for event in told[before:]} == {EventKind.IMAGE}
    worker.cancel()  # type: ignore[attr-defined]
