"""Pull and push through a real engine, against a registry of another make than docker-registry."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import State
from testbed.crane import CraneRegistry
from testbed.engine import PrivateEngine
from testbed.images import seed_repository, small_image
from transfertools import Eye, address_of, pull, push

pytestmark = pytest.mark.integration


def test_the_engine_pulls_and_pushes_there(
    make_queue: Callable[..., tuple[TransferQueue, Eye]],
    testbed_engine: PrivateEngine,
    crane_registry: CraneRegistry,
) -> None:
    seeded = seed_repository(crane_registry.address, "moved/app", ("1",), layers=[40_000, 20_000])
    address = address_of(testbed_engine.host)
    queue, eye = make_queue()
    row = queue.add(pull(f"{crane_registry.address}/moved/app:1", address))
    assert eye.until(row, State.SUCCEEDED, 40).digest == seeded.digest
    name = f"{crane_registry.address}/pushed/app:1"
    with testbed_engine.client() as engine:
        small_image(engine, name)
    row = queue.add(push(name, name, address))
    done = eye.until(row, State.SUCCEEDED, 40)
    config = RegistryConfig(crane_registry.address)
    with contextlib.closing(RegistryClient(config, lambda _host: None, environ={})) as client:
        head = client.head("pushed/app", "1")
    assert head is not None and done.digest == head.digest
