"""Blobs that arrive in a test's library."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from longshore.cancellation import Cancellation
from longshore.library.arriving import Arriving
from longshore.library.leases import Lease
from longshore.library.library import Library
from longshore.oci.descriptor import Descriptor
from transfertools.arriving import WANTED


@pytest.fixture
def lease(library: Library) -> Iterator[Lease]:
    with contextlib.closing(library.lease()) as lease:
        yield lease


@pytest.fixture
def arrive(library: Library, lease: Lease) -> Iterator[Callable[..., Arriving]]:
    """Opens a blob as a new program would; all are closed at the end."""
    opened: list[Arriving] = []

    def arrive(wanted: Descriptor = WANTED, cancellation: Cancellation | None = None) -> Arriving:
        opened.append(Library(library.path).arrive(wanted, lease, cancellation or Cancellation()))
        return opened[-1]

    yield arrive
    for one in opened:
        one.close()
