"""Compares saving and loading with the docker CLI: same image and engine, alternating, in one run.

    PYTHONPATH=tests .venv/bin/python benchmarks/archives.py [--runs N] [--layers N] [--layer-mb N]

Longshore's side is one attempt from plan to end: a saved archive is verified while it is written, and synced to disk;
a loaded archive is verified as a whole beforehand. The CLI verifies nothing and does not sync. It also measures the
verification alone for each compression, compared with ``sha256sum`` of the plain file, and the peak memory.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from figures import heading, ratio

from longshore.application.clients import Clients
from longshore.archives import archive
from longshore.cancellation import Cancellation
from longshore.engine.address import current_address
from longshore.registry.config import RegistryConfig
from longshore.transfers.progress.progress import Progress
from longshore.transfers.transfer import TransferRequest
from longshore.transfers.ways.into_engine import IntoEngine
from longshore.transfers.ways.out_of_engine import OutOfEngine
from longshore.transfers.ways.sinks import ArchiveSink
from longshore.transfers.ways.sources import ArchiveSource
from longshore.transfers.ways.way import Job, Way
from testbed.bed import Testbed
from testbed.images import load_image
from transfertools.archives import in_archive, in_engine, moving

NAME = "bench/archives:1"


def attempt(way: Way, request: TransferRequest, clients: Clients) -> None:
    """Run one transfer, planning and verification included."""
    job = Job(request, clients, Cancellation(), Progress(extracts=way.extracts))
    with job.closing:
        way.plan(job)
        way.run(job)


def check(path: Path) -> None:
    """Run only the verification, of a file that is not known yet."""
    os.utime(path)
    archive.open_archive(path, cancellation=Cancellation())


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--layer-mb", type=float, default=20.0)
    wanted = parser.parse_args()
    times: dict[str, list[float]] = defaultdict(list)

    def timed(what: str, work: Callable[[], object]) -> None:
        begun = time.monotonic()
        work()
        times[what].append(time.monotonic() - begun)

    with Testbed() as bed, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        engine, clients = bed.engine, Clients(os.environ, RegistryConfig)
        address = current_address(engine.host, {})
        environ = {"PATH": os.environ["PATH"], "DOCKER_HOST": engine.host, "HOME": folder}

        def cli(*arguments: str) -> None:
            subprocess.run(["docker", *arguments], env=environ, check=True, stdout=subprocess.DEVNULL)

        def save(name: str) -> None:
            attempt(
                OutOfEngine(ArchiveSink), moving(in_engine(address, NAME), in_archive(root / name)), clients
            )

        def load() -> None:
            attempt(
                IntoEngine(ArchiveSource), moving(in_archive(root / "ours.tar"), in_engine(address)), clients
            )

        with contextlib.closing(engine.client()) as client, contextlib.closing(clients):
            load_image(client, [NAME], [int(wanted.layer_mb * 1e6)] * wanted.layers)
            for _ in range(wanted.runs):
                timed("save, docker CLI", lambda: cli("save", "-o", str(root / "cli.tar"), NAME))
                timed("save, Longshore", lambda: save("ours.tar"))
                for ending in ("tar.gz", "tar.zst"):
                    save(f"ours.{ending}")
                    timed(f"check of .{ending}", partial(check, root / f"ours.{ending}"))
                timed("check of .tar", lambda: check(root / "ours.tar"))
                timed(
                    "sha256sum",
                    lambda: subprocess.run(
                        ["sha256sum", root / "ours.tar"], check=True, stdout=subprocess.DEVNULL
                    ),
                )
                os.utime(root / "ours.tar")
                client.remove_image(NAME)
                timed("load, docker CLI", lambda: cli("load", "-q", "-i", str(root / "cli.tar")))
                client.remove_image(NAME)
                timed("load, Longshore", load)
            version = client.version()["Version"]
    heading(f"archives: engine {version}, {wanted.layers} layers of {wanted.layer_mb:g} MB")
    for what in ("save", "load"):
        ratio(what, times[f"{what}, Longshore"], "docker CLI", times[f"{what}, docker CLI"])
    for what in ("check of .tar", "check of .tar.gz", "check of .tar.zst"):
        ratio(what, times[what], "sha256sum of the plain file", times["sha256sum"])
    print(f"  memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most")


if __name__ == "__main__":
    main()
