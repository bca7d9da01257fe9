"""A queue on real engines and registries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.application.clients import Clients
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from transfertools import Eye


@pytest.fixture
def configs() -> dict[str, RegistryConfig]:
    """What is configured for registries, by host: nothing at first."""
    return {}


@pytest.fixture
def clients(configs: dict[str, RegistryConfig]) -> Iterator[Clients]:
    clients = Clients(os.environ, lambda host: configs.get(host, RegistryConfig(host)))
    yield clients
    clients.close()


@pytest.fixture
def make_queue(clients: Clients, tmp_path: Path) -> Iterator[Callable[..., tuple[TransferQueue, Eye]]]:
    made: list[TransferQueue] = []

    def make(**more: Any) -> tuple[TransferQueue, Eye]:
        eye = Eye()
        queue = TransferQueue(clients, Journal(tmp_path / "state" / "journal.sqlite3"), wake=eye.wake, **more)
        eye.queue = queue
        made.append(queue)
        queue.start()
        return queue, eye

    yield make
    for queue in made:
        assert queue.shutdown(30)


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[PrivateEngine]:
    """An engine that the test may kill."""
    try:
        with PrivateEngine(tmp_path / "engine") as engine:
            yield engine
    except TestbedUnavailable as problem:
        require(problem)
