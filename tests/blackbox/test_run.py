"""Containers from the window: run by keyboard alone, followed, stopped, removed; and what stays when Longshore goes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.processes import wait_until
from testbed.programs import load_programs

Start = Callable[..., Window]

SCRIPT = "trap 'echo bye; exit 7' TERM; echo hello; while :; do sleep 0.05; done"


@pytest.fixture
def client(testbed_engine: PrivateEngine) -> Iterator[Any]:
    """A client of the engine, which has the image ``window/tool:1``; its containers are removed afterwards."""
    with contextlib.closing(testbed_engine.client()) as client:
        load_programs(client, ["window/tool:1"], {"Cmd": ["sh", "-c", SCRIPT]})
        yield client
        for each in client.containers(all=True):
            client.remove_container(each["Id"], force=True)
        client.remove_image("window/tool:1")


def states(client: Any) -> dict[str, str]:
    return {each["Names"][0].lstrip("/"): each["State"] for each in client.containers(all=True)}


def run(window: Window, name: str, *keys: str) -> None:
    """Run the image from Local images, with keys only; *keys* are pressed in the field of the name."""
    window.wait_row("Local images", "window/tool", "1")
    window.keys("Home")
    window.type("window/t")  # the list looks for what is typed: other tests may have left images
    window.keys("ctrl+shift+r")
    window.wait_for("Name", "text")
    window.type(name)
    window.keys(*keys, "Return")


def shown(window: Window) -> str:
    """The output in the window of a container, "" if there is none."""
    found = window.find("Output", "text")
    return found.text if found is not None else ""


def test_run_by_keyboard_alone(start: Start, client: Any) -> None:
    window = start()
    run(window, "by-keys")
    window.wait(lambda: "hello" in shown(window), "the output")
    window.wait_text("Running, from window/tool:1")
    assert states(client) == {"by-keys": "running"}
    window.keys("ctrl+period")
    window.wait_text("Stopped (exit code 7).")
    assert "bye" in shown(window)
    assert states(client) == {"by-keys": "exited"}
    window.keys("Delete")
    window.wait_text("Remove the container by-keys?")
    window.keys("Return")  # that means Cancel
    window.wait(lambda: window.find("Remove", "button", "push button") is None, "the question to go")
    assert states(client) == {"by-keys": "exited"}
    window.keys("Delete")
    window.wait_text("Remove the container by-keys?")
    window.keys("shift+Tab", "space")
    window.wait_text("Removed.")
    assert states(client) == {}
    window.keys("ctrl+w")
    window.wait(lambda: window.find("Output", "text") is None, "the window to close")


def test_what_the_engine_refuses_is_shown_in_the_sheet(start: Start, client: Any) -> None:
    client.create_container("window/tool:1", name="taken")
    window = start()
    run(window, "taken")
    window.wait_text("There is a container with the name “taken” already.")
    window.keys("ctrl+a")
    window.type("free-1")
    window.keys("Tab")
    window.type("sh -c 'echo done'")
    window.keys("Return")
    window.wait_text("Ended with exit code 0.")
    assert states(client) == {"taken": "created", "free-1": "exited"}


def test_quitting_leaves_the_container_after_a_question(start: Start, client: Any) -> None:
    window = start()
    run(window, "goes-on")
    window.wait_text("Running, from window/tool:1")
    window.keys("ctrl+q")
    window.wait_text("1 container that you follow keeps running.", timeout=10)
    window.keys("shift+Tab", "space")
    wait_until(lambda: not window.process.is_running, timeout=20, what="Longshore to end")
    assert states(client) == {"goes-on": "running"}


def test_a_killed_longshore_leaves_the_container(start: Start, client: Any) -> None:
    window = start()
    run(window, "survives")
    window.wait(lambda: "hello" in shown(window), "the output")
    window.process.kill()
    assert states(client) == {"survives": "running"}
    client.stop("survives", timeout=5)
    assert states(client) == {"survives": "exited"}


def test_containers_of_an_image(start: Start, client: Any) -> None:
    for name in ("first", "second"):
        client.start(client.create_container("window/tool:1", name=name)["Id"])
    window = start()
    window.wait_row("Local images", "window/tool", "1")
    window.keys("Home")
    window.type("window/t")
    window.keys("alt+i")
    window.click(window.wait_for("Containers of this image…", "menu item"))
    window.wait_row("Containers", "first", "running")
    window.click_row("Containers", "second")
    window.press("Stop")
    window.wait_row("Containers", "second", "exited (7)")
    client.stop("first", timeout=5)
    window.wait_row("Containers", "first", "exited (7)")
    window.press("Remove…")
    window.wait_text("Remove the container second?")
    window.keys("shift+Tab", "space")
    window.wait(lambda: window.table("Containers").find("second") is None, "the row to go")
    assert states(client) == {"first": "exited"}
    window.press("Logs")
    window.wait(lambda: "hello\nbye" in shown(window), "the log")
    window.keys("ctrl+w")
    window.wait(lambda: window.find("Output", "text") is None, "the window to close without a question")
