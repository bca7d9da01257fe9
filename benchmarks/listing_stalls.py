"""Measures how long the window is blocked while it lists 10,000 repositories, 10,000 tags with their details, and the
states of 500 local images.

    PYTHONPATH=tests .venv/bin/python benchmarks/listing_stalls.py [--count N] [--offscreen] [--states]
        [--profile FILE]

It uses a private docker-registry in memory and the complete right pane (models, listing, workers, cache on disk) in a
real window. A heartbeat in the event loop beats every 4 ms, and the gaps between beats are printed: while idle, while a
filter reads the whole catalogue, while the tags of one repository arrive, while all details are read for sorting by
date, while the registry is asked for the states of 500 local images and both tables are sorted by State, while
scrolling, and while the arrow key is held with Details open. Aim: longest gap under 50 ms. Gaps depend on what else
runs on the machine; the CPU time that the GUI thread used within one gap, printed beside them, does not. The requests
that the registry got are counted per measurement.

``--profile FILE`` writes a profile of the GUI thread while states are asked for, for pstats.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from longshore.app import SWITCH_SECONDS
from testbed.display import Xvfb
from testbed.registry import PrivateRegistry
from testbed.storage import seed_many_repositories, seed_many_tags

if TYPE_CHECKING:
    from longshore.wiring.wiring import Wiring

BEAT = 0.004
AIM_LONGEST = 50.0
#: Milliseconds of CPU per turn from which a turn counts as long.
LONG_TURN = 8.0
#: Rows passed with the arrow key, and seconds between two steps: a held key repeats 30 times a second.
KEYS, KEY_SECONDS = 300, 1 / 30
TAGGED = "zz/tagged"
LOCAL = 500
PATIENCE = 600.0


class Heart:
    """Beats in the event loop, and records the gaps, and the CPU time of the thread in each, in milliseconds."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self.busy: list[float] = []

    async def beat(self) -> None:
        """Beat until cancelled."""
        last, used = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(BEAT)
            now, using = time.perf_counter(), time.thread_time()
            self.gaps.append((now - last) * 1000)
            self.busy.append((using - used) * 1000)
            last, used = now, using


async def measured(name: str, done: Callable[[], bool]) -> float:
    """Print the gaps until *done*; return the longest, in milliseconds."""
    heart = Heart()
    task = asyncio.get_running_loop().create_task(heart.beat())
    begun = time.perf_counter()
    while not done():
        if time.perf_counter() - begun > PATIENCE:
            raise SystemExit(f"{name}: not done after {PATIENCE:g} s")
        await asyncio.sleep(0.05)
    passed = time.perf_counter() - begun
    task.cancel()
    gaps, busy = sorted(heart.gaps), sorted(heart.busy)
    p50, p99 = statistics.median(gaps), gaps[int(len(gaps) * 0.99)]
    long = sum(one > LONG_TURN for one in busy)
    print(
        f"{name:<50}{passed:>6.1f} s{p50:>9.1f}{p99:>9.1f}{gaps[-1]:>9.1f}"
        f"{busy[int(len(busy) * 0.99)]:>9.1f}{busy[-1]:>9.1f}{long:>9}{sum(busy) / 1000:>9.2f}",
        flush=True,
    )
    return gaps[-1]


