"""Remove… for images that containers use, with mouse and keyboard, checked at the engine."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import small_image
from testbed.programs import load_programs

Start = Callable[..., Window]


def test_containers_are_named_and_force_is_a_second_step(start: Start, testbed_engine: PrivateEngine) -> None:
    with testbed_engine.client() as client:
        small_image(client, "removed/free:1")
        load_programs(client, ["removed/used:1"])
        busy = client.create_container("removed/used:1", command=["sleep", "1000"], name="busy")["Id"]
        idle = client.create_container("removed/used:1", command=["true"], name="idle")["Id"]
        client.start(busy)
        try:
            window = start()
            window.click_row("Local images", "removed/used", "1")
            window.keys("Delete")
            window.wait_text("busy is running. Stop and remove this container first.")
            assert window.table("Containers of the image").rows == [
                ["idle", "not started"],
                ["busy", "running"],
            ]
            assert not window.wait_for("Remove", "push button", "button").enabled
            client.remove_container(busy, force=True)
            window.wait_text(
                "A stopped container uses the image: removing it must be forced in the next step."
            )
            window.keys("Return")  # Cancel has the focus
            window.wait(lambda: window.find("Remove", "push button", "button") is None, "the sheet to close")
            assert client.inspect_image("removed/used:1")

            window.display.xdotool("keydown", "ctrl")
            window.click_row("Local images", "removed/free", "1")
            window.display.xdotool("keyup", "ctrl")
            window.press("Remove…")
            window.wait_text("Remove 2 references?")
            window.wait(
                lambda: (
                    window.table("References to remove").find("removed/used:1", "idle, not started")
                    is not None
                ),
                "the container's name",
            )
            window.press("Remove")
            window.wait_text("Force removal of removed/used:1?")
            names = [row[0] for row in window.table("Local images").rows]
            assert "removed/free" not in names and "removed/used" in names
            assert client.inspect_image("removed/used:1")
            window.wait_text("The containers are kept.")
            window.keys("shift+Tab", "space")  # from Cancel to Force removal
            window.wait(
                lambda: window.table("Local images").find("removed/used", "1") is None, "the row to go"
            )
            assert [each["Id"] for each in client.containers(all=True)] == [idle]
        finally:
            for each in client.containers(all=True):
                client.remove_container(each["Id"], force=True)
