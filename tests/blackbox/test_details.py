"""Details of an image here and of a tag, with the keyboard alone, in the real window."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import seed_repository, small_image
from testbed.registry import PrivateRegistry
from testbed.steps import open_repository

Start = Callable[..., Window]


def wait_line(window: Window, name: str, line: str) -> None:
    """Wait until the list *name* of Details has *line*."""

    def lines() -> list[str]:
        found = window.ask(do="table", name=name, roles=["list", "table"])
        return [row[0].strip() for row in found["rows"]] if found else []

    window.wait(lambda: line in lines(), f"“{line}” in {name}")


def test_details_follow_the_selection(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "seen/app", ["1.9", "1.10"], layers=[2000])
    with testbed_engine.client() as client:
        small_image(client, "seen/local:1")
    window = start(open_registry)
    window.click_row("Local images", "seen/local", "1")
    window.keys("F4")
    wait_line(window, "Overview", "Reference: seen/local:1")
    wait_line(window, "Overview", "Command: /nothing")  # it was read
    open_repository(window, open_registry.address, "seen/app")
    window.click_row("Tags", "1.10")
    wait_line(window, "Overview", f"Reference: {open_registry.address}/seen/app:1.10")
    window.keys("Down")
    wait_line(window, "Overview", f"Reference: {open_registry.address}/seen/app:1.9")
    window.keys("F6", "ctrl+Page_Up")  # around to the last tab
    wait_line(window, "Document", '"schemaVersion": 2,')
    window.wait_text("digest verified")
    window.click(window.wait_for("Details", "check box", "toggle button", "push button"))
    window.wait(lambda: window.find("Document", "table") is None, "the panel to go")
