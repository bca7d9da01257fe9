"""Failures that need a broken disk or a broken line, produced for real and shown in the row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.images import seed_repository
from testbed.registry import PrivateRegistry
from testbed.steps import TRANSFERRED, open_repository, wait_status
from testbed.throttle import Throttle

Start = Callable[..., Window]


def pull(window: Window, registry: str, repository: str) -> None:
    """Pull the repository's tag 1 with the button."""
    open_repository(window, registry, repository)
    window.click_row("Tags", "1")
    window.press("Pull")


def test_a_layer_that_does_not_match_its_checksum(
    start: Start, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    image = seed_repository(open_registry.address, "checksum/app", ["1"], layers=[400_000])
    window = start(throttle.address)
    throttle.corrupt_next(f"/blobs/{image.images[0].layer_digests[0]}", times=100)
    pull(window, throttle.address, "checksum/app")
    row = wait_status(window, "Failed", timeout=60)
    assert "check" in row[TRANSFERRED].lower() or "damaged" in row[TRANSFERRED].lower(), row


def test_the_engines_disk_is_full(
    start: Start, open_registry: PrivateRegistry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    seed_repository(open_registry.address, "full/app", ["1"], layers=[60_000_000])
    with PrivateEngine(tmp_path_factory.mktemp("small-engine"), data_bytes=48_000_000) as engine:
        window = start(open_registry, engine=engine.host)
        pull(window, open_registry.address, "full/app")
        row = wait_status(window, "Failed", timeout=60)
        assert "space" in row[TRANSFERRED].lower() or "full" in row[TRANSFERRED].lower(), row
