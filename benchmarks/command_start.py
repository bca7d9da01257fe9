"""Compares how much processor time whole commands take with their peers, alternating, in one run.

    PYTHONPATH=tests .venv/bin/python benchmarks/command_start.py [--runs N]

Each command is a new process, and what counts is its user and system time: on a busy machine a clock on the wall
measures the others. ``longshore --version`` is compared with ``skopeo --version`` and with a bare Python; a pull that
finds everything up to date with ``docker pull`` of the same image into the same engine, and with a Python that only
imports the libraries which such a pull cannot do without and loads the system's certificates. What exceeds the last is
our own. ``docker`` leaves the work to its engine, whose time is not counted; the wall clock is printed too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from figures import heading, ratio, spread

from testbed.bed import Testbed
from testbed.home import PrivateHome
from testbed.remote_images import seed_repository

#: What a pull into the library cannot do without, and what one into an engine needs besides.
LIBRARIES = """
import argparse, dataclasses, hashlib, json, logging.handlers, sqlite3, ssl, subprocess, urllib3
ssl.create_default_context()
"""
WITH_ENGINE = f"{LIBRARIES}import docker"


@dataclass(frozen=True)
class Cost:
    """One run of a process, in milliseconds."""

    processor: float
    clock: float


def once(command: Sequence[str], environ: dict[str, str]) -> Cost:
    """Run *command* to its end. Raises CalledProcessError."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=60
    )
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(used * 1000, (ended - begun) * 1000)


def measure(commands: dict[str, Sequence[str]], environ: dict[str, str], runs: int) -> dict[str, list[Cost]]:
    """The costs of *commands*, run one after the other, *runs* times, after one that warms caches."""
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for run in range(runs + 1):
        for name, command in commands.items():
            cost = once(command, environ)
            if run:
                found[name].append(cost)
    return found


def compare(title: str, ours: list[Cost], peer: str, theirs: list[Cost]) -> None:
    """Print the ratio of the processor times."""
    ratio(title, [one.processor for one in ours], peer, [one.processor for one in theirs], "ms")


def own(title: str, ours: list[Cost], floor: list[Cost]) -> None:
    """Print what *ours* take beyond *floor*, and the wall clock."""
    beyond = [one.processor - other.processor for one, other in zip(ours, floor, strict=True)]
    clock = statistics.median(one.clock for one in ours)
    print(f"  {title}: {spread(beyond, 0)} ms of our own; {clock:.0f} ms on the wall", flush=True)


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    python = [sys.executable]
    longshore = [*python, "-m", "longshore"]
    with Testbed() as bed, tempfile.TemporaryDirectory() as folder:
        environ = PrivateHome(Path(folder) / "home").environ(dict(os.environ))
        environ["DOCKER_HOST"] = bed.engine.host
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its bytecode
        environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "gui")
        image = f"{bed.registry('open').address}/bench/start:1"
        seed_repository(bed.registry("open").address, "bench/start", ["1"])
        commands: dict[str, Sequence[str]] = {
            "bare": [*python, "-c", "pass"],
            "version": [*longshore, "--version"],
            "libraries": [*python, "-c", LIBRARIES],
            "library": [*longshore, "pull", image, "--to", "library"],
            "with engine": [*python, "-c", WITH_ENGINE],
            "engine": [*longshore, "pull", image],
            "docker": ["docker", "pull", image],
        }
        if shutil.which("skopeo"):
            commands["skopeo"] = ["skopeo", "--version"]
        found = measure(commands, environ, runs)
    heading("start of commands, processor time")
    if "skopeo" in found:
        compare("--version", found["version"], "skopeo --version", found["skopeo"])
    compare("--version", found["version"], "bare Python", found["bare"])
    own("--version", found["version"], found["bare"])
    compare("pull, up to date", found["engine"], "docker pull", found["docker"])
    compare("pull, up to date", found["engine"], "its libraries alone", found["with engine"])
    own("pull, up to date", found["engine"], found["with engine"])
    compare("pull --to library, up to date", found["library"], "its libraries alone", found["libraries"])
    own("pull --to library, up to date", found["library"], found["libraries"])


if __name__ == "__main__":
    main()
