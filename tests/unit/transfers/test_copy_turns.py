"""A blob that another transfer is sending to the same place is waited for, and not sent twice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from longshore.cancellation import Cancellation, Cancelled
from longshore.oci.descriptor import Descriptor
from longshore.oci.layer import BlobOutcome
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.progress.progress import Progress
from longshore.transfers.ways.copying.work import CopyWork
from longshore.transfers.ways.way import Job
from transfertools import copy

BLOB = Descriptor("application/octet-stream", "sha256:" + "a" * 64, 5)


class Place:
    """*waited*: another transfer had the first turn; *there*: the destination has the blob afterwards."""

    def __init__(self, host: str, *, waited: bool, there: bool) -> None:
        self.host, self.repository = host, "team/app"
        self.waited, self.there = waited, there
        self.did: list[Any] = []

    @contextlib.contextmanager
    def take(self, key: Any, cancellation: Cancellation) -> Iterator[bool]:
        self.did.append(key)
        yield self.waited

    def blob_size(self, digest: str, *, cancellation: Cancellation) -> int | None:
        self.did.append("asked")
        return BLOB.size if self.there else None

    def write_blob(self, wanted: Descriptor, source: Any, **more: Any) -> BlobOutcome:
        self.did.append("sent")
        return BlobOutcome.UPLOADED


def brought(host: str, *, waited: bool = False, there: bool = False) -> list[Any]:
    place: Any = Place(host, waited=waited, there=there)
    reader: Any = SimpleNamespace(host="one.example", repository="a", mountable=lambda *_: "a")
    clients: Any = SimpleNamespace(bandwidth=Bandwidth())
    request = copy("one.example/a:1", "two.example/team/app:1")
    work = CopyWork(
        Job(request, clients, Cancellation(), Progress(extracts=False)), reader, place, turns=place
    )
    work._bring(BLOB, Cancellation())
    stopped = Cancellation()
    stopped.ask_to_stop()
    did = list(place.did)
    with pytest.raises(Cancelled):
        work._bring(BLOB, stopped)
    assert place.did == did
    return did


def test_what_another_has_brought_meanwhile_is_not_sent() -> None:
    turn = ("two.example", "team/app", BLOB.digest)
    assert brought("two.example", waited=True, there=True) == [turn, "asked"]
    assert brought("two.example", waited=True, there=False) == [turn, "asked", "sent"]
    assert brought("two.example", waited=False, there=True) == [turn, "sent"]


def test_what_is_no_registry_sees_to_it_itself() -> None:
    assert brought("", waited=True, there=True) == ["sent"]
