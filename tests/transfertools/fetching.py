"""A registry, a library and fetches between them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from longshore.cancellation import Cancellation
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.connections import Connections
from longshore.transfers.ways.fetching import Fetcher
from transfertools.layouts import noise
from transfertools.ranged import RangedRegistry, Served

KB = 1 << 10
MB = 1 << 20
BLOB = noise(3 * MB, "fetching")
SIZE = len(BLOB)


class Rig:
    """A registry, a library and fetchers between them."""

    def __init__(self, registry: RangedRegistry, folder: Path) -> None:
        self.registry = registry
        self.library = Library(folder / "library")
        self.bandwidth = Bandwidth()
        self.connections = Connections(per_host=6, per_blob=4)
        self.told: list[tuple[str, int, int]] = []
        self._clients: list[RegistryClient] = []

    @contextlib.contextmanager
    def fetching(self, *blobs: Descriptor, cancellation: Cancellation | None = None) -> Iterator[Fetcher]:
        """A fetch that has begun, with a client of its own."""
        client = RegistryClient(
            RegistryConfig(self.registry.host), lambda host: None, environ={}, read_seconds=5
        )
        self._clients.append(client)
        with (
            contextlib.closing(self.library.lease()) as lease,
            Fetcher(
                client,
                "a/b",
                self.library,
                lease,
                bandwidth=self.bandwidth,
                connections=self.connections,
                told=lambda *told: self.told.append(told),
                cancellation=cancellation or Cancellation(),
            ) as fetcher,
        ):
            fetcher.want(blobs)
            yield fetcher

    def fetch(self, *blobs: Descriptor) -> None:
        with self.fetching(*blobs) as fetcher:
            fetcher.wait()

    def stored(self, blob: Descriptor) -> bytes:
        with self.library.read(blob) as chunks:
            return b"".join(chunks)

    def close(self) -> None:
        self.registry.ending.set()
        for client in self._clients:
            client.close()
        self.registry.close()


class Gate:
    """Holds requests of a registry until it is opened."""

    def __init__(self, registry: RangedRegistry) -> None:
        self._registry = registry
        self._open = threading.Event()

    def wait(self) -> None:
        while not self._open.wait(0.01) and not self._registry.ending.is_set():
            pass

    def open(self) -> None:
        self._open.set()


def hold_after(registry: RangedRegistry, count: int) -> Gate:
    """Send *count* bytes in total, and the rest after the gate is open."""
    gate = Gate(registry)
    lock = threading.Lock()
    granted = 0

    def before(served: Served) -> None:
        nonlocal granted
        with lock:
            granted += 16 * KB
            held = granted > count
        if held:
            gate.wait()

    registry.before = before
    return gate
