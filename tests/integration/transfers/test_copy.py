"""Registry to registry: our own copy, on real registries."""

from __future__ import annotations

from collections.abc import Callable

from longshore.oci.layer import LayerState
from longshore.oci.manifest import Index
from longshore.transfers.queue import TransferQueue
from longshore.transfers.transfer import NoteKind, State
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from transfertools import Eye, copy
from transfertools.real import RealServices

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000
PLATFORMS = (("linux", "amd64"), ("linux", "arm64"), ("linux", "s390x"))


def test_copy_keeps_the_digest(
    make_queue: Make, services: RealServices, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/plain", ("1",), layers=(2 * MB, 3 * MB, MB))
    target = f"{second_registry.address}/copied/plain:2"
    queue, eye = make_queue()
    done = eye.until(queue.add(copy(f"{open_registry.address}/copy/plain:1", target)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    assert done.plan is not None
    assert (done.plan.layers, done.plan.total_bytes, done.plan.here_layers) == (3, seeded.layer_bytes, 0)
    assert (done.plan.estimated, done.plan.digest) == (False, seeded.digest)
    assert done.moved is not None
    assert (done.moved.bytes, done.moved.layers_moved) == (seeded.layer_bytes, 3)
    assert done.permille == 1000
    assert {layer.state for layer in done.layers} == {LayerState.DONE}
    assert not done.notes
    there = services.registry(second_registry.address)
    found = there.manifest("copied/plain", "2")
    assert found.digest == seeded.digest
    for digest, size in zip(seeded.images[0].layer_digests, seeded.images[0].layer_sizes, strict=True):
        assert there.blob_size("copied/plain", digest) == size
    again = eye.until(queue.add(copy(f"{open_registry.address}/copy/plain:1", target)), State.SUCCEEDED, 30)
    assert [note.kind for note in again.notes] == [NoteKind.UP_TO_DATE]
    assert again.moved is not None
    assert (again.moved.bytes, again.moved.layers_skipped) == (0, 3)


def test_copy_of_all_platforms_is_verbatim(
    make_queue: Make, services: RealServices, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/index", ("1",), platforms=PLATFORMS)
    source, target = f"{open_registry.address}/copy/index:1", f"{second_registry.address}/copied/index:1"
    queue, eye = make_queue()
    done = eye.until(queue.add(copy(source, target)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    found = services.registry(second_registry.address).manifest("copied/index", "1")
    original = services.registry(open_registry.address).manifest("copy/index", "1")
    assert isinstance(found, Index)
    assert (found.raw, found.media_type) == (original.raw, original.media_type)
    assert len(done.layers) == 9


def test_copy_within_a_registry_mounts(
    make_queue: Make, services: RealServices, open_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "copy/near", ("1",))
    source, target = f"{open_registry.address}/copy/near:1", f"{open_registry.address}/copied/near:1"
    queue, eye = make_queue()
    before = len(open_registry.requests())
    done = eye.until(queue.add(copy(source, target)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    assert done.moved is not None
    assert (done.moved.layers_mounted, done.moved.layers_moved, done.moved.bytes) == (3, 0, 0)
    read = [one for one in open_registry.requests()[before:] if "/blobs/sha256" in one.path]
    assert {one.method for one in read} == {"HEAD"}
