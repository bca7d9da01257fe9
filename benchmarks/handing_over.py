"""Compares `longshore pull`, which fetches layers over several connections, with `docker pull`, on each engine.

    PYTHONPATH=tests .venv/bin/python benchmarks/handing_over.py [--runs N] [--engines debian,newer,containerd,podman]
        [--case one|ten|bare]

Both pull the same image from the same registry into the same engine, in turn, from the start of the command to its
end; the image is removed from the engine before each pull. *one*: a layer of 240 MB and two small ones, over a line
that gives each connection 20 MB/s. *ten*: ten layers of 20 MB, 100 ms of latency, 10 MB/s per connection. *bare*: the
image of *one* without a limit. The line is a process of its own, on the same machine. The result that counts is the
ratio pair by pair.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import heading, ratio

from testbed.bed import Testbed
from testbed.engine import PrivateEngine
from testbed.home import PrivateHome
from testbed.images import seed_repository

MB = 1_000_000
#: Layers in bytes; bytes per second of a connection, None for no limit; seconds of latency.
CASES = {
    "one": ((240 * MB, 100_000, 50_000), 20 * MB, 0.0),
    "ten": ((20 * MB,) * 10, 10 * MB, 0.1),
    "bare": ((240 * MB, 100_000, 50_000), None, 0.0),
}
_LINE = """
import sys, time
from testbed.throttle import Throttle
target, rate, latency = sys.argv[1], sys.argv[2], float(sys.argv[3])
with Throttle(target, latency=latency, per_connection=float(rate) if rate != "-" else None) as line:
    print(line.address, flush=True)
    sys.stdin.read()
"""


def timed(command: list[str], environ: dict[str, str]) -> float:
    """Return the seconds that *command* takes."""
    begun = time.monotonic()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def measure(case: str, engine: PrivateEngine, name: str, home: PrivateHome, runs: int) -> None:
    """Pull *name* in turn, and print the times and their ratio."""
    ours = [str(Path(sys.executable).with_name("longshore")), "--engine", engine.host, "pull", name]
    theirs = ["docker", "pull", name]
    environ = {**home.environ(), "DOCKER_HOST": engine.host, "PATH": os.environ["PATH"]}
    client = engine.client()
    took: dict[str, list[float]] = {ours[0]: [], theirs[0]: []}
    for run in range(runs):
        for side in (ours, theirs) if run % 2 else (theirs, ours):
            took[side[0]].append(timed(side, environ))
            client.remove_image(name, force=True)
    ratio(case, took[ours[0]], "docker", took[theirs[0]])


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engines", default="debian,newer,containerd,podman")
    parser.add_argument("--case", choices=CASES, action="append")
    wanted = parser.parse_args()
    heading("longshore pull against docker pull")
    with Testbed() as bed, tempfile.TemporaryDirectory() as folder:
        home = PrivateHome(Path(folder))
        registry = bed.registry("bench")
        for case in wanted.case or CASES:
            layers, rate, latency = CASES[case]
            seed_repository(registry.address, f"bench/{case}", ["1"], layers=layers)
            line = subprocess.Popen(
                [sys.executable, "-c", _LINE, registry.address, str(rate or "-"), str(latency)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert line.stdout is not None
            address = line.stdout.readline().strip()
            for flavour in wanted.engines.split(","):
                name = f"{address}/bench/{case}:1"
                measure(f"{case}, {flavour}", bed.engine_of(flavour), name, home, wanted.runs)
            line.communicate("")


if __name__ == "__main__":
    main()
