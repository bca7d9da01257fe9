"""Measures how long the window is blocked while eight transfers of 200 layers send 2,000 events a second each.

    PYTHONPATH=tests .venv/bin/python benchmarks/ui_stalls.py [--seconds N] [--transfers N] [--rate N] [--offscreen]

A pull by a private engine is recorded once per run, as the engine sends it. An engine pulls at most about 120 layers,
so the stream is doubled side by side; and because no connection here is fast enough for the required rate, byte
progress is split into smaller steps. Order, states and sizes stay. The lines then pass through the real code, in one
thread per transfer: JSON, normaliser, progress, queue with its journal on disk, mailbox, feed, model, window.

A heartbeat in the event loop beats every 4 ms, and the gaps between beats are printed: while idle, with the eight rows
collapsed, with all of them expanded, and while scrolling through them. Aim: p99 under 16 ms, longest under 50 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.app import SWITCH_SECONDS
from longshore.engine.address import EngineAddress
from longshore.engine.attempt import Attempt
from longshore.engine.stream import Normaliser
from longshore.oci.layer import LayerProgress
from longshore.oci.reference import Reference
from longshore.transfers.bandwidth import Bandwidth
from longshore.transfers.clients import NO_GATE
from longshore.transfers.hand_over import HandOver
from longshore.transfers.journal.journal import Journal
from longshore.transfers.progress.meter import PlannedLayer
from longshore.transfers.queue.queue import TransferQueue
from longshore.transfers.transfer import (
    Endpoint,
    EnginePlace,
    Operation,
    Plan,
    RegistryPlace,
    TransferRequest,
)
from longshore.transfers.ways.way import Job
from testbed.bed import Testbed
from testbed.display import Xvfb
from testbed.remote_images import seed_repository

if TYPE_CHECKING:
    from longshore.widgets.main_window import MainWindow

BEAT = 4
#: Layers of the recorded image; each becomes two in the replay.
RECORDED_LAYERS = 100
LAYER_BYTES = 500_000
LINE_BYTES_PER_SECOND = 12e6
#: Seconds between two batches of events of one transfer: an engine's stream also arrives in pieces.
PIECE = 0.005
AIM_P99, AIM_LONGEST = 16.0, 50.0

Event = dict[str, Any]


# -- the stream


def record() -> tuple[list[Event], str]:
    """Return the events of one pull as the private engine sends them, and the engine's version."""
    with Testbed() as bed:
        registry = bed.registry("stalls")
        seed_repository(registry.address, "bench/wide", ("1",), layers=[LAYER_BYTES] * RECORDED_LAYERS)
        line = bed.throttle(registry, LINE_BYTES_PER_SECOND)
        client = bed.engine.client()
        try:
            events = list(client.pull(f"{line.address}/bench/wide", tag="1", stream=True, decode=True))
            version = str(client.version()["Version"])
        finally:
            client.close()
    problem = next((event for event in events if "error" in event), None)
    if problem is not None:
        raise SystemExit(f"the pull to be recorded failed: {problem}")
    return events, version


def doubled(events: Sequence[Event]) -> list[Event]:
    """Return the events with every layer twice, side by side."""
    out = []
    for event in events:
        out.append(event)
        if _is_layer(event):
            out.append({**event, "id": event["id"][::-1]})
    return out


def _is_layer(event: Event) -> bool:
    return len(str(event.get("id", ""))) == 12


def refined(events: Sequence[Event], wanted: int) -> list[Event]:
    """Return *wanted* events or a few more: the same ones, with every byte step split into smaller steps."""
    steps: list[tuple[float, Event]] = []
    last: dict[tuple[str, str], tuple[int, int]] = {}  # layer, status -> position and bytes of the last event
    movable = [event for event in events if _bytes(event) is not None]
    cuts = max(1, math.ceil((wanted - len(events)) / max(1, len(movable))) + 1)
    for place, event in enumerate(events):
        now = _bytes(event)
        if now is None:
            steps.append((place, event))
            continue
        key = (event["id"], event["status"])
        before, was = last.get(key, (max(0, place - 12), 0))
        last[key] = (place, now)
        for cut in range(1, cuts + 1):
            share = cut / cuts
            detail = {**event["progressDetail"], "current": was + int((now - was) * share)}
            steps.append((before + (place - before) * share, {**event, "progressDetail": detail}))
    steps.sort(key=lambda step: step[0])
    return [event for _, event in steps]


def _bytes(event: Event) -> int | None:
    detail = event.get("progressDetail") or {}
    return detail.get("current") if _is_layer(event) and not detail.get("units") else None


