"""Without Docker: the library in the left pane, with mouse and keyboard, checked by digest and by other tools."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import DESTINATION, OPERATION, manifest_digest, open_repository, wait_status
from testbed.throttle import Throttle

Start = Callable[..., Window]


def test_without_docker_an_image_is_pulled_into_the_library_and_pushed_to_another_registry(
    start: Start, open_registry: PrivateRegistry, second_registry: PrivateRegistry, no_engine: str
) -> None:
    seed_repository(open_registry.address, "nodocker/app", ["1.0"], layers=[300_000, 80_000])
    window = start(open_registry, second_registry, engine=no_engine)
    window.wait_text("Docker isn't running. Showing your library")
    open_repository(window, open_registry.address, "nodocker/app")
    window.click_row("Tags", "1.0")
    window.press("Pull")
    row = wait_status(window, "Succeeded")
    assert (row[OPERATION], row[DESTINATION]) == ("Pull", "Library")
    window.click_row("Local images", f"{open_registry.address}/nodocker/app", "1.0")
    window.wait(lambda: "in sync" in window.table("Tags").rows[0], "the tag to be known here")
    target = window.reveal("Registries", window.wait_row("Registries", second_registry.address))
    window.drag_row("Local images", [f"{open_registry.address}/nodocker/app"], target)
    window.wait_text(f"Will be pushed as {second_registry.address}/nodocker/app:1.0")
    window.keys("Return")
    window.wait(lambda: window.table("Transfers").column("Status") == ["Succeeded"] * 2, "the push")
    assert window.table("Transfers").column("Operation") == ["Pull", "Push"]
    digest = manifest_digest(open_registry.address, "nodocker/app", "1.0")
    assert manifest_digest(second_registry.address, "nodocker/app", "1.0") == digest
    window.keys("Delete")
    window.press("Remove")
    window.wait(lambda: not window.table("Local images").rows, "the image to be gone")


def test_a_pull_that_the_engine_cannot_finish_goes_by_the_library(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seed_repository(open_registry.address, "detour/app", ["1.0"], layers=[200_000])
    throttle.fail_next(r"/blobs/", 403, times=100)
    window = start(throttle.address)
    open_repository(window, throttle.address, "detour/app")
    window.click_row("Tags", "1.0")
    window.press("Pull")
    wait_status(window, "Failed")
    throttle.clear_faults()
    window.click_row("Transfers", "Pull")
    window.keys("alt+t")
    window.click(window.wait_for("Download via the library"))
    window.wait(
        lambda: (
            [row[:1] + row[3:4] for row in window.table("Transfers").rows if row[0] in ("Pull", "Copy")]
            == [["Pull", "Failed"], ["Pull", "Succeeded"], ["Copy", "Succeeded"]]
        ),
        "both ways",
    )
    with testbed_engine.client() as client:
        assert client.inspect_image(f"{throttle.address}/detour/app:1.0")["Id"]
    window.wait_row("Local images", f"{throttle.address}/detour/app", "1.0")
