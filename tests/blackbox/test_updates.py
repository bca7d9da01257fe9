"""A tag that moved in the registry behind Longshore's back, and a newer version: by keyboard alone, at the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import SeededRepository, seed_repository

Start = Callable[..., Window]
OLD, NEW = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
TABLE = "Updates"


def test_an_image_is_updated_by_keyboard_alone(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry
) -> None:
    def seeded(tag: str, made: datetime) -> SeededRepository:
        return seed_repository(open_registry.address, "moving/app", [tag], created=made, seed=f"{tag} {made}")

    name = f"{open_registry.address}/moving/app"
    with testbed_engine.client() as client:
        seeded("16.4", OLD)
        client.pull(name, "16.4")
        new = seeded("16.4", NEW)
        seeded("16.5", NEW)
        window = start(open_registry)
        row = window.wait_row("Local images", name, "16.4")
        window.keys("Home", *["Down"] * row, "ctrl+u")
        window.wait_text(f"Update {name}:16.4")
        row = window.wait_row(TABLE, "tag moved")
        assert window.table(TABLE).find("newer version", "16.5") is not None
        window.wait_text("1 of 2 updates")
        window.wait_text("The old image stays without a tag")
        # The newer version is for the user to tick: only the tag that moved is pulled.
        assert row == 0
        window.keys("Return")
        window.wait_row("Transfers", "Pull", "Succeeded")
        assert new.digest in "".join(client.inspect_image(f"{name}:16.4")["RepoDigests"])

        window.keys("ctrl+shift+u")
        window.wait_text("Update all images of")
        row = window.wait_row(TABLE, f"{name}:16.4", "newer version")
        window.keys("Home", *["Down"] * row, "space")
        window.wait_text(f"{name}:16.4 stays beside the newer version.")
        window.keys("Return")
        window.wait_row("Local images", name, "16.5")
        assert client.inspect_image(f"{name}:16.4")["Id"] != client.inspect_image(f"{name}:16.5")["Id"]
