"""Program, engine or line killed at a random moment of a pull that Longshore fetches: it goes on where it was.

``LONGSHORE_TEST_PULL_KILLS`` sets the number of random moments beside the three fixed ones, spread over all engines.
"""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

import longshore
from longshore.application.clients import Clients
from longshore.engine.model import ImageStore
from longshore.oci.handing_over import is_passing
from longshore.oci.reference import Reference
from longshore.transfers.hand_over import HandOver
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import EnginePlace, RegistryPlace, State, TransferSnapshot
from longshore.transfers.ways.pull import PullWay
from longshore.transfers.ways.rule import Rule
from longshore.transfers.ways.table import Ways, all_ways
from testbed.engine import Flavour, PrivateEngine
from testbed.errors import TestbedUnavailable, require
from testbed.fixtures import DEMANDED, FLAVOURS
from testbed.home import PrivateHome
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.remote_images import SeededRepository
from testbed.throttle import Throttle
from transfertools import Eye, address_of, pull, wait_until

Make = Callable[..., tuple[TransferQueue, Eye]]
Kind = Literal["program", "engine", "cut", "refuse", "stall"]

MB = 1_000_000
#: Large enough for the rule of the command line.
LAYERS = (400_000, 33 * MB, 400_000)
RATE = 14 * MB
ALWAYS: Ways = {**all_ways(), (RegistryPlace, EnginePlace): PullWay(Rule(least=0, fast=math.inf))}
#: Bytes of manifests and configurations, of several attempts.
SMALL = 40_000
#: Share of the image that may be fetched twice.
TWICE = 0.02

_PROGRAM = "import sys; from longshore.__main__ import main; sys.exit(main())"


@dataclass(frozen=True)
class Case:
    """*at*: share of the image that has passed the line at the fault; above 1, a quarter second later for each 0.1."""

    kind: Kind
    seed: int
    at: float
    flavour: Flavour = "debian"


def random_cases(count: int) -> Iterator[Case]:
    kinds: list[Kind] = ["program", "engine", "program", "cut", "program", "refuse", "stall"]
    for seed in range(count):
        at = random.Random(f"kills/{seed}").uniform(0.0, 1.3)
        yield Case(kinds[seed % len(kinds)], seed, round(at, 3), FLAVOURS[seed % len(FLAVOURS)])  # type: ignore[arg-type]


CASES = [
    Case("program", 1001, 0.6),
    Case("engine", 1002, 0.5),
    Case("refuse", 1003, 0.4),
    *random_cases(int(os.environ.get("LONGSHORE_TEST_PULL_KILLS", "0"))),
]


@pytest.fixture
def case_engine(case: Case, tmp_path: Path) -> Iterator[PrivateEngine]:
    try:
        with PrivateEngine(tmp_path / "engine", flavour=case.flavour) as engine:
            yield engine
    except TestbedUnavailable as problem:
        if case.flavour not in DEMANDED:
            pytest.skip(str(problem))
        require(problem)


class Pull:
    """One pull through the line."""

    def __init__(self, case: Case, line: Throttle, engine: PrivateEngine, seeded: SeededRepository) -> None:
        self.case = case
        self.line = line
        self.engine = engine
        self.seeded = seeded
        self.name = Reference.parse(f"{line.address}/{seeded.repository}:latest")
        self.size = sum(seeded.images[0].layer_sizes)
        self.in_the_kernel = 0

    @property
    def moved(self) -> int:
        return self.line.moved_bytes["response"]

    def wait_for_the_moment(self, ended: Callable[[], bool]) -> None:
        """Return at the moment of the fault, or when the pull has ended."""
        share = min(self.case.at, 1.0) * self.size
        wait_until(lambda: self.moved >= share or ended(), "the moment of the fault", timeout=60)
        later = time.monotonic() + max(self.case.at - 1.0, 0.0) * 2.5
        wait_until(lambda: time.monotonic() >= later or ended(), "the moment of the fault", timeout=60)


