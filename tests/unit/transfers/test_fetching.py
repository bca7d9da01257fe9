"""Blobs fetched over several connections: in order, side by side, slow, cut, stopped, killed and resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.cancellation import Cancellation
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.registry.client import RegistryClient
from longshore.registry.config import RegistryConfig
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.connections import Connections
from longshore.transfers.ways.copying import source as copy_source
from longshore.transfers.ways.fetching.fetcher import Fetcher
from transfertools.layouts import noise
from transfertools.ranged import RangedRegistry

MB = 1 << 20
BLOB = noise(MB, "fetching") * 24
SIZE = len(BLOB)


class Rig:
    """A registry, a library and fetchers between them."""

    def __init__(self, registry: RangedRegistry, folder: Path) -> None:
        self.registry = registry
        self.library = Library(folder / "library")
        self.bandwidth = Bandwidth()
        self.connections = Connections()
        self.told: list[tuple[str, int, int]] = []
        self.cancellation = Cancellation()
        self._clients: list[RegistryClient] = []

    @contextlib.contextmanager
    def fetching(self, *blobs: Descriptor, **more: Any) -> Iterator[Fetcher]:
        """A fetcher as another program would have it: with its own client and connections."""
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
                connections=more.get("connections", self.connections),
                told=lambda *told: self.told.append(told),
                cancellation=more.get("cancellation", self.cancellation),
            ) as fetcher,
        ):
            fetcher.want(blobs)
            yield fetcher

    def fetch(self, *blobs: Descriptor, **more: Any) -> None:
        with self.fetching(*blobs, **more) as fetcher:
            fetcher.wait()

    def stored(self, blob: Descriptor) -> bytes:
        with self.library.read(blob) as chunks:
            return b"".join(chunks)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.registry.close()


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(copy_source, "BACKOFF", 0.01)
    made = Rig(RangedRegistry(), tmp_path)
    yield made
    made.close()


def test_all_that_is_wanted_arrives(rig: Rig) -> None:
    blobs = [rig.registry.put(BLOB), rig.registry.put(b"small"), rig.registry.put(b"")]
    rig.fetch(*blobs)
    assert [rig.stored(blob) for blob in blobs] == [BLOB, b"small", b""]
    assert rig.registry.sent == SIZE + 5  # nothing twice
    assert 1 < rig.registry.most_of_one <= 4
    rig.fetch(*blobs)
    assert rig.registry.sent == SIZE + 5
