"""Two registries with faults on demand, and a queue that copies from one to the other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from longshore.application.clients import Clients
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.queue.retry import RetryPolicy
from longshore.transfers.transfer import State, TransferSnapshot
from transfertools import Eye, copy
from transfertools.faulty import FaultyRegistry, digest_of

QUICK = RetryPolicy(delays=(0.05, 0.05), rate_limit_delays=(0.05,))


class Bench:
    """Copies a:TAG of *source* to b:TAG of *target*."""

    def __init__(
        self,
        source: FaultyRegistry,
        target: FaultyRegistry,
        tmp_path: Path,
    ) -> None:
        self.source = source
        self.target = target
        self.clients = Clients(os.environ, RegistryConfig)
        self.eye = Eye()
        self.queue = TransferQueue(
            self.clients, Journal(tmp_path / "journal.sqlite3"), wake=self.eye.wake, policy=QUICK
        )
        self.eye.queue = self.queue
        self.queue.start()

    def start(self, tag: str = "1", **options: str) -> str:
        request = copy(f"{self.source.address}/a:{tag}", f"{self.target.address}/b:{tag}", **options)
        return self.queue.add(request)

    def copy(self, state: State = State.SUCCEEDED, **options: str) -> TransferSnapshot:
        return self.eye.until(self.start(**options), state, 30)

    def copy_within(self, registry: FaultyRegistry, source: str, target: str) -> TransferSnapshot:
        """Copy from one repository of *registry* to another."""
        row = self.queue.add(copy(f"{registry.address}/{source}", f"{registry.address}/{target}"))
        return self.eye.until(row, State.SUCCEEDED, 30)

    def chunks(self, size: int) -> None:
        """Send in chunks of *size* bytes."""
        self.clients.registry(self.target.address).habits.chunk.bytes = size

    def arrived(self, digest: str) -> None:
        """Check that the target has the image of *digest* and all its blobs, unchanged."""
        for name in ("1", digest):
            assert digest_of(self.target.manifests["b", name][1]) == digest
        document = json.loads(self.target.manifests["b", "1"][1])
        for part in (document["config"], *document["layers"]):
            assert digest_of(self.target.blobs["b", part["digest"]]) == part["digest"]


def once(method: str, part: str, fault: Any, times: int = 1) -> Callable[[str, str], Any]:
    """Return a fault for the next *times* matching requests."""
    left = [times]

    def ask(asked: str, path: str) -> Any:
        if asked == method and part in path and left[0] > 0:
            left[0] -= 1
            return fault
        return None

    return ask
