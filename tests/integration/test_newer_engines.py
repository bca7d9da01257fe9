"""Fetching newer engines: what happens if it fails. That it works is shown by the tests that use them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.engine import PrivateEngine
from testbed.errors import TestbedUnavailable
from testbed.newer_engines import DOCKER, PODMAN, Packed, find, prepare
from testbed.processes import find_program

TESTS = Path(__file__).parents[1]


@pytest.fixture
def dead_mirror(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a mirror at which nothing is listening."""
    try:
        find_program("apt-get", "apt")
    except TestbedUnavailable as problem:
        pytest.skip(str(problem))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    mirror = f"http://127.0.0.1:{port}/debian"
    monkeypatch.setenv("LONGSHORE_TESTBED_MIRROR", mirror)
    return mirror


def test_a_mirror_that_is_away_is_said_and_remembered(dead_mirror: str, tmp_path: Path) -> None:
    with pytest.raises(TestbedUnavailable, match="tools/bootstrap test"):
        find(DOCKER, tmp_path)
    with pytest.raises(TestbedUnavailable, match=r"sid: .*stable: "):
        prepare(DOCKER, tmp_path, seconds=60, suites=("sid", "stable"))
    with pytest.raises(TestbedUnavailable, match=r"no newer docker here: sid: "):
        find(DOCKER, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docker.lock", "docker.reason"]


def test_time_that_has_run_out_ends_it(dead_mirror: str, tmp_path: Path) -> None:
    with pytest.raises(TestbedUnavailable, match="took too long"):
        prepare(PODMAN, tmp_path, seconds=0)


def test_what_was_fetched_before_is_taken_as_it_is(dead_mirror: str, tmp_path: Path) -> None:
    (tmp_path / "docker-2").mkdir()
    assert prepare(DOCKER, tmp_path) == find(DOCKER, tmp_path) == tmp_path / "docker-2"


def test_a_path_that_overlay_mounts_cannot_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TestbedUnavailable, match="overlay mounts allow no ':'"):
        prepare(Packed("docker", (), ()), tmp_path / "a:b")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts private engines")
def test_the_command_goes_on_without_what_it_cannot_fetch(dead_mirror: str, tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(TESTS), "LONGSHORE_TESTBED_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "testbed.newer_engines"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "no newer docker: sid: " in done.stderr
    assert "no newer podman: sid: " in done.stderr


def test_an_engine_that_was_not_fetched_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("testbed.engine_launch.find", lambda packed: find(packed, tmp_path))
    if os.geteuid() != 0:
        pytest.skip("only root starts private engines")
    with pytest.raises(TestbedUnavailable, match="no newer docker here"):
        PrivateEngine(tmp_path / "engine", flavour="newer").start()
