"""Compares Longshore's pull and push with the docker CLI: same image, engine and registry, alternating, in one run.

    PYTHONPATH=tests .venv/bin/python benchmarks/pull_push.py [--runs N] [--layers N] [--layer-mb N]

A transfer runs through the real queue with the journal on disk, as in the program, from ``add`` to its last state,
planning and verification included. The CLI is timed from start to exit. Before each pull the image is removed from the
engine; before each push the registry is emptied. The order changes from run to run. The result that counts is the ratio
pair by pair.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from figures import heading, ratio

from longshore.application.clients import Clients
from longshore.engine.address import EngineAddress, current_address
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.hand_over import HandOver
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    Operation,
    RegistryPlace,
    State,
    TransferRequest,
)
from testbed.bed import Testbed
from testbed.engine import PrivateEngine
from testbed.images import build_image
from testbed.registry import PrivateRegistry


class Worker:
    """Longshore's side: one queue that runs one transfer at a time."""

    def __init__(self, root: Path, address: EngineAddress) -> None:
        self._engine = EnginePlace(address)
        self._clients = Clients(os.environ, RegistryConfig)
        self._clients.hand_over = HandOver(lambda: root / "library")
        self._woken = threading.Event()
        self._queue = TransferQueue(self._clients, Journal(root / "journal.sqlite3"), wake=self._woken.set)
        self._queue.start()

    def close(self) -> None:
        """End threads and connections."""
        self._queue.shutdown(2)
        self._clients.close()

    def run(self, operation: Operation, reference: Reference) -> float:
        """Return the seconds from request to last state. Raises RuntimeError unless it succeeded."""
        here, there = Endpoint(self._engine, reference), Endpoint(RegistryPlace(reference.domain), reference)
        source, destination = (there, here) if operation is Operation.PULL else (here, there)
        begun = time.monotonic()
        row = self._queue.add(TransferRequest(operation, source, destination))
        while True:
            self._woken.wait(30)
            self._woken.clear()
            for snapshot in self._queue.take_changes().snapshots:
                if snapshot.id == row and snapshot.state.finished:
                    took = time.monotonic() - begun
                    self._queue.clear_finished()
                    if snapshot.state is not State.SUCCEEDED:
                        raise RuntimeError(f"{operation.value}: {snapshot.error!r}")
                    return took


def cli(engine: PrivateEngine, home: Path, *arguments: str) -> float:
    """Return the seconds that one docker command takes."""
    environ = {"PATH": os.environ["PATH"], "DOCKER_HOST": engine.host, "HOME": str(home)}
    begun = time.monotonic()
    subprocess.run(["docker", *arguments], env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def empty(registry: PrivateRegistry) -> None:
    """Delete everything in the registry."""
    registry.stop()
    shutil.rmtree(registry.storage, ignore_errors=True)
    registry.start()


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--layer-mb", type=float, default=20.0)
    wanted = parser.parse_args()
    with Testbed() as bed, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        engine, registry = bed.engine, bed.registry("bench")
        name = f"{registry.address}/bench/image:1"
        client = engine.client()
        build_image(client, name, [int(wanted.layer_mb * 1e6)] * wanted.layers)
        worker = Worker(root, current_address(engine.host, {}))
        reference = Reference.parse(name)
        times: dict[str, list[float]] = {
            key: [] for key in ("push cli", "push ours", "pull cli", "pull ours")
        }
        try:
            for run in range(wanted.runs):
                sides = ("cli", "ours") if run % 2 == 0 else ("ours", "cli")
                for side in sides:
                    empty(registry)
                    push = (
                        cli(engine, root, "push", name)
                        if side == "cli"
                        else worker.run(Operation.PUSH, reference)
                    )
                    times[f"push {side}"].append(push)
                for side in sides:
                    client.remove_image(name, force=True)
                    pull = (
                        cli(engine, root, "pull", name)
                        if side == "cli"
                        else worker.run(Operation.PULL, reference)
                    )
                    times[f"pull {side}"].append(pull)
        finally:
            worker.close()
            client.close()
        version = client.version()["Version"] if engine.is_running else ""
    heading(f"pull and push: engine {version}, {wanted.layers} layers of {wanted.layer_mb:g} MB")
    for operation in ("pull", "push"):
        ratio(operation, times[f"{operation} ours"], "docker CLI", times[f"{operation} cli"])


if __name__ == "__main__":
    main()
