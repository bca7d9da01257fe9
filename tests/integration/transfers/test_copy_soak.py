"""Many copies at once, with random cancels and pauses, cuts, and a registry that restarts in the middle."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

from longshore.application.clients import Clients
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.retry import RetryPolicy
from longshore.transfers.transfer import State
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle
from transfertools import DEADLINE, Eye, copy, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
IMAGES = 6
COPIES = 60
#: The number of pauses, cancels and cuts.
TROUBLE = 150


def open_handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_copies_under_stress_end_truly(
    make_queue: Make, clients: Clients, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    chance = random.Random(7)
    digests = {}
    for number in range(IMAGES):
        # All share a layer.
        sizes = (60_000, 5_000 * number + 1_000, 20_000 * number + 500)
        seeded = seed_repository(open_registry.address, f"soak/{number}", ("1",), layers=sizes, seed="soak")
        digests[number] = seeded.digest
    threads, handles = threading.active_count(), open_handles()
    with PrivateRegistry(tmp_path / "registry") as registry, Throttle(registry.address) as line:
        queue, eye = make_queue(
            concurrency=5, policy=RetryPolicy(delays=(0.1,) * 50, rate_limit_delays=(0.1,) * 50)
        )
        rows = {}
        for copied in range(COPIES):
            number = copied % IMAGES
            source = f"{open_registry.address}/soak/{number}:1"
            rows[queue.add(copy(source, f"{line.address}/soaked/{number}:{copied}"))] = (number, copied)
        ids = list(rows)
        restarted = False
        # The number of faults is fixed, so that it does not depend on the machine's speed.
        trouble = iter(range(TROUBLE))
        cancelled: set[str] = set()
        while not all(eye.rows.get(row) and eye.rows[row].state.finished for row in ids):
            eye.look()
            row, what = chance.choice(ids), chance.randrange(12)
            if what < 7 and next(trouble, None) is None:
                what = 7
            if what < 4:
                queue.pause([row])
            elif what < 5:
                if len(cancelled) < COPIES // 3:
                    cancelled.add(row)
                    queue.cancel([row])
            elif what < 7:
                line.cut_after(chance.randrange(30_000), path_regex="/blobs/")
            else:
                queue.unpause(ids)
            done = sum(found.state.finished for found in eye.rows.values())
            if not restarted and done > COPIES // 2:
                registry.kill()
                registry.start()
                restarted = True
            threading.Event().wait(0.02)
        assert restarted
        line.clear_faults()
        states = [eye.rows[row].state for row in ids]
        assert set(states) <= {State.SUCCEEDED, State.CANCELLED}
        assert states.count(State.SUCCEEDED) >= COPIES - len(cancelled)
        there = clients.registry(line.address)
        for row, (number, copied) in rows.items():
            found = there.head(f"soaked/{number}", str(copied))
            if eye.rows[row].state is State.SUCCEEDED:
                assert found is not None
                assert found.digest == digests[number] == eye.rows[row].digest
            else:
                # If cancelled at the very end, the tag may exist; then it must point to the right image.
                assert found is None or found.digest == digests[number]
        assert queue.shutdown(30)
        clients.close()
    wait_until(lambda: threading.active_count() <= threads, "threads end", DEADLINE)
    wait_until(lambda: open_handles() <= handles, "handles are closed", DEADLINE)
