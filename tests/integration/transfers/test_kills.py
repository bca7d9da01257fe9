"""A kill -9 in the middle of every kind of transfer: no tag points to an incomplete image, and the transfer resumes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import docker.errors
import pytest

from longshore.application.clients import Clients
from longshore.library.library import Library
from longshore.oci.reference import Reference
from longshore.transfers.journal.codec import request_to_json
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import Endpoint, RegistryPlace, State, TransferRequest
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.processes import find_program
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle
from transfertools import Eye
from transfertools.everywhere import (
    ArchiveSpot,
    EngineSpot,
    LibrarySpot,
    RegistrySpot,
    Seen,
    Spot,
    name_of,
    request,
)

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000
LAYERS = (2 * MB, 2 * MB, MB)
PAIRS = [
    ("registry", "engine"),
    ("engine", "registry"),
    ("registry", "other"),
    ("registry", "library"),
    ("library", "registry"),
    ("library", "engine"),
    ("registry", "oci-archive"),
    ("oci-archive", "registry"),
    ("oci-archive", "library"),
    ("engine", "docker-archive"),
    ("docker-archive", "engine"),
]

#: Another Longshore without a window: it reports when its transfer moves data, and runs until it is killed.
_OTHER = """
import json, os, sys, threading
from pathlib import Path
from longshore.application.clients import Clients
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.journal.codec import request_from_json
from transfertools import Eye
eye = Eye()
queue = eye.queue = TransferQueue(Clients(os.environ, RegistryConfig), Journal(Path(sys.argv[1])), wake=eye.wake)
queue.start()
row = queue.add(request_from_json(json.loads(sys.argv[2])))
eye.until(row, lambda row: row.moved_bytes > 0 or row.state.finished, 60)
print(row, flush=True)
threading.Event().wait()
"""


class Line(RegistrySpot):
    """A registry behind a line whose rate a test can limit."""

    def __init__(self, registry: PrivateRegistry, line: Throttle) -> None:
        super().__init__(registry)
        self.line = line

    def end(self, label: str) -> Endpoint:
        address = self.line.address
        return Endpoint(RegistryPlace(address), Reference.parse(f"{address}/everywhere/{label}:1"))


@pytest.fixture
def spots(
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    tmp_path: Path,
) -> Iterator[dict[str, Spot]]:
    try:
        find_program("skopeo", "skopeo")
    except TestbedUnavailable as problem:
        require(problem)
    with Throttle(open_registry.address) as first, Throttle(second_registry.address) as second:
        yield {
            "engine": EngineSpot(testbed_engine),
            "registry": Line(open_registry, first),
            "other": Line(second_registry, second),
            "library": LibrarySpot(tmp_path / "library"),
            "oci-archive": ArchiveSpot(tmp_path, "oci"),
            "docker-archive": ArchiveSpot(tmp_path, "docker"),
        }


def stands(spot: Spot, label: str, clients: Clients, folder: Path) -> Seen | None:
    """Return the image under this name, after checking that it is complete; None if there is none."""
    if (
        isinstance(spot, Line)
        and clients.registry(spot.line.address).head(f"everywhere/{label}", "1") is None
    ):
        return None
    if isinstance(spot, LibrarySpot):
        images = Library(folder / "library").images()
        assert not any(image.missing for image in images)
        if not any(image.reference == name_of(label) for image in images):
            return None
    try:
        return spot.look(label)
    except (docker.errors.ImageNotFound, FileNotFoundError):
        return None


def killed_in_the_middle(sent: TransferRequest, journal: Path) -> str:
    """Return the row of a transfer whose program was killed while it moved data."""
    arguments = [sys.executable, "-c", _OTHER, str(journal), json.dumps(request_to_json(sent))]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            return child.stdout.readline().strip()
        finally:
            child.kill()


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_killed_in_the_middle_and_taken_up(
    make_queue: Make,
    clients: Clients,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    testbed_engine: PrivateEngine,
    spots: dict[str, Spot],
    tmp_path: Path,
    source: str,
    target: str,
) -> None:
    label = f"killed-{source}-{target}"
    origin = second_registry if target == "registry" else open_registry
    seeded = seed_repository(origin.address, f"everywhere/{label}", ("1",), layers=LAYERS, seed=label)
    if source not in ("registry", "other"):
        spots[source].fill(label, origin, seeded)
    if target == "engine" and source != "engine":
        with (
            contextlib.closing(testbed_engine.client()) as client,
            contextlib.suppress(docker.errors.NotFound),
        ):
            client.remove_image(f"everywhere/{label}:1", force=True)
    for spot in spots.values():
        if isinstance(spot, Line):
            spot.line.bytes_per_second = 2 * MB
    state = tmp_path / "state"
    state.mkdir()
    row = killed_in_the_middle(
        request(spots[source].end(label), spots[target].end(label)), state / "journal.sqlite3"
    )
    half = stands(spots[target], label, clients, tmp_path)
    assert half is None or half.config == seeded.images[0].config_digest

    for spot in spots.values():
        if isinstance(spot, Line):
            spot.line.bytes_per_second = None
    queue, eye = make_queue()
    if half is None:
        eye.until(row, State.INTERRUPTED)
        queue.retry([row])
        eye.until(row, State.SUCCEEDED, 60)
    whole = stands(spots[target], label, clients, tmp_path)
    assert whole is not None and whole.config == seeded.images[0].config_digest
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".part", ".lease")]
