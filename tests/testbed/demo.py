"""``python -m testbed.demo``: Longshore's window with an engine and registries to try it on.

With ``DEMO_RECORD=1`` the window opens on a private display, `testbed.record` drives it, and numbered
pictures are left in ``DEMO_OUT`` (``demo-out`` if not set). Everything else is removed when the window closes.
Arguments are passed on to Longshore.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from testbed.bed import Testbed
from testbed.driver import Window
from testbed.errors import TestbedError, TestbedUnavailable
from testbed.images import load_image, seed_repository
from testbed.processes import Process
from testbed.record import record
from testbed.registry import PrivateRegistry

MB = 1_000_000
SLOW_LINE = 8 * MB
TWO_PLATFORMS = (("linux", "amd64"), ("linux", "arm64"))

# What a window needs from the user's session to open there; everything else is private.
SESSION_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP")
SESSION_PREFIXES = ("QT_", "PYTHON", "LONGSHORE_", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class LocalImage:
    """References of one local image, sizes of its layers in megabytes, and its age in days."""

    references: tuple[str, ...]
    layers: tuple[int, ...]
    age: int
    seed: str


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """Tags of one image in a registry; equal seeds and sizes share layers."""

    repository: str
    tags: tuple[str, ...]
    layers: tuple[int, ...]
    age: int
    seed: str
    platforms: tuple[tuple[str, str], ...] = (("linux", "amd64"),)


LOCAL = (
    LocalImage(("acme/billing-api:2.4.1", "acme/billing-api:latest"), (24, 9, 5), 2, "billing"),
    LocalImage(("acme/billing-api:2.4.0",), (24, 9, 4), 16, "billing"),
    LocalImage(("acme/web:1.9.3",), (18, 6), 1, "web"),
    LocalImage(("acme/web:1.9.2",), (18, 5), 9, "web"),
    LocalImage(("postgres:16", "postgres:16.4"), (29, 82, 9), 41, "postgres"),
    LocalImage(("redis:7.2",), (29, 12), 33, "redis"),
    LocalImage(("python:3.12-slim",), (29, 4, 13), 20, "python"),
    LocalImage(("python:3.11-slim",), (29, 4, 12), 20, "python"),
    LocalImage(("busybox:1.36",), (5,), 190, "busybox"),
    LocalImage((), (24, 9, 6), 3, "billing"),
)
FAST = (
    RemoteImage("acme/billing-api", ("2.5.0-rc1",), (24, 9, 7), 0, "billing", TWO_PLATFORMS),
    RemoteImage("acme/billing-api", ("2.4.1", "latest"), (24, 9, 5), 2, "billing", TWO_PLATFORMS),
    RemoteImage("acme/billing-api", ("2.4.0",), (24, 9, 4), 16, "billing", TWO_PLATFORMS),
    RemoteImage("acme/billing-api", ("2.3.9",), (24, 9, 3), 48, "billing"),
    RemoteImage("acme/web", ("1.10.0", "latest"), (18, 7), 0, "web"),
    RemoteImage("acme/web", ("1.9.3",), (18, 6), 1, "web"),
    RemoteImage("acme/worker", ("0.8.2",), (24, 3), 5, "worker", TWO_PLATFORMS),
    RemoteImage("library/alpine", ("3.20", "latest"), (4,), 60, "alpine", TWO_PLATFORMS),
    RemoteImage("library/nginx", ("1.27", "latest"), (29, 31, 1), 12, "nginx"),
    RemoteImage("library/postgres", ("17",), (29, 90, 9), 14, "postgres"),
    RemoteImage("library/postgres", ("16",), (29, 82, 9), 41, "postgres"),
)
SLOW = (
    RemoteImage("analytics/dashboards", ("5.1", "latest"), (29, 28, 14, 9), 4, "dashboards", TWO_PLATFORMS),
    RemoteImage("analytics/dashboards", ("5.0",), (29, 28, 14, 8), 31, "dashboards"),
    RemoteImage("analytics/notebooks", ("2024.11", "latest"), (29, 36, 22, 12, 5), 7, "notebooks"),
    RemoteImage("edge/gateway", ("3.3.0",), (12, 6, 2), 3, "gateway", TWO_PLATFORMS),
)
PRIVATE = (
    RemoteImage("finance/payroll", ("7.0", "latest"), (22, 8), 6, "payroll"),
    RemoteImage("finance/ledger", ("1.2.4",), (22, 5), 27, "ledger"),
)


def seed_engine(bed: Testbed) -> None:
    """Load the local images. Raises TestbedUnavailable if there is no engine."""
    now = datetime.now(UTC)
    with contextlib.closing(bed.engine.client()) as client:
        for image in LOCAL:
            load_image(
                client,
                image.references,
                [size * MB for size in image.layers],
                created=now - timedelta(days=image.age, hours=image.age % 7),
                seed=image.seed,
            )


def seed_registry(registry: PrivateRegistry, images: tuple[RemoteImage, ...]) -> None:
    """Put the images into the registry, directly and not through a slow line."""
    now = datetime.now(UTC)
    credentials = (registry.username, registry.password) if registry.auth else None
    for image in images:
        seed_repository(
            registry.address,
            image.repository,
            image.tags,
            layers=[size * MB for size in image.layers],
            platforms=image.platforms,
            created=now - timedelta(days=image.age, hours=image.age % 7),
            seed=image.seed,
            credentials=credentials,
        )


def prepare(bed: Testbed) -> list[str]:
    """Start and fill everything; returns Longshore's arguments."""
    arguments: list[str] = []
    began = time.monotonic()
    try:
        say("Starting a private engine and loading images into it…")
        seed_engine(bed)
        arguments += ["--engine", bed.engine.host]
    except TestbedUnavailable as problem:
        say(f"No engine, so the registries alone: {problem}")
    say("Starting three private registries…")
    fast, slow, private = bed.registry("open"), bed.registry("second"), bed.registry("htpasswd")
    for registry, images in ((fast, FAST), (slow, SLOW), (private, PRIVATE)):
        seed_registry(registry, images)
    line = bed.throttle(slow, bytes_per_second=SLOW_LINE, latency=0.02)
    for address in (fast.address, line.address, private.address):
        arguments += ["--registry", address]
    say(f"Ready after {time.monotonic() - began:.0f} s:")
    say(f"  {fast.address}  open and fast")
    say(f"  {line.address}  open, behind a line of {SLOW_LINE // MB} MB/s")
    say(f"  {private.address}  wants a sign-in: {private.username} / {private.password}")
    return arguments


