"""What users must be able to rely on, in the window: kills, restarts, incomplete pushes, and sign-ins."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from testbed.driver import Window
from testbed.engine import PrivateEngine
from testbed.home import PrivateHome
from testbed.images import build_image, seed_repository, small_image
from testbed.registry import PrivateRegistry
from testbed.steps import STATUS, TRANSFERRED, head_manifest, open_repository, push_selected, wait_status
from testbed.throttle import Throttle

Start = Callable[..., Window]


def test_kill_nine_in_mid_push_then_resume(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    with testbed_engine.client() as client:
        build_image(client, "killed/app:1", [6_000_000])
    throttle.bytes_per_second = 500_000
    window = start(throttle.address)
    push_selected(window, "killed/app", "1", throttle.address)
    wait_status(window, "Running")
    os.kill(window.process.pid, signal.SIGKILL)
    window.process.wait(5)
    throttle.bytes_per_second = None
    again = start(throttle.address)
    again.wait_row("Transfers", "Interrupted")
    again.click_row("Transfers", "Push")
    again.press("Retry")
    wait_status(again, "Succeeded")
    assert head_manifest(open_registry.address, "killed/app", "1") == 200


def test_engine_killed_in_mid_pull_goes_on_by_itself(
    start: Start, open_registry: PrivateRegistry, throttle: Throttle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    seed_repository(open_registry.address, "enginekill/app", ["1"], layers=[5_000_000, 4_000_000])
    throttle.bytes_per_second = 700_000
    with PrivateEngine(tmp_path_factory.mktemp("mortal-engine")) as engine:
        window = start(throttle.address, engine=engine.host)
        open_repository(window, throttle.address, "enginekill/app")
        window.click_row("Tags", "1")
        window.press("Pull")
        wait_status(window, "Running")
        engine.kill()
        window.wait(
            lambda: any("engine" in row[TRANSFERRED] for row in window.table("Transfers").rows),
            "the row to wait",
        )
        assert all(row[STATUS] != "Failed" for row in window.table("Transfers").rows)
        throttle.bytes_per_second = None
        engine.start()
        wait_status(window, "Succeeded", timeout=60)
        window.wait_row("Local images", f"{throttle.address}/enginekill/app", "1")


def test_a_push_that_fails_half_way_says_why(
    start: Start, testbed_engine: PrivateEngine, open_registry: PrivateRegistry, throttle: Throttle
) -> None:
    with testbed_engine.client() as client:
        build_image(client, "half/app:1", [400_000, 300_000])
    window = start(throttle.address)
    throttle.fail_next(r"/v2/half/app/manifests/1", 403, 100, method="PUT")
    push_selected(window, "half/app", "1", throttle.address)
    row = wait_status(window, "Failed", timeout=60)
    assert len(row[TRANSFERRED]) > 15
    assert head_manifest(open_registry.address, "half/app", "1") == 404


def test_nothing_listens(start: Start) -> None:
    window = start("127.0.0.1:1")
    window.wait_row("Registries", "127.0.0.1:1")
    window.keys("ctrl+l")
    window.wait_for("Reference", "text")
    window.type("127.0.0.1:1/some/app:1")
    window.keys("Return")
    window.wait(
        lambda: any(
            row[STATUS] in ("Failed", "Queued") and row[TRANSFERRED] for row in window.table("Transfers").rows
        ),
        "a row that says why",
    )


def test_sign_in_then_pull_and_push(
    start: Start, testbed_engine: PrivateEngine, auth_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    seed_repository(
        auth_registry.address,
        "private/app",
        ["1"],
        layers=[30_000],
        credentials=(auth_registry.username, auth_registry.password),
    )
    with testbed_engine.client() as client:
        small_image(client, "signed/app:1")
    window = start(auth_registry)
    window.click_row("Registries", auth_registry.address)
    window.press("Sign in…")
    window.wait_for("User name", "text")
    window.type(auth_registry.username)
    window.keys("Tab")
    window.type("wrong password")
    window.keys("Return")
    window.wait_text("refused the user name or password")
    window.keys("ctrl+a")
    window.type(auth_registry.password)
    window.keys("Return")
    open_repository(window, auth_registry.address, "private/app")
    window.click_row("Tags", "1")
    window.press("Pull")
    wait_status(window, "Succeeded")
    push_selected(window, "signed/app", "1", auth_registry.address)
    window.wait(
        lambda: window.table("Transfers").column("Status") == ["Succeeded"] * 2, "the push", timeout=40
    )
    # The docker CLI finds the same sign-in.
    environ = private_home.environ({"DOCKER_HOST": testbed_engine.host})
    done = subprocess.run(
        ["docker", "pull", f"{auth_registry.address}/signed/app:1"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert auth_registry.password not in window.output()


def test_a_sign_in_of_the_docker_cli_is_ours(
    start: Start, testbed_engine: PrivateEngine, auth_registry: PrivateRegistry, private_home: PrivateHome
) -> None:
    environ = private_home.environ({"DOCKER_HOST": testbed_engine.host})
    subprocess.run(
        ["docker", "login", "-u", auth_registry.username, "--password-stdin", auth_registry.address],
        input=auth_registry.password,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    seed_repository(
        auth_registry.address,
        "cli/app",
        ["1"],
        layers=[30_000],
        credentials=(auth_registry.username, auth_registry.password),
    )
    window = start(auth_registry)
    window.wait_row("Registries", auth_registry.address, auth_registry.username)
    open_repository(window, auth_registry.address, "cli/app")
    window.wait_row("Tags", "1")