def planned(events: Sequence[Event]) -> list[PlannedLayer]:
    """Return the layers as in the manifest."""
    sizes: dict[str, int | None] = {}
    for event in events:
        if _is_layer(event):
            total = (event.get("progressDetail") or {}).get("total")
            sizes[event["id"]] = total or sizes.get(event["id"])
    return [PlannedLayer(f"sha256:{name}{'0' * 52}", size) for name, size in sizes.items()]


class Replay:
    """A way that replays the recorded lines at *rate* events per second."""

    extracts = True
    pausable = False

    def __init__(self, lines: Sequence[str], layers: Sequence[PlannedLayer], rate: float) -> None:
        self._lines = lines
        self._layers = layers
        self._rate = rate
        self._lock = threading.Lock()
        self.played = 0

    def plan(self, job: Job) -> Plan:
        """Return the recorded plan."""
        job.progress.expect(self._layers)
        return Plan(len(self._layers), sum(layer.size or 0 for layer in self._layers))

    def run(self, job: Job) -> str:
        """Do what a real pull does with the engine's JSON lines."""
        reference = job.request.source.reference
        assert reference is not None
        normaliser = Normaliser(Attempt(reference))
        begun = time.monotonic()
        at = 0
        while at < len(self._lines):
            job.cancellation.raise_if_cancelled()
            due = min(int((time.monotonic() - begun) * self._rate), len(self._lines))
            for line in self._lines[at:due]:
                for event in normaliser.feed(json.loads(line)):
                    if isinstance(event, LayerProgress):
                        job.progress.feed(event)
            with self._lock:
                self.played += due - at
            at = due
            time.sleep(PIECE)
        return normaliser.finish().digest or ""


class NoClients:
    """Clients that the replay never calls."""

    bandwidth = Bandwidth()
    gate = NO_GATE
    hand_over: HandOver | None = None

    def engine(self, address: object) -> Any:
        raise NotImplementedError

    def registry(self, host: str) -> Any:
        raise NotImplementedError

    def library(self, path: Path) -> Any:
        raise NotImplementedError

    def credential(self, host: str) -> None:
        return None


# -- the window


@dataclass(frozen=True)
class Beats:
    """Gaps between beats, in milliseconds, with the event rate and CPU load meanwhile."""

    name: str
    gaps: list[float]
    events: float  # per second
    cpu: float  # share of one core used by the whole process

    def quantile(self, share: float) -> float:
        ordered = sorted(self.gaps)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

    def row(self) -> str:
        return (
            f"{self.name:<34}{len(self.gaps):>7}{self.quantile(0.5):>8.1f}{self.quantile(0.99):>8.1f}"
            f"{max(self.gaps):>9.1f}{self.events:>10.0f}{self.cpu * 100:>7.0f} %"
        )


