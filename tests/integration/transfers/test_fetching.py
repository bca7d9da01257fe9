"""Blobs of a real registry, fetched over several connections, behind a line that is slow and fails."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.cancellation import Cancellation
from longshore.errors import LongshoreError
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from longshore.oci.manifest import Manifest
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.connections import Connections
from longshore.transfers.ways.fetching import Fetcher
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle
from transfertools import wait_until
from transfertools.layouts import blobs_of

MB = 1_000_000


@pytest.fixture
def library(clients: Clients, tmp_path: Path) -> Library:
    return clients.library(tmp_path / "library")


@contextlib.contextmanager
def fetching(
    clients: Clients, host: str, repository: str, library: Library
) -> Iterator[tuple[Fetcher, Manifest]]:
    client = clients.registry(host)
    found = client.manifest(repository, "1")
    assert isinstance(found, Manifest)
    with (
        contextlib.closing(library.lease()) as lease,
        Fetcher(
            client,
            repository,
            library,
            lease,
            bandwidth=Bandwidth(),
            connections=Connections(),
            told=lambda digest, arrived, size: None,
            cancellation=Cancellation(),
        ) as fetcher,
    ):
        fetcher.want(wanted(found))
        yield fetcher, found


def wanted(found: Manifest) -> list[Descriptor]:
    return [found.config, *found.layers]


def test_a_line_that_is_cut_costs_little(
    clients: Clients, library: Library, open_registry: PrivateRegistry
) -> None:
    seeded = seed_repository(open_registry.address, "fetch/cut", ("1",), layers=(16 * MB, MB))
    with Throttle(open_registry.address, bytes_per_second=80 * MB) as line:
        line.cut_after(MB, times=4, path_regex="/blobs/", direction="response")
        with fetching(clients, line.address, "fetch/cut", library) as (fetcher, found):
            fetcher.wait()
        moved = line.moved_bytes["response"]
    assert blobs_of(library) == {blob.digest for blob in wanted(found)}
    assert moved < seeded.layer_bytes * 1.02 + 100_000


def test_a_line_that_fails_is_taken_up_later(
    clients: Clients, library: Library, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "fetch/refused", ("1",), layers=(16 * MB,))
    with Throttle(open_registry.address, bytes_per_second=20 * MB) as line:
        with fetching(clients, line.address, "fetch/refused", library) as (fetcher, found):
            digest = found.layers[0].digest
            wait_until(lambda: library.unfinished(digest) > 4 * MB)
            line.refuse()
            with pytest.raises(LongshoreError) as caught:
                fetcher.wait()
        assert caught.value.transient
        there = library.unfinished(digest)
        assert there > 4 * MB
        before = line.moved_bytes["response"]
        line.bytes_per_second = None
        line.start()
        with fetching(clients, line.address, "fetch/refused", library) as (fetcher, _):
            fetcher.wait()
        again = line.moved_bytes["response"] - before
    assert blobs_of(library) == {blob.digest for blob in wanted(found)}
    assert again < found.layers[0].size - there + 100_000
