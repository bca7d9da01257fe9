"""Compares registry copies with skopeo, crane, oras and docker pull+tag+push, alternating, in one run.

    PYTHONPATH=tests .venv/bin/python benchmarks/registry_copy.py [--runs N] [--scale F] [--without TOOL,…] [--only P]

The images are those of the baselines: ``big``, 10 layers of 60 MB of random bytes, and ``sm40``, 40 layers of 1 MB.
Source and target are separate registries, and the target is emptied before every run. Longshore's copy runs through
the real queue with the journal on disk, planning and verification included; the tools are timed from start to exit.
Two more parts: a copy within one registry (mounts only) against one manifest round trip per layer, and the peak memory
of a process that copies a small layer and a huge one. The results that count are the ratios; on a shared machine the
CPU time (of the tool and both registries) is more reliable than the clock.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from figures import heading, ratio, spread

from longshore.application.clients import Clients
from longshore.oci.reference import Reference
from longshore.registry.config import RegistryConfig
from longshore.transfers.journal.journal import Journal
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import Endpoint, Operation, RegistryPlace, TransferRequest
from testbed.bed import Testbed
from testbed.debian_packages import DEFAULT_MIRROR, Deadline, fetch
from testbed.errors import TestbedUnavailable
from testbed.newer_engines import CACHE_FOLDER
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

IMAGES = {"big": [60_000_000] * 10, "sm40": [1_000_000] * 40}
TOOLS = ("skopeo", "crane", "oras")
#: The Debian suite of the tools' packages, which are unpacked into the testbed's cache and never installed.
SUITE = "sid"
FETCH_SECONDS = 240.0
#: Seconds between two reads of the queue's changes, as in the window.
TICK = 0.05
Way = Callable[[str, str], float]


class Ours:
    """Longshore's side: one queue that runs one copy at a time."""

    def __init__(self, root: Path, environ: dict[str, str]) -> None:
        self._clients = Clients(environ, RegistryConfig)
        self._queue = TransferQueue(self._clients, Journal(root / "journal.sqlite3"))
        self._queue.start()

    def close(self) -> None:
        """End threads and connections."""
        self._queue.shutdown(2)
        self._clients.close()

    def __call__(self, source: str, target: str) -> float:
        """Return the seconds from request to last state. Raises RuntimeError unless it succeeded."""
        here, there = Reference.parse(source), Reference.parse(target)
        request = TransferRequest(
            Operation.COPY,
            Endpoint(RegistryPlace(here.domain), here),
            Endpoint(RegistryPlace(there.domain), there),
        )
        begun, looked = time.monotonic(), 0.0
        self._queue.add(request)
        while self._queue.counts().unfinished:
            time.sleep(0.002)
            if time.monotonic() - looked > TICK:
                self._queue.take_changes()  # as the window does
                looked = time.monotonic()
        took = time.monotonic() - begun
        counts = self._queue.counts()
        self._queue.clear_finished()
        if counts.succeeded != 1:
            raise RuntimeError(f"{source} was not copied")
        return took


def command(home: Path, *words: str, environ: dict[str, str] | None = None) -> float:
    """Return the seconds that one command takes."""
    begun = time.monotonic()
    subprocess.run(
        words,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **(environ or {})},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - begun


def newer_tools() -> Path:
    """Return the folder with the newest Debian versions of the tools, unpacked. Raises TestbedUnavailable."""
    root = CACHE_FOLDER / "copiers"
    if not root.is_dir():
        part = CACHE_FOLDER / "copiers.part"
        shutil.rmtree(part, ignore_errors=True)
        fetch(CACHE_FOLDER / "copiers.apt", DEFAULT_MIRROR, SUITE, TOOLS, part, Deadline(FETCH_SECONDS))
        part.rename(root)
    return root


def tools(bed: Testbed, home: Path, without: set[str]) -> dict[str, Way]:
    """Return the other tools that are available here, by name."""
    ways: dict[str, Way] = {}
    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
    policy = home / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def skopeo(*program: str) -> Way:
        return lambda source, target: command(
            home,
            *(*program, "--policy", str(policy), "copy", "--all", *insecure),
            *(f"docker://{source}", f"docker://{target}"),
        )

    if shutil.which("skopeo"):
        ways["skopeo (Debian 12)"] = skopeo("skopeo")
    try:
        root = newer_tools()
    except TestbedUnavailable as problem:
        print(f"no newer tools: {problem}", file=sys.stderr)
    else:
        libraries = root / "usr/lib/x86_64-linux-gnu"
        loader = next(root.rglob("ld-linux-x86-64.so.2"))

        def newer(name: str) -> tuple[str, ...]:
            return str(loader), "--library-path", str(libraries), str(root / "usr/bin" / name)

        ways["skopeo"] = skopeo(*newer("skopeo"))
        ways["crane"] = lambda source, target: command(
            home, *newer("crane"), "copy", "--insecure", source, target
        )
        plain = ("--from-plain-http", "--to-plain-http")
        ways["oras"] = lambda source, target: command(home, *newer("oras"), "cp", *plain, source, target)
    if "docker" not in without and shutil.which("docker"):
        host = {"DOCKER_HOST": bed.engine.host}

        def docker(source: str, target: str) -> float:
            steps = (("pull", source), ("tag", source, target), ("push", target))
            took = sum(command(home, "docker", *step, environ=host) for step in steps)
            command(home, "docker", "rmi", "-f", source, target, environ=host)
            return took

        ways["docker pull+tag+push"] = docker
    return {name: way for name, way in ways.items() if name.partition(" ")[0] not in without}


