"""What transfers survive: a killed engine, a killed Longshore, and two Longshores at once."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from longshore.application.clients import Clients
from longshore.errors import EngineLost, EngineUnavailable
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State, Waiting
from testbed.engine import PrivateEngine
from testbed.images import load_image, seed_repository
from testbed.registry import PrivateRegistry
from testbed.throttle import Throttle
from transfertools import Eye, address_of, pull, push, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
MB = 1_000_000


def test_engine_killed_in_mid_pull(
    make_queue: Make,
    clients: Clients,
    own_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    seeded = seed_repository(open_registry.address, "survival/pull", ("1",), layers=(3 * MB, 3 * MB))
    address = address_of(own_engine.host)
    name = f"{throttle.address}/survival/pull:1"
    throttle.bytes_per_second = 2 * MB
    queue, eye = make_queue()
    row = queue.add(pull(name, address))
    eye.until(row, lambda row: row.moved_bytes > MB, 30)
    own_engine.kill()
    waiting = eye.until(row, lambda row: row.waiting_for is Waiting.ENGINE, 5)
    assert waiting.state is State.QUEUED
    assert isinstance(waiting.error, EngineLost | EngineUnavailable)
    throttle.bytes_per_second = None
    own_engine.start()
    done = eye.until(row, State.SUCCEEDED, 30)
    assert done.digest == seeded.digest
    assert done.attempt == 2
    assert done.error is None
    assert clients.engine(address).image(name).diff_ids == seeded.images[0].diff_ids
    seen = [snapshot.permille for snapshot in eye.seen[row] if snapshot.permille is not None]
    assert seen == sorted(seen)


def test_engine_that_is_down_at_first_is_waited_for(
    make_queue: Make, own_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "survival/down", ("1",))
    own_engine.stop()
    queue, eye = make_queue()
    row = queue.add(pull(f"{open_registry.address}/survival/down:1", address_of(own_engine.host)))
    waiting = eye.until(row, lambda row: row.waiting_for is Waiting.ENGINE, 15)
    assert isinstance(waiting.error, EngineUnavailable)
    own_engine.start()
    eye.until(row, State.SUCCEEDED, 30)


CHILD = """
import json, os, sys, time
from pathlib import Path
folder, host, source, target = sys.argv[1:5]
sys.path[:0] = sys.argv[5:]
from transfertools import Eye, push, address_of
from longshore.application.clients import Clients
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import Phase
eye = Eye()
journal = Journal(Path(folder) / "journal.sqlite3")
eye.queue = queue = TransferQueue(Clients(os.environ, RegistryConfig), journal, wake=eye.wake, concurrency=1)
queue.start()
rows = [queue.add(push(source, f"{target}:{tag}", address_of(host))) for tag in "123"]
eye.until(rows[0], lambda row: row.phase is Phase.MOVING and row.moved_bytes > 0, 30)
print(json.dumps(rows), flush=True)
time.sleep(60)
"""


def test_killed_in_mid_push_and_resumed(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    tmp_path: Path,
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        load_image(client, ["survival/local:1"], (4 * MB, 4 * MB), seed="killed")
    throttle.bytes_per_second = MB
    target = f"{throttle.address}/survival/killed"
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            CHILD,
            str(tmp_path / "state"),
            testbed_engine.host,
            "survival/local:1",
            target,
        ]
        + [path for path in sys.path if path],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        rows = json.loads(child.stdout.readline())
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    queue, eye = make_queue()
    for row in rows:
        eye.until(row, State.INTERRUPTED)
    assert eye.order == rows
    assert eye.set_aside is None
    assert clients.registry(open_registry.address).head("survival/killed", "1") is None
    throttle.bytes_per_second = None
    queue.retry(rows)
    for row in rows:
        done = eye.until(row, State.SUCCEEDED, 30)
        tag = done.request.destination.reference
        assert tag is not None
        found = clients.registry(open_registry.address).head("survival/killed", tag.tag or "")
        assert found is not None
        assert found.digest == done.digest


def test_a_second_longshore_leaves_the_first_ones_rows(
    make_queue: Make, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seed_repository(open_registry.address, "survival/two", ("1",), layers=(2 * MB,))
    throttle.bytes_per_second = MB
    first, eye = make_queue()
    row = first.add(pull(f"{throttle.address}/survival/two:1", address_of(testbed_engine.host)))
    eye.until(row, State.RUNNING)
    _, other = make_queue()  # on the same journal
    wait_until(lambda: other.look() or other.wakes)
    assert other.rows == {}
    throttle.bytes_per_second = None
    eye.until(row, State.SUCCEEDED, 30)


def test_shutdown_in_mid_transfer_leaves_nothing_running(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    seed_repository(open_registry.address, "survival/stop", ("1",), layers=(20 * MB,))
    throttle.bytes_per_second = MB
    queue, eye = make_queue()
    row = queue.add(pull(f"{throttle.address}/survival/stop:1", address_of(testbed_engine.host)))
    eye.until(row, lambda row: row.moved_bytes > 0, 30)
    assert queue.shutdown(10.0)
    eye.until(row, State.INTERRUPTED)
    assert eye.rows[row].moved_bytes < 20 * MB, "it did not wait for the pull to end"
    clients.registry(throttle.address).close()
    wait_until(lambda: throttle.open_connections == 0, "the engine lets go of the registry")


def test_registry_gone_for_a_moment(
    make_queue: Make, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    with contextlib.closing(testbed_engine.client()) as client:
        load_image(client, ["survival/gone:1"], (100_000,), seed="gone")
    throttle.refuse()
    queue, eye = make_queue()
    row = queue.add(
        push("survival/gone:1", f"{throttle.address}/survival/gone:1", address_of(testbed_engine.host))
    )
    waiting = eye.until(row, lambda row: row.waiting_for is Waiting.BACKOFF, 60)
    assert waiting.error is not None
    throttle.start()
    done = eye.until(row, State.SUCCEEDED, 60)
    assert done.attempt > 1
