"""Undo in the window: a tag overwritten by a push with the mouse, a removed tag with the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import small_image
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository
from testbed.steps import manifest_digest, open_repository, wait_status

Start = Callable[..., Window]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[PrivateRegistry]:
    """A registry of this test that allows deletion and can be stopped."""
    with PrivateRegistry(tmp_path / "registry") as one:
        yield one


def test_an_overwritten_tag_with_the_mouse(
    start: Start, testbed_engine: PrivateEngine, registry: PrivateRegistry
) -> None:
    before = seed_repository(registry.address, "undo/web", ("dev",), layers=(1000,)).digest
    with testbed_engine.client() as client:
        small_image(client, f"{registry.address}/undo/web:dev", seed="undo window")
    window = start(registry)
    open_repository(window, registry.address, "undo/web")
    window.click_row("Local images", f"{registry.address}/undo/web", "dev")
    window.press("Push")
    window.wait_for("Resulting references")
    window.wait_text("1 existing tag")
    window.keys("Return")
    wait_status(window, "Succeeded")
    pushed = manifest_digest(registry.address, "undo/web", "dev")
    assert pushed not in ("", before)
    window.wait_text("undo/web:dev pointed to another image before.")
    window.press("Undo")
    window.wait_text("will point to its earlier image again.")
    window.wait_for("Tags to put back")
    window.press("Undo")
    window.wait(
        lambda: manifest_digest(registry.address, "undo/web", "dev") == before, "the tag to be put back"
    )
    # The history of the tag has both changes; the pushed image is put back from there.
    window.click_row("Tags", "dev")
    window.keys("alt+i")
    window.click(window.wait_for("Tag history…", "menu item"))
    window.wait_row("Tag history", pushed[:19])
    window.click_row("Tag history", pushed[:19])
    window.press("Put back")
    window.wait_for("Tags to put back")
    window.press("Put back")
    window.wait(lambda: manifest_digest(registry.address, "undo/web", "dev") == pushed, "the pushed image")


def test_a_removed_tag_with_the_keyboard_and_one_that_is_gone(
    start: Start, testbed_engine: PrivateEngine, registry: PrivateRegistry
) -> None:
    before = seed_repository(registry.address, "undo/keys", ("1", "2"), layers=(1000,), seed="keys").digest
    window = start(registry)
    open_repository(window, registry.address, "undo/keys")
    window.click_row("Tags", "1")
    window.keys("shift+Up")
    window.keys("Delete")
    window.wait_text("No other tags are affected.")
    window.wait(lambda: window.find("Remove", "push button", "button") is not None, "the sheet")
    window.keys("shift+Tab", "space")
    window.wait(lambda: not manifest_digest(registry.address, "undo/keys", "1"), "the tags to go")
    window.wait_text("Removed 2 tags of undo/keys.")
    window.keys("ctrl+z")
    window.wait_for("Tags to put back")
    window.wait_text("2 tags will be put back")
    window.keys("Return")
    for tag in "12":
        window.wait(
            lambda tag=tag: manifest_digest(registry.address, "undo/keys", tag) == before,  # type: ignore[misc]
            "the tag to be put back",
        )
    # What the registry's garbage collection took cannot be put back: the reason is said, and nothing is done.
    window.wait_row("Tags", "1")
    window.click_row("Tags", "1")
    window.keys("shift+Up", "Delete")
    window.wait_text("No other tags are affected.")
    window.keys("shift+Tab", "space")
    window.wait_text("Removed 2 tags of undo/keys.")
    registry.collect_garbage()
    window.keys("ctrl+z")
    window.wait_text("no longer has all of the image")
    window.keys("Return")
    window.wait(lambda: window.find("Tags to put back") is None, "the sheet to close")
    assert not manifest_digest(registry.address, "undo/keys", "1")