class Bench:
    """The real window on the real queue; only the transfers are replays."""

    def __init__(self, root: Path, replay: Replay, transfers: int) -> None:
        from PySide6.QtCore import QElapsedTimer, Qt, QTimer
        from PySide6.QtWidgets import QApplication

        from longshore.models.images import ImageModel
        from longshore.models.registries import RegistryModel
        from longshore.models.tags import TagModel
        from longshore.models.transfers import TransferModel
        from longshore.operations.feed import TransferFeed
        from longshore.widgets.main_window import MainWindow
        from longshore.widgets.theme import Appearance, current_theme

        self.application = QApplication.instance() or QApplication(["ui-stalls"])
        assert isinstance(self.application, QApplication)
        current_theme().install(self.application, Appearance.LIGHT)
        self.replay = replay
        self.model = TransferModel()
        self.queue: TransferQueue | None = None
        self.feed = TransferFeed(lambda: self._queue().take_changes())
        self.feed.changed.connect(self.model.apply)
        self.queue = TransferQueue(
            NoClients(),
            Journal(root / "journal.sqlite3"),
            concurrency=transfers,
            wake=self.feed.wake,
            ways={(RegistryPlace, EnginePlace): replay},
        )
        self.transfers = transfers
        self.window: MainWindow = MainWindow(ImageModel(), RegistryModel(), TagModel())
        self.window.add_transfers(self.model)
        self.window.resize(1440, 900)
        self.window.show()
        self._gaps: list[float] = []
        self._last = 0
        self._clock = QElapsedTimer()
        self._clock.start()
        self._beat = QTimer()
        self._beat.setTimerType(Qt.TimerType.PreciseTimer)
        self._beat.setInterval(BEAT)
        self._beat.timeout.connect(self._beats)

    def _queue(self) -> TransferQueue:
        assert self.queue is not None
        return self.queue

    def _beats(self) -> None:
        now = self._clock.nsecsElapsed()
        self._gaps.append((now - self._last) / 1e6)
        self._last = now

    def let_run(self, seconds: float) -> None:
        """Run the event loop for *seconds*."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec()

    def measure(self, name: str, seconds: float) -> Beats:
        """Return the beats of *seconds*."""
        self.let_run(0.3)
        self._gaps = []
        played, cpu, begun = self.replay.played, time.process_time(), time.monotonic()
        self._last = self._clock.nsecsElapsed()
        self._beat.start()
        self.let_run(seconds)
        self._beat.stop()
        passed = time.monotonic() - begun
        return Beats(
            name, self._gaps, (self.replay.played - played) / passed, (time.process_time() - cpu) / passed
        )

    def begin(self) -> None:
        """Request the transfers and wait until all of them run."""
        self._queue().start()
        engine = EnginePlace(EngineAddress("default", "unix:///var/run/docker.sock"))
        for number in range(self.transfers):
            reference = Reference.parse(f"registry.example.com/team/wide-{number}:1.0")
            there = Endpoint(RegistryPlace(reference.domain), reference)
            self._queue().add(TransferRequest(Operation.PULL, there, Endpoint(engine, reference)))
        deadline = time.monotonic() + 10
        while self._queue().counts().running < self.transfers:
            if time.monotonic() > deadline:
                raise SystemExit("the transfers do not start")
            self.let_run(0.1)

    def still_running(self) -> int:
        """Return the number of transfers that have not ended."""
        return self._queue().counts().running

    def close(self) -> None:
        """Stop everything."""
        self._queue().shutdown(3)
        self.feed.stop()
        self.window.close_now()

    @contextlib.contextmanager
    def scrolling(self) -> Iterator[None]:
        """Context manager: scrolls up and down through all rows, 30 steps a second."""
        from PySide6.QtCore import QTimer

        bar = self.window.transfer_pane.view.verticalScrollBar()
        step = [37]

        def move() -> None:
            if not 0 < bar.value() + step[0] < bar.maximum():
                step[0] = -step[0]
            bar.setValue(bar.value() + step[0])

        timer = QTimer()
        timer.timeout.connect(move)
        timer.start(33)
        yield
        timer.stop()


def run(root: Path, lines: list[str], layers: list[PlannedLayer], wanted: argparse.Namespace) -> list[Beats]:
    """Run all measurements in one window."""
    bench = Bench(root, Replay(lines, layers, wanted.rate), wanted.transfers)
    names = f"{wanted.transfers} transfers x {len(layers)} layers"
    try:
        bench.let_run(1.0)
        found = [bench.measure("idle", wanted.seconds)]
        bench.begin()
        found.append(bench.measure(f"{names}, folded", wanted.seconds))
        bench.window.transfer_pane.view.expandAll()
        found.append(bench.measure("  unfolded", wanted.seconds))
        with bench.scrolling():
            found.append(bench.measure("  unfolded, scrolling", wanted.seconds))
        if bench.still_running() < wanted.transfers:
            raise SystemExit("a transfer ended too early; the numbers are not valid")
    finally:
        bench.close()
    return found


def main() -> None:
    """Record, replay and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--transfers", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2000.0, help="events per second of each transfer")
    parser.add_argument("--offscreen", action="store_true", help="without an X display")
    parser.add_argument(
        "--record", type=Path, help="keep the recorded stream there, or use the one that is there"
    )
    wanted = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)  # as the program does
    if wanted.record is not None and wanted.record.exists():
        events, version = json.loads(wanted.record.read_text("utf-8"))
    else:
        events, version = record()
        if wanted.record is not None:
            wanted.record.write_text(json.dumps([events, version]), "utf-8")
    wide = doubled(events)
    length = int(wanted.rate * (3 * wanted.seconds + 8))
    lines = [json.dumps(event) for event in refined(wide, length)]
    layers = planned(wide)
    print(f"recorded: a pull by engine {version}, {RECORDED_LAYERS} layers, {len(events)} events")
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if wanted.offscreen:
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        else:
            display = stack.enter_context(Xvfb(root / "display", accessibility=False))
            os.environ.update(display.environ())
            os.environ["QT_QPA_PLATFORM"] = "xcb"
        found = run(root, lines, layers, wanted)
    print(f"{'gaps in ms':<34}{'beats':>7}{'p50':>8}{'p99':>8}{'longest':>9}{'events/s':>10}{'CPU':>9}")
    for beats in found:
        print(beats.row())
    busy = found[1:]
    p99, longest = max(beats.quantile(0.99) for beats in busy), max(max(beats.gaps) for beats in busy)
    met = p99 < AIM_P99 and longest < AIM_LONGEST
    print(
        f"worst p99 {p99:.1f} ms (aim {AIM_P99:g}), longest {longest:.1f} ms (aim {AIM_LONGEST:g}): "
        f"{'met' if met else 'not met'}; a quiet beat comes every {BEAT} ms"
    )


if __name__ == "__main__":
    main()
