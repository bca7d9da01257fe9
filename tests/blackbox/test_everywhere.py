"""Registry to registry, with mouse and keyboard, checked by digest."""

from __future__ import annotations

from collections.abc import Callable

from testbed.driver import Window
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import OPERATION, manifest_digest, open_repository, wait_status

Start = Callable[..., Window]


def _registry_row(window: Window, registry: PrivateRegistry) -> int:
    return window.wait_row("Registries", registry.address)


def test_a_tag_is_copied_by_drag_and_by_button(
    start: Start, open_registry: PrivateRegistry, second_registry: PrivateRegistry, no_engine: str
) -> None:
    seed_repository(open_registry.address, "across/app", ["1.0", "1.1"], layers=[300_000, 80_000])
    window = start(open_registry, second_registry, engine=no_engine)
    open_repository(window, open_registry.address, "across/app")
    target = _registry_row(window, second_registry)
    window.drag_row("Tags", ["1.0"], window.reveal("Registries", target))
    window.wait_for("Resulting references")
    window.wait_text(f"Will be copied to {second_registry.address}/across/app:1.0")
    window.keys("Return")
    row = wait_status(window, "Succeeded")
    assert row[OPERATION] == "Copy"
    window.click_row("Tags", "1.1")
    window.press("Copy")
    window.wait(lambda: "new tag" in window.table("Resulting references").column("Result"), "an answer")
    assert window.table("Resulting references").column("Registry") == [second_registry.address]
    window.keys("Return")
    window.wait(lambda: window.table("Transfers").column("Status") == ["Succeeded"] * 2, "both copies")
    for tag in ("1.0", "1.1"):
        digest = manifest_digest(open_registry.address, "across/app", tag)
        assert manifest_digest(second_registry.address, "across/app", tag) == digest


def test_a_repository_is_compared_copied_and_kept_as_a_rule(
    start: Start, open_registry: PrivateRegistry, second_registry: PrivateRegistry, no_engine: str
) -> None:
    seed_repository(open_registry.address, "whole/mirrored", ["1.0", "1.1", "2.0"], layers=[50_000])
    window = start(open_registry, second_registry, engine=no_engine)
    window.wait_row("Registries", "whole/mirrored")
    target = window.reveal("Registries", _registry_row(window, second_registry))
    window.drag_row("Registries", ["whole/mirrored"], target)
    window.wait_for("Plan")
    window.type("1.*")
    window.wait_text("2 tags: 2 new")
    window.click(window.wait_for("Name of the rule", "text"))
    window.type("ones")
    window.keys("Return")
    window.wait(lambda: window.table("Transfers").column("Status") == ["Succeeded"] * 2, "both tags")
    digest = manifest_digest(open_registry.address, "whole/mirrored", "1.0")
    assert manifest_digest(second_registry.address, "whole/mirrored", "1.0") == digest
    assert manifest_digest(second_registry.address, "whole/mirrored", "2.0") == ""
    window.keys("alt+r")
    window.click(window.wait_for("Mirrors…"))
    window.wait_for("Rules")
    window.keys("Return")
    window.wait_text("2 tags: 2 unchanged")