def empty(registry: PrivateRegistry) -> None:
    """Delete everything in the registry."""
    registry.stop()
    for below in registry.storage.iterdir():
        shutil.rmtree(below, ignore_errors=True)
    registry.start()


def processor(*registries: PrivateRegistry) -> float:
    """Return the CPU seconds used by this process, its ended children and the registries."""
    used = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        found = resource.getrusage(who)
        used += found.ru_utime + found.ru_stime
    for registry in registries:
        assert registry._process is not None
        fields = Path(f"/proc/{registry._process.pid}/stat").read_text().rpartition(")")[2].split()
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def compare(root: Path, bed: Testbed, runs: int, scale: float, without: set[str]) -> None:
    """Run all tools in turn, starting each run with a different one."""
    source = bed.registry("source")
    target = bed.registry("large")
    ours = Ours(root, {"HOME": str(root)})
    ways: dict[str, Way] = {"Longshore": ours, **tools(bed, root, without)}
    try:
        for image, sizes in IMAGES.items():
            seed_repository(source.address, image, ("1",), layers=[int(size * scale) for size in sizes])
            times: dict[str, list[float]] = {name: [] for name in ways}
            work: dict[str, list[float]] = {name: [] for name in ways}
            names = list(ways)
            for run in range(runs + 1):  # the first run warms up
                for name in names[run % len(names) :] + names[: run % len(names)]:
                    empty(target)
                    before = processor(source, target)
                    took = ways[name](f"{source.address}/{image}:1", f"{target.address}/copy/{image}:1")
                    if run:
                        times[name].append(took)
                        work[name].append(processor(source, target) - before)
            medians = {name: statistics.median(found) for name, found in times.items()}
            best = min((took, name) for name, took in medians.items() if name != "Longshore")
            heading(f"copy, {image}: {len(sizes)} layers of {sizes[0] * scale / 1e6:g} MB")
            for name, _ in sorted(medians.items(), key=lambda one: one[1]):
                pairs = [
                    one / ours_took for one, ours_took in zip(times[name], times["Longshore"], strict=True)
                ]
                used = f"; processor {statistics.median(work[name]):.2f} s"
                if name.startswith("docker"):
                    used = ""  # the engine's is not counted
                print(f"  {name:22} {spread(times[name])} s, {spread(pairs)} times Longshore's{used}")
            ratio("against the fastest other", times["Longshore"], best[1], times[best[1]])
    finally:
        ours.close()


def mount(root: Path, bed: Testbed, runs: int, scale: float) -> None:
    """Compare a copy within one registry with one manifest round trip per layer.

    In memory, because for a mount the registry writes a file and waits for the disk, unlike for reading a manifest.
    """
    registry = bed.registry("large")
    sizes = [int(size * scale) for size in IMAGES["sm40"]]
    seed_repository(registry.address, "mount", ("1",), layers=sizes)
    ours = Ours(root, {"HOME": str(root)})
    copies, trips = [], []
    try:
        for run in range(runs + 1):
            took = ours(f"{registry.address}/mount:1", f"{registry.address}/mounted/{run}:1")
            trip = round_trips(registry.address, "mount", len(sizes))
            if run:
                copies.append(took)
                trips.append(trip)
    finally:
        ours.close()
    heading(f"copy within one registry, mounts only: {len(sizes)} layers")
    ratio("copy", copies, f"{len(sizes)} round trips for a manifest, one after the other,", trips)


def round_trips(address: str, repository: str, count: int) -> float:
    """Return the seconds for *count* requests of a manifest, over one connection."""
    with contextlib.closing(http.client.HTTPConnection(address)) as connection:
        headers = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        begun = time.monotonic()
        for _ in range(count):
            connection.request("GET", f"/v2/{repository}/manifests/1", headers=headers)
            connection.getresponse().read()
        return time.monotonic() - begun


def memory(bed: Testbed, scale: float) -> None:
    """Print the peak memory of a separate process for a small layer and for a huge one."""
    source, target = bed.registry("source"), bed.registry("large")
    peaks = {}
    for name, size in (("small", 1_000_000), ("huge", int(1_500_000_000 * scale))):
        seed_repository(source.address, f"memory/{name}", ("1",), layers=[size])
        empty(target)
        names = (f"{source.address}/memory/{name}:1", f"{target.address}/{name}:1")
        found = subprocess.run(
            [sys.executable, __file__, "--one", *names], check=True, capture_output=True, text=True
        )
        peaks[name] = (size, int(found.stdout))
    told = ", ".join(f"{size / 1e6:g} MB layer: {peak / 1024:.1f} MB" for size, peak in peaks.values())
    print(f"\npeak memory: {told}, ratio {peaks['huge'][1] / peaks['small'][1]:.2f}")


def one(source: str, target: str) -> None:
    """Copy, and print this process's peak memory in KiB."""
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(Path(folder), {"HOME": folder})
        try:
            ours(source, target)
        finally:
            ours.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes of the layers")
    parser.add_argument("--without", default="", help="tools to leave out, with commas: docker,oras")
    parser.add_argument("--only", choices=("compare", "mount", "memory"))
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        one(*wanted.one)
        return
    without = set(filter(None, wanted.without.split(",")))
    with Testbed() as bed, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if wanted.only in (None, "mount"):
            mount(root, bed, wanted.runs, wanted.scale)
        if wanted.only in (None, "memory"):
            memory(bed, wanted.scale)
        if wanted.only in (None, "compare"):
            compare(root, bed, wanted.runs, wanted.scale, without)


if __name__ == "__main__":
    main()
