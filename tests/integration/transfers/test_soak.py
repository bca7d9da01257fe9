"""Two hundred transfers with cancels, an engine restart and a registry restart in the middle."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import threading
import time
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.engine.address import EngineAddress
from longshore.errors import ImageUnknown
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import Operation, State, TransferRequest
from longshore.transfers.ways.pull import carries
from testbed.engine import PrivateEngine
from testbed.images import load_image, seed_repository
from testbed.registry import PrivateRegistry
from transfertools import Eye, address_of, pull, push, wait_until

TRANSFERS = 200
IMAGES = 10
#: Kilobytes by which memory may grow in a run: caches of allocator and interpreter, but no transfers.
GROWTH_KB = 24_000


def resident_kb() -> int:
    """Return the resident memory of this process in kilobytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def sockets() -> int:
    """Return the number of open sockets of this process."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(link.readlink()).startswith("socket:")
    return count


def files() -> int:
    """Return the number of open file descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def requests_of(address: EngineAddress, registry: str, kind: str, count: int) -> list[TransferRequest]:
    """Return *count* requests: pulls and pushes alternate."""
    made: list[TransferRequest] = []
    for number in range(count // 2):
        made.append(pull(f"{registry}/soak/remote{number % IMAGES}:{kind}{number}", address))
        made.append(
            push(
                f"soak/local{number % IMAGES}:1",
                f"{registry}/soak/pushed{number % IMAGES}:{kind}{number}",
                address,
            )
        )
    return made


def seed(engine: PrivateEngine, registry: PrivateRegistry, counts: dict[str, int]) -> None:
    """Put images into the registry under every tag to be pulled, and load local images to push."""
    for image in range(IMAGES):
        tags = [
            f"{kind}{number}" for kind, count in counts.items() for number in range(image, count // 2, IMAGES)
        ]
        seed_repository(
            registry.address, f"soak/remote{image}", tags, layers=(20_000, 30_000), seed=f"r{image}"
        )
        with contextlib.closing(engine.client()) as client:
            load_image(client, [f"soak/local{image}:1"], (20_000, 30_000), seed=f"l{image}")


def run(clients: Clients, state: Path, requests: list[TransferRequest], *, storm: object = None) -> Eye:
    """Run all of *requests* to their ends in a new queue; *storm* is called after a third of them."""
    eye = Eye()
    eye.queue = queue = TransferQueue(
        clients, Journal(state / "journal.sqlite3"), concurrency=6, wake=eye.wake
    )
    queue.start()
    rows = [queue.add(request) for request in requests]
    chance = random.Random(7)
    struck = storm is None

    def finished() -> int:
        eye.look()
        return sum(row.state.finished for row in eye.rows.values())

    def done() -> bool:
        nonlocal struck
        count = finished()
        if not struck and count >= len(rows) // 3:
            struck = True
            assert callable(storm)
            storm(count)
        if storm is not None and chance.random() < 0.08:
            queue.cancel([chance.choice(rows)])
        return count == len(rows)

    wait_until(done, "every row ends", timeout=80)
    assert queue.shutdown(30)
    eye.look()
    return eye


@pytest.mark.timeout(170)
def test_soak(own_engine: PrivateEngine, tmp_path: Path) -> None:
    with PrivateRegistry(tmp_path / "registry", in_memory=True) as registry:
        seed(own_engine, registry, {"warm": 20, "soak": TRANSFERS})
        address = address_of(own_engine.host)
        clients = Clients(os.environ, RegistryConfig)
        # A first run fills everything that is made once (imports, pools, the interpreter's caches) before measuring.
        run(clients, tmp_path / "warm", requests_of(address, registry.address, "warm", 20))
        clients.close()
        gc.collect()
        before = resident_kb(), sockets(), files(), threading.active_count()

        def storm(count: int) -> None:
            own_engine.kill()
            registry.restart()
            own_engine.start()

        clients = Clients(os.environ, RegistryConfig)
        requests = requests_of(address, registry.address, "soak", TRANSFERS)
        started = time.monotonic()
        eye = run(clients, tmp_path / "soak", requests, storm=storm)
        spent = time.monotonic() - started
        check_truth(clients, eye, address)
        states = [row.state for row in eye.rows.values()]
        assert len(states) == TRANSFERS
        assert states.count(State.CANCELLED) > 0
        assert states.count(State.SUCCEEDED) > TRANSFERS / 2
        assert any(row.attempt > 1 for row in eye.rows.values()), "the storm hit no transfer"
        check_journal(tmp_path / "soak", eye)
        clients.close()
        eye.rows.clear()
        eye.seen.clear()
        gc.collect()
        wait_until(lambda: threading.active_count() <= before[3], "threads end")
        wait_until(lambda: sockets() <= before[1] and files() <= before[2], "sockets and files are closed")
        grown = resident_kb() - before[0]
        assert grown < GROWTH_KB, f"{grown} KB more than before"
        print(
            f"{TRANSFERS} transfers in {spent:.1f} s, {states.count(State.CANCELLED)} cancelled, {grown} KB grown"
        )


def check_truth(clients: Clients, eye: Eye, address: EngineAddress) -> None:
    """Check that engine and registry have what the rows say, and that every row is right."""
    engine = clients.engine(address)
    for row in eye.rows.values():
        assert row.state in (State.SUCCEEDED, State.CANCELLED), (row.state, row.error and row.error.detail)
        assert row.finished is not None
        reference = row.request.destination.reference
        assert reference is not None
        if row.request.operation is Operation.PULL:
            try:
                image = engine.image(str(reference))
            except ImageUnknown:
                assert row.state is State.CANCELLED
                continue
            assert row.started is not None
            if row.state is State.SUCCEEDED:
                assert carries(row.digest, image.image_id, image.repo_digests)
        else:
            found = clients.registry(reference.domain).head(reference.path, reference.tag or "")
            if row.state is State.SUCCEEDED:
                assert found is not None
                assert found.digest == row.digest
            elif row.started is None:
                assert found is None
        assert (row.permille == 1000) == (row.state is State.SUCCEEDED)


def check_journal(state: Path, eye: Eye) -> None:
    """Check that the journal has the same states."""
    journal = Journal(state / "journal.sqlite3")
    journal.open()
    assert {row.id: row.state for row in journal.history(limit=1000)} == {
        row.id: row.state for row in eye.rows.values()
    }
    assert journal.adopt() == []
    assert journal.close()
