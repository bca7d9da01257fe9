"""Between the library and a real engine, both ways."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.archives.zstd import ZstdCompressor
from longshore.engine.model import ImageStore
from longshore.errors import ImageUnknown, InvalidManifest, NotInLibrary
from longshore.library.library import Library
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_CONFIG, OCI_LAYER, OCI_LAYER_ZSTD, OCI_MANIFEST, Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    NoteKind,
    Operation,
    State,
    TransferRequest,
)
from testbed.engine import PrivateEngine
from testbed.images import load_image, seed_repository
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, descriptor, document
from transfertools import Eye, address_of, pull
from transfertools.layouts import blobs_of, moving, place, pull_into, push_from

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000


@pytest.fixture
def library(clients: Clients, tmp_path: Path) -> Library:
    return clients.library(tmp_path / "library")


def on(engine: PrivateEngine, name: str, image_id: str = "") -> Endpoint:
    return Endpoint(EnginePlace(address_of(engine.host)), Reference.parse(name) if name else None, image_id)


def to_engine(library: Library, name: str, engine: PrivateEngine, as_: str = "") -> TransferRequest:
    return moving(Operation.COPY, place(library, name), on(engine, as_ or name))


def to_library(engine: PrivateEngine, name: str, library: Library, as_: str = "") -> TransferRequest:
    return moving(Operation.COPY, on(engine, name), place(library, as_ or name))


def loaded(engine: PrivateEngine, name: str, layers: tuple[int, ...]) -> str:
    """Load an image that is in no registry into the engine; return its ID."""
    with contextlib.closing(engine.client()) as client:
        return load_image(client, [name], layers, seed=name)


def test_pulled_into_the_library_it_ends_in_the_engine(
    make_queue: Make,
    clients: Clients,
    library: Library,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
) -> None:
    seeded = seed_repository(open_registry.address, "library/load", ("1",), layers=(2 * MB, 3 * MB, 10_000))
    source = f"{open_registry.address}/library/load:1"
    queue, eye = make_queue()
    eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    done = eye.until(queue.add(to_engine(library, source, any_engine, "loaded:2")), State.SUCCEEDED, 60)
    image = clients.engine(address_of(any_engine.host)).image("loaded:2")
    assert image.diff_ids == seeded.images[0].diff_ids
    assert image.image_id == done.digest
    assert done.digest in (seeded.digest, seeded.images[0].config_digest)
    notes = [note.kind for note in done.notes]
    assert notes == ([] if done.digest == seeded.digest else [NoteKind.DIGEST_NOT_KEPT])
    assert done.plan is not None and done.moved is not None
    assert (done.plan.layers, done.plan.total_bytes) == (3, seeded.layer_bytes)
    assert (done.moved.layers_moved, done.moved.bytes, done.permille) == (3, seeded.layer_bytes, 1000)
    seen = [snapshot.permille for snapshot in eye.seen[done.id] if snapshot.permille is not None]
    assert seen == sorted(seen)
    # On the way back it is recognised, and only gets another name.
    back = eye.until(queue.add(to_library(any_engine, "loaded:2", library, "back:1")), State.SUCCEEDED, 30)
    assert back.digest == seeded.digest
    assert [note.kind for note in back.notes] == [NoteKind.UP_TO_DATE]
    assert {str(row.reference) for row in library.images()} == {source, "docker.io/library/back:1"}


def test_what_the_engine_has_below_is_not_sent_again(
    make_queue: Make,
    clients: Clients,
    library: Library,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
) -> None:
    base, name = (2 * MB, 3 * MB), f"{open_registry.address}/library"
    seed_repository(open_registry.address, "library/below", ("1",), layers=base, seed="below")
    seeded = seed_repository(open_registry.address, "library/above", ("1",), layers=(*base, MB), seed="below")
    queue, eye = make_queue()
    address = address_of(any_engine.host)
    eye.until(queue.add(pull(f"{name}/below:1", address)), State.SUCCEEDED, 30)
    eye.until(queue.add(pull_into(f"{name}/above:1", library)), State.SUCCEEDED, 30)
    done = eye.until(queue.add(to_engine(library, f"{name}/above:1", any_engine)), State.SUCCEEDED, 60)
    sizes = seeded.images[0].layer_sizes
    assert done.plan is not None and done.moved is not None
    if clients.engine(address).probe().store is not ImageStore.CLASSIC:
        assert (done.plan.here_layers, done.moved.layers_moved) == (0, 3)  # these engines need all layers
        return
    assert (done.plan.here_layers, done.plan.here_bytes) == (2, sum(sizes[:2]))
    assert (done.moved.layers_skipped, done.moved.layers_moved, done.moved.bytes) == (2, 1, sizes[2])
    assert clients.engine(address).image(f"{name}/above:1").diff_ids == seeded.images[0].diff_ids


def test_saved_from_an_engine_it_can_be_pushed(
    make_queue: Make,
    clients: Clients,
    library: Library,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
) -> None:
    # The name contains the registry, because Podman adds its own domain to shorter names.
    name = f"{open_registry.address}/library/saved:1"
    image_id = loaded(any_engine, name, (2 * MB, 30_000, MB))
    engine = clients.engine(address_of(any_engine.host))
    there = engine.image(name)
    queue, eye = make_queue()
    done = eye.until(queue.add(to_library(any_engine, name, library)), State.SUCCEEDED, 60)
    (row,) = library.images()
    assert (str(row.reference), row.digest, row.missing) == (name, done.digest, 0)
    manifest = library.manifest(done.digest)
    assert isinstance(manifest, Manifest)
    assert manifest.config.digest == image_id
    assert library.config(manifest).diff_ids == there.diff_ids
    assert done.plan is not None and done.moved is not None
    assert done.plan.layers == done.moved.layers_moved == 3
    if done.digest != there.image_id:
        assert [note.kind for note in done.notes] == [NoteKind.DIGEST_NOT_KEPT]
        assert [layer.media_type for layer in manifest.layers] == [OCI_LAYER] * 3
    pushed = eye.until(queue.add(push_from(library, name, name)), State.SUCCEEDED, 30)
    assert clients.registry(open_registry.address).manifest("library/saved", "1").digest == pushed.digest
    assert list((library.path / ".longshore" / "ingest").iterdir()) == []
    # Saving again gives the same digest, and the image can be loaded back into the engine.
    again = eye.until(queue.add(to_library(any_engine, name, library, "again:1")), State.SUCCEEDED, 60)
    assert again.digest == done.digest
    engine.remove(name)
    back = eye.until(queue.add(to_engine(library, name, any_engine)), State.SUCCEEDED, 60)
    assert engine.image(name).diff_ids == there.diff_ids
    assert back.digest == engine.image(name).image_id


def test_layers_in_zstd_are_read_by_every_engine(
    make_queue: Make,
    clients: Clients,
    library: Library,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        info = tarfile.TarInfo("zeros")
        info.size = 3 * MB
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    zstd = ZstdCompressor()
    layer = zstd.compress(content.getvalue()) + zstd.flush()
    diff_id = sha256_of(content.getvalue())
    config = document(
        {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
    )
    with contextlib.closing(RegistryWriter(open_registry.address)) as writer:
        manifest = document(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor(OCI_CONFIG, writer.put_blob("library/zstd", config), len(config)),
                "layers": [descriptor(OCI_LAYER_ZSTD, writer.put_blob("library/zstd", layer), len(layer))],
            }
        )
        digest = writer.put_manifest("library/zstd", "1", manifest, OCI_MANIFEST)
    source = f"{open_registry.address}/library/zstd:1"
    queue, eye = make_queue()
    assert eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30).digest == digest
    done = eye.until(queue.add(to_engine(library, source, any_engine)), State.SUCCEEDED, 60)
    assert clients.engine(address_of(any_engine.host)).image(source).diff_ids == (diff_id,)
    assert done.digest in (digest, sha256_of(config))


def test_of_several_platforms_the_engine_gives_what_it_has(
    make_queue: Make,
    clients: Clients,
    library: Library,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
) -> None:
    host = Platform.host()
    platforms = (("linux", "riscv64"), (host.os, host.architecture))
    seeded = seed_repository(open_registry.address, "library/several", ("1",), platforms=platforms)
    name = f"{open_registry.address}/library/several:1"
    queue, eye = make_queue()
    address = address_of(any_engine.host)
    eye.until(queue.add(pull(name, address)), State.SUCCEEDED, 60)
    done = eye.until(queue.add(to_library(any_engine, name, library)), State.SUCCEEDED, 60)
    (row,) = library.images()
    assert (row.digest, row.missing, [str(one) for one in row.platforms]) == (done.digest, 0, [str(host)])
    manifest = library.manifest(done.digest)
    assert isinstance(manifest, Manifest)
    mine = seeded.images[1]
    assert (manifest.config.digest, library.config(manifest).diff_ids) == (mine.config_digest, mine.diff_ids)
    if clients.engine(address).probe().store is ImageStore.CONTAINERD:
        assert done.digest == mine.digest
        assert [note.kind for note in done.notes] == [NoteKind.PICKED]


def test_an_image_of_another_platform_and_none(
    make_queue: Make, library: Library, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    platforms = (("linux", "arm64"), ("linux", "s390x"))
    seed_repository(open_registry.address, "library/foreign", ("1",), platforms=platforms)
    source = f"{open_registry.address}/library/foreign:1"
    queue, eye = make_queue()
    eye.until(queue.add(pull_into(source, library, platforms="all")), State.SUCCEEDED, 30)
    failed = eye.until(queue.add(to_engine(library, source, testbed_engine)), State.FAILED, 30)
    assert isinstance(failed.error, InvalidManifest)
    request = moving(
        Operation.COPY, place(library, source), on(testbed_engine, source), Platform("linux", "arm64")
    )
    assert eye.until(queue.add(request), State.SUCCEEDED, 30).digest
    unknown = eye.until(queue.add(to_engine(library, "unknown:1", testbed_engine)), State.FAILED, 30)
    assert isinstance(unknown.error, NotInLibrary)
    missing = eye.until(queue.add(to_library(testbed_engine, "unknown:1", library)), State.FAILED, 30)
    assert isinstance(missing.error, ImageUnknown)


def test_cancelled_in_the_middle(make_queue: Make, library: Library, testbed_engine: PrivateEngine) -> None:
    loaded(testbed_engine, "long:1", (60 * MB, 50_000))
    queue, eye = make_queue()
    row = queue.add(to_library(testbed_engine, "long:1", library))
    eye.until(row, lambda row: row.moved_bytes > 2 * MB, 60)
    queue.cancel([row])
    eye.until(row, State.CANCELLED)
    assert library.images() == []
    assert list((library.path / ".longshore" / "leases").iterdir()) == []
    assert not any(path.stat().st_size > 50 * MB for path in (library.path / "blobs/sha256").iterdir())
    queue.retry([row])
    eye.until(row, State.SUCCEEDED, 60)
    assert len(blobs_of(library)) == 4