def by_command(one: Pull, home: PrivateHome) -> None:
    """The command is killed, and called again."""
    command = [sys.executable, "-c", _PROGRAM, "pull", str(one.name)]
    environ = home.environ(
        {"DOCKER_HOST": one.engine.host, "PYTHONPATH": str(Path(longshore.__file__).parents[1])}
    )
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        try:
            one.wait_for_the_moment(lambda: child.poll() is not None)
            child.send_signal(signal.SIGSTOP)
            # Nothing moves now, and what the line has passed on is here or there.
            one.line.stall()
            one.in_the_kernel = bytes_in_the_kernel(one.line)
        finally:
            child.send_signal(signal.SIGKILL)
    one.line.cut_now()  # otherwise it would count what it sends to the killed program
    one.line.resume()
    again = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0, again.stderr


def bytes_in_the_kernel(line: Throttle) -> int:
    """Bytes that *line* has sent and nobody has read yet (proc(5), /proc/net/tcp)."""
    port = f":{int(line.address.rpartition(':')[2]):04X}"
    found = 0
    for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        local, remote, _, queues = row.split()[1:5]
        sent, received = (int(each, 16) for each in queues.split(":"))
        found += sent * local.endswith(port) + received * remote.endswith(port)
    return found


def by_queue(one: Pull, queue: TransferQueue, eye: Eye) -> None:
    """Engine or line fail; the row goes on by itself or by one *Resume*."""
    row = queue.add(pull(str(one.name), address_of(one.engine.host)))

    def ended() -> bool:
        eye.look()
        return row in eye.rows and eye.rows[row].state.finished

    one.wait_for_the_moment(ended)
    match one.case.kind:
        case "engine":
            one.engine.kill()
            one.engine.start()
        case "cut":
            one.line.cut_now()
        case "refuse":
            one.line.refuse()
            wait_until(lambda: one.line.open_connections == 0, "the line is down")
            back = threading.Timer(random.Random(one.case.seed).uniform(0.0, 4.0), one.line.start)
            back.start()
        case "stall":
            one.line.stall()
            back = threading.Timer(random.Random(one.case.seed).uniform(0.0, 4.0), one.line.resume)
            back.start()
    done: TransferSnapshot = eye.until(row, lambda now: now.state.finished, 120)
    if done.state is State.FAILED:
        queue.retry([row])
        done = eye.until(row, State.SUCCEEDED, 120)
    assert done.state is State.SUCCEEDED
    bars = [each.permille for each in eye.seen[row] if each.permille is not None]
    assert bars == sorted(bars) and bars[-1] == 1000


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.seed}-{case.flavour}")
def test_a_pull_that_is_killed_goes_on_where_it_was(
    case: Case,
    case_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    clients: Clients,
    make_queue: Make,
    private_home: PrivateHome,
) -> None:
    seeded = seed_repository(open_registry.address, f"kills/{case.seed}", layers=LAYERS, seed=case.seed)
    one = Pull(case, throttle, case_engine, seeded)
    throttle.bytes_per_second = RATE
    clients.hand_over = HandOver(lambda: private_home.data / "longshore" / "library")
    if case.kind == "program":
        by_command(one, private_home)
    else:
        by_queue(one, *make_queue(ways=ALWAYS))
    twice = one.moved - one.size
    engine = clients.engine(address_of(case_engine.host))
    details = engine.image(str(one.name))
    assert details.diff_ids == seeded.images[0].diff_ids
    assert {each.partition("@")[0] for each in details.repo_digests} == {one.name.name}
    assert seeded.digest in {each.partition("@")[2] for each in details.repo_digests}
    store = engine.probe().store
    assert details.image_id == (
        seeded.digest if store is ImageStore.CONTAINERD else seeded.images[0].config_digest
    )
    assert not [one for one in engine.images(passing=True) if is_passing(one.reference)]
    assert left_in(private_home.data) == []
    assert twice <= TWICE * one.size + SMALL + one.in_the_kernel


def left_in(folder: Path) -> list[str]:
    """Blobs, unfinished ones and leases: the engine has unpacked all of them, and no image needs them."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
        and ("blobs" in path.parts or path.suffix in (".part", ".arriving", ".ranges", ".lease"))
    )
