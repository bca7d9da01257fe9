"""Nothing of the testbed outlives it: no process, mount, file or thread, however it ends."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import urllib3

from testbed.bed import Testbed
from testbed.display import Xvfb
from testbed.engine import PrivateEngine
from testbed.errors import TestbedError, TestbedUnavailable, require
from testbed.home import NOWHERE, PrivateHome
from testbed.images import small_image
from testbed.processes import processes_naming, wait_until
from testbed.registry import PrivateRegistry

pytestmark = pytest.mark.integration


def push(client: Any, repository: str) -> list[str]:
    stream = client.push(repository, tag="1", stream=True, decode=True, auth_config={})
    return [event["errorDetail"]["message"] for event in stream if "errorDetail" in event]


def test_nothing_is_left_behind(testbed_engine: PrivateEngine) -> None:
    if not testbed_engine.is_ours:
        require(TestbedUnavailable("the engine is lent"))
    threads = threading.active_count()
    with Testbed() as bed:
        root, short = bed.root, bed.engine.socket_path.parent
        line = bed.throttle(bed.registry("open"))
        with contextlib.closing(bed.engine.client()) as client:
            small_image(client, f"{line.address}/testbed/left:1")
            assert push(client, f"{line.address}/testbed/left") == []
        bed.registry("token")
        assert processes_naming(str(root))
    assert not root.exists()
    assert not short.exists()
    assert processes_naming(str(root)) == processes_naming(str(short)) == []
    mounts = Path("/proc/self/mounts").read_text("utf-8")
    assert str(root) not in mounts
    assert str(short) not in mounts
    assert threading.active_count() == threads


ORPHAN = """
import os, signal, sys
from testbed.bed import Testbed
bed = Testbed()
print(bed.root, bed.engine.socket_path.parent, bed.registry("open").address, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_process_outlives_a_killed_parent(testbed_engine: PrivateEngine) -> None:
    if not testbed_engine.is_ours:
        require(TestbedUnavailable("the engine is lent"))
    done = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, timeout=60)
    root, short, _ = done.stdout.split()
    try:
        wait_until(
            lambda: not processes_naming(root) and not processes_naming(short),
            timeout=20,
            what="the end of the orphans",
        )
        mounts = Path("/proc/self/mounts").read_text("utf-8")
        assert root not in mounts
        assert short not in mounts
    finally:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(short, ignore_errors=True)


def test_a_process_started_by_a_thread_outlives_the_thread(tmp_path: Path) -> None:
    registry = PrivateRegistry(tmp_path)
    thread = threading.Thread(target=registry.start)
    thread.start()
    thread.join()
    try:
        # The death signal of a child belongs to the thread that started it: it would be dead by now.
        with urllib3.PoolManager() as pool:
            assert pool.request("GET", f"{registry.url}/v2/").status == 200
    finally:
        registry.close()


def test_a_display_draws_and_ends(tmp_path: Path) -> None:
    try:
        display = Xvfb(tmp_path, size=(640, 480))
        display.start()
    except TestbedUnavailable as problem:
        require(problem)
    with display:
        number = display.name
        assert display.xdotool("getdisplaygeometry") == "640 480"
        picture = display.screenshot(tmp_path / "picture.png")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert display.environ()["DBUS_SESSION_BUS_ADDRESS"]
    with pytest.raises(TestbedError):
        display.xdotool("getdisplaygeometry")
    assert not Path(f"/tmp/.X11-unix/X{number[1:]}").exists()


def test_a_home_has_nothing_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://user.example:2375")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    environ = PrivateHome(tmp_path).environ({"DISPLAY": ":7"})
    assert "DOCKER_HOST" not in environ
    assert environ["HTTPS_PROXY"] == NOWHERE
    assert environ["DISPLAY"] == ":7"
    others = ("PATH", "LANG", "DISPLAY", "HTTPS_PROXY")
    folders = [value for name, value in environ.items() if name not in others]
    assert folders
    assert all(Path(folder).is_dir() and folder.startswith(str(tmp_path)) for folder in folders)
