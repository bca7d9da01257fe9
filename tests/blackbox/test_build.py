"""Builds from the window: with the mouse, a failure, the output, and the built image dragged to a registry."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.programs import load_programs
from testbed.registry import PrivateRegistry
from testbed.steps import head_manifest

Start = Callable[..., Window]


@pytest.fixture
def client(testbed_engine: PrivateEngine) -> Iterator[Any]:
    """A client of the engine, which has the image ``window/base:1`` with a shell."""
    with contextlib.closing(testbed_engine.client()) as client:
        load_programs(client, ["window/base:1"])
        yield client
        for image in client.images():
            for name in image["RepoTags"] or ():
                if "window/built:" in name or "window/base:" in name:
                    client.remove_image(name, force=True)


@pytest.fixture
def folder(tmp_path: Path, client: Any) -> Path:
    made = tmp_path / "web"
    made.mkdir()
    (made / "Dockerfile").write_text(
        "ARG BASE=window/base:1\nFROM $BASE\nARG WHO=world\nCOPY . /in\nRUN echo hello $WHO && cat /in/file\n"
    )
    (made / "file").write_text("content of the file\n")
    return made


def fill(window: Window, folder: Path) -> None:
    """Open the sheet by the menu, and enter folder and name."""
    window.wait_row("Local images", "window/base", "1")
    window.click(window.wait_for("Image", "menu item"))
    window.click(window.wait_for("Build…", "menu item"))
    window.click(window.wait_for("Folder", "text"))
    window.keys("ctrl+a")
    window.type(str(folder))
    window.click(window.wait_for("Names", "text"))
    window.keys("ctrl+a")
    window.type("window/built:1")
    window.wait_for("Build arguments", "table")


def test_build_and_push_by_mouse(
    start: Start, folder: Path, client: Any, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    window = start(second_registry)
    fill(window, folder)
    picture(window, "sheet")
    window.press("Build")
    window.wait(lambda: "Succeeded" in window.table("Transfers").column("Status"), "the build", 60)
    assert "Build" in window.table("Transfers").column("Operation")[0]
    window.wait_row("Local images", "window/built", "1")
    picture(window, "built")
    # It is selected: a push needs no further click.
    window.keys("ctrl+shift+p")
    window.wait_text("Push window/built:1")
    window.keys("Escape")
    target = window.wait_row("Registries", second_registry.address)
    window.drag_row("Local images", ["window/built", "1"], window.reveal("Registries", target))
    window.wait_for("Resulting references")
    window.keys("Return")
    window.wait(lambda: window.table("Transfers").column("Status").count("Succeeded") == 2, "the push", 60)
    assert head_manifest(second_registry.address, "window/built", "1") == 200


def test_a_failure_is_told_and_its_output_read(start: Start, folder: Path) -> None:
    (folder / "Dockerfile").write_text(
        "FROM window/base:1\nRUN echo before the failure; exit 3\nRUN echo never\n"
    )
    window = start()
    fill(window, folder)
    window.keys("Return")
    window.wait(lambda: "Failed" in window.table("Transfers").column("Status"), "the failure", 60)
    sentence = "Step 2 of 3 failed: “RUN echo before the failure; exit 3” returned exit code 3."
    assert sentence in window.table("Transfers").column("Transferred")
    picture(window, "failed")
    window.click_row("Transfers", "Failed")
    window.click(window.wait_for("Transfers", "menu item"))
    window.click(window.wait_for("Output…", "menu item"))
    window.wait(lambda: "before the failure" in shown(window), "the output")
    assert "2/3 RUN echo before the failure; exit 3" in shown(window)
    assert "never" not in shown(window).partition("3/3")[0]
    picture(window, "output")
    window.keys("ctrl+w")
    window.wait(lambda: window.find("Output", "text") is None, "the window to close")


def test_a_build_is_cancelled(start: Start, folder: Path, client: Any) -> None:
    (folder / "Dockerfile").write_text("FROM window/base:1\nRUN echo begun; sleep 600\n")
    window = start()
    fill(window, folder)
    window.keys("Return")
    window.wait(lambda: client.containers(), "the step to run", 60)
    window.keys("ctrl+period")
    window.wait(lambda: "Cancelled" in window.table("Transfers").column("Status"), "the end", 20)
    window.wait(lambda: not client.containers(all=True), "the container to go", 20)


def shown(window: Window) -> str:
    """The output in the window of a build, "" if there is none."""
    found = window.find("Output", "text")
    return found.text if found is not None else ""


def picture(window: Window, name: str) -> None:
    """Take a picture where LOOK names a folder."""
    if folder := os.environ.get("LOOK"):
        window.screenshot(Path(folder) / f"{name}.png")
