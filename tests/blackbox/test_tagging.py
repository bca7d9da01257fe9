"""Tag… for one image and for several, with mouse and keyboard, checked at the engine."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import small_image

Start = Callable[..., Window]


def test_an_image_gets_two_names_by_keyboard_and_two_images_a_registry_by_mouse(
    start: Start, testbed_engine: PrivateEngine
) -> None:
    with testbed_engine.client() as client:
        one, two = small_image(client, "tagged/one:1"), small_image(client, "tagged/two:1")
        window = start()
        window.click_row("Local images", "tagged/one", "1")
        window.keys("F2")
        window.wait_text("Tag tagged/one:1")
        assert not window.wait_for("Tag", "push button", "button").enabled
        window.type("tagged/one:1.1")
        window.keys("Tab", "space")  # Add name
        window.wait_for("New name 2", "text")
        window.type("tagged/two:1")
        window.wait_text("Moves the tag from another image")
        window.keys("Return")
        window.wait_row("Local images", "tagged/one", "1.1")
        for name in ("tagged/one:1", "tagged/one:1.1", "tagged/two:1"):
            assert client.inspect_image(name)["Id"] == one
        client.tag(two, "tagged/two", "2")

        window.wait_row("Local images", "tagged/two", "2")
        window.click_row("Local images", "tagged/one", "1")
        window.display.xdotool("keydown", "ctrl")
        window.click_row("Local images", "tagged/two", "2")
        window.display.xdotool("keyup", "ctrl")
        window.press("Tag…")
        window.wait_text("Tag 2 images")
        window.click(window.wait_for("Registry", "text"))
        window.type("registry.example:5000/team")
        window.wait(
            lambda: window.table("New names").find("registry.example:5000/team/two:2", "new tag") is not None,
            "the new names",
        )
        window.press("Tag")
        window.wait_row("Local images", "registry.example:5000/team/two", "2")
        assert client.inspect_image("registry.example:5000/team/one:1")["Id"] == one
        assert client.inspect_image("registry.example:5000/team/two:2")["Id"] == two
