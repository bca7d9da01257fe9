"""Longshore's own files that cannot be used: one sentence, in its own words."""

from __future__ import annotations

import contextlib
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


def test_mirrors_with_a_read_only_home(tmp_path: Path) -> None:
    rules = tmp_path / "mirrors.yaml"
    rules.write_text("mirrors: [{name: x, source: '127.0.0.1:1/x', destination: '127.0.0.1:2/x'}]\n")
    try:
        with small_disk(tmp_path / "home", 4_000_000) as home:
            subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
            done = run(home, "mirror", "import", "-q", str(rules))
            assert done.returncode == 1
            assert done.stderr == (
                f"longshore: {home}/config/longshore/settings.json: The rules were not saved: "
                "Read-only file system. Check the folder and the disk.\n"
            )
            # A run needs no folder of its own.
            done = run(home, "mirror", "run", str(rules))
            assert done.returncode == 1
            said = done.stderr.splitlines()
            assert said[1].startswith("longshore: Other runs of the same mirror are not noticed: ")
            assert "127.0.0.1:1" in said[2]
            assert "Traceback" not in done.stderr
    except TestbedUnavailable as problem:
        pytest.skip(str(problem))


def test_rules_on_a_full_disk_are_not_saved(tmp_path: Path) -> None:
    rules = tmp_path / "mirrors.yaml"
    rules.write_text("mirrors: [{name: x, source: a.io/x, destination: b.io/x}]\n")
    try:
        with small_disk(tmp_path / "home", 1_000_000) as home:
            with contextlib.suppress(OSError), (home / "rest").open("wb", buffering=0) as rest:
                while True:
                    rest.write(bytes(4096))
            done = run(home, "mirror", "import", "-q", str(rules))
            assert done.returncode == 1
            assert "The rules were not saved: No space left on device." in done.stderr
            (home / "rest").unlink()
            assert run(home, "mirror", "import", "-q", str(rules)).returncode == 0
            assert run(home, "mirror", "list", "-q").stdout.startswith("x ")
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
