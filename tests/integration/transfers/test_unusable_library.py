"""A library that can't keep what arrives: the engine then pulls by itself, and the row says why."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

from longshore.application.clients import Clients
from longshore.transfers.hand_over import HandOver
from longshore.transfers.transfer import EnginePlace, NoteKind, RegistryPlace, State, WayReason
from longshore.transfers.ways.pull import PullWay
from longshore.transfers.ways.rule import Rule
from longshore.transfers.ways.table import all_ways
from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from transfertools import address_of, pull
from transfertools.archives import small_disk

from .test_handing_over import Make, reasons


def disk(stack: contextlib.ExitStack, folder: Path, size: int) -> None:
    try:
        stack.enter_context(small_disk(folder, size))
    except TestbedUnavailable as problem:
        require(problem)


@pytest.mark.parametrize("trouble", ["foreign", "read-only", "full", "fills up", "a file", "damaged"])
def test_a_library_that_cannot_be_written_leaves_the_pull_to_the_engine(
    make_queue: Make,
    clients: Clients,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    seeded = seed_repository(open_registry.address, "over/trouble", layers=(3_000_000,))
    name = f"{open_registry.address}/over/trouble:latest"
    engine = clients.engine(address_of(testbed_engine.host))
    library = tmp_path / "library"
    clients.hand_over = HandOver(lambda: library)
    with contextlib.ExitStack() as stack:
        match trouble:
            case "foreign":
                library.mkdir()
                (library / "letter.txt").write_text("Dear Ann")
            case "a file":
                library.write_text("Dear Ann")
            case "damaged":
                (library / "index.json").mkdir(parents=True)
            case "read-only":
                disk(stack, library, 8 << 20)
                subprocess.run(["mount", "-o", "remount,ro", str(library)], check=True)
            case _:
                disk(stack, library, 1 << 20)
                if trouble == "fills up":
                    monkeypatch.setattr(
                        "longshore.transfers.ways.pull_choice.free_bytes", lambda folder: 1 << 40
                    )
        queue, eye = make_queue(
            ways={**all_ways(), (RegistryPlace, EnginePlace): PullWay(Rule(least=0, fast=1e12))}
        )
        done = eye.until(queue.add(pull(name, engine.address)), lambda now: now.state.finished, 60)
        assert done.state is State.SUCCEEDED
        reason = WayReason.NO_ROOM if trouble in ("full", "fills up") else WayReason.NO_LIBRARY
        assert reasons(done) == [(NoteKind.PULLED_NATIVELY, reason.value)]
    assert done.digest == seeded.digest
    engine.remove(name)
