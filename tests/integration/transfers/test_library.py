"""The library between registries: pulled into, pushed from, copied, on real registries and with other tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.errors import DigestMismatch, InvalidManifest, LibraryDamaged, NotInLibrary
from longshore.library.library import Library
from longshore.oci.digest import sha256_of
from longshore.oci.manifest import OCI_MANIFEST, Index
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import NoteKind, Operation, State, Waiting
from testbed.registry import PrivateRegistry
from testbed.remote_images import RegistryWriter, descriptor, document, seed_repository
from testbed.throttle import Throttle
from transfertools import Eye
from transfertools.layouts import blobs_of, moving, on_disk, place, pull_into, push_from

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000
PLATFORMS = (("linux", "amd64"), ("linux", "arm64"), ("linux", "s390x"))
AMD64 = Platform("linux", "amd64")


@pytest.fixture
def library(clients: Clients, tmp_path: Path) -> Library:
    return clients.library(tmp_path / "library")


def test_pulled_and_pushed_elsewhere_it_is_the_same(
    make_queue: Make,
    clients: Clients,
    library: Library,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
) -> None:
    seeded = seed_repository(open_registry.address, "library/plain", ("1",), layers=(2 * MB, 3 * MB, MB))
    source, target = f"{open_registry.address}/library/plain:1", f"{second_registry.address}/from/library:2"
    queue, eye = make_queue()
    pulled = eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    assert pulled.digest == seeded.digest
    assert pulled.plan is not None and pulled.moved is not None
    assert (pulled.plan.layers, pulled.plan.total_bytes) == (3, seeded.layer_bytes)
    assert (pulled.moved.layers_moved, pulled.moved.bytes) == (3, seeded.layer_bytes)
    (row,) = library.images()
    assert (str(row.reference), row.digest, row.missing) == (source, seeded.digest, 0)
    assert row.platforms == (AMD64,)
    pushed = eye.until(queue.add(push_from(library, source, target)), State.SUCCEEDED, 30)
    assert pushed.digest == seeded.digest
    assert clients.registry(second_registry.address).manifest("from/library", "2").digest == seeded.digest
    for digest in (*seeded.images[0].layer_digests,):
        path = library.path / "blobs" / "sha256" / digest.removeprefix("sha256:")
        assert sha256_of(path.read_bytes()) == digest
    again = eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    assert [note.kind for note in again.notes] == [NoteKind.UP_TO_DATE]
    assert again.moved is not None and again.moved.bytes == 0
    assert list((library.path / ".longshore" / "leases").iterdir()) == []
    assert list((library.path / ".longshore" / "ingest").iterdir()) == []


def test_all_platforms_verbatim_or_one_alone(
    make_queue: Make, clients: Clients, library: Library, open_registry: PrivateRegistry
) -> None:
    machine = (Platform.host().os, Platform.host().architecture)
    platforms = tuple(dict.fromkeys((("linux", "riscv64"), machine, ("linux", "s390x"))))
    seeded = seed_repository(open_registry.address, "library/index", ("1",), platforms=platforms)
    source = f"{open_registry.address}/library/index:1"
    original = clients.registry(open_registry.address).manifest("library/index", "1")
    assert isinstance(original, Index)
    queue, eye = make_queue()
    one = eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    child = original.select(Platform.host())
    assert child is not None
    assert one.digest == child.digest
    assert [(note.kind, note.text) for note in one.notes] == [(NoteKind.PICKED, str(child.platform))]
    assert [row.platforms for row in library.images()] == [(child.platform,)]
    every = eye.until(queue.add(pull_into(source, library, platforms="all")), State.SUCCEEDED, 30)
    assert every.digest == seeded.digest == original.digest
    assert every.moved is not None and every.moved.layers_skipped == 3
    (row,) = library.images()
    assert (len(row.platforms), row.missing) == (len(platforms), 0)
    assert library.manifest(seeded.digest).raw == original.raw
    other = eye.until(queue.add(pull_into(source, library, Platform("linux", "s390x"))), State.SUCCEEDED, 30)
    assert (len(library.images()), library.images()[0].digest) == (1, other.digest)
    assert on_disk(library).blobs == 5  # the other platforms' blobs are gone
    missing = eye.until(queue.add(pull_into(source, library, Platform("linux", "ppc64le"))), State.FAILED, 30)
    assert isinstance(missing.error, InvalidManifest)


def test_by_digest_it_has_a_name_of_its_own(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "library/bydigest", ("1",), platforms=PLATFORMS)
    source = f"{open_registry.address}/library/bydigest@{seeded.digest}"
    queue, eye = make_queue()
    pulled = eye.until(queue.add(pull_into(source, library, platforms="all")), State.SUCCEEDED, 30)
    assert pulled.digest == seeded.digest
    assert [str(row.reference) for row in library.images()] == [source]
    # All its images are already present; the requested one still gets its own row.
    one = eye.until(queue.add(pull_into(source, library, AMD64)), State.SUCCEEDED, 30)
    assert one.digest != seeded.digest
    assert {row.digest for row in library.images()} == {seeded.digest, one.digest}
    target = f"{second_registry.address}/library/bydigest:x"
    assert (
        eye.until(queue.add(push_from(library, source, target)), State.SUCCEEDED, 30).digest == seeded.digest
    )


def test_signatures_come_along_and_go_with_their_image(
    make_queue: Make,
    clients: Clients,
    library: Library,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
) -> None:
    seeded = seed_repository(open_registry.address, "library/signed", ("1",))
    writer = RegistryWriter(open_registry.address)
    try:
        config = writer.put_blob("library/signed", b"{}")
        layer = writer.put_blob("library/signed", b"signed")
        signature = document(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "artifactType": "application/vnd.example.signature",
                "config": descriptor("application/vnd.oci.empty.v1+json", config, 2),
                "layers": [descriptor("application/vnd.example", layer, 6)],
                "subject": descriptor(seeded.media_type, seeded.digest, 1),
            }
        )
        tag = seeded.digest.replace(":", "-") + ".sig"
        writer.put_manifest("library/signed", tag, signature, OCI_MANIFEST)
    finally:
        writer.close()
    source = f"{open_registry.address}/library/signed:1"
    queue, eye = make_queue()
    done = eye.until(queue.add(pull_into(source, library, referrers="1")), State.SUCCEEDED, 30)
    assert [note.kind for note in done.notes] == [NoteKind.REFERRERS]
    (attached,) = library.referrers(seeded.digest)
    assert attached.digest == sha256_of(signature)
    target = f"{second_registry.address}/library/signed:1"
    eye.until(queue.add(push_from(library, source, target, referrers="1")), State.SUCCEEDED, 30)
    there = clients.registry(second_registry.address)
    assert there.manifest("library/signed", tag).digest == sha256_of(signature)
    library.remove(Reference.parse(source))
    assert library.images() == []
    assert blobs_of(library) == set()


def test_from_library_to_library(
    make_queue: Make, clients: Clients, library: Library, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    seeded = seed_repository(open_registry.address, "library/near", ("1",))
    source = f"{open_registry.address}/library/near:1"
    other = clients.library(tmp_path / "other")
    queue, eye = make_queue()
    eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    for target, name in ((other, "app:1"), (library, "app:2")):
        request = moving(Operation.COPY, place(library, source), place(target, name))
        assert eye.until(queue.add(request), State.SUCCEEDED, 30).digest == seeded.digest
    assert [str(row.reference) for row in other.images()] == ["docker.io/library/app:1"]
    assert blobs_of(other) == blobs_of(library)
    assert len(library.images()) == 2
    unknown = moving(Operation.COPY, place(library, "app:3"), place(other, "app:3"))
    assert isinstance(eye.until(queue.add(unknown), State.FAILED, 30).error, NotInLibrary)


def test_a_cut_line_costs_nothing_that_came(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seeded = seed_repository(open_registry.address, "library/cut", ("1",), layers=(4 * MB,))
    source = f"{throttle.address}/library/cut:1"
    throttle.cut_after(3 * MB, path_regex="/blobs/")
    queue, eye = make_queue()
    done = eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    # Only the data in transit at the cut is received twice.
    assert seeded.layer_bytes <= throttle.moved_bytes["response"] < seeded.layer_bytes + 1.5 * MB


def test_cancelled_and_taken_up(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seeded = seed_repository(open_registry.address, "library/cancelled", ("1",), layers=(6 * MB, 5 * MB))
    source = f"{throttle.address}/library/cancelled:1"
    throttle.bytes_per_second = 6 * MB
    queue, eye = make_queue()
    row = queue.add(pull_into(source, library))
    eye.until(row, lambda row: row.moved_bytes > 5 * MB)
    queue.cancel([row])
    eye.until(row, State.CANCELLED)
    kept = on_disk(library)
    assert kept.partial + kept.bytes > 4 * MB
    assert library.images() == []
    before = throttle.moved_bytes["response"]
    throttle.bytes_per_second = None
    queue.retry([row])
    assert eye.until(row, State.SUCCEEDED, 30).digest == seeded.digest
    moved = throttle.moved_bytes["response"] - before
    assert moved < seeded.layer_bytes - kept.partial - kept.bytes + 0.5 * MB


def test_what_a_line_damages_is_not_kept(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seeded = seed_repository(open_registry.address, "library/damaged", ("1",), layers=(2 * MB,))
    layer = seeded.images[0].layer_digests[0]
    throttle.corrupt_next(f"/blobs/{layer}")
    source = f"{throttle.address}/library/damaged:1"
    queue, eye = make_queue()
    row = queue.add(pull_into(source, library))
    failed = eye.until(row, State.FAILED, 30)
    assert isinstance(failed.error, DigestMismatch)
    assert failed.error.subject == layer
    assert (library.images(), on_disk(library).partial) == ([], 0)
    queue.retry([row])
    assert eye.until(row, State.SUCCEEDED, 30).digest == seeded.digest


def test_what_the_disk_damages_is_not_passed_on(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, second_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "library/rotten", ("1",), layers=(2 * MB,))
    source, target = f"{open_registry.address}/library/rotten:1", f"{second_registry.address}/rotten:1"
    queue, eye = make_queue()
    eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    path = library.path / "blobs/sha256" / seeded.images[0].layer_digests[0].removeprefix("sha256:")
    with path.open("r+b") as file:
        file.seek(MB)
        file.write(b"rotten")
    row = queue.add(push_from(library, source, target))
    failed = eye.until(row, State.FAILED, 30)
    assert isinstance(failed.error, LibraryDamaged)
    assert library.images()[0].missing == 1
    # As the error advises: another pull fetches only what is missing.
    again = eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    assert again.moved is not None and again.moved.layers_moved == 1
    queue.retry([row])
    assert eye.until(row, State.SUCCEEDED, 30).digest == seeded.digest


def test_paused_and_gone_on_with(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seeded = seed_repository(open_registry.address, "library/paused", ("1",), layers=(6 * MB, 5 * MB))
    throttle.bytes_per_second = 6 * MB
    queue, eye = make_queue()
    row = queue.add(pull_into(f"{throttle.address}/library/paused:1", library))
    eye.until(row, lambda row: row.pausable and row.moved_bytes > 3 * MB)
    queue.pause([row])
    eye.until(row, lambda row: row.state is State.QUEUED and row.waiting_for is Waiting.PAUSED)
    kept = on_disk(library)
    assert kept.partial + kept.bytes > 3 * MB
    before = throttle.moved_bytes["response"]
    throttle.bytes_per_second = None
    queue.unpause([row])
    assert eye.until(row, State.SUCCEEDED, 30).digest == seeded.digest
    moved = throttle.moved_bytes["response"] - before
    assert moved < seeded.layer_bytes - kept.partial - kept.bytes + 0.5 * MB
