"""Engine to archive, archive to engine, and engine to engine, on real engines and with skopeo's archives."""

from __future__ import annotations

import contextlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from archivetools import (
    ARCHIVE_PACKERS,
    SUFFIXES,
    Image,
    digest_of,
    docker_parts,
    entry,
    layer,
    oci_parts,
    write,
)
from longshore.application.clients import Clients
from longshore.archives.compression import Compression
from longshore.archives.model import ArchiveFormat
from longshore.cancellation import Cancellation, Cancelled
from longshore.engine.address import EngineAddress
from longshore.errors import (
    ArchiveDamaged,
    ArchiveError,
    ArchiveRefused,
    DiskFull,
    EngineLost,
    ImageUnknown,
    NotAnArchive,
)
from longshore.oci.layer import LayerState
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.progress.progress import Progress
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import NoteKind, Phase, State, TransferRequest
from longshore.transfers.ways.into_engine import IntoEngine
from longshore.transfers.ways.out_of_engine import OutOfEngine
from longshore.transfers.ways.sinks import ArchiveSink
from longshore.transfers.ways.sources import ArchiveSource
from longshore.transfers.ways.way import Job, Way
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.images import load_image, save_images, seed_repository
from testbed.registry import PrivateRegistry
from transfertools import Eye, address_of
from transfertools.archive_summary import inspect_archive
from transfertools.archives import in_archive, in_engine, moving, skopeo, small_disk

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000


def made(
    engine: PrivateEngine, *names: str, layers: tuple[int, ...] = (MB, 2 * MB), seed: object = None
) -> str:
    with contextlib.closing(engine.client()) as client:
        return load_image(client, names, layers, seed=names[0] if seed is None else seed)


def forget(clients: Clients, address: EngineAddress, *names: str) -> None:
    for name in names:
        clients.engine(address).remove(name)


def nothing_but(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("packed", SUFFIXES)
@pytest.mark.parametrize("format", ["docker", "oci"])
def test_saved_and_loaded_again_it_is_the_same(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    tmp_path: Path,
    format: str,
    packed: str,
) -> None:
    name = f"archives/{format}-{packed}:1"
    image_id = made(testbed_engine, name)
    address = address_of(testbed_engine.host)
    folder = tmp_path / "saved"
    folder.mkdir()
    path = folder / f"image{SUFFIXES[packed]}"
    queue, eye = make_queue()
    saved = eye.until(
        queue.add(moving(in_engine(address, name), in_archive(path, name, format))), State.SUCCEEDED, 30
    )
    assert nothing_but(folder, path.name)
    assert saved.plan is not None and saved.moved is not None
    assert (saved.plan.layers, saved.plan.estimated, saved.moved.layers_moved) == (2, True, 2)
    assert saved.moved.bytes >= 3 * MB
    found = inspect_archive(path)
    assert (found.format, found.compression.value) == (ArchiveFormat(format), packed)
    [row] = found.images
    assert (row.references, row.image_id) == ((Reference.parse(name),), image_id)
    if format == "oci":
        assert saved.digest == row.digest
    # Debian's skopeo reads neither compressed docker-archives, whoever wrote them, nor zstd.
    if packed == "none" or (format, packed) == ("oci", "gzip"):
        raw = skopeo("inspect", "--config", "--raw", f"{format}-archive:{path}")
        assert json.loads(raw)["rootfs"]["diff_ids"] == list(clients.engine(address).image(name).diff_ids)
    forget(clients, address, name)
    loaded = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 30)
    assert loaded.digest == image_id
    assert clients.engine(address).image(name).image_id == image_id
    assert loaded.plan is not None and loaded.moved is not None
    assert (loaded.plan.layers, loaded.plan.total_bytes) == (2, row.size)
    assert (loaded.moved.layers_moved, loaded.moved.bytes) == (2, row.size)


def test_several_images_in_one_archive(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    names = [f"archives/several:{number}" for number in (1, 2)]
    ids = [
        made(testbed_engine, names[0], "archives/several:other", layers=(MB, MB), seed="same"),
        made(testbed_engine, names[1], layers=(MB, 500_000), seed="same"),
    ]
    address = address_of(testbed_engine.host)
    path = tmp_path / "several.tar.gz"
    with contextlib.closing(testbed_engine.client()) as client:
        path.write_bytes(ARCHIVE_PACKERS["gzip"](save_images(client, names)))
    queue, eye = make_queue()
    found = inspect_archive(path)
    assert [row.image_id for row in found.images] == ids or [row.image_id for row in found.images] == ids[
        ::-1
    ]
    assert {reference.familiar for row in found.images for reference in row.references} == set(names)
    forget(clients, address, *names, "archives/several:other")
    one = moving(in_archive(path, names[1]), in_engine(address, "archives/renamed:7"))
    eye.until(queue.add(one), State.SUCCEEDED, 30)
    engine = clients.engine(address)
    assert engine.image("archives/renamed:7").image_id == ids[1]
    with pytest.raises(ImageUnknown):
        engine.image(names[0])
    eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 30)
    assert [engine.image(name).image_id for name in names] == ids
    wrong = eye.until(
        queue.add(moving(in_archive(path, "archives/nobody:1"), in_engine(address))), State.FAILED, 30
    )
    assert isinstance(wrong.error, ArchiveError)
    assert names[0] in wrong.error.detail


