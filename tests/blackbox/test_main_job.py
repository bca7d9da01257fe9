"""Pull by click, push by drag, cancel, failures: with mouse and keyboard, checked at the engine and the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import docker.errors
import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import build_image, seed_repository, small_image
from testbed.registry import PrivateRegistry
from testbed.steps import (
    OPERATION,
    PROGRESS,
    TRANSFERRED,
    head_manifest,
    open_repository,
    pull_by_name,
    wait_status,
)
from testbed.throttle import Throttle

Start = Callable[..., Window]


def test_both_sides_are_shown(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "shown/app", ["1.9", "1.10"], layers=[2000])
    with testbed_engine.client() as client:
        image = small_image(client, "shown/local:1")
    window = start(open_registry)
    row = window.wait_row("Local images", "shown/local", "1")
    table = window.table("Local images")
    assert table.header[:3] == ["Repository", "Tag", "Image ID"]
    assert table.rows[row][2] == image.removeprefix("sha256:")[:12]
    assert window.table("Registries").column(window.table("Registries").header[0])[0] == "Docker Hub"
    open_repository(window, open_registry.address, "shown/app")
    window.wait_row("Tags", "1.10")
    assert window.table("Tags").header[:2] == ["Tag", "Digest"]


def test_images_are_live(start: Start, testbed_engine: PrivateEngine) -> None:
    with testbed_engine.client() as client:
        small_image(client, "live/one:1")
        window = start()
        window.wait_row("Local images", "live/one")
        client.tag("live/one:1", "live/two", "2")
        window.wait_row("Local images", "live/two", "2", timeout=3)
        client.remove_image("live/two:2")
        window.wait(lambda: window.table("Local images").find("live/two") is None, "the row to go", timeout=3)


def test_pull_by_click(start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry) -> None:
    seed_repository(open_registry.address, "click/app", ["latest", "2.0"], layers=[400_000, 90_000])
    window = start(open_registry)
    open_repository(window, open_registry.address, "click/app")
    window.click_row("Tags", "2.0")
    window.press("Pull")
    row = wait_status(window, "Succeeded")
    assert row[OPERATION] == "Pull"
    assert "100" in row[PROGRESS]
    with testbed_engine.client() as client:
        assert client.inspect_image(f"{open_registry.address}/click/app:2.0")["Id"]
    window.wait_row("Local images", f"{open_registry.address}/click/app", "2.0")


def test_pull_of_a_repository_takes_latest(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "whole/app", ["latest"], layers=[40_000])
    window = start(open_registry)
    open_repository(window, open_registry.address, "whole/app")
    window.press("Pull")
    wait_status(window, "Succeeded")
    with testbed_engine.client() as client:
        assert client.inspect_image(f"{open_registry.address}/whole/app:latest")["Id"]


def test_a_repository_without_latest_asks(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "asks/app", ["3.1", "3.2"], layers=[40_000])
    window = start(open_registry)
    open_repository(window, open_registry.address, "asks/app")
    window.press("Pull")
    window.wait_for("Tags to choose from")
    window.keys("Return")
    wait_status(window, "Succeeded")
    with testbed_engine.client() as client:
        assert client.inspect_image(f"{open_registry.address}/asks/app:3.2")["Id"]


def test_pull_of_a_pasted_line(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "pasted/app", ["v1"], layers=[40_000])
    window = start(open_registry)
    window.wait_row("Registries", open_registry.address)
    window.keys("ctrl+l")
    window.wait_for("Reference", "text")
    window.type(f"docker pull {open_registry.address}/pasted/app:v1")
    window.keys("Return")
    wait_status(window, "Succeeded")
    with testbed_engine.client() as client:
        assert client.inspect_image(f"{open_registry.address}/pasted/app:v1")["Id"]


def test_push_by_drag(start: Start, testbed_engine: PrivateEngine, second_registry: PrivateRegistry) -> None:
    with testbed_engine.client() as client:
        small_image(client, "dragged/app:7")
    window = start(second_registry)
    window.wait_row("Local images", "dragged/app", "7")
    target = window.wait_row("Registries", second_registry.address)
    window.drag_row("Local images", ["dragged/app", "7"], window.reveal("Registries", target))
    window.wait_for("Resulting references")
    window.wait_text(f"{second_registry.address}/dragged/app:7")
    # The first Enter ends the editing of a cell; the second confirms the sheet.
    window.click(window.cell("Resulting references", 0, 2), times=2)
    window.keys("ctrl+a")
    window.type("dragged/elsewhere")
    window.keys("Return")
    window.wait_text(f"Will be pushed as {second_registry.address}/dragged/elsewhere:7")
    window.keys("Return")
    row = wait_status(window, "Succeeded")
    assert row[OPERATION] == "Push"
    assert head_manifest(second_registry.address, "dragged/elsewhere", "7") == 200
    window.wait_row("Registries", "dragged/elsewhere")


def test_push_by_button_and_overwrite_warning(
    start: Start, testbed_engine: PrivateEngine, second_registry: PrivateRegistry
) -> None:
    with testbed_engine.client() as client:
        small_image(client, f"{second_registry.address}/button/app:1")
        for _ in client.push(f"{second_registry.address}/button/app", "1", stream=True):
            pass
        # Another image gets the same name, so that this push would overwrite the first one.
        small_image(client, f"{second_registry.address}/button/app:1", seed="another")
    window = start(second_registry)
    window.click_row("Local images", f"{second_registry.address}/button/app", "1")
    window.press("Push")
    window.wait_for("Resulting references")
    window.wait_text("1 existing tag may be moved to this image.")
    window.keys("Return")
    wait_status(window, "Succeeded")


def test_cancel_stops_engine_and_registry(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seed_repository(open_registry.address, "slow/app", ["1"], layers=[8_000_000, 6_000_000])
    throttle.bytes_per_second = 400_000
    window = start(throttle.address)
    open_repository(window, throttle.address, "slow/app")
    window.click_row("Tags", "1")
    window.press("Pull")
    wait_status(window, "Running")
    window.click_row("Transfers", "Pull")
    window.press("Cancel")
    wait_status(window, "Cancelled")
    window.wait(lambda: "context canceled" in testbed_engine.log_text(), "the engine to stop")
    # Most of the image was never requested, so the pull did not simply finish.
    assert throttle.moved_bytes["response"] < 8_000_000


def test_an_unknown_image_fails_and_says_so(
    start: Start, open_registry: PrivateRegistry, testbed_engine: PrivateEngine
) -> None:
    window = start(open_registry)
    window.wait_row("Registries", open_registry.address)
    window.keys("ctrl+l")
    window.wait_for("Reference", "text")
    window.type(f"{open_registry.address}/no/such:thing")
    window.keys("Return")
    row = wait_status(window, "Failed")
    assert len(row[TRANSFERRED]) > 15, row
    with testbed_engine.client() as client, pytest.raises(docker.errors.ImageNotFound):
        client.inspect_image(f"{open_registry.address}/no/such:thing")
    window.click_row("Transfers", "Pull")
    assert window.find("Retry") is not None


def test_engine_down_at_start_shows_the_library_and_is_shown_when_it_comes_up(
    start: Start, open_registry: PrivateRegistry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    engine = PrivateEngine(tmp_path_factory.mktemp("late-engine"))
    window = start(open_registry, engine=engine.host)
    window.wait_text("Docker isn't running. Showing your library")
    window.press("Try again")
    window.wait_text("no engine found")
    window.wait_row("Registries", open_registry.address)
    with engine:
        with engine.client() as client:
            small_image(client, "late/app:1")
        window.wait_text("Showing its images.")
        window.wait_row("Local images", "late/app")


def test_an_engine_that_comes_up_is_only_offered_to_who_works_with_the_library(
    start: Start, open_registry: PrivateRegistry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    seed_repository(open_registry.address, "meanwhile/app", ["1"], layers=[20_000])
    engine = PrivateEngine(tmp_path_factory.mktemp("late-engine"))
    window = start(open_registry, engine=engine.host)
    window.wait_text("Docker isn't running. Showing your library")
    pull_by_name(window, f"{open_registry.address}/meanwhile/app:1")
    wait_status(window, "Succeeded")
    with engine:
        with engine.client() as client:
            small_image(client, "late/app:1")
        window.wait_text("You are viewing the library.")
        assert window.table("Local images").column("Tag") == ["1"]
        window.press("Show its images")
        window.wait_row("Local images", "late/app")


def test_closing_with_transfers_asks_and_ends_soon(
    start: Start, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    seed_repository(open_registry.address, "closing/app", ["1"], layers=[9_000_000])
    throttle.bytes_per_second = 300_000
    window = start(throttle.address)
    open_repository(window, throttle.address, "closing/app")
    window.click_row("Tags", "1")
    window.press("Pull")
    wait_status(window, "Running")
    window.keys("ctrl+q")
    window.press("Stop and close")
    assert window.process.wait(timeout=60) == 0
    assert throttle.moved_bytes["response"] < 9_000_000, "it did not wait for the pull to end"
    assert "Traceback" not in window.output()


def test_the_window_of_a_newcomer_is_whole(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    with testbed_engine.client() as client:
        small_image(client, "newcomer/app:1")  # an empty pane hides its buttons
    window = start(open_registry)
    window.wait_row("Registries", open_registry.address)
    window.wait_row("Local images", "newcomer/app")
    for name in ("Pull", "Push", "Add registry…", "Refresh", "Remove…", "Tag…", "Sign in…"):
        assert window.find(name) is not None, name
    assert window.screenshot(tmp_path / "window.png").stat().st_size > 10_000


def test_docker_build_output_is_pushed_under_two_names(
    start: Start,
    testbed_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
) -> None:
    with testbed_engine.client() as client:
        build_image(client, "both/app:1", [30_000])
    window = start(open_registry, second_registry)
    window.click_row("Local images", "both/app", "1")
    window.press("Push")
    window.wait_for("Resulting references")
    window.press("Add another registry")
    window.wait(lambda: len(window.table("Resulting references").rows) == 2, "two rows")
    assert {open_registry.address, second_registry.address} <= set(
        window.table("Resulting references").column("Registry")
    )
    window.press("Push")
    window.wait(
        lambda: window.table("Transfers").column("Status") == ["Succeeded"] * 2, "both to succeed", timeout=40
    )
    for registry in (open_registry, second_registry):
        assert head_manifest(registry.address, "both/app", "1") == 200
