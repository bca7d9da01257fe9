"""Manifests that many tags name are read once, also by several threads, and whatever happens to one of them."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from longshore.application.mirrors.comparing import ReadOnce
from longshore.cancellation import Cancellation, Cancelled
from longshore.errors import NotInRegistry
from longshore.oci.manifest import OCI_MANIFEST, parse_manifest
from waiting import wait_until

DIGEST = "sha256:" + "a" * 64
FOUND = parse_manifest(
    f'{{"schemaVersion":2,"config":{{"mediaType":"x/y","digest":"{DIGEST}","size":1}},"layers":[]}}'.encode(),
    OCI_MANIFEST,
)


class Slow:
    """A reader whose requests end when they are let."""

    host, repository = "a.example", "x"

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.go = threading.Event()
        self.error: BaseException | None = None

    def manifest(self, name: str, *, cancellation: Cancellation) -> Any:
        self.asked[name] += 1
        error = self.error
        with cancellation.waking(self.go.set):
            assert self.go.wait(20)
        cancellation.raise_if_cancelled()
        if error is not None:
            raise error
        return FOUND


def test_once_for_all_threads_and_tags() -> None:
    slow = Slow()
    reader = ReadOnce(slow)  # type: ignore[arg-type]
    reader.point("1.0", DIGEST)
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(reader.manifest, name, cancellation=Cancellation())
            for name in ("1.0", DIGEST, DIGEST)
        ]
        slow.go.set()
        assert {id(one.result(20)) for one in asked} == {id(FOUND)}
    assert slow.asked == {DIGEST: 1}
    # A tag without a known digest is read as it is.
    reader.manifest("2.0", cancellation=Cancellation())
    assert slow.asked == {DIGEST: 1, "2.0": 1}


def test_who_is_cancelled_does_not_cancel_the_others() -> None:
    slow = Slow()
    reader = ReadOnce(slow)  # type: ignore[arg-type]
    cancellation = Cancellation()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(reader.manifest, DIGEST, cancellation=cancellation)
        wait_until(lambda: slow.asked[DIGEST] == 1)
        second = pool.submit(reader.manifest, DIGEST, cancellation=Cancellation())
        cancellation.cancel()
        with pytest.raises(Cancelled):
            first.result(20)
        assert second.result(20) is FOUND
    assert slow.asked == {DIGEST: 2}


def test_a_failure_is_not_remembered() -> None:
    slow = Slow()
    slow.go.set()
    slow.error = NotInRegistry("gone", registry="a.example")
    reader = ReadOnce(slow)  # type: ignore[arg-type]
    with pytest.raises(NotInRegistry):
        reader.manifest(DIGEST, cancellation=Cancellation())
    slow.error = None
    assert reader.manifest(DIGEST, cancellation=Cancellation()) is FOUND
