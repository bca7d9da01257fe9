"""Drives the demo's window with mouse and keyboard and takes numbered pictures."""

from __future__ import annotations

from pathlib import Path

from testbed.driver import Window
from testbed.steps import wait_status


def record(window: Window, fast: str, slow: str, out_dir: Path) -> None:
    """Record a pull by click from the *slow* registry, a drag of a local image onto the *fast* one, and a copy.

    Raises TestbedError if an expected state does not appear; the pictures taken so far are kept.
    """
    number = 0

    def picture(name: str) -> None:
        nonlocal number
        number += 1
        window.screenshot(out_dir / f"{number:02}-{name}.png")

    window.wait_row("Local images", "acme/web", "1.9.3")
    window.wait_row("Registries", slow)
    window.wait_row("Registries", "edge/gateway")
    picture("both-sides")
    window.click_row("Registries", "analytics/dashboards")
    window.click_row("Tags", "5.1")
    picture("tags")
    window.press("Pull")
    wait_status(window, "Running")
    window.click_row("Transfers", "Pull")
    window.keys("Right")
    picture("pull-by-click")
    target = window.wait_row("Registries", fast)
    window.drag_row("Local images", ["acme/web", "1.9.3"], window.reveal("Registries", target))
    window.wait_for("Resulting references")
    window.wait_row("Resulting references", "may replace existing")
    picture("push-sheet-after-drag")
    window.keys("Return")
    window.wait_row("Transfers", "Push")
    picture("two-transfers")
    window.click_row("Registries", "analytics/notebooks")
    window.click_row("Tags", "2024.11")
    window.press("Copy")
    window.wait_for("Resulting references")
    window.wait_row("Resulting references", "new tag")
    picture("copy-sheet")
    window.keys("Return")
    window.wait_row("Transfers", "Copy")
    window.wait(lambda: window.table("Transfers").column("Status").count("Running") >= 2, "two to run")
    picture("three-transfers")
    window.wait(
        lambda: window.table("Transfers").column("Status").count("Succeeded") == 3,
        "all to succeed",
        timeout=120,
    )
    picture("done")
