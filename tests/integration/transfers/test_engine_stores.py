"""Differences between engines, as the rows show them: both image stores of Docker, and Podman."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.engine.model import ImagePlatform, ImageStore
from longshore.errors import EngineFailure
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import NoteKind, State
from testbed.engine import PrivateEngine
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from transfertools import Eye, address_of, pull, push

Make = Callable[..., tuple[TransferQueue, Eye]]
BOTH = [("linux", "amd64"), ("linux", "arm64")]
LAYERS = (20_000, 400_000)


def test_a_pull_is_verified_on_every_engine(
    make_queue: Make, clients: Clients, any_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "stores/pull", layers=LAYERS, platforms=BOTH)
    name = Reference.parse(f"{open_registry.address}/stores/pull:latest")
    engine = clients.engine(address_of(any_engine.host))
    queue, eye = make_queue()
    row = queue.add(pull(str(name), engine.address))
    done = eye.until(row, State.SUCCEEDED, 30)
    # Podman does not report the digest of a pull, so the registry is asked.
    assert done.digest == seeded.digest
    assert not [note for note in done.notes if note.kind is NoteKind.NOT_VERIFIED]
    details = engine.image(str(name))
    assert details.diff_ids == seeded.images[0].diff_ids
    shown = next(image for image in engine.images() if image.reference == name)
    store = engine.probe().store
    ids = {ImageStore.CONTAINERD: seeded.digest}
    assert shown.image_id == details.image_id == ids.get(store, seeded.images[0].config_digest)
    content = sum(seeded.images[0].layer_sizes)
    if store is ImageStore.CONTAINERD:
        # The size includes both compressed and unpacked layers, of the one platform that is present.
        assert shown.size > content + sum(LAYERS)
        amd64, arm64 = details.platforms
        assert arm64 == ImagePlatform(Platform("linux", "arm64"), here=False, digest=seeded.images[1].digest)
        assert (amd64.platform, amd64.here) == (Platform("linux", "amd64"), True)
        assert content < amd64.size < content + 5000
    else:
        assert sum(LAYERS) <= shown.size < 2 * sum(LAYERS)
        assert details.platforms == ()
    engine.remove(str(name))
    assert name not in [image.reference for image in engine.images()]


def test_what_containerd_leaves_out_of_a_pull_is_said_before_a_push_fails_for_it(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    containerd_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
) -> None:
    """The layers are already present, but only unpacked: the same image was loaded from the other engine."""
    seed_repository(open_registry.address, "stores/partial", layers=LAYERS)
    name = f"{open_registry.address}/stores/partial:latest"
    target = f"{second_registry.address}/stores/partial:1"
    classic, engine = (clients.engine(address_of(each.host)) for each in (testbed_engine, containerd_engine))
    queue, eye = make_queue()
    whole = eye.until(queue.add(pull(name, classic.address)), State.SUCCEEDED, 30)
    assert not whole.notes
    classic.tag(name, Reference.parse("stores/loaded:1"))
    engine.load(classic.save("stores/loaded:1", Cancellation()), Cancellation())
    done = eye.until(queue.add(pull(name, engine.address)), State.SUCCEEDED, 30)
    assert [note.kind for note in done.notes] == [NoteKind.PARTIAL]
    failed = eye.until(queue.add(push(name, target, engine.address)), State.FAILED, 30)
    assert isinstance(failed.error, EngineFailure)
    assert "does not have all of" in failed.error.message
    for each, names in ((classic, (name, "stores/loaded:1")), (engine, (name, target, "stores/loaded:1"))):
        for one in names:
            each.remove(one)
    again = eye.until(queue.add(pull(name, engine.address)), State.SUCCEEDED, 30)
    assert not again.notes
    assert not engine.image(name).partial
    eye.until(queue.add(push(name, target, engine.address)), State.SUCCEEDED, 30)
    for one in (name, target):
        engine.remove(one)


def test_an_image_named_by_digest_is_pulled_shown_and_removed(
    make_queue: Make, clients: Clients, any_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "stores/digest", layers=LAYERS, platforms=BOTH)
    name = Reference.parse(f"{open_registry.address}/stores/digest@{seeded.digest}")
    engine = clients.engine(address_of(any_engine.host))
    queue, eye = make_queue()
    done = eye.until(queue.add(pull(str(name), engine.address)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    assert name in [image.reference for image in engine.images()]
    engine.remove(str(name))
    assert name not in [image.reference for image in engine.images()]


def test_a_push_tells_when_platforms_are_left_behind(
    make_queue: Make,
    clients: Clients,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
) -> None:
    seeded = seed_repository(open_registry.address, "stores/push", layers=LAYERS, platforms=BOTH)
    source = f"{open_registry.address}/stores/push:latest"
    target = Reference.parse(f"{second_registry.address}/stores/{any_engine.flavour}:1")
    engine = clients.engine(address_of(any_engine.host))
    queue, eye = make_queue()
    eye.until(queue.add(pull(source, engine.address)), State.SUCCEEDED, 30)
    done = eye.until(queue.add(push(source, str(target), engine.address)), State.SUCCEEDED, 30)
    there = clients.registry(target.domain).manifest(target.path, "1")
    assert there.digest == done.digest
    told = [note.text for note in done.notes if note.kind is NoteKind.ONE_PLATFORM]
    if engine.probe().store is ImageStore.CONTAINERD:
        assert told == ["linux/amd64"]
        assert done.digest == seeded.images[0].digest  # it sends the manifest of the pull, unchanged
    else:
        # The other engines did not keep the index at the pull, so the push loses nothing.
        assert told == []
    for name in (source, str(target)):
        engine.remove(name)


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_a_platform_that_was_asked_for_comes_on_every_engine(
    make_queue: Make,
    clients: Clients,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    architecture: str,
) -> None:
    seeded = seed_repository(open_registry.address, "stores/platform", layers=LAYERS, platforms=BOTH)
    name = f"{open_registry.address}/stores/platform:latest"
    engine = clients.engine(address_of(any_engine.host))
    queue, eye = make_queue()
    wanted = Platform("linux", architecture)
    done = eye.until(queue.add(replace(pull(name, engine.address), platform=wanted)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    details = engine.image(name)
    if engine.probe().store is ImageStore.CONTAINERD:
        assert [each.platform for each in details.platforms if each.here] == [wanted]
    else:
        assert details.platform == wanted
    engine.remove(name)