def open_window(bed: Testbed, arguments: list[str], session: Mapping[str, str]) -> Process:
    """Start Longshore from this Python's environment, in a private home."""
    log = bed.root / "window" / "longshore.log"
    log.parent.mkdir(exist_ok=True)
    return Process(
        "longshore",
        [sys.executable, "-m", "longshore", *arguments, *sys.argv[1:]],
        log=log,
        environ=bed.home().environ(session),
        death_signal="TERM",
    )


def session_of_the_user() -> dict[str, str]:
    """The part of our environment that a window needs to open on the user's own display."""
    session = {
        name: value
        for name, value in os.environ.items()
        if name in SESSION_VARIABLES or name.startswith(SESSION_PREFIXES)
    }
    authority = Path.home() / ".Xauthority"
    if "DISPLAY" in session and "XAUTHORITY" not in session and authority.exists():
        session["XAUTHORITY"] = str(authority)
    if "WAYLAND_DISPLAY" in session and "XDG_RUNTIME_DIR" in os.environ:
        session["XDG_RUNTIME_DIR"] = os.environ["XDG_RUNTIME_DIR"]
    return session


def play(bed: Testbed) -> int:
    """Open the window for the user and wait until it is closed; returns its exit code."""
    arguments = prepare(bed)
    with open_window(bed, arguments, session_of_the_user()) as window:
        say("Opening the window; everything is removed when it closes.")
        code = window.wait()
        if code != 0:
            say(window.log_tail().strip())
        return code


def record_pictures(bed: Testbed, out_dir: Path) -> int:
    """Open the window on a private display, let `testbed.record` drive it, and take pictures."""
    out_dir.mkdir(parents=True, exist_ok=True)
    arguments = prepare(bed)
    hosts = [
        host for option, host in zip(arguments[::2], arguments[1::2], strict=True) if option == "--registry"
    ]
    with Window(bed.display, bed.home(), arguments) as window:
        try:
            record(window, hosts[0], hosts[1], out_dir)
        except TestbedError:
            say(window.output().strip())
            raise
    say(f"The pictures are in {out_dir}.")
    return 0


def say(text: str) -> None:
    print(text, flush=True)


def _end(number: int, _frame: object) -> NoReturn:
    """End the demo on a signal in the way that cleans up."""
    raise SystemExit(128 + number)


def main() -> int:
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    try:
        with Testbed() as bed:
            if os.environ.get("DEMO_RECORD") == "1":
                return record_pictures(bed, Path(os.environ.get("DEMO_OUT", "demo-out")))
            return play(bed)
    except TestbedError as problem:
        say(f"The demo cannot run here: {problem}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
