"""Clean up… by keyboard alone, and pinned images, checked at the engine."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import load_image

Start = Callable[..., Window]
MB = 1_000_000
TABLE = "Images to remove"


def _tab_to(window: Window, name: str, *roles: str) -> None:
    """Press Tab until the thing with this name has the focus."""
    for _ in range(30):
        found = window.find(name, *roles)
        if found is not None and found.focused:
            return
        window.keys("Tab")
    raise AssertionError(f"Tab does not reach {name}")


def test_images_are_cleaned_up_by_keyboard_alone(start: Start, testbed_engine: PrivateEngine) -> None:
    with testbed_engine.client() as client:
        for number in range(4):
            tags = [f"cleaned/app:dev-{number}", *(["cleaned/app:dev-3b"] if number == 3 else [])]
            load_image(client, tags, (4 * MB, (number + 1) * MB), seed="cleaned")
        before = client.df()["LayersSize"]
        window = start()
        window.wait_row("Local images", "cleaned/app", "dev-0")

        # Cancel has the focus, and Enter removes nothing.
        window.keys("ctrl+shift+Delete")
        window.wait_text("images to which any of these apply")
        window.wait(
            lambda: window.wait_for("Cancel", "push button", "button").focused, "Cancel to have the focus"
        )
        window.keys("Return")
        window.wait(lambda: window.find("Cancel", "push button", "button") is None, "the sheet to close")
        assert client.df()["LayersSize"] == before

        window.keys("ctrl+shift+Delete")
        window.wait_text("images to which any of these apply")
        _tab_to(window, "Patterns for names", "text")
        window.type("cleaned/*:dev-*")
        window.wait_text("4 of 4 images, frees")
        _tab_to(window, TABLE, "table")
        row = window.wait_row(TABLE, "cleaned/app:dev-1")
        window.keys("Home", *["Down"] * row, "space")
        window.wait_text("3 of 4 images, frees 8 MB")
        _tab_to(window, "Clean up", "push button", "button")
        window.keys("space")
        window.wait_text("Freed 8 MB. Expected: 8 MB.")
        assert client.df()["LayersSize"] == before - 8 * MB
        window.keys("Escape")
        window.keys("ctrl+f", "ctrl+a", "BackSpace")
        window.wait(
            lambda: (
                window.table("Local images").column("Tag").count("dev-1") == 1
                and "dev-2" not in window.table("Local images").column("Tag")
            ),
            "the images that are left",
        )


def test_a_pinned_image_stays(start: Start, testbed_engine: PrivateEngine) -> None:
    with testbed_engine.client() as client:
        for name in ("kept", "gone"):
            load_image(client, [f"pinned/{name}:1"], (3 * MB,), seed=f"pinned {name}")
        window = start()
        window.click_row("Local images", "pinned/kept", "1")
        window.wait_text("1 selected, removing it frees 3 MB")
        window.keys("alt+i")
        window.click(window.wait_for("Pin", "menu item"))
        window.keys("alt+i")
        window.wait_for("Unpin", "menu item")
        window.keys("Escape")
        window.press("Clean up…")
        window.click(window.wait_for("Patterns for names", "text"))
        window.type("pinned/*")
        window.wait_text("1 image, frees 3 MB")
        assert window.wait_text("Never removed:").endswith("pinned images (1).")
        window.press("Clean up")
        window.wait_text("Freed 3 MB. Expected: 3 MB.")
        assert [tag for one in client.images("pinned/kept") for tag in one["RepoTags"]] == ["pinned/kept:1"]
        assert client.images("pinned/gone") == []
