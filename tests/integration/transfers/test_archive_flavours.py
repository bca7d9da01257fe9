"""Archives and relays on every kind of engine: whether each keeps an image's digest, and whether the row says so."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from archivetools import ARCHIVE_PACKERS, Image, digest_of, layer, oci_parts, write
from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.engine.address import EngineAddress, Origin
from longshore.engine.model import ImageStore
from longshore.errors import ImageUnknown
from longshore.oci.reference import Reference
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import NoteKind, State
from testbed.engine import PrivateEngine
from testbed.images import load_image, save_images, seed_repository
from testbed.registry import PrivateRegistry
from transfertools import Eye, address_of
from transfertools.archive_summary import inspect_archive
from transfertools.archives import in_archive, in_engine, in_registry, moving, skopeo

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000
PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))


def place(engine: PrivateEngine) -> EngineAddress:
    return EngineAddress(engine.flavour, engine.host, Origin.OPTION)


def forget(clients: Clients, address: EngineAddress, name: str) -> None:
    with contextlib.suppress(ImageUnknown):
        clients.engine(address).remove(name, force=True)


@pytest.mark.parametrize("format", ["docker", "oci"])
def test_saved_and_loaded_again(
    make_queue: Make, clients: Clients, any_engine: PrivateEngine, tmp_path: Path, format: str
) -> None:
    name = f"docker.io/flavours/{format}:1"  # Podman adds its own domain to short names
    with contextlib.closing(any_engine.client()) as client:
        load_image(client, [name], (MB, 2 * MB), seed=name)
    address, path = place(any_engine), tmp_path / "image.tar"
    before = clients.engine(address).image(name)
    queue, eye = make_queue()
    saved = eye.until(
        queue.add(moving(in_engine(address, name), in_archive(path, name, format))), State.SUCCEEDED, 60
    )
    assert saved.moved is not None and saved.moved.layers_moved == 2
    [row] = inspect_archive(path).images
    assert list(map(str, row.references)) == [name]
    config = json.loads(skopeo("inspect", "--config", "--raw", f"{format}-archive:{path}"))
    assert config["rootfs"]["diff_ids"] == list(before.diff_ids)
    forget(clients, address, name)
    loaded = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 60)
    after = clients.engine(address).image(name)
    assert after.diff_ids == before.diff_ids
    assert after.image_id == before.image_id == loaded.digest


def test_an_index_from_a_registry_by_an_archive(
    make_queue: Make,
    clients: Clients,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    tmp_path: Path,
) -> None:
    seeded = seed_repository(
        open_registry.address, "flavours/index", ("1",), layers=(MB, MB), platforms=PLATFORMS
    )
    source = f"{open_registry.address}/flavours/index:1"
    address, path = place(any_engine), tmp_path / "index.tar.gz"
    queue, eye = make_queue()
    eye.until(queue.add(moving(in_registry(source), in_archive(path, source, "oci"))), State.SUCCEEDED, 30)
    done = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 60)
    engine = clients.engine(address)
    found, kept = engine.image(source), [note.kind for note in done.notes]
    own = next(image for image in seeded.images if image.platform[1] == engine.platform.architecture)
    assert found.diff_ids == own.diff_ids
    if engine.probe().store is ImageStore.CONTAINERD:
        assert (found.image_id, kept) == (seeded.digest, [])
    else:
        assert kept == [NoteKind.DIGEST_NOT_KEPT]
    # The archive that this engine saves is read as one complete image.
    out = tmp_path / "out.tar"
    eye.until(
        queue.add(moving(in_engine(address, source), in_archive(out, source, "oci"))), State.SUCCEEDED, 60
    )
    [row] = inspect_archive(out).images
    if engine.probe().store is ImageStore.CONTAINERD:
        assert row.digest in (seeded.digest, own.digest)
    forget(clients, address, source)


def test_relayed_there_and_back(
    make_queue: Make, clients: Clients, any_engine: PrivateEngine, own_engine: PrivateEngine
) -> None:
    name = "docker.io/flavours/relay:1"
    with contextlib.closing(own_engine.client()) as client:
        image_id = load_image(client, [name], (MB, 2 * MB), seed="relay")
    here, there = address_of(own_engine.host), place(any_engine)
    diff_ids = clients.engine(here).image(name).diff_ids
    queue, eye = make_queue()
    done = eye.until(queue.add(moving(in_engine(here, name), in_engine(there, name))), State.SUCCEEDED, 60)
    found = clients.engine(there).image(name)
    assert (found.diff_ids, found.image_id) == (diff_ids, done.digest)
    notes = [note.kind for note in done.notes]
    if clients.engine(there).probe().store is ImageStore.CONTAINERD:
        assert notes == [NoteKind.REPACKED]
    else:
        assert (done.digest, notes) == (image_id, [])
    clients.engine(here).remove(name)
    back = eye.until(queue.add(moving(in_engine(there, name), in_engine(here, name))), State.SUCCEEDED, 60)
    assert clients.engine(here).image(name).diff_ids == diff_ids
    assert back.digest == image_id
    forget(clients, there, name)


def test_layers_that_are_there_already(
    make_queue: Make, clients: Clients, any_engine: PrivateEngine, tmp_path: Path
) -> None:
    below, above = layer("below", 500_000), layer("above", 300_000)
    names = ("docker.io/flavours/base:1", "docker.io/flavours/more:1")
    images = (Image(layers=(below,), names=names[:1]), Image(layers=(below, above), names=names[1:]))
    address = place(any_engine)
    queue, eye = make_queue()
    for number, image in enumerate(images):
        path = write(tmp_path, oci_parts(image), "gzip", name=str(number))
        done = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 60)
        found = clients.engine(address).image(image.names[0])
        assert [digest_of(each) for each in image.layers] == list(found.diff_ids)
    classic = clients.engine(address).probe().store is ImageStore.CLASSIC
    assert done.moved is not None
    assert done.moved.layers_skipped == (1 if classic else 0)
    for name in names:
        forget(clients, address, name)


def test_several_images_in_one_archive(
    make_queue: Make, clients: Clients, any_engine: PrivateEngine, tmp_path: Path
) -> None:
    names = [f"docker.io/flavours/several:{number}" for number in (1, 2)]
    with contextlib.closing(any_engine.client()) as client:
        for name in names:
            load_image(client, [name], (MB, 500_000), seed=name)
        archive = save_images(client, names)
    address, path = place(any_engine), tmp_path / "several.tar.zst"
    path.write_bytes(ARCHIVE_PACKERS["zstd"](archive))
    ids = [clients.engine(address).image(name).image_id for name in names]
    queue, eye = make_queue()
    assert sorted(str(one) for row in inspect_archive(path).images for one in row.references) == names
    for name in names:
        forget(clients, address, name)
    eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 60)
    assert [clients.engine(address).image(name).image_id for name in names] == ids
    for name in names:
        forget(clients, address, name)


def test_among_engines_of_one_kind_everything_stays_the_same(
    make_queue: Make,
    clients: Clients,
    any_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    tmp_path: Path,
) -> None:
    seeded = seed_repository(
        open_registry.address, "flavours/equals", ("1",), layers=(MB, MB), platforms=PLATFORMS
    )
    name = f"{open_registry.address}/flavours/equals:1"
    here = place(any_engine)
    engine = clients.engine(here)
    for _ in engine.pull(Reference.parse(name), cancellation=Cancellation()):
        pass
    image = engine.image(name)
    with PrivateEngine(tmp_path / "twin", flavour=any_engine.flavour) as twin:
        there = EngineAddress("twin", twin.host, Origin.OPTION)
        queue, eye = make_queue()
        done = eye.until(
            queue.add(moving(in_engine(here, name), in_engine(there, name))), State.SUCCEEDED, 60
        )
        found = clients.engine(there).image(name)
        assert (found.image_id, found.diff_ids) == (image.image_id, image.diff_ids)
        assert done.digest == image.image_id
        assert not done.notes
        if engine.probe().store is ImageStore.CONTAINERD:
            assert done.digest == seeded.digest
    forget(clients, here, name)
