"""From everywhere to everywhere: every pair of places, on real parts, through the queue.

If both sides keep manifests, the digest stays the same. An engine that keeps images unpacked has to make a new
manifest, and the row says so. A docker-archive has no manifest. In both cases the configuration and the layers stay
the same.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from longshore.application.clients import Clients
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import NoteKind, State, TransferSnapshot
from longshore.transfers.ways.table import all_ways, kind_of
from testbed.bed import Testbed
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.processes import find_program
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from transfertools import Eye
from transfertools.everywhere import (
    ArchiveSpot,
    EngineSpot,
    LibrarySpot,
    RegistrySpot,
    Seen,
    Spot,
    request,
)

#: The second registry behaves like the first, and Podman like the classic store, so they need fewer partners.
PAIRS = [
    *itertools.permutations(
        ("classic", "containerd", "registry", "library", "oci-archive", "docker-archive"), 2
    ),
    *itertools.permutations(("registry", "other"), 2),
    *(
        pair
        for spot in ("classic", "registry", "library", "oci-archive")
        for pair in itertools.permutations(("podman", spot), 2)
    ),
]
#: Pairs in which an index stays complete.
WHOLE = [
    *itertools.permutations(("registry", "library", "oci-archive"), 2),
    *itertools.permutations(("registry", "other"), 2),
]
BOTH = [("linux", "amd64"), ("linux", "arm64")]
#: Engines that keep images unpacked, without their manifests.
UNPACKED = ("classic", "podman")
LAYERS = (20_000, 400_000, 5)
SAYS = {NoteKind.REPACKED, NoteKind.DIGEST_NOT_KEPT}

Move = Callable[[Spot, Spot, str], TransferSnapshot]


@pytest.fixture(scope="module")
def podman(testbed: Testbed) -> PrivateEngine | None:
    """The Podman engine; None if there is none, because it is optional."""
    try:
        return testbed.engine_of("podman")
    except TestbedUnavailable:
        return None


@pytest.fixture(scope="module")
def spots(
    testbed_engine: PrivateEngine,
    containerd_engine: PrivateEngine,
    podman: PrivateEngine | None,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Spot]:
    try:
        find_program("skopeo", "skopeo")
    except TestbedUnavailable as problem:
        require(problem)
    folder = tmp_path_factory.mktemp("everywhere")
    found: dict[str, Spot] = {} if podman is None else {"podman": EngineSpot(podman)}
    return found | {
        "classic": EngineSpot(testbed_engine),
        "containerd": EngineSpot(containerd_engine),
        "registry": RegistrySpot(open_registry),
        "other": RegistrySpot(second_registry),
        "library": LibrarySpot(folder / "library"),
        "oci-archive": ArchiveSpot(folder, "oci"),
        "docker-archive": ArchiveSpot(folder, "docker"),
    }


@pytest.fixture(scope="module")
def move(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    """Return a function that moves an image from one spot to another and returns the row, which succeeded."""
    clients = Clients(os.environ, RegistryConfig)
    eye = Eye()
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal.sqlite3")
    queue = TransferQueue(clients, journal, wake=eye.wake)
    eye.queue = queue
    queue.start()

    def run(source: Spot, target: Spot, label: str, **options: str) -> TransferSnapshot:
        row = queue.add(request(source.end(label), target.end(label), **options))
        done = eye.until(row, lambda row: row.state.finished, 60)
        assert done.state is State.SUCCEEDED, (done.error, done.error and done.error.detail)
        return done

    yield run
    assert queue.shutdown(30)
    clients.close()


def said(row: TransferSnapshot) -> set[NoteKind]:
    """The row's notes about digests that are not kept."""
    return {note.kind for note in row.notes} & SAYS


def named(pair: tuple[str, str]) -> str:
    return "-to-".join(pair)


@pytest.mark.parametrize("pair", PAIRS, ids=named)
def test_every_pair(
    spots: dict[str, Spot], move: Move, open_registry: PrivateRegistry, pair: tuple[str, str]
) -> None:
    if not set(pair) <= set(spots):
        pytest.skip("no Podman here")
    # Each pair has its own layers: containerd's store does not pull layers that it has unpacked from other images.
    seeded = seed_repository(open_registry.address, f"everywhere/of-{named(pair)}", ("1",), layers=LAYERS)
    config, diff_ids = seeded.images[0].config_digest, seeded.images[0].diff_ids
    source, target = (spots[name] for name in pair)
    source.fill(named(pair), open_registry, seeded)
    before = source.look(named(pair))
    assert before == Seen(seeded.digest if source.keeps else "", config, diff_ids)
    done = move(source, target, named(pair))
    after = target.look(named(pair))
    assert (after.config, after.diff_ids) == (config, diff_ids)
    if target.keeps:
        assert done.digest == after.top
    if source.keeps and target.keeps:
        assert after.top == seeded.digest
        assert not said(done)
    elif pair[0] in UNPACKED and target.keeps:
        # The manifest is new; its digest is the same only if the registry already had the compressed layers.
        assert bool(said(done)) == (after.top != seeded.digest)
    elif pair[1] in UNPACKED and source.keeps:
        # The engine records the digest of a pull, which verifies it; a load has none.
        assert done.digest == seeded.digest if pair[0] in ("registry", "other") else said(done)
    else:
        assert not said(done)


@pytest.mark.parametrize("pair", WHOLE, ids=named)
def test_an_index_stays_whole(
    spots: dict[str, Spot], move: Callable[..., object], open_registry: PrivateRegistry, pair: tuple[str, str]
) -> None:
    label = f"{named(pair)}-index"
    seeded = seed_repository(
        open_registry.address, f"everywhere/of-{label}", ("1",), layers=LAYERS, platforms=BOTH
    )
    source, target = (spots[name] for name in pair)
    source.fill(label, open_registry, seeded)
    expected = Seen(seeded.digest, seeded.images[0].config_digest, seeded.images[0].diff_ids)
    assert source.look(label) == expected
    options = {"platforms": "all"} if pair[1] == "library" and pair[0] != "oci-archive" else {}
    move(source, target, label, **options)
    assert target.look(label) == expected


@pytest.mark.parametrize("way", ["containerd", "library", "oci-archive"])
def test_dockers_own_manifests_keep_their_digests_too(
    spots: dict[str, Spot], move: Move, open_registry: PrivateRegistry, way: str
) -> None:
    label = f"docker-by-{way}"
    seeded = seed_repository(
        open_registry.address, f"everywhere/of-{label}", ("1",), layers=LAYERS, image_format="docker"
    )
    spots["registry"].fill(label, open_registry, seeded)
    for source, target in (("registry", way), (way, "other")):
        done = move(spots[source], spots[target], label)
        assert (done.digest, said(done)) == (seeded.digest, set())
    assert spots["other"].look(label).top == seeded.digest


def test_there_is_a_way_between_any_two(spots: dict[str, Spot]) -> None:
    known = all_ways()
    ends = [(one.end("x"), other.end("x")) for one, other in itertools.permutations(spots.values(), 2)]
    assert [kind_of(request(*pair)) for pair in ends if kind_of(request(*pair)) not in known] == []
