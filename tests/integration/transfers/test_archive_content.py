"""From registries and the library to archives and back: digests stay the same, and other tools read the archives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from archivetools import (
    OCI_INDEX,
    OCI_MANIFEST,
    SUFFIXES,
    Image,
    blob,
    descriptor,
    digest_of,
    docker_parts,
    document,
    layer,
    oci_parts,
    replaced,
    write,
)
from longshore.application.clients import Clients
from longshore.archives.model import ArchiveFormat
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import ArchiveDamaged, ArchiveError, DiskFull, NotInRegistry
from longshore.oci.manifest import OCI_LAYER_GZIP, Manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.progress.progress import Progress
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State
from longshore.transfers.ways.copying import CopyWay
from longshore.transfers.ways.way import Job
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from transfertools import Eye, address_of
from transfertools.archive_summary import inspect_archive
from transfertools.archives import in_archive, in_engine, in_library, in_registry, moving, skopeo, small_disk

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000
PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))


@pytest.mark.parametrize("packed", SUFFIXES)
def test_registry_to_oci_archive_to_registry(
    make_queue: Make,
    clients: Clients,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    tmp_path: Path,
    packed: str,
) -> None:
    seeded = seed_repository(
        open_registry.address, f"archived/{packed}", ("1",), layers=(MB, 500_000), platforms=PLATFORMS
    )
    source = f"{open_registry.address}/archived/{packed}:1"
    path = tmp_path / f"image{SUFFIXES[packed]}"
    queue, eye = make_queue()
    saved = eye.until(
        queue.add(moving(in_registry(source), in_archive(path, source, "oci"))), State.SUCCEEDED, 30
    )
    assert saved.digest == seeded.digest
    assert saved.moved is not None
    assert (saved.moved.layers_moved, saved.moved.bytes) == (4, seeded.layer_bytes)
    assert not saved.pausable
    [row] = inspect_archive(path).images
    assert (row.digest, row.references) == (seeded.digest, (Reference.parse(source),))
    assert [str(platform) for platform in row.platforms] == ["linux/amd64", "linux/arm64"]
    if packed != "zstd":
        raw = json.loads(skopeo("inspect", "--raw", f"oci-archive:{path}"))
        assert [child["digest"] for child in raw["manifests"]] == [image.digest for image in seeded.images]
    target = f"{second_registry.address}/archived/{packed}:2"
    loaded = eye.until(queue.add(moving(in_archive(path, source), in_registry(target))), State.SUCCEEDED, 30)
    assert loaded.digest == seeded.digest
    found = clients.registry(second_registry.address).manifest(f"archived/{packed}", "2")
    assert found.digest == seeded.digest
    # Without a name the choice is clear: there is only one image.
    third = f"{second_registry.address}/archived/{packed}:3"
    assert (
        eye.until(queue.add(moving(in_archive(path), in_registry(third))), State.SUCCEEDED, 30).digest
        == seeded.digest
    )


def test_registry_to_docker_archive_for_engines_and_tools(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    tmp_path: Path,
) -> None:
    seeded = seed_repository(
        open_registry.address, "archived/docker", ("1",), layers=(MB, 500_000), platforms=PLATFORMS
    )
    source, name = f"{open_registry.address}/archived/docker:1", "archived/docker:1"
    path = tmp_path / "image.tar"
    queue, eye = make_queue()
    request = moving(in_registry(source), in_archive(path, name), platform=Platform("linux", "amd64"))
    saved = eye.until(queue.add(request), State.SUCCEEDED, 30)
    assert saved.digest == seeded.images[0].digest
    found = inspect_archive(path)
    assert (found.format, found.images[0].digest) == (ArchiveFormat.DOCKER, seeded.images[0].digest)
    config = json.loads(skopeo("inspect", "--config", "--raw", f"docker-archive:{path}:{name}"))
    assert config["rootfs"]["diff_ids"] == list(seeded.images[0].diff_ids)
    address = address_of(testbed_engine.host)
    eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 30)
    assert clients.engine(address).image(name).diff_ids == seeded.images[0].diff_ids
    with testbed_engine.client() as client, path.open("rb") as file:  # Docker itself can load our archive
        client.remove_image(name)
        client.load_image(file)
    assert clients.engine(address).image(name).diff_ids == seeded.images[0].diff_ids
    target = f"{second_registry.address}/archived/docker:1"
    again = eye.until(queue.add(moving(in_archive(path, name), in_registry(target))), State.SUCCEEDED, 30)
    assert again.digest == seeded.images[0].digest


@pytest.mark.parametrize("format", ["docker", "oci"])
def test_an_archive_of_an_image_without_a_name_goes_to_a_registry_by_its_digest(
    make_queue: Make,
    clients: Clients,
    open_registry: PrivateRegistry,
    tmp_path: Path,
    format: str,
) -> None:
    """As from “docker save ID”: plain layers without a manifest, or an index with only one platform present."""
    image = Image(names=(), layers=(layer("one", 100_000),))
    if format == "docker":
        parts = docker_parts(image)
    else:
        arm = Image(layers=(layer("arm"),), platform=("linux", "arm64"))
        index = document(
            {
                "schemaVersion": 2,
                "mediaType": OCI_INDEX,
                "manifests": [
                    descriptor(
                        OCI_MANIFEST, each.manifest, platform={"os": "linux", "architecture": architecture}
                    )
                    for each, architecture in ((image, "amd64"), (arm, "arm64"))
                ],
            }
        )
        top = document({"schemaVersion": 2, "manifests": [descriptor(OCI_INDEX, index)]})
        parts = [*replaced(oci_parts(image), "index.json", top), blob(index)]
    path = write(tmp_path, parts)
    [row] = inspect_archive(path).images
    assert row.references == ()
    queue, eye = make_queue()
    target = f"{open_registry.address}/archived/nameless-{format}:1"
    request = moving(in_archive(path, format=format, image_id=row.digest), in_registry(target))
    loaded = eye.until(queue.add(request), State.SUCCEEDED, 30)
    found = clients.registry(open_registry.address).manifest(f"archived/nameless-{format}", "1")
    assert isinstance(found, Manifest)
    assert (found.digest, found.config.digest) == (loaded.digest, digest_of(image.config))
    if format == "docker":
        assert [each.media_type for each in found.layers] == [OCI_LAYER_GZIP]
    else:
        assert found.digest == digest_of(image.manifest)


@pytest.mark.parametrize("format", ["docker", "oci"])
def test_library_to_archive_and_back(
    make_queue: Make,
    clients: Clients,
    open_registry: PrivateRegistry,
    tmp_path: Path,
    format: str,
) -> None:
    seeded = seed_repository(open_registry.address, f"archived/library-{format}", ("1",), layers=(MB, MB))
    source = f"{open_registry.address}/archived/library-{format}:1"
    path = tmp_path / "image.tar.gz"
    queue, eye = make_queue()
    first = eye.until(
        queue.add(moving(in_registry(source), in_archive(path, source, format))), State.SUCCEEDED, 30
    )
    assert first.digest == seeded.digest
    library = clients.library(tmp_path / "library")
    kept = eye.until(
        queue.add(moving(in_archive(path, source), in_library(library, source))), State.SUCCEEDED, 30
    )
    assert kept.digest == seeded.digest
    out = tmp_path / "again.tar"
    saved = eye.until(
        queue.add(moving(in_library(library, source), in_archive(out, source, format))), State.SUCCEEDED, 30
    )
    assert saved.digest == seeded.digest
    assert inspect_archive(out).images[0].digest == seeded.digest


def test_one_archive_becomes_another(make_queue: Make, tmp_path: Path) -> None:
    image = Image(layers=(layer("one", 100_000), layer("two")), packed="zstd", names=("archived/other:1",))
    path = write(tmp_path, oci_parts(image), "gzip")
    out = tmp_path / "other.tar.zst"
    queue, eye = make_queue()
    done = eye.until(
        queue.add(moving(in_archive(path), in_archive(out, "archived/new:2"))), State.SUCCEEDED, 30
    )
    found = inspect_archive(out)
    assert found.format is ArchiveFormat.DOCKER
    assert found.images[0].references == (Reference.parse("archived/new:2"),)
    assert found.images[0].digest == done.digest == inspect_archive(path).images[0].digest


def test_zstd_layers_stand_plainly_beside_for_engines_that_do_not_know_them(
    make_queue: Make, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    image = Image(layers=(layer("one", 100_000), layer("two")), packed="zstd", names=("archived/zstd:1",))
    out = tmp_path / "plain.tar"
    queue, eye = make_queue()
    request = moving(in_archive(write(tmp_path, oci_parts(image))), in_archive(out, "archived/zstd:1"))
    eye.until(queue.add(request), State.SUCCEEDED, 30)
    with testbed_engine.client() as client, out.open("rb") as file:
        client.load_image(file)
        assert len(client.inspect_image("archived/zstd:1")["RootFS"]["Layers"]) == 2
        client.remove_image("archived/zstd:1")


@pytest.mark.parametrize("packed", SUFFIXES)
def test_what_a_classic_engine_saved_goes_to_a_registry_compressed(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    tmp_path: Path,
    packed: str,
) -> None:
    name = f"archived/saved-{packed}:1"
    image = Image(layers=tuple(layer(text, 2 * MB) for text in ("one", "two")), names=(name,))
    path = write(tmp_path, docker_parts(image), packed)
    target = f"{open_registry.address}/{name}"
    queue, eye = make_queue()
    done = eye.until(queue.add(moving(in_archive(path, name), in_registry(target))), State.SUCCEEDED, 30)
    found = clients.registry(open_registry.address).manifest(name.removesuffix(":1"), "1")
    assert isinstance(found, Manifest)
    assert (done.digest, found.config.digest) == (found.digest, digest_of(image.config))
    assert {one.media_type for one in found.layers} == {OCI_LAYER_GZIP}
    assert sum(one.size for one in found.layers) < MB
    assert done.moved is not None and done.moved.bytes == sum(one.size for one in found.layers)
    # A second push moves nothing, because compressing gave the same bytes.
    again = eye.until(queue.add(moving(in_archive(path, name), in_registry(target))), State.SUCCEEDED, 30)
    assert again.moved is not None
    assert (again.digest, again.moved.bytes) == (done.digest, 0)
    # An engine that pulls it gets the image that was saved.
    address = address_of(testbed_engine.host)
    for _ in clients.engine(address).pull(Reference.parse(target), cancellation=Cancellation()):
        pass
    pulled = clients.engine(address).image(target)
    assert (pulled.image_id, list(pulled.diff_ids)) == (
        digest_of(image.config),
        [digest_of(each) for each in image.layers],
    )


def test_a_copy_cancelled_in_the_middle_leaves_nothing(
    clients: Clients, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seed_repository(open_registry.address, "archived/cancelled", ("1",), layers=(4 * MB, 4 * MB))
    folder = tmp_path / "saved"
    folder.mkdir()
    name = f"{open_registry.address}/archived/cancelled:1"
    cancellation = Cancellation()

    def changed() -> None:
        if progress.snapshot().moved_bytes >= 2 * MB:
            cancellation.cancel()

    progress = Progress(extracts=False, changed=changed)
    request = moving(in_registry(name), in_archive(folder / "a.tar", name, "oci"))
    job = Job(request, clients, cancellation, progress)
    way = CopyWay(pausable=False)
    with job.closing:
        way.plan(job)
        with pytest.raises(Cancelled):
            way.run(job)
    assert not list(folder.iterdir())


def test_a_full_disk(make_queue: Make, open_registry: PrivateRegistry, tmp_path: Path) -> None:
    seed_repository(open_registry.address, "archived/large", ("1",), layers=(4 * MB, 4 * MB))
    name = f"{open_registry.address}/archived/large:1"
    try:
        with small_disk(tmp_path / "disk", 5 * MB) as folder:
            queue, eye = make_queue()
            failed = eye.until(
                queue.add(moving(in_registry(name), in_archive(folder / "a.tar", name, "oci"))),
                State.FAILED,
                30,
            )
            assert isinstance(failed.error, DiskFull)
            assert not list(folder.iterdir())
    except TestbedUnavailable as problem:
        require(problem)


def test_a_damaged_archive_reaches_no_registry(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    path = write(tmp_path, oci_parts(Image()))
    path.write_bytes(path.read_bytes()[:6000])
    target = f"{open_registry.address}/archived/damaged:1"
    queue, eye = make_queue()
    failed = eye.until(queue.add(moving(in_archive(path), in_registry(target))), State.FAILED, 30)
    assert isinstance(failed.error, ArchiveDamaged)
    tags = clients.registry(open_registry.address)
    with pytest.raises(NotInRegistry):
        tags.manifest("archived/damaged", "1")


def test_several_images_and_none_named(
    make_queue: Make, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    images = (Image(names=("a/one:1",)), Image(layers=(layer("x"),), names=("a/two:1",)))
    path = write(tmp_path, oci_parts(*images))
    target = f"{open_registry.address}/archived/which:1"
    queue, eye = make_queue()
    failed = eye.until(queue.add(moving(in_archive(path), in_registry(target))), State.FAILED, 30)
    assert isinstance(failed.error, ArchiveError)
    assert "a/two:1" in failed.error.detail
    eye.until(queue.add(moving(in_archive(path, "a/two:1"), in_registry(target))), State.SUCCEEDED, 30)
