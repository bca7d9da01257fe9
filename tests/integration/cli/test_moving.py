"""Pull, push, copy, save and load from the command line, on a real engine and registries."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository


def test_pulled_into_the_library_copied_and_pushed(longshore, open_registry, second_registry) -> None:
    digest = seed_repository(open_registry.address, "cli/app", ["1"]).digest
    source, there = f"{open_registry.address}/cli/app:1", f"{second_registry.address}/cli/app"
    last = longshore.records("pull", source, "--to", "library")[-1]
    assert (last["schema"], last["kind"], last["state"]) == (1, "transfer", "Succeeded")
    assert last["digest"] == digest
    assert last["source"] == {
        "place": "registry",
        "host": open_registry.address,
        "reference": source,
        "image_id": None,
    }
    longshore("copy", source, f"{there}:2")
    longshore("push", source, f"{there}:3", "--from", "library")
    assert longshore("tags", there, "--quiet").stdout.split() == ["3", "2"]
