"""The window for a new user: nothing changes unexpectedly, and no text misleads."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import load_image, seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import TRANSFERRED, open_repository, pull_by_name, wait_status

Start = Callable[..., Window]


def test_a_pull_that_ends_leaves_the_selection_to_the_user(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "arrives/app", ["1"], layers=[200_000])
    with testbed_engine.client() as client:
        load_image(client, ["aaa/kept:1"], seed="kept")
    window = start(open_registry)
    window.click_row("Local images", "aaa/kept", "1")
    pull_by_name(window, f"{open_registry.address}/arrives/app:1")
    wait_status(window, "Succeeded")
    window.wait_row("Local images", f"{open_registry.address}/arrives/app", "1")
    window.wait_text("1 new")
    window.keys("Delete")
    window.wait_text("Remove aaa/kept:1?")
    window.keys("Escape")
    window.click_row("Local images", f"{open_registry.address}/arrives/app", "1")
    window.wait(lambda: not any("1 new" in text for text in window.texts()), "the mark to go")


def test_an_engine_that_is_lost_leaves_its_images_readable(
    start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with PrivateEngine(tmp_path_factory.mktemp("lost-engine")) as engine:
        with engine.client() as client:
            load_image(client, ["lost/app:1"], seed="lost")
        window = start(engine=engine.host)
        window.click_row("Local images", "lost/app", "1")
        engine.kill()
        window.wait_for("Retry", "push button", "button")
        table = window.wait_for("Local images", "table")
        banner = window.wait_for("Retry", "push button", "button")
        assert banner.extents[1] + banner.extents[3] <= table.extents[1], "above the rows"
        assert window.table("Local images").rows[0][:2] == ["lost/app", "1"]
        window.wait_text("last known: 1 reference")
        engine.start()
        window.wait(lambda: window.find("Retry", "push button", "button") is None, "the banner to go")
        window.press("Remove…")
        window.wait_text("Remove lost/app:1?")
        window.keys("Escape")


def test_a_tag_dropped_on_a_filter_changes_nothing_and_a_pasted_command_finds_its_rows(
    start: Start, open_registry: PrivateRegistry
) -> None:
    seed_repository(open_registry.address, "filters/app", ["1", "2"], layers=[20_000])
    seed_repository(open_registry.address, "filters/other", ["1"], layers=[20_000])
    window = start(open_registry)
    open_repository(window, open_registry.address, "filters/app")
    for field in ("Filter images", "Filter repositories", "Filter tags"):
        window.drag_row("Tags", ["1"], window.wait_for(field, "text"))
        assert window.wait_for(field, "text").text in ("", field, "Filter")
    assert len(window.table("Tags").rows) == 2
    window.click(window.wait_for("Filter repositories", "text"))
    window.type(f"docker pull {open_registry.address}/filters/app:2")

    def found() -> bool:
        names = [row[0] for row in window.table("Registries").rows]
        return "filters/app" in names and "filters/other" not in names

    window.wait(found, "the repository that the command names")


def test_a_refused_connection_is_told_in_its_row_with_advice_that_fits(
    start: Start, open_registry: PrivateRegistry
) -> None:
    with socket.socket() as closed:  # bound, which reserves the port, but not listening
        closed.bind(("127.0.0.1", 0))
        window = start(open_registry)
        pull_by_name(window, f"127.0.0.1:{closed.getsockname()[1]}/refused/app:1")
        row = wait_status(window, "Failed", timeout=90)
    assert "refused" in row[TRANSFERRED] or "listening" in row[TRANSFERRED], row
    assert window.find("Download via the library") is None
    assert not any("Sign in to 127" in text for text in window.texts())
    cell = window.cell("Transfers", 0, 0)
    view = window.wait_for("Transfers", "tree table", "tree", "table")
    assert view.extents[1] < cell.extents[1] < view.extents[1] + view.extents[3], "the row is visible"
    window.click_row("Transfers", "Pull")
    cancel = window.wait_for("Cancel", "push button", "button")
    assert not cancel.enabled


def test_enter_in_the_question_of_a_removal_removes_nothing(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    with testbed_engine.client() as client:
        load_image(client, ["aaa/asked:1"], seed="asked")
        window = start(open_registry)
        window.click_row("Local images", "aaa/asked", "1")
        window.keys("Delete")
        window.wait_text("Remove aaa/asked:1?")
        window.keys("Return")
        window.wait(lambda: window.find("Remove", "push button", "button") is None, "the sheet to close")
        window.keys("Delete")
        window.press("Remove")
        window.wait(lambda: window.table("Local images").find("aaa/asked", "1") is None, "the image to go")
        assert not client.images("aaa/asked:1"), "only the second time"


def test_a_registry_that_does_not_answer_is_added_only_when_the_user_knows(
    start: Start, open_registry: PrivateRegistry
) -> None:
    window = start(open_registry)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        window.keys("ctrl+n")
        window.wait_for("Host", "text")
        window.type(host)
        window.keys("Return")
        window.wait_text(f"{host} could not be reached.")
        assert window.table("Registries").find(host) is None
        window.press("Add anyway")
        window.wait_row("Registries", host)
        window.wait(lambda: window.find("Host", "text") is None, "the sheet to close")


def test_a_platform_that_there_is_not_is_refused_in_the_sheet(
    start: Start, open_registry: PrivateRegistry
) -> None:
    window = start(open_registry)
    window.keys("ctrl+l")
    window.wait_for("Reference", "text")
    window.keys("ctrl+a")
    window.type(f"docker pull --platform linux/sparc {open_registry.address}/any/app:1")
    window.keys("Return")
    window.wait_text("There is no platform linux/sparc.")
    assert not window.table("Transfers").rows
