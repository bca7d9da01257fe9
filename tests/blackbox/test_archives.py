"""Archives in the window: saved from a registry and an engine, loaded into the library and an engine, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import seed_repository, small_image
from testbed.registry import PrivateRegistry
from testbed.steps import DESTINATION, OPERATION, manifest_digest, open_repository, wait_status

Start = Callable[..., Window]


def test_an_archive_is_saved_and_loaded(
    start: Start,
    open_registry: PrivateRegistry,
    second_registry: PrivateRegistry,
    no_engine: str,
    tmp_path: Path,
) -> None:
    seed_repository(open_registry.address, "archived/app", ["1.0"], layers=[90_000])
    window = start(open_registry, second_registry, engine=no_engine)
    window.wait_text("Docker isn't running. Showing your library")
    open_repository(window, open_registry.address, "archived/app")
    window.click_row("Tags", "1.0")
    window.keys("ctrl+s")
    window.wait_for("File", "text")
    window.keys("ctrl+a")
    window.type(f"{tmp_path}/app.tar.gz")
    window.keys("Return")
    row = wait_status(window, "Succeeded")
    assert (row[OPERATION], row[DESTINATION]) == ("Save", "app.tar.gz")
    assert (tmp_path / "app.tar.gz").read_bytes()[:2] == b"\x1f\x8b"
    (tmp_path / "broken.tar").write_bytes(b"no archive")
    window.keys("ctrl+o")
    window.wait_for("Load", "push button", "button")
    window.type(f'"{tmp_path}/app.tar.gz" "{tmp_path}/broken.tar"')
    window.keys("Return")
    window.wait_row("Local images", f"{open_registry.address}/archived/app", "1.0")
    failed = wait_status(window, "Failed")
    assert failed[OPERATION] == "Load"
    # The row of a saved archive can be dragged as a file, here onto a registry.
    target = window.reveal("Registries", window.wait_row("Registries", second_registry.address))
    window.drag_row("Transfers", ["Save"], target)
    window.wait_text(f"Will be pushed as {second_registry.address}/archived/app:1.0")
    window.keys("Return")
    digest = manifest_digest(open_registry.address, "archived/app", "1.0")
    window.wait(
        lambda: manifest_digest(second_registry.address, "archived/app", "1.0") == digest,
        "the same image there",
    )


def test_an_engines_image_is_saved_and_comes_back(
    start: Start, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    with testbed_engine.client() as client:
        image = small_image(client, "saved/app:1")
        window = start()
        window.click_row("Local images", "saved/app", "1")
        window.keys("ctrl+s")
        window.wait_for("File", "text")
        window.keys("ctrl+a")
        window.type(f"{tmp_path}/app.tar.zst")
        window.keys("Return")
        wait_status(window, "Succeeded")
        client.remove_image("saved/app:1")
        window.wait(lambda: window.table("Local images").find("saved/app") is None, "the row to go")
        window.drag_row("Transfers", ["Save"], window.wait_for("Local images", "table"))
        window.wait(lambda: window.table("Transfers").column("Status") == ["Succeeded"] * 2, "the load")
        window.wait_row("Local images", "saved/app", "1")
        assert client.inspect_image("saved/app:1")["Id"] == image


def test_an_image_is_copied_to_another_engine(
    start: Start, testbed_engine: PrivateEngine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with testbed_engine.client() as client:
        image = small_image(client, "carried/app:1")
    with PrivateEngine(tmp_path_factory.mktemp("other-engine")) as other, other.client() as there:
        window = start(environ={"DOCKER_HOST": other.host})
        window.wait_row("Local images", "carried/app", "1")
        window.click_row("Local images", "carried/app", "1")
        window.keys("alt+i")
        window.click(window.wait_for("Copy to another engine or the library…"))
        window.wait_for("Places")
        window.keys("space", "Return")
        row = wait_status(window, "Succeeded")
        assert (row[OPERATION], row[DESTINATION]) == ("Copy", "DOCKER_HOST")
        assert there.inspect_image("carried/app:1")["Id"] == image
