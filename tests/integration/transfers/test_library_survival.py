"""The library among other programs, and on disks that fill up: kills, two at once, skopeo and crane."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.errors import DiskFull
from longshore.library.library import Library
from longshore.oci.reference import Reference
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State
from testbed.errors import TestbedUnavailable, require
from testbed.newer_engines import CRANE, find
from testbed.processes import find_program
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle
from transfertools import Eye, wait_until
from transfertools.layouts import blobs_of, on_disk, pull_into, push_from

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000

#: Another Longshore without a window: it pulls one image and reports the result.
_OTHER = """
import os
import sys
from pathlib import Path
from longshore.application.clients import Clients
from longshore.library.library import Library
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State
from transfertools import Eye
from transfertools.layouts import pull_into
source, library, journal = sys.argv[1:]
clients, eye = Clients(os.environ, RegistryConfig), Eye()
queue = eye.queue = TransferQueue(clients, Journal(Path(journal)), wake=eye.wake)
queue.start()
row = queue.add(pull_into(source, clients.library(Path(library))))
done = eye.until(row, lambda row: row.state.finished, 60)
print(done.state.value, done.digest, done.error and done.error.detail, flush=True)
queue.shutdown(2.0)
clients.close()
"""


@contextlib.contextmanager
def another(source: str, library: Library, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A second process that pulls *source* into *library*."""
    arguments = [sys.executable, "-c", _OTHER, source, str(library.path), str(folder / "other.sqlite3")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def library(clients: Clients, tmp_path: Path) -> Library:
    return clients.library(tmp_path / "library")


def test_killed_in_the_middle_of_a_pull(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, throttle: Throttle, tmp_path: Path
) -> None:
    layers = (6 * MB, 5 * MB, MB)
    seeded = seed_repository(open_registry.address, "library/killed", ("1",), layers=layers)
    source = f"{throttle.address}/library/killed:1"
    throttle.bytes_per_second = 6 * MB
    with another(source, library, tmp_path) as process:
        wait_until(
            lambda: on_disk(library).partial + on_disk(library).bytes > 5 * MB, "half of the image", 60
        )
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    kept = on_disk(library)
    assert kept.bytes + kept.partial > 5 * MB
    assert library.images() == []
    wait_until(lambda: throttle.open_connections == 0, "the end of its connections")
    before = throttle.moved_bytes["response"]
    throttle.bytes_per_second = None
    queue, eye = make_queue()
    done = eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    # Only the manifest and the configuration were received again, and no byte of the layers that were already here.
    again = throttle.moved_bytes["response"] - before
    assert seeded.layer_bytes - kept.partial - kept.bytes <= again
    assert again < seeded.layer_bytes - kept.partial - kept.bytes + 20_000
    assert (library.images()[0].missing, on_disk(library).partial) == (0, 0)


def test_two_longshores_pull_the_same_at_once(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, throttle: Throttle, tmp_path: Path
) -> None:
    layers = (3 * MB, 2 * MB, MB)
    seeded = seed_repository(open_registry.address, "library/twice", ("1", "2"), layers=layers)
    throttle.bytes_per_second = 4 * MB
    queue, eye = make_queue()
    with another(f"{throttle.address}/library/twice:1", library, tmp_path) as process:
        wait_until(lambda: on_disk(library).partial, "its first byte", 60)
        row = queue.add(pull_into(f"{throttle.address}/library/twice:2", library))
        assert eye.until(row, State.SUCCEEDED, 60).digest == seeded.digest
        said, _ = process.communicate(timeout=60)
        assert said.split()[:2] == ["Succeeded", seeded.digest]
    assert {str(row.reference).rpartition(":")[2] for row in library.images()} == {"1", "2"}
    assert all(row.missing == 0 for row in library.images())
    assert throttle.moved_bytes["response"] < seeded.layer_bytes + 50_000  # each layer once


def test_one_pulls_what_another_removes(
    make_queue: Make, library: Library, open_registry: PrivateRegistry, throttle: Throttle, tmp_path: Path
) -> None:
    """An image is removed while another image that shares its layers is being pulled."""
    base = (2 * MB, 3 * MB)
    seed_repository(open_registry.address, "library/base", ("1",), layers=base, seed="shared")
    more = seed_repository(
        open_registry.address, "library/more", ("1",), layers=(*base, 4 * MB), seed="shared"
    )
    first, second = f"{throttle.address}/library/base:1", f"{throttle.address}/library/more:1"
    queue, eye = make_queue()
    eye.until(queue.add(pull_into(first, library)), State.SUCCEEDED, 30)
    throttle.bytes_per_second = 2 * MB
    with another(second, library, tmp_path) as process:
        wait_until(lambda: on_disk(library).partial, "its first byte", 60)
        freed = library.remove(Reference.parse(first))
        throttle.bytes_per_second = None
        said, _ = process.communicate(timeout=60)
        assert said.split()[:2] == ["Succeeded", more.digest]
    assert freed.blobs == 2  # manifest and configuration: the other image needs the layers
    assert [(row.digest, row.missing) for row in library.images()] == [(more.digest, 0)]
    assert len(blobs_of(library)) == 5


def test_a_full_disk(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root for a small disk of its own")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    try:
        library = clients.library(disk / "library")
        small = seed_repository(open_registry.address, "library/small", ("1",), layers=(2 * MB,))
        large = seed_repository(
            open_registry.address, "library/large", ("1",), layers=(3 * MB, 2_900_000, MB)
        )
        name = f"{open_registry.address}/library"
        queue, eye = make_queue()
        eye.until(queue.add(pull_into(f"{name}/small:1", library)), State.SUCCEEDED, 30)
        row = queue.add(pull_into(f"{name}/large:1", library))
        failed = eye.until(row, State.FAILED, 30)
        assert isinstance(failed.error, DiskFull)
        assert failed.error.subject == str(library.path)
        assert [(one.digest, one.missing) for one in library.images()] == [(small.digest, 0)]
        library.remove(Reference.parse(f"{name}/small:1"))
        queue.retry([row])
        assert eye.until(row, State.SUCCEEDED, 30).digest == large.digest
        assert [(one.digest, one.missing) for one in library.images()] == [(large.digest, 0)]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# -- other tools


@pytest.fixture
def skopeo() -> Callable[..., str]:
    try:
        program = find_program("skopeo", "skopeo")
    except TestbedUnavailable as problem:
        require(problem)

    def run(*arguments: str) -> str:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_skopeo_reads_the_library(
    make_queue: Make,
    clients: Clients,
    library: Library,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    skopeo: Callable[..., str],
) -> None:
    platforms = (("linux", "amd64"), ("linux", "arm64"))
    plain = seed_repository(open_registry.address, "library/skopeo", ("1",))
    index = seed_repository(open_registry.address, "library/skopeo-index", ("1",), platforms=platforms)
    queue, eye = make_queue()
    name = f"{open_registry.address}/library/skopeo"
    for source in (f"{name}:1", f"{name}-index:1"):
        eye.until(queue.add(pull_into(source, library, platforms="all")), State.SUCCEEDED, 30)
    seen = json.loads(skopeo("inspect", f"oci:{library.path}:{name}:1"))
    assert seen["Digest"] == plain.digest
    for source, digest in ((f"{name}:1", plain.digest), (f"{name}-index:1", index.digest)):
        target = f"{second_registry.address}/by/skopeo:{digest[-8:]}"
        skopeo(
            "copy", "--all", "--preserve-digests", "--dest-tls-verify=false",
            f"oci:{library.path}:{source}", f"docker://{target}",
        )  # fmt: skip
        there = clients.registry(second_registry.address).head("by/skopeo", digest[-8:])
        assert there is not None and there.digest == digest


def test_the_library_reads_what_skopeo_wrote(
    make_queue: Make,
    clients: Clients,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    skopeo: Callable[..., str],
    tmp_path: Path,
) -> None:
    seeded = seed_repository(open_registry.address, "library/written", ("1",))
    folder = tmp_path / "layout"
    skopeo(
        "copy", "--all", "--src-tls-verify=false",
        f"docker://{open_registry.address}/library/written:1", f"oci:{folder}:team/written:1",
    )  # fmt: skip
    library = clients.library(folder)
    (row,) = library.images()
    assert (str(row.reference), row.missing, row.digest) == ("docker.io/team/written:1", 0, seeded.digest)
    queue, eye = make_queue()
    target = f"{second_registry.address}/library/written:1"
    done = eye.until(queue.add(push_from(library, "team/written:1", target)), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    # Both write to the same folder.
    source = f"{open_registry.address}/library/written:1"
    eye.until(queue.add(pull_into(source, library)), State.SUCCEEDED, 30)
    skopeo("copy", "--src-tls-verify=false", f"docker://{source}", f"oci:{folder}:team/again:1")
    assert {str(one.reference) for one in library.images()} == {
        source,
        "docker.io/team/written:1",
        "docker.io/team/again:1",
    }


def test_crane_reads_the_library_and_the_library_what_crane_wrote(
    make_queue: Make,
    clients: Clients,
    library: Library,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    tmp_path: Path,
) -> None:
    try:
        program = find(CRANE) / "usr" / "bin" / "crane"
    except TestbedUnavailable as problem:
        require(problem)

    def crane(*arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments, "--insecure"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    platforms = (("linux", "amd64"), ("linux", "arm64"))
    seeded = seed_repository(open_registry.address, "library/crane", ("1",), platforms=platforms)
    source, there = f"{open_registry.address}/library/crane:1", f"{second_registry.address}/by/crane"
    queue, eye = make_queue()
    eye.until(queue.add(pull_into(source, library, platforms="all")), State.SUCCEEDED, 30)
    crane("push", str(library.path), f"{there}:1")
    assert crane("digest", f"{there}:1").strip() == seeded.digest
    folder = tmp_path / "crane"
    crane("pull", "--format=oci", "--annotate-ref", source, str(folder))
    other = clients.library(folder)
    (row,) = other.images()
    assert (str(row.reference), row.digest, row.missing) == (source, seeded.digest, 0)
    done = eye.until(queue.add(push_from(other, source, f"{there}:2")), State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