def test_an_image_without_a_name(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        image_id = load_image(client, [], (MB,), seed="nameless")
    address = address_of(testbed_engine.host)
    path = tmp_path / "nameless.tar"
    queue, eye = make_queue()
    eye.until(queue.add(moving(in_engine(address, image_id=image_id), in_archive(path))), State.SUCCEEDED, 30)
    assert [row.references for row in inspect_archive(path).images] == [()]
    clients.engine(address).remove(image_id)
    loaded = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 30)
    assert loaded.digest == image_id == clients.engine(address).image(image_id).image_id


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_archives_of_skopeo(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    tmp_path: Path,
    kind: str,
) -> None:
    seeded = seed_repository(open_registry.address, f"archives/{kind}", ("1",), layers=(MB, 2 * MB))
    path = tmp_path / "skopeo.tar"
    name = f"archives/{kind}:1"
    source = f"docker://{open_registry.address}/{name}"
    skopeo("copy", "--src-tls-verify=false", source, f"{kind}:{path}:{name}")
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    done = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 30)
    image = clients.engine(address).image(name)
    assert image.diff_ids == seeded.images[0].diff_ids
    assert done.digest == image.image_id
    kept = [note.kind for note in done.notes]
    assert kept == ([NoteKind.DIGEST_NOT_KEPT] if kind == "oci-archive" else [])


def test_layers_of_zstd_are_unpacked_for_an_engine_that_does_not_know_them(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    image = Image(layers=(layer("one", 300_000), layer("two")), packed="zstd", names=("archives/zstd:1",))
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    for packed in SUFFIXES:
        path = write(tmp_path, oci_parts(image), packed)
        eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 30)
        found = clients.engine(address).image("archives/zstd:1")
        assert len(found.diff_ids) == 2
        forget(clients, address, "archives/zstd:1")


def test_the_engines_own_platform_is_loaded_or_the_one_asked_for(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    address = address_of(testbed_engine.host)
    own = clients.engine(address).platform
    images = [
        Image(layers=(layer("other"),), platform=("linux", "s390x"), names=("archives/index:1",)),
        Image(layers=(layer("own"),), platform=("linux", own.architecture)),
    ]
    path = write(tmp_path, oci_parts(*images, index=True))
    queue, eye = make_queue()
    eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 30)
    assert clients.engine(address).image("archives/index:1").platform == own
    other = moving(in_archive(path), in_engine(address), platform=Platform("linux", "s390x"))
    done = eye.until(queue.add(other), State.SUCCEEDED, 30)
    found = clients.engine(address).image("archives/index:1").platform
    assert found is not None and found.architecture == "s390x"
    assert NoteKind.TAG_MOVED in [note.kind for note in done.notes]
    none = moving(in_archive(path), in_engine(address), platform=Platform("linux", "riscv64"))
    failed = eye.until(queue.add(none), State.FAILED, 30)
    assert failed.error is not None and "linux/s390x" in failed.error.detail


@pytest.mark.parametrize("packed", SUFFIXES)
def test_only_the_layers_that_the_engine_has_not_are_sent(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path, packed: str
) -> None:
    below, above = layer(f"below {packed}", 500_000), layer(f"above {packed}", 300_000)
    base = Image(layers=(below,), names=(f"archives/base-{packed}:1",), packed=packed)
    more = Image(layers=(below, above, below), names=(f"archives/more-{packed}:1",), packed=packed)
    last = Image(layers=(below, above), names=(f"archives/last-{packed}:1",), packed=packed)
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    counts = []
    for number, image in enumerate((base, last, more)):
        path = write(tmp_path, oci_parts(image), packed, name=str(number))
        done = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.SUCCEEDED, 30)
        assert done.moved is not None and done.plan is not None
        assert done.plan.here_layers == done.moved.layers_skipped
        counts.append((done.moved.layers_moved, done.moved.layers_skipped))
        found = clients.engine(address).image(image.names[0])
        assert [digest_of(each) for each in image.layers] == list(found.diff_ids)
    # The third image uses a layer a second time, above those that are present: its file must be sent again.
    assert counts == [(1, 0), (1, 1), (1, 1)]


