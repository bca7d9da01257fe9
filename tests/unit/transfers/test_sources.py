"""What the library and archives can give to an engine, found out before any engine is asked."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archivetools import Image, digest_of, docker_parts, layer, oci_parts, write
from longshore.application.clients import Clients
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import EngineAddress, Origin
from longshore.errors import InvalidManifest, NotInLibrary
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.oci.digest import sha256_of
from longshore.oci.image_config import LARGEST_CONFIG
from longshore.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Index, Manifest, parse_manifest
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import Endpoint, LibraryPlace, TransferRequest
from longshore.transfers.ways.loading import tag_of
from longshore.transfers.ways.sources import ArchiveSource, LibrarySource
from longshore.transfers.ways.way import Job
from transfertools.archives import in_archive, in_engine, moving
from transfertools.layouts import NAME, Made, image, index, put, put_blobs, put_index

AMD = Platform("linux", "amd64")
ENGINE = in_engine(EngineAddress("none", "unix:///nowhere.sock", Origin.OPTION))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def job() -> Iterator[Callable[[TransferRequest], Job]]:
    """One attempt, which ends with the test."""
    clients, stack = Clients(os.environ, RegistryConfig), contextlib.ExitStack()

    def made(request: TransferRequest) -> Job:
        job = Job(request, clients, Cancellation(), Progress(extracts=True))
        stack.enter_context(job.closing)
        return job

    with contextlib.closing(clients), stack:
        yield made


Begin = Callable[[TransferRequest], Job]


def from_library(library: Library, name: Reference | None = NAME, image_id: str = "") -> TransferRequest:
    return moving(Endpoint(LibraryPlace(library.path), name, image_id), ENGINE)


def index_of(*children: Descriptor) -> Index:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [child.to_json() for child in children],
    }
    found = parse_manifest(json.dumps(document).encode(), OCI_INDEX)
    assert isinstance(found, Index)
    return found


def put_tower(library: Library, made: Made, height: int) -> str:
    """An image below *height* indexes."""
    lease = library.lease()
    with contextlib.closing(lease):
        put_blobs(library, made, lease)
        library.put(made.manifest, lease)
        top = made.manifest.descriptor
        for _ in range(height - 1):
            found = index_of(top)
            library.put(found, lease)
            top = found.descriptor
        return library.put(index_of(top), lease, NAME)


def without_blob(library: Library, digest: str) -> None:
    (library.path / "blobs" / "sha256" / digest.removeprefix("sha256:")).unlink()


def test_an_image_of_the_library(library: Library, job: Begin) -> None:
    made = image(b"one", b"two")
    put(library, made)
    source = LibrarySource(job(from_library(library)), AMD)
    [found] = source.images
    assert (found.top, found.references, found.made) == (made.manifest, (NAME,), False)
    assert [each.whole for each in found.runnable] == [True]
    layers = source.in_order(made.manifest.layers)
    with source.reading() as read:
        contents = []
        for each in layers:
            with read(each) as pieces:
                contents.append(b"".join(pieces))
    assert contents == [b"one", b"two"]
    assert source.plain(layers[0]) is None


def test_it_stays_whole_until_the_attempt_is_over(library: Library, job: Begin) -> None:
    made = image(b"one")
    put(library, made)
    attempt = job(from_library(library))
    LibrarySource(attempt, AMD)
    library.remove(NAME)
    assert library.blob_size(sha256_of(b"one")) == 3
    attempt.closing.close()
    assert list((library.path / ".longshore" / "leases").iterdir()) == []


def test_an_image_known_by_its_digest_gets_no_name(library: Library, job: Begin) -> None:
    digest = put(library, image(b"one"))
    named = Reference(NAME.domain, NAME.path, None, digest)
    for request in (from_library(library, None, digest), from_library(library, named)):
        assert LibrarySource(job(request), AMD).images[0].references == ()
    assert tag_of(named) is None is tag_of(None)
    assert tag_of(Reference(NAME.domain, NAME.path, "1", digest)) == NAME
    assert tag_of(Reference(NAME.domain, NAME.path)) == Reference(NAME.domain, NAME.path, "latest")


def test_of_an_index_what_cannot_be_read_is_missing(library: Library, job: Begin) -> None:
    here, lost, partial = (
        image(b"x"),
        image(b"y", platform="linux/arm64"),
        image(b"z", platform="linux/s390x"),
    )
    found = index(("linux/amd64", here), ("linux/arm64", lost), ("linux/s390x", partial))
    put_index(library, found, here, lost, partial)
    without_blob(library, lost.manifest.config.digest)
    without_blob(library, partial.manifest.layers[0].digest)
    [archived] = LibrarySource(job(from_library(library)), AMD).images
    assert (archived.top, archived.indexes) == (found, (found,))
    assert [child.digest for child in archived.missing] == [lost.manifest.digest]
    assert {str(each.platform): each.whole for each in archived.images} == {
        "linux/amd64": True,
        "linux/s390x": False,
    }
    assert partial.manifest.digest in archived.documents and lost.manifest.digest not in archived.documents


def test_what_the_engine_would_run_must_be_readable(library: Library, job: Begin) -> None:
    here, other = image(b"x"), image(b"y", platform="linux/arm64")
    put_index(library, index(("linux/amd64", here), ("linux/arm64", other)), here, other)
    without_blob(library, here.manifest.config.digest)
    with pytest.raises(NotInLibrary) as caught:
        LibrarySource(job(from_library(library)), AMD)
    assert caught.value.subject == here.manifest.config.digest
    assert LibrarySource(job(from_library(library)), Platform("linux", "arm64")).images[0].runnable


def test_a_layer_that_is_not_there_is_found_before_the_first_byte(library: Library, job: Begin) -> None:
    made = image(b"one", b"two")
    put(library, made)
    without_blob(library, sha256_of(b"two"))
    source = LibrarySource(job(from_library(library)), AMD)
    assert [each.whole for each in source.images[0].images] == [False]
    with pytest.raises(NotInLibrary):
        source.in_order(made.manifest.layers)


@pytest.mark.parametrize(("height", "read"), [(1, True), (3, True), (4, False)])
def test_indexes_within_indexes(library: Library, job: Begin, height: int, read: bool) -> None:
    digest = put_tower(library, image(b"one"), height)
    with contextlib.nullcontext() if read else pytest.raises(InvalidManifest, match="nested too deeply"):
        [found] = LibrarySource(job(from_library(library)), AMD).images
        assert (found.top.digest, len(found.indexes), len(found.images)) == (digest, height, 1)


def test_indexes_that_name_each_other_twice_are_read_once(library: Library, job: Begin) -> None:
    made = image(b"one")
    lease = library.lease()
    with contextlib.closing(lease):
        put_blobs(library, made, lease)
        library.put(made.manifest, lease)
        inner = index_of(*[made.manifest.descriptor] * 3)
        library.put(inner, lease)
        library.put(index_of(*[inner.descriptor] * 3), lease, NAME)
    [found] = LibrarySource(job(from_library(library)), AMD).images
    assert (len(found.images), len(found.indexes)) == (1, 2)


def artifact(config: bytes, kind: str, size: int | None = None) -> Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor(kind, sha256_of(config), len(config) if size is None else size).to_json(),
        "layers": [],
    }
    found = parse_manifest(json.dumps(document).encode(), OCI_MANIFEST)
    assert isinstance(found, Manifest)
    return found


def test_what_no_engine_could_run(library: Library, job: Begin) -> None:
    put(library, Made(artifact(b"{}", "application/vnd.example.chart"), {sha256_of(b"{}"): b"{}"}))
    with pytest.raises(InvalidManifest, match="an engine can run"):
        LibrarySource(job(from_library(library)), AMD)


def test_a_configuration_too_large_is_not_read(library: Library, job: Begin) -> None:
    lease = library.lease()
    with contextlib.closing(lease):
        library.put(artifact(b"{}", OCI_CONFIG, LARGEST_CONFIG + 1), lease, NAME)
    with pytest.raises(InvalidManifest, match="too large"):
        LibrarySource(job(from_library(library)), AMD)


def test_looking_through_the_library_can_be_cancelled(library: Library, job: Begin) -> None:
    put(library, image(b"one"))
    attempt = job(from_library(library))
    attempt.cancellation.cancel()
    with pytest.raises(Cancelled):
        LibrarySource(attempt, AMD)


@pytest.mark.parametrize("packed", ["none", "gzip", "zstd"])
def test_layers_of_an_archive_in_the_order_of_its_bytes(tmp_path: Path, job: Begin, packed: str) -> None:
    made = Image(layers=(layer("one"), layer("two"), layer("three")), packed=packed)
    parts = oci_parts(made)
    path = write(tmp_path, [*parts[:1], *parts[3:0:-1], *parts[4:]], "gzip")
    source = ArchiveSource(job(moving(in_archive(path), ENGINE)), AMD)
    [found] = source.images
    layers = source.in_order(found.images[0].manifest.layers)
    assert [each.digest for each in layers] == [digest_of(each) for each in made.blobs[::-1]]
    with source.reading() as read:
        for each, data in zip(layers, made.blobs[::-1], strict=True):
            with read(each) as pieces:
                assert b"".join(pieces) == data
    plain = [source.plain(each) for each in layers]
    unpacked = [(digest_of(each), len(each)) for each in made.layers[::-1]]
    if packed == "zstd":
        assert [(each.digest, each.size) for each in plain if each is not None] == unpacked
    else:
        assert plain == [None] * 3


def test_layers_in_zstd_of_the_library(library: Library, job: Begin, tmp_path: Path) -> None:
    made = Image(layers=(layer("one"),), packed="zstd", names=(str(NAME),))
    folder = library.path
    for part in oci_parts(made):
        assert isinstance(part, tuple)
        (folder / part[0]).parent.mkdir(parents=True, exist_ok=True)
        (folder / part[0]).write_bytes(part[1])
    source = LibrarySource(job(from_library(library)), AMD)
    [zstd] = source.in_order(source.images[0].images[0].manifest.layers)
    plain = source.plain(zstd)
    assert plain is not None
    assert (plain.digest, plain.size) == (digest_of(made.layers[0]), len(made.layers[0]))


def test_an_archive_without_a_manifest(tmp_path: Path, job: Begin) -> None:
    path = write(tmp_path, docker_parts(Image()))
    [found] = ArchiveSource(job(moving(in_archive(path), ENGINE)), AMD).images
    assert found.made
    assert found.references == (Reference.parse("team/app:1"),)
