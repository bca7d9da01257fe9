"""Files that name images: opened from the menu as a plan with ticks, and pulled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from testbed.driver import Window
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import wait_status

Start = Callable[..., Window]


def test_a_compose_file_is_opened_and_what_is_ticked_is_pulled(
    start: Start, open_registry: PrivateRegistry, tmp_path: Path
) -> None:
    registry = open_registry.address
    seed_repository(registry, "listed/web", ["1"], layers=[40_000])
    compose = tmp_path / "compose.yaml"
    compose.write_text(
        f"services:\n  web:\n    image: {registry}/listed/web:1\n  api:\n    image: acme/api:${{NO_SUCH}}\n"
    )
    window = start(open_registry)
    window.wait_row("Registries", registry)
    window.keys("alt+f")
    window.click(window.wait_for("Open list…", "menu item"))
    window.wait_for("Open", "push button", "button")
    window.type(str(compose))
    window.keys("Return")
    window.wait_row("Images in the file", f"{registry}/listed/web:1", "only there")
    shown = window.table("Images in the file").rows
    assert [row[0] for row in shown] == [f"{registry}/listed/web:1", "acme/api:${NO_SUCH}"]
    assert "NO_SUCH" in shown[1][2]
    window.wait_text("1 of 1 image selected, 1 could not be resolved.")
    window.press("Pull")
    wait_status(window, "Succeeded")
    window.wait_row("Local images", f"{registry}/listed/web", "1")
