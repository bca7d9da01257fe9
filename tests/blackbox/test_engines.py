"""Several engines in the window: the picker, switching during a transfer, and a context that does not exist."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from testbed.display import Xvfb
from testbed.driver import Node, Window
from testbed.engine import PrivateEngine
from testbed.home import PrivateHome
from testbed.images import seed_repository, small_image
from testbed.registry import PrivateRegistry
from testbed.steps import STATUS, open_repository, wait_status
from testbed.throttle import Throttle

Start = Callable[..., Window]


def picker(window: Window, part: str = "") -> Node:
    """The engine picker, once its accessible name (the chosen engine) contains *part*."""

    def find() -> Node | None:
        nodes = [Node.of(data) for data in window.ask(do="list")]
        return next((node for node in nodes if node.role == "combo box" and part in node.name), None)

    found = window.wait(find, "the engine picker")
    assert found is not None
    return found


def test_switching_is_instant_and_what_moves_goes_on_where_it_was(
    start: Start,
    private_home: PrivateHome,
    testbed_engine: PrivateEngine,
    containerd_engine: PrivateEngine,
    open_registry: PrivateRegistry,
    throttle: Throttle,
) -> None:
    seed_repository(open_registry.address, "switch/app", ["1"], layers=[3_000_000])
    with contextlib.closing(containerd_engine.client()) as client:
        small_image(client, "switch/other:1")
        version = client.version()["Version"]
    private_home.write_context("newer", containerd_engine.host)
    private_home.write_context("gone", f"unix://{private_home.root}/gone.sock")
    window = start(throttle.address)
    open_repository(window, throttle.address, "switch/app")
    window.click_row("Tags", "1")
    throttle.bytes_per_second = 60_000  # still running at the end, however slow the machine is
    window.press("Pull")
    wait_status(window, "Running")
    window.click(picker(window))
    window.type("gone")
    window.keys("Return")
    window.wait(lambda: picker(window, "gone").name == "gone  ·  no engine found", "what is known of it")
    window.wait_text("Can't connect to Docker: socket not found.")
    window.keys("Down")  # the list is closed, and the picker has the focus
    window.wait_row("Local images", "switch/other", "1", timeout=5)
    assert picker(window).name == f"newer  ·  Docker {'.'.join(version.split('.')[:2])}"
    assert window.table("Transfers").rows[0][STATUS] == "Running"
    throttle.bytes_per_second = None
    wait_status(window, "Succeeded")
    with contextlib.closing(testbed_engine.client()) as client:
        assert client.inspect_image(f"{throttle.address}/switch/app:1")["Id"]
    with contextlib.closing(containerd_engine.client()) as client:
        names = [tag for row in client.images() for tag in row["RepoTags"] or ()]
        assert f"{throttle.address}/switch/app:1" not in names


def test_a_context_that_is_not_there_is_an_error(
    display: Xvfb, private_home: PrivateHome, testbed_engine: PrivateEngine, tmp_path: Path
) -> None:
    private_home.write_context("there", testbed_engine.host)
    with Window(display, private_home, environ={"DOCKER_CONTEXT": "nowhere"}) as window:
        said = window.wait_text("The Docker context “nowhere” does not exist.")
        assert said
        window.wait_text("Known contexts: default, there.")
        assert window.table("Local images").rows == []
        window.screenshot(tmp_path / "context.png")


def test_one_pull_to_several_engines_each_with_its_row(
    start: Start,
    private_home: PrivateHome,
    testbed_engine: PrivateEngine,
    containerd_engine: PrivateEngine,
    open_registry: PrivateRegistry,
) -> None:
    seed_repository(open_registry.address, "several/app", ["1"], layers=[300_000])
    private_home.write_context("newer", containerd_engine.host)
    window = start(open_registry)
    open_repository(window, open_registry.address, "several/app")
    window.click_row("Tags", "1")
    window.keys("alt+i")
    window.click(window.wait_for("Pull to several engines…", "menu item"))
    window.wait_row("Engines", "newer")
    table = window.table("Engines")
    newer = table.column("Engine").index("newer")
    assert table.rows[newer][1].startswith("Docker ")
    cell = window.cell("Engines", newer, 0)
    # The check box is at the start of the cell.
    window.display.xdotool("mousemove", cell.extents[0] + 12, cell.center[1], "click", 1)
    window.wait(lambda: window.cell("Engines", newer, 0).checked, "the engine to be chosen")
    window.keys("Return")
    window.wait(lambda: len(window.table("Transfers").rows) == 2, "a row for each engine")
    window.wait(
        lambda: [row[STATUS] for row in window.table("Transfers").rows] == ["Succeeded"] * 2, "both pulls"
    )
    for engine in (testbed_engine, containerd_engine):
        with contextlib.closing(engine.client()) as client:
            assert client.inspect_image(f"{open_registry.address}/several/app:1")["Id"]


def test_a_push_that_would_lose_platforms_is_warned_of(
    start: Start, containerd_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    platforms = [("linux", "amd64"), ("linux", "arm64")]
    seed_repository(open_registry.address, "loses/app", ["1"], layers=[30_000], platforms=platforms)
    window = start(open_registry, engine=containerd_engine.host)
    open_repository(window, open_registry.address, "loses/app")
    window.click_row("Tags", "1")
    window.press("Pull")
    wait_status(window, "Succeeded")
    window.wait_row("Local images", f"{open_registry.address}/loses/app")
    window.click_row("Local images", f"{open_registry.address}/loses/app")
    window.keys("ctrl+shift+p")
    window.wait_text("Only linux/amd64 will be pushed")
    window.wait_text("has linux/amd64, linux/arm64 now; after this push, only linux/amd64.")