@pytest.mark.parametrize("what", ["truncated", "hostile", "filesystem", "zip"])
def test_a_bad_file_is_refused_before_the_engine_sees_it(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path, what: str
) -> None:
    image = Image(names=("archives/bad:1",))
    path = write(tmp_path, docker_parts(image))
    kind: type[ArchiveError] = ArchiveDamaged
    if what == "truncated":
        path.write_bytes(path.read_bytes()[:4000])
    elif what == "hostile":
        path = write(tmp_path, [*docker_parts(image), entry("x", tarfile.SYMTYPE, "/etc/shadow")])
        kind = ArchiveRefused
    elif what == "filesystem":
        path = write(tmp_path, [entry("etc", tarfile.DIRTYPE), ("etc/passwd", b"x")])
        kind = NotAnArchive
    else:
        path.write_bytes(b"PK\x03\x04" + bytes(100))
        kind = NotAnArchive
    address = address_of(testbed_engine.host)
    before = {row.image_id for row in clients.engine(address).images()}
    queue, eye = make_queue()
    failed = eye.until(queue.add(moving(in_archive(path), in_engine(address))), State.FAILED, 30)
    assert isinstance(failed.error, kind)
    assert failed.error.advice
    assert failed.attempt == 1
    assert {row.image_id for row in clients.engine(address).images()} == before


def cancelled_at(way: Way, request: TransferRequest, clients: Clients, moved: int) -> None:
    """Run an attempt that is cancelled once *moved* bytes have moved."""
    cancellation = Cancellation()

    def changed() -> None:
        if progress.snapshot().moved_bytes >= moved:
            cancellation.cancel()

    progress = Progress(extracts=way.extracts, changed=changed)
    job = Job(request, clients, cancellation, progress)
    with job.closing:
        way.plan(job)
        with pytest.raises(Cancelled):
            way.run(job)
    assert progress.snapshot().moved_bytes >= moved


@pytest.mark.parametrize(("format", "name"), [("docker", "a.tar"), ("oci", "a.tar"), ("oci", "a.tar.gz")])
def test_a_save_cancelled_in_the_middle_leaves_nothing(
    clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path, format: str, name: str
) -> None:
    made(testbed_engine, "archives/cancelled:1", layers=(8 * MB, 8 * MB))
    folder = tmp_path / "saved"
    folder.mkdir()
    request = moving(
        in_engine(address_of(testbed_engine.host), "archives/cancelled:1"),
        in_archive(folder / name, format=format),
    )
    cancelled_at(OutOfEngine(ArchiveSink), request, clients, 4 * MB)
    assert nothing_but(folder)


def test_an_engine_that_is_killed_in_the_middle_of_a_save_leaves_nothing(
    clients: Clients, own_engine: PrivateEngine, tmp_path: Path
) -> None:
    made(own_engine, "archives/killed:1", layers=(8 * MB, 8 * MB))
    folder = tmp_path / "saved"
    folder.mkdir()
    request = moving(
        in_engine(address_of(own_engine.host), "archives/killed:1"), in_archive(folder / "a.tar")
    )

    def changed() -> None:
        if own_engine.is_running and progress.snapshot().moved_bytes >= 2 * MB:
            own_engine.kill()

    way = OutOfEngine(ArchiveSink)
    progress = Progress(extracts=way.extracts, changed=changed)
    job = Job(request, clients, Cancellation(), progress)
    with job.closing:
        way.plan(job)
        with pytest.raises(EngineLost):
            way.run(job)
    assert nothing_but(folder)


