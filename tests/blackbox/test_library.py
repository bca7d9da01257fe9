"""Without Docker: the library in the left pane, with mouse and keyboard, checked by digest and by other tools."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import DESTINATION, OPERATION, manifest_digest, open_repository, wait_status

Start = Callable[..., Window]


def test_without_docker_an_image_is_pulled_into_the_library_and_pushed_to_another_registry(
    start: Start, open_registry: PrivateRegistry, second_registry: PrivateRegistry, no_engine: str
) -> None:
    seed_repository(open_registry.address, "nodocker/app", ["1.0"], layers=[300_000, 80_000])
    window = start(open_registry, second_registry, engine=no_engine)
    window.wait_text("No engine answers; showing the library.")
    open_repository(window, open_registry.address, "nodocker/app")
    window.click_row("Tags", "1.0")
    window.press("Pull")
    row = wait_status(window, "Succeeded")
    assert (row[OPERATION], row[DESTINATION]) == ("Pull", "Library")
    window.click_row("Local images", f"{open_registry.address}/nodocker/app", "1.0")
    window.wait(lambda: "in sync" in window.table("Tags").rows[0], "the tag to be known here")
    target = window.reveal("Registries", window.wait_row("Registries", second_registry.address))
    window.drag_row("Local images", [f"{open_registry.address}/nodocker/app"], target)
    window.wait_text(f"Will stand as {second_registry.address}/nodocker/app:1.0")
    window.keys("Return")
    window.wait(lambda: window.table("Transfers").column("Status") == ["Succeeded"] * 2, "the push")
    assert window.table("Transfers").column("Operation") == ["Pull", "Push"]
    digest = manifest_digest(open_registry.address, "nodocker/app", "1.0")
    assert manifest_digest(second_registry.address, "nodocker/app", "1.0") == digest
    window.keys("Delete")
    window.wait_for("Remove", "push button", "button")
    window.keys("Return")
    window.wait(lambda: not window.table("Local images").rows, "the image to be gone")
