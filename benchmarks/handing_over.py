"""Compares pulls whose layers Longshore fetches over several connections with `docker pull`, on each engine.

    PYTHONPATH=tests .venv/bin/python benchmarks/handing_over.py [--runs N] [--engines debian,newer,containerd,podman]
        [--case one|ten|bare]

Both pull the same image from the same registry into the same engine, in turn; the image is removed from the engine
before each pull. Longshore's pull runs through the real queue, from ``add`` to its last state; the CLI is timed from
start to exit. *one*: a layer of 240 MB and two small ones, over a line that gives each connection 20 MB/s. *ten*: ten
layers of 20 MB, 100 ms of latency, 10 MB/s per connection. *bare*: the image of *one* without a limit. The line is a
process of its own, on the same machine. The result that counts is the ratio pair by pair.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import heading, ratio
from pull_push import Worker, cli

from longshore.engine.address import current_address
from longshore.oci.reference import Reference
from longshore.transfers.transfer import Operation
from testbed.bed import Testbed
from testbed.engine import PrivateEngine
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


def measure(case: str, engine: PrivateEngine, name: str, root: Path, runs: int) -> None:
    """Pull *name* in turn, and print the times and their ratio."""
    worker = Worker(root, current_address(engine.host, {}))
    reference = Reference.parse(name)
    client = engine.client()
    ours: list[float] = []
    theirs: list[float] = []
    for run in range(runs):
        for mine in (True, False) if run % 2 else (False, True):
            if mine:
                ours.append(worker.run(Operation.PULL, reference))
            else:
                theirs.append(cli(engine, root, "pull", "--quiet", name))
            client.remove_image(name, force=True)
    worker.close()
    ratio(case, ours, "docker", theirs)


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engines", default="debian,newer,containerd,podman")
    parser.add_argument("--case", choices=CASES, action="append")
    wanted = parser.parse_args()
    heading("longshore pull against docker pull")
    with Testbed() as bed, tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
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
                measure(
                    f"{case}, {flavour}", bed.engine_of(flavour), name, root / case / flavour, wanted.runs
                )
            line.communicate("")


if __name__ == "__main__":
    main()