def test_a_failed_save_leaves_what_was_there(
    make_queue: Make, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    path = folder / "a.tar"
    path.write_text("mine")
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    failed = eye.until(
        queue.add(moving(in_engine(address, "archives/nowhere:1"), in_archive(path))), State.FAILED, 30
    )
    assert isinstance(failed.error, ImageUnknown)
    assert nothing_but(folder, "a.tar") and path.read_text() == "mine"


def test_a_load_cancelled_in_the_middle_loads_nothing(
    clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    image = Image(layers=(layer("a", 8 * MB), layer("b", 8 * MB)), names=("archives/half:1",))
    path = write(tmp_path, docker_parts(image))
    address = address_of(testbed_engine.host)
    cancelled_at(IntoEngine(ArchiveSource), moving(in_archive(path), in_engine(address)), clients, 4 * MB)
    with pytest.raises(ImageUnknown):
        clients.engine(address).image("archives/half:1")


@pytest.mark.parametrize("format", ["docker", "oci"])
def test_a_full_disk(make_queue: Make, testbed_engine: PrivateEngine, tmp_path: Path, format: str) -> None:
    made(testbed_engine, "archives/large:1", layers=(4 * MB, 4 * MB))
    try:
        with small_disk(tmp_path / "disk", 5 * MB) as folder:
            queue, eye = make_queue()
            request = moving(
                in_engine(address_of(testbed_engine.host), "archives/large:1"),
                in_archive(folder / "large.tar", format=format),
            )
            failed = eye.until(queue.add(request), State.FAILED, 30)
            assert isinstance(failed.error, DiskFull)
            assert failed.error.subject == str(folder / "large.tar")
            assert nothing_but(folder)
    except TestbedUnavailable as problem:
        require(problem)


def test_unpacking_is_a_part_of_the_bar(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    name = "archives/unpacking:1"
    made(testbed_engine, name, layers=(30 * MB, 30 * MB))
    address, path = address_of(testbed_engine.host), tmp_path / "image.tar"
    queue, eye = make_queue()
    eye.until(queue.add(moving(in_engine(address, name), in_archive(path))), State.SUCCEEDED, 60)
    forget(clients, address, name)
    row = queue.add(moving(in_archive(path), in_engine(address)))
    eye.until(row, State.SUCCEEDED, 60)
    seen = eye.seen[row]
    assert Phase.EXTRACTING in {one.phase for one in seen}
    bar = [one.permille for one in seen if one.permille is not None]
    assert bar == sorted(bar)
    # The bar is not full when all is sent.
    sending = [one.permille or 0 for one in seen if one.phase is Phase.MOVING]
    assert sending and max(sending) <= 700
    states = {layer.state for one in seen for layer in one.layers}
    assert LayerState.EXTRACTING in states


def test_a_folder_that_is_not_there(make_queue: Make, testbed_engine: PrivateEngine, tmp_path: Path) -> None:
    made(testbed_engine, "archives/nofolder:1", layers=(1000,))
    queue, eye = make_queue()
    request = moving(
        in_engine(address_of(testbed_engine.host), "archives/nofolder:1"),
        in_archive(tmp_path / "no" / "a.tar"),
    )
    failed = eye.until(queue.add(request), State.FAILED, 30)
    assert type(failed.error) is ArchiveError


def test_what_a_killed_save_left_is_removed_by_the_next(
    make_queue: Make, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    made(testbed_engine, "archives/left:1", layers=(1000,))
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / ".a.tar.0badcafe.part").write_bytes(b"half")
    (folder / ".b.tar.0badcafe.part").write_bytes(b"another's")
    queue, eye = make_queue()
    request = moving(
        in_engine(address_of(testbed_engine.host), "archives/left:1"), in_archive(folder / "a.tar")
    )
    eye.until(queue.add(request), State.SUCCEEDED, 30)
    assert nothing_but(folder, "a.tar", ".b.tar.0badcafe.part")


def test_engine_to_engine(
    make_queue: Make, clients: Clients, testbed_engine: PrivateEngine, own_engine: PrivateEngine
) -> None:
    image_id = made(testbed_engine, "archives/relay:1")
    here, there = (
        address_of(testbed_engine.host),
        EngineAddress("other", own_engine.host, address_of("x").origin),
    )
    queue, eye = make_queue()
    done = eye.until(
        queue.add(moving(in_engine(here, "archives/relay:1"), in_engine(there, "archives/relay:1"))),
        State.SUCCEEDED,
        60,
    )
    assert done.digest == image_id == clients.engine(there).image("archives/relay:1").image_id
    assert done.moved is not None and done.plan is not None
    assert (done.moved.layers_moved, done.plan.layers) == (2, 2)
    assert not done.notes
    named = moving(in_engine(here, "archives/relay:1"), in_engine(there, "archives/other:2"))
    again = eye.until(queue.add(named), State.SUCCEEDED, 30)
    assert [note.kind for note in again.notes] == [NoteKind.TAGGED]
    assert clients.engine(there).image("archives/other:2").image_id == image_id
    last = eye.until(queue.add(named), State.SUCCEEDED, 30)
    assert [note.kind for note in last.notes] == [NoteKind.UP_TO_DATE]


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.GZIP, Compression.ZSTD])
def test_the_ending_of_the_name_decides(
    make_queue: Make, testbed_engine: PrivateEngine, tmp_path: Path, compression: Compression
) -> None:
    made(testbed_engine, "archives/ending:1", layers=(1000,))
    ending = {Compression.NONE: "image.tar", Compression.GZIP: "image.TGZ", Compression.ZSTD: "image.tzst"}
    path = tmp_path / ending[compression]
    queue, eye = make_queue()
    request = moving(in_engine(address_of(testbed_engine.host), "archives/ending:1"), in_archive(path))
    eye.until(queue.add(request), State.SUCCEEDED, 30)
    assert inspect_archive(path).compression is compression
