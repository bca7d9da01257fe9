"""The command line on a real engine and registries, where PySide6 cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.engine import PrivateEngine
from testbed.registry import PrivateRegistry
from testbed.remote_images import seed_repository

Longshore = Callable[..., subprocess.CompletedProcess[str]]

#: Runs the program without Qt.
PROGRAM = """
import sys
sys.modules["PySide6"] = None
from longshore.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def longshore(testbed_engine: PrivateEngine) -> Longshore:
    """Return a function that runs a command and checks its exit code."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**os.environ, "DOCKER_HOST": testbed_engine.host},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_pulled_into_the_library_copied_and_pushed(
    longshore: Longshore, open_registry: PrivateRegistry, second_registry: PrivateRegistry, tmp_path: Path
) -> None:
    digest = seed_repository(open_registry.address, "cli/app", ["1"]).digest
    there = f"{second_registry.address}/cli/app"
    done = longshore("pull", f"{open_registry.address}/cli/app:1", "--to", "library", "--json")
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["schema"], last["kind"], last["state"]) == (1, "transfer", "Succeeded")
    assert last["digest"] == digest
    assert longshore("images", "--from", "library").stdout.split()[-3].endswith("cli/app")
    longshore("copy", f"{open_registry.address}/cli/app:1", f"{there}:2")
    longshore("push", f"{open_registry.address}/cli/app:1", f"{there}:3", "--from", "library")
    assert set(longshore("tags", there).stdout.split()) == {"2", "3"}
    failed = longshore("pull", f"{open_registry.address}/cli/none:1", "--to", "library", code=1)
    assert "cli/none" in failed.stderr
