"""*Copy as command*: the line from the clipboard does in a shell what the window did."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import pull_by_name, wait_status

Start = Callable[..., Window]


def test_a_transfer_runs_again_from_its_line(
    start: Start,
    open_registry: PrivateRegistry,
    testbed_engine: PrivateEngine,
    run_command: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    registry = open_registry.address
    seed_repository(registry, "line/app", ["1"], layers=[40_000])
    window = start(open_registry)
    window.wait_row("Registries", registry)
    pull_by_name(window, f"{registry}/line/app:1")
    wait_status(window, "Succeeded")
    window.click_row("Transfers", "Succeeded")
    window.keys("alt+i")
    window.click(window.wait_for("Copy as command", "menu", "menu item"))
    window.click(window.wait_for("Longshore", "menu item"))
    # Paste it where its text can be read.
    window.keys("ctrl+h")
    window.wait_row("History", "Succeeded")
    window.keys("ctrl+f", "ctrl+v")
    line = f"longshore pull --engine {testbed_engine.host} {registry}/line/app:1"
    assert window.wait_text("longshore pull") == line
    done = run_command(*shlex.split(line)[1:])
    assert done.returncode == 0, done.stderr
