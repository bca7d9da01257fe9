"""Longshore's own files that cannot be used: one sentence, in its own words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.errors import TestbedUnavailable
from transfertools.archives import small_disk


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    names = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "STATE", "CACHE", "DATA")}
    return subprocess.run(
        [sys.executable, "-m", "longshore", *arguments],
        env={**os.environ, **names, "HOME": str(home), "DOCKER_CONFIG": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("exists", [False, True])
def test_a_read_only_home_is_one_sentence(tmp_path: Path, exists: bool) -> None:
    try:
        with small_disk(tmp_path / "home", 4_000_000) as home:
            if exists:
                assert run(home, "history").returncode == 0
                (home / "state" / "longshore").mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
            for command in ("history", "whoami", "queue"):
                done = run(home, command)
                assert done.returncode == 0
                (line,) = done.stderr.splitlines()
                begin = "longshore: There is no log of this command, and the history can't be changed: "
                assert line.startswith(f"{begin}{home}/state/longshore: ")
                assert run(home, command, "-q").stderr == ""
    except TestbedUnavailable as problem:
        pytest.skip(str(problem))


def test_damaged_settings_are_said_once(tmp_path: Path) -> None:
    path = tmp_path / "config" / "longshore" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    done = run(tmp_path, "whoami", "--json")
    assert done.stderr == (
        "longshore: The settings file was damaged. It was set aside as settings.json.broken; defaults are used.\n"
    )
    assert run(tmp_path, "whoami").stderr == ""
