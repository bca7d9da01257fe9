"""Runs the command line as its users do: a process of its own, where PySide6 cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commandschema import checked
from testbed.engine import PrivateEngine

#: Runs the program without Qt. DISPLAY is not set either.
PROGRAM = """
import sys
sys.modules["PySide6"] = None
from longshore.__main__ import main
sys.exit(main())
"""


class Command:
    """The command line with the user's folders of this test, on the engine of the testbed."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ

    def __call__(
        self, *arguments: str | Path, code: int = 0, stdin: str = "", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, and check its exit code, that it prints no traceback, and that its objects fit the schema."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            env={**self.environ, **environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        if "--json" in arguments:
            for line in done.stdout.splitlines():
                checked(line)
        return done

    def records(self, *arguments: str | Path, code: int = 0, **environ: str) -> list[dict[str, Any]]:
        """Run a command with --json and return its objects."""
        done = self(*arguments, "--json", code=code, **environ)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, *arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
        """Start a command. The caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def longshore(testbed_engine: PrivateEngine, alone: Command) -> Command:
    """Return the command line; see Command."""
    return Command({**alone.environ, "DOCKER_HOST": testbed_engine.host})


@pytest.fixture
def alone() -> Command:
    """Return the command line without an engine."""
    return Command(
        {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    )
