"""The window as a new user meets it: nothing changes under the hand, and nothing stands where it misleads."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import load_image, seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import pull_by_name, wait_status

Start = Callable[..., Window]


def test_a_pull_that_ends_leaves_the_selection_to_the_user(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "arrives/app", ["1"], layers=[200_000])
    with testbed_engine.client() as client:
        load_image(client, ["aaa/kept:1"], seed="kept")
    window = start(open_registry)
    window.click_row("Local images", "aaa/kept", "1")
    pull_by_name(window, f"{open_registry.address}/arrives/app:1")
    wait_status(window, "Succeeded")
    window.wait_row("Local images", f"{open_registry.address}/arrives/app", "1")
    window.wait_text("1 new")
    window.keys("Delete")
    window.wait_text("Remove aaa/kept:1?")
    window.keys("Escape")
    window.click_row("Local images", f"{open_registry.address}/arrives/app", "1")
    window.wait(lambda: not any("1 new" in text for text in window.texts()), "the mark to go")
