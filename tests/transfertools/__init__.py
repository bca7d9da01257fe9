"""Helpers for tests of transfers: requests, scripted ways, and a watcher of a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from longshore.engine.address import EngineAddress, Origin
from longshore.oci.platform import Platform
from longshore.oci.reference import Reference
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    Operation,
    Plan,
    RegistryPlace,
    State,
    TransferRequest,
    TransferSnapshot,
)
from longshore.transfers.ways.way import Job
from waiting import wait_until as wait_until

ENGINE = EngineAddress("test", "unix:///nowhere/docker.sock", Origin.OPTION)
DEADLINE = 10.0


def address_of(host: str) -> EngineAddress:
    """Return the address of a testbed's engine by its ``host``."""
    return EngineAddress("testbed", host, Origin.OPTION)


def pull(text: str = "127.0.0.1:5000/app:1", address: EngineAddress = ENGINE) -> TransferRequest:
    """Return a request to pull *text*."""
    reference = Reference.parse(text)
    return TransferRequest(
        Operation.PULL,
        Endpoint(RegistryPlace(reference.domain), reference),
        Endpoint(EnginePlace(address), reference),
    )


def push(source: str, target: str, address: EngineAddress = ENGINE, image_id: str = "") -> TransferRequest:
    """Return a request to push the local image *source* as *target*."""
    reference = Reference.parse(target)
    return TransferRequest(
        Operation.PUSH,
        Endpoint(EnginePlace(address), Reference.parse(source), image_id),
        Endpoint(RegistryPlace(reference.domain), reference),
    )


def copy(source: str, target: str, platform: Platform | None = None, **options: str) -> TransferRequest:
    """Return a request to copy *source* from its registry to *target* at another, or the same, registry."""
    here, there = Reference.parse(source), Reference.parse(target)
    return TransferRequest(
        Operation.COPY,
        Endpoint(RegistryPlace(here.domain), here),
        Endpoint(RegistryPlace(there.domain), there),
        platform,
        tuple(sorted(options.items())),
    )


class Eye:
    """Watches a queue as a window does, by wake-ups and changes. ``rows``: the last snapshot of each row."""

    def __init__(self) -> None:
        self.queue: TransferQueue | None = None
        self.wakes = 0
        self.rows: dict[str, TransferSnapshot] = {}
        self.order: list[str] = []
        self.removed: list[str] = []
        self.set_aside: Any = None
        self.unsaved: list[str] = []
        self.damaged = 0
        self.seen: dict[str, list[TransferSnapshot]] = {}
        self._woken = threading.Event()

    def wake(self) -> None:
        """Note a wake-up; called by the queue."""
        self.wakes += 1
        self._woken.set()

    def look(self) -> None:
        """Take the changes, if woken."""
        if not self._woken.is_set():
            return
        self._woken.clear()
        assert self.queue is not None
        changes = self.queue.take_changes()
        for snapshot in changes.snapshots:
            self.rows[snapshot.id] = snapshot
            self.seen.setdefault(snapshot.id, []).append(snapshot)
        for row in changes.removed:
            self.rows.pop(row, None)
            self.removed.append(row)
        self.order = changes.order if changes.order is not None else self.order
        self.set_aside = changes.set_aside or self.set_aside
        if changes.unsaved is not None:
            self.unsaved.append(changes.unsaved)
        self.damaged += changes.damaged

    def until(
        self, row: str, wanted: State | Callable[[TransferSnapshot], Any], timeout: float = DEADLINE
    ) -> TransferSnapshot:
        """Wait until the row is in the state, or meets the condition, *wanted*; return its snapshot."""

        def met() -> TransferSnapshot | None:
            self.look()
            now = self.rows.get(row)
            if now is None:
                return None
            ok = now.state is wanted if isinstance(wanted, State) else wanted(now)
            return now if ok else None

        deadline = time.monotonic() + timeout
        while True:
            found = met()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{row} is not {wanted} within {timeout} s: {self.rows.get(row)}")
            self._woken.wait(0.01)

    def states(self) -> list[State]:
        """Return the states of all rows, in order."""
        self.look()
        return [self.rows[row].state for row in self.order]


@dataclass
class Script:
    """A way that the test defines: *run* is called with the job and the number of the attempt."""

    run_: Callable[[Job, int], str]
    plan_: Callable[[Job], Plan | None] = lambda job: None
    extracts: bool = True
    pausable: bool = False
    attempts: dict[TransferRequest, int] = field(default_factory=dict)
    started: list[TransferRequest] = field(default_factory=list)

    def plan(self, job: Job) -> Plan | None:
        """Do what the test defines."""
        return self.plan_(job)

    def run(self, job: Job) -> str:
        """Do what the test defines."""
        number = self.attempts[job.request] = self.attempts.get(job.request, 0) + 1
        self.started.append(job.request)
        return self.run_(job, number)

    def table(self) -> Mapping[Any, Any]:
        """Return the queue's table of ways: this one for pulls and pushes."""
        return {(RegistryPlace, EnginePlace): self, (EnginePlace, RegistryPlace): self}


class Gate:
    """Holds attempts, cancellable, until it is opened."""

    def __init__(self) -> None:
        self._open: dict[TransferRequest, threading.Event] = {}
        self._lock = threading.Lock()
        self.inside: list[TransferRequest] = []

    def _event(self, request: TransferRequest) -> threading.Event:
        with self._lock:
            return self._open.setdefault(request, threading.Event())

    def open(self, *requests: TransferRequest) -> None:
        """Let *requests* through, now or when they arrive."""
        for request in requests:
            self._event(request).set()

    def wait(self, job: Job, number: int = 1) -> str:
        """Wait until opened; used as a way's ``run``."""
        event = self._event(job.request)
        with self._lock:
            self.inside.append(job.request)
        try:
            with job.cancellation.waking(event.set):
                assert event.wait(DEADLINE)
        finally:
            with self._lock:
                self.inside.remove(job.request)
        job.cancellation.raise_if_cancelled()
        return "sha256:" + "0" * 64
