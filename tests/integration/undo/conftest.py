"""Everything that Undo works with, on real engines and registries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.application.tag_history.history import TagHistory
from longshore.application.undo.goal import How, Verdict
from longshore.application.undo.undo import Undo
from longshore.cancellation import Cancellation
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import LibraryPlace, State, TransferRequest, TransferSnapshot
from testbed.registry import PrivateRegistry
from transfertools import Eye


@dataclass
class Hands:
    """What a user does: transfers, and Undo. Records every change."""

    clients: Clients
    history: TagHistory
    library: LibraryPlace
    queue: TransferQueue
    eye: Eye

    def __post_init__(self) -> None:
        self.undo = Undo(self.clients, self.history, lambda: self.library)

    def run(self, request: TransferRequest) -> TransferSnapshot:
        """Run a transfer to its success."""
        row = self.queue.add(request)
        done = self.eye.until(row, lambda snapshot: snapshot.state.finished, 60)
        if done.error is not None:
            raise done.error
        assert done.state is State.SUCCEEDED
        self.queue.clear_finished()
        return done

    def check(self) -> list[Verdict]:
        """What an undo of the last change would do."""
        return self.undo.check_records(self.history.last(), Cancellation())

    def back(self) -> list[How | None]:
        """Undo the last change; returns how each tag is put back."""
        verdicts = self.check()
        for verdict in verdicts:
            request = self.undo.carry_out(verdict, Cancellation())
            if request is not None:
                self.run(request)
        return [verdict.how for verdict in verdicts]

    def digest(self, text: str) -> str:
        """What a registry's tag points to, "" for no such tag."""
        reference = Reference.parse(text)
        found = self.clients.registry(reference.domain).head(reference)
        return "" if found is None else found.digest


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    clients = Clients(os.environ, RegistryConfig)
    history = TagHistory(tmp_path / "state" / "tags.sqlite3", clients.user_of)
    clients.recorder = history
    eye = Eye()
    queue = TransferQueue(
        clients, Journal(tmp_path / "state" / "journal.sqlite3"), wake=eye.wake, recorder=history
    )
    eye.queue = queue
    queue.start()
    yield Hands(clients, history, LibraryPlace(tmp_path / "library"), queue, eye)
    assert queue.shutdown(30)
    history.close()
    clients.close()


@pytest.fixture
def own_registry(tmp_path: Path) -> Iterator[PrivateRegistry]:
    """A registry that the test may restart."""
    with PrivateRegistry(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def keeping_registry(tmp_path: Path) -> Iterator[PrivateRegistry]:
    """A registry that allows no deletion."""
    with PrivateRegistry(tmp_path / "keeping", delete=False) as registry:
        yield registry