@contextlib.contextmanager
def scrolling(bar: object) -> Iterator[None]:
    """Context manager: scrolls *bar* up and down, 30 steps a second."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QScrollBar

    assert isinstance(bar, QScrollBar)
    step = [bar.maximum() // 200 or 1]

    def move() -> None:
        if not 0 <= bar.value() + step[0] <= bar.maximum():
            step[0] = -step[0]
        bar.setValue(bar.value() + step[0])

    timer = QTimer()
    timer.timeout.connect(move)
    timer.start(33)
    yield
    timer.stop()


async def run(
    root: Path,
    registry: PrivateRegistry,
    digests: Mapping[str, str],
    *,
    only_states: bool,
    profile: Path | None = None,
) -> None:
    """Run all measurements in one window. *digests*: of the tags, by name. *profile*: where to write one."""
    from PySide6.QtCore import Qt

    from longshore.models.columns import NodeState, TagColumn
    from longshore.registry.config import RegistryConfig
    from longshore.settings import Folders, Settings
    from longshore.wiring.collector import Collector
    from longshore.wiring.wiring import Wiring

    count, host = len(digests), registry.address
    environ = {"HOME": str(root), "PATH": os.environ["PATH"]}
    folders = Folders.of(environ)
    nowhere = f"unix://{root}/nobody.sock"
    program = Wiring(
        folders,
        Settings(folders.config),
        environ,
        engine_url=nowhere,
        registries=[RegistryConfig(host)],
    )
    program.show()
    program.start()
    pane, registries, tags = program.window.registry_pane, program.registries, program.tags
    clock = [0.0]

    def after(seconds: float) -> Callable[[], bool]:
        clock[0] = time.perf_counter() + seconds
        return lambda: time.perf_counter() > clock[0]

    def all_listed() -> bool:
        text = str(registries.index_of(host).siblingAtColumn(1).data())
        return registries.state(host) is NodeState.READY and "loaded" not in text

    print(
        f"{'in ms':<58}{'gaps p50':>9}{'p99':>9}{'longest':>9}{'CPU p99':>9}{'longest':>9}{'> 8 ms':>9}{'sum s':>9}"
    )
    await measured("coming up", lambda: registries.state(host) is NodeState.READY)
    Collector(program)
    await measured("idle", after(3))
    worst: list[float] = []
    if not only_states:
        registries.set_filter("tagged")
        worst.append(await measured(f"a filter reads {count:,} repositories", all_listed))
        registries.set_filter("")
        worst.append(await measured(f"{count:,} rows in the tree", after(2)))
        with scrolling(pane.view.verticalScrollBar()):
            worst.append(await measured("  scrolling", after(4)))
    else:
        registries.add_repository(host, TAGGED)
    pane.select_repository(host, TAGGED)
    worst.append(await measured(f"{count:,} tags", lambda: not tags.loading and tags.total == count))
    if not only_states:
        pane.tags.view.sortByColumn(TagColumn.CREATED, Qt.SortOrder.DescendingOrder)
        worst.append(
            await measured("  details of all, for an order by date", lambda: not tags.awaited_details)
        )
        with scrolling(pane.tags.view.verticalScrollBar()):
            worst.append(await measured("  scrolling", after(4)))
    profiler = cProfile.Profile() if profile is not None else None
    if profiler is not None:
        profiler.enable()  # this thread only
    worst += await states(program, registry, digests)
    if profiler is not None and profile is not None:
        profiler.disable()
        profiler.dump_stats(profile)
    met = max(worst) < AIM_LONGEST
    print(f"longest {max(worst):.1f} ms (aim {AIM_LONGEST:g}): {'met' if met else 'not met'}")
    program.quit()
    await program.close()


def asked_of(registry: PrivateRegistry, before: int) -> int:
    """Print what *registry* was asked after its first *before* requests; return the number of all."""
    requests = registry.requests()
    counts = Counter(
        f"{one.method} {'manifest' if '/manifests/' in one.path else 'other'}" for one in requests[before:]
    )
    print("    registry: " + (", ".join(f"{n} {what}" for what, n in sorted(counts.items())) or "nothing"))
    reads = Counter(one.path for one in requests if one.method == "GET" and "/manifests/" in one.path)
    print(
        f"    manifests that were read more than once since the start: {sum(n > 1 for n in reads.values())}"
    )
    return len(requests)


async def states(program: Wiring, registry: PrivateRegistry, digests: Mapping[str, str]) -> list[float]:
    """Measure the column State: 500 local images whose tags are among those that are shown."""
    from PySide6.QtCore import Qt

    from longshore.models.columns import ImageColumn, TagColumn
    from longshore.oci.local_image import LocalImage
    from longshore.oci.reference import Reference

    host = registry.address
    operations, pane = program._operations, program.window.image_pane
    assert operations is not None
    # Half of them are the image that their tag points to.
    own = {
        name: digest if number % 2 else f"sha256:{number:064x}"
        for number, (name, digest) in enumerate(itertools.islice(digests.items(), LOCAL))
    }
    images = [
        LocalImage(
            Reference(host, TAGGED, name), digest, None, 1, repo_digests=(f"{host}/{TAGGED}@{digest}",)
        )
        for name, digest in own.items()
    ]
    pane.view.sortByColumn(ImageColumn.STATE, Qt.SortOrder.AscendingOrder)
    tags_view = program.window.registry_pane.tags.view
    tags_view.sortByColumn(TagColumn.STATE, Qt.SortOrder.AscendingOrder)
    requests = len(registry.requests())
    operations.images._images_listed(images)

    def asked() -> bool:
        known = [operations.states.state_of(one.reference) for one in images if one.reference is not None]
        return all(known) and not operations.states._asking.busy

    found = [await measured(f"states of {LOCAL} images, both tables sorted by State", asked)]
    requests = asked_of(registry, requests)
    operations.states.check()
    found.append(await measured("  asked again with F5", lambda: not operations.states._asking.busy))
    requests = asked_of(registry, requests)
    operations.images._images_listed(images[1:])
    with scrolling(pane.view.verticalScrollBar()), scrolling(tags_view.verticalScrollBar()):
        begun = time.perf_counter()
        found.append(await measured("  scrolling both", lambda: time.perf_counter() > begun + 4))
    requests = asked_of(registry, requests)
    found.append(await keys(program))
    asked_of(registry, requests)
    return found


async def keys(program: Wiring) -> float:
    """Measure the arrow key, held through the first tags with Details open."""
    from PySide6.QtCore import Qt, QTimer
    from PySide6.QtTest import QTest

    window = program.window
    view = window.registry_pane.tags.view
    window.details_place.set_shown(True)
    view.setFocus()
    view.selectRow(0)
    left = [KEYS]

    def press() -> None:
        left[0] -= 1
        QTest.keyClick(view, Qt.Key.Key_Down)

    timer = QTimer()
    timer.timeout.connect(press)
    timer.start(round(KEY_SECONDS * 1000))
    longest = await measured(f"  arrow key through {KEYS} tags, Details open", lambda: left[0] <= 0)
    timer.stop()
    print(f"    row {view.currentIndex().row()}")
    return longest


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=10_000, help="repositories, and tags of one")
    parser.add_argument("--states", action="store_true", help="only the states of local images")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="profile the GUI thread during states")
    parser.add_argument("--offscreen", action="store_true", help="without an X display")
    wanted = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)  # as the program does
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        registry = stack.enter_context(PrivateRegistry(root / "registry", in_memory=True))
        seed_many_repositories(registry, 10 if wanted.states else wanted.count - 1)
        digests = seed_many_tags(registry, TAGGED, wanted.count)
        if wanted.offscreen:
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        else:
            display = stack.enter_context(Xvfb(root / "display", accessibility=False))
            os.environ.update(display.environ())
            os.environ["QT_QPA_PLATFORM"] = "xcb"
        import qasync
        from PySide6.QtWidgets import QApplication

        application = QApplication([])
        application.setQuitOnLastWindowClosed(False)
        with qasync.QEventLoop(application) as loop:
            loop.run_until_complete(
                run(root / "home", registry, digests, only_states=wanted.states, profile=wanted.profile)
            )


if __name__ == "__main__":
    main()
