"""The history: transfers of earlier runs are found, filtered, repeated and removed."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import STATUS, pull_by_name, wait_status

Start = Callable[..., Window]


def test_history_is_kept_filtered_repeated_and_cleared(start: Start, open_registry: PrivateRegistry) -> None:
    registry = open_registry.address
    seed_repository(registry, "past/app", ["1"], layers=[40_000])
    window = start(open_registry)
    window.wait_row("Registries", registry)
    pull_by_name(window, f"{registry}/past/app:1")
    wait_status(window, "Succeeded")
    pull_by_name(window, f"{registry}/past/app:none")
    wait_status(window, "Failed")
    window.press("Clear finished")
    window.wait(lambda: not window.table("Transfers").rows, "the list to be empty")
    window.stop()

    again = start(open_registry)
    again.wait_row("Registries", registry)
    again.keys("ctrl+h")
    again.wait_row("History", "Failed")
    assert again.table("History").column("Source") == [f"{registry}/past/app:none", f"{registry}/past/app:1"]

    again.keys("ctrl+f")
    again.type("app:1")
    again.wait(lambda: again.table("History").column("Status") == ["Succeeded"], "the filter")
    again.click_row("History", "Succeeded")
    again.press("Repeat")
    again.wait(
        lambda: [row[STATUS] for row in again.table("Transfers").rows] == ["Succeeded"], "it to be repeated"
    )
    # The repeated transfer has ended, so it is in the history too.
    again.wait(lambda: again.table("History").column("Status") == ["Succeeded"] * 2, "the history to follow")

    again.press("Clear history…")
    again.press("Clear history")
    again.wait(lambda: not again.table("History").rows, "the history to go")
    assert again.table("Transfers").rows, "clearing the history leaves the list alone"


def test_quitting_from_the_history_closes_everything(start: Start) -> None:
    window = start()
    window.wait_row("Registries", "Docker Hub")
    window.keys("ctrl+h")
    window.wait_text("No transfers yet")
    window.keys("ctrl+q")
    assert window.process.wait(10) == 0
