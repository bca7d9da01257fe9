"""The queue in the window: reordering by drag, duplicate requests, and a row that offers to sign in."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.display import Xvfb
from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.home import PrivateHome
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import (
    STATUS,
    TRANSFERRED,
    manifest_digest,
    open_repository,
    pull_by_name,
    wait_status,
)
from testbed.throttle import Throttle

Start = Callable[..., Window]
#: Seconds; far more than the program needs to end, even on a busy machine.
PATIENCE = 60.0


def sources(window: Window) -> list[str]:
    """The tags of the rows, in their order."""
    return [source.rpartition(":")[2] for source in window.table("Transfers").column("Source")]


def test_rows_that_wait_are_dragged_and_the_same_is_one_row(
    start: Start, open_registry: PrivateRegistry
) -> None:
    registry = open_registry.address
    seed_repository(registry, "order/app", ["a", "b", "c", "d"], layers=[40_000])
    window = start(open_registry)
    window.wait_row("Registries", registry)
    pull_by_name(window, f"{registry}/order/app:a")
    wait_status(window, "Succeeded")
    window.press("Pause queue")
    for tag in "bcd":
        pull_by_name(window, f"{registry}/order/app:{tag}")
        window.wait_row("Transfers", f"{registry}/order/app:{tag}")
    pull_by_name(window, f"{registry}/order/app:b")
    window.wait_text("already in the list")
    assert sources(window) == ["a", "b", "c", "d"]

    # The click dismisses the notice, which changes which rows are visible.
    row = window.click_row("Transfers", f"{registry}/order/app:d")
    window.wait(lambda: not any("in the list" in text for text in window.texts()), "the notice to go")
    target = window.wait_row("Transfers", f"{registry}/order/app:b")
    x, y, width, height = window.reveal("Transfers", target, 1).extents
    window.display.drag(window.reveal("Transfers", row, 1).center, (x + width // 3, y + height // 5))
    window.wait(lambda: sources(window) == ["a", "d", "b", "c"], "the row to move before the other")
    window.press("Resume queue")
    window.wait(lambda: window.table("Transfers").column("Status") == ["Succeeded"] * 4, "all to succeed")


def test_a_row_that_was_refused_offers_to_sign_in_and_goes_on(
    start: Start, auth_registry: PrivateRegistry
) -> None:
    registry = auth_registry.address
    seed_repository(
        registry,
        "offered/app",
        ["1"],
        layers=[30_000],
        credentials=(auth_registry.username, auth_registry.password),
    )
    window = start(auth_registry)
    window.wait_row("Registries", registry)
    pull_by_name(window, f"{registry}/offered/app:1")
    row = wait_status(window, "Failed", timeout=60)
    assert row[TRANSFERRED]
    # Two buttons offer it: one in the notice, and one at the right end of the cell.
    window.press(f"Sign in to {registry}…")
    window.wait_for("User name", "text")
    window.keys("Escape")
    window.wait(lambda: window.find("User name", "text") is None, "the sheet to close")
    x, y, width, height = window.cell("Transfers", 0, TRANSFERRED).extents
    window.display.xdotool("mousemove", x + width - 40, y + height // 2, "click", 1)
    window.wait_for("User name", "text")
    window.type(auth_registry.username)
    window.keys("Tab")
    window.type(auth_registry.password)
    window.keys("Return")
    window.wait(lambda: [row[STATUS] for row in window.table("Transfers").rows] == ["Succeeded"], "the pull")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_what_a_signal_interrupted_goes_on_at_one_click(
    start: Start, open_registry: PrivateRegistry, throttle: Throttle, number: signal.Signals
) -> None:
    name = f"cut/{number.name.lower()}"  # the engine has the other's layers
    seed_repository(open_registry.address, name, ["1", "2"], layers=[3_000_000])
    throttle.bytes_per_second = 200_000
    window = start(throttle.address)
    window.wait_row("Registries", throttle.address)
    for tag in "12":
        pull_by_name(window, f"{throttle.address}/{name}:{tag}")
    window.wait(lambda: window.table("Transfers").column("Status").count("Running") == 2, "both to run")
    window.process.send_signal(number)
    assert window.process.wait(PATIENCE) == (0 if number is signal.SIGTERM else -number)
    throttle.bytes_per_second = None
    again = start(throttle.address)
    again.wait_text("2 transfers were interrupted")
    assert again.table("Transfers").column("Status") == ["Interrupted"] * 2
    again.press("Resume all")
    again.wait(lambda: again.table("Transfers").column("Status") == ["Succeeded"] * 2, "both to succeed", 40)


def test_what_a_lost_display_interrupted_is_there_again(
    start: Start,
    open_registry: PrivateRegistry,
    throttle: Throttle,
    testbed_engine: PrivateEngine,
    private_home: PrivateHome,
    tmp_path: Path,
) -> None:
    seed_repository(open_registry.address, "lost/app", ["1"], layers=[3_000_000])
    throttle.bytes_per_second = 200_000
    arguments = ["--engine", testbed_engine.host, "--registry", throttle.address]
    with Xvfb(tmp_path / "screen") as screen, Window(screen, private_home, arguments) as window:
        window.wait_row("Registries", throttle.address)
        pull_by_name(window, f"{throttle.address}/lost/app:1")
        wait_status(window, "Running")
        screen.stop()
        assert window.process.wait(PATIENCE) == 1
    again = start(throttle.address)
    again.wait_text("1 transfer was interrupted")
    assert again.table("Transfers").column("Status") == ["Interrupted"]


def test_a_copy_is_paused_and_goes_on(
    start: Start, open_registry: PrivateRegistry, second_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seed_repository(open_registry.address, "paused/app", ["1"], layers=[2_500_000, 2_000_000])
    throttle.bytes_per_second = 400_000
    window = start(throttle.address, second_registry)
    open_repository(window, throttle.address, "paused/app")
    window.wait_row("Tags", "1")
    target = window.wait_row("Registries", second_registry.address)
    window.drag_row("Tags", ["1"], window.reveal("Registries", target))
    window.wait_for("Resulting references")
    window.wait_text(f"Will be copied to {second_registry.address}/paused/app:1")
    window.keys("Return")
    wait_status(window, "Running")
    window.press("Pause")
    window.wait(lambda: "Paused" in window.table("Transfers").column("Transferred")[0], "the pause")
    assert window.table("Transfers").column("Status") == ["Queued"]
    throttle.bytes_per_second = None
    window.press("Resume")
    wait_status(window, "Succeeded")
    digest = manifest_digest(open_registry.address, "paused/app", "1")
    assert manifest_digest(second_registry.address, "paused/app", "1") == digest
