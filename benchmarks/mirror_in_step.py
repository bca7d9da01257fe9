"""Compares a mirror of many tags that are all in step with ``skopeo sync`` of the same tags, alternating, in one run.

    PYTHONPATH=tests .venv/bin/python benchmarks/mirror_in_step.py [--runs N] [--tags N] [--latency MS]

Both sides are real registries on this machine, behind lines that add a latency to each request: without one, the time
is that of the registries' processor. Whole processes are measured, on the wall, and the requests that reach the
registries are counted. regsync is not compared: it is not packaged here.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from figures import heading, ratio

from testbed.home import PrivateHome
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.throttle import Throttle

PATH = "bench/app"


def once(command: Sequence[str], environ: dict[str, str]) -> float:
    """Run *command* to its end, and return its seconds. Raises CalledProcessError."""
    begun = time.monotonic()
    subprocess.run(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=300
    )
    return time.monotonic() - begun


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tags", type=int, default=200)
    parser.add_argument("--latency", type=float, default=20.0, metavar="MS", help="of each request")
    arguments = parser.parse_args()
    delay = arguments.latency / 1000
    with (
        tempfile.TemporaryDirectory() as folder,
        PrivateRegistry(Path(folder) / "one") as one,
        PrivateRegistry(Path(folder) / "two") as two,
        Throttle(one.address, latency=delay) as source,
        Throttle(two.address, latency=delay) as target,
    ):
        made = datetime(2026, 1, 1, tzinfo=UTC)
        for registry, name in ((one, PATH), (two, PATH), (two, f"skopeo/{PATH.rpartition('/')[2]}")):
            for number in range(arguments.tags):
                tag = f"1.{number}"
                seed_repository(registry.address, name, (tag,), layers=(1000,), seed=tag, created=made)
        rules = Path(folder) / "mirrors.yaml"
        rule = {"name": "x", "source": f"{source.address}/{PATH}", "destination": f"{target.address}/{PATH}"}
        rules.write_text(json.dumps({"version": 1, "mirrors": [rule]}), "utf-8")
        insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        commands: dict[str, Sequence[str]] = {
            "longshore": [sys.executable, "-m", "longshore", "mirror", "run", "--quiet", str(rules)],
            "skopeo": [
                *("skopeo", "sync", "--src", "docker", "--dest", "docker", *insecure),
                f"{source.address}/{PATH}",
                f"{target.address}/skopeo",
            ],
        }
        environ = PrivateHome(Path(folder) / "home").environ(dict(os.environ))
        environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "gui")
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        requests: dict[str, list[int]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                before = len(source.requests) + len(target.requests)
                seconds[name].append(once(command, environ))
                requests[name].append(len(source.requests) + len(target.requests) - before)
        heading(f"{arguments.tags} tags in step, {arguments.latency:.0f} ms a request")
        for name, counts in requests.items():
            print(f"  {name}: {statistics.median(counts):.0f} requests", flush=True)
        ratio("longshore mirror run", seconds["longshore"], "skopeo sync", seconds["skopeo"], "s")


if __name__ == "__main__":
    main()
